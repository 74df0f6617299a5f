import Darknet
import DarknetCommandLine
import DarknetTranscript

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a training prints. A stream that is not a terminal carries Darknet's lines, which scripts
/// parse; a terminal shows one line of progress that is written over.
final class TrainingConsole {
  /// Whose lines are printed.
  enum Style {
    /// - Parameter iouThreshold: of the mean average precision.
    case detector(iouThreshold: Float)
    /// - Parameters:
    ///   - pictures: of the training list.
    ///   - top: classes among which the right one has to be.
    case classifier(pictures: Int, top: Int)
  }

  private let dialect: Dialect
  let precisionName: String
  private let style: Style
  /// Heads whose lines Darknet prints on standard output.
  private let headsOnOutput: Set<Int>
  private let showsBoxCounts: Set<Int>
  private let outputIsTerminal = Console.outputIsTerminal
  private let errorIsTerminal = Console.isTerminal
  private var isLineOpen = false
  private var lastShown = -1.0
  /// Smoothed seconds an iteration.
  private var pace: Double?
  /// Smoothed hours that are left, as Darknet's classifiers tell them.
  private var hoursLeft: Double?
  private var notices: Set<String> = []

  init(_ network: Network, precisionName: String, style: Style) {
    dialect = network.dialect
    self.precisionName = precisionName
    self.style = style
    let counting = network.nodes.filter {
      ($0.layer as? any DetectionHead)?.countsRewrittenBoxes ?? false
    }.map(\.index)
    showsBoxCounts = network.dialect == .pjreddie ? [] : Set(counting)
    // AlexeyAB's program prints those on standard error.
    headsOnOutput = Set(network.nodes.map(\.index)).subtracting(showsBoxCounts)
  }

  /// A line for people, above the progress.
  func line(_ text: String) {
    pause()
    Console.flush()
    Console.error(text + "\n")
  }

  /// A line for scripts; on a terminal there is none.
  private func script(_ text: String) {
    if !outputIsTerminal { Console.out(text) }
  }

  /// Clears the line of progress, so that something else can be printed.
  func pause() {
    guard isLineOpen else { return }
    progress("\r\u{1B}[K")
    isLineOpen = false
    lastShown = -1
  }

  private func progress(_ text: String) {
    if errorIsTerminal {
      Console.terminal(text)
    } else {
      Console.out(text)
      Console.flush()
    }
  }

  // MARK: Events

  func show(_ event: TrainingEvent) {
    switch event {
    case .resized(let coefficient, let size):
      script(
        dialect == .pjreddie
          ? "Resizing\n\(size.width)\n"
          : "Resizing, random_coef = \(fixed(Double(coefficient), decimals: 2)) \n"
            + "\n \(size.width) x \(size.height) \n")
    case .loaded(let seconds, let isFirst):
      var isSlow = seconds > 0.1 && !isFirst && dialect == .alexeyab
      if case .classifier = style { isSlow = false }
      script(
        "Loaded: \(six(seconds)) seconds"
          + (isSlow ? " - performance bottleneck on CPU or Disk HDD/SSD" : "") + "\n")
    case .losses(let reports, let boxes, let rewritten):
      for (layer, report) in reports { show(report, layer, boxes, rewritten) }
    case .iteration(let report): show(report)
    case .rejectedFilter(let layer, let filter, let similarity):
      line(
        "layer \(layer): filter \(filter) is reinitialised, as it is similar to another "
          + "(\(six(similarity)))"
      )
    case .averageStarted: line("the moving average of the weights starts")
    case .averageUpdated: break
    case .averageApplied: line("the weights become their moving average")
    case .evaluated(let precision, let isBest):
      pause()
      switch style {
      case .detector:
        Console.out("\n mean_average_precision (\(precisionName)) = \(six(precision)) \n")
        // AlexeyAB's program says so of 0, too.
        if isBest, precision > 0 { Console.out("New best mAP!\n") }
      case .classifier: Console.out("\n accuracy \(precisionName) = \(six(precision)) \n")
      }
      Console.flush()
    case .saving(_, let path):
      pause()
      Console.flush()
      Console.error("Saving weights to \(path)\n")
    case .saved(.average, let path):
      Console.out(" EMA weights are saved to the file: \(path) \n")
    case .saved: break
    case .saveFailed(let error, let iterations):
      let hope = iterations.map { "; the training continues and tries again in \($0) iterations" }
      line("\(error)\(hope ?? "")")
    }
  }

  private func show(_ report: LossReport, _ layer: Int, _ boxes: Int, _ rewritten: Int) {
    for notice in report.notices where notices.insert(notice).inserted { line(notice) }
    guard var text = report.statistics?.line(layer: layer) else { return }
    text += "\n"
    if showsBoxCounts.contains(layer) {
      let share = Double(rewritten) / Double(max(boxes, 1)) * 100
      text += " total_bbox = \(boxes), rewritten_bbox = \(six(share)) % \n"
    }
    if headsOnOutput.contains(layer) {
      script(text)
    } else if !errorIsTerminal {
      Console.error(text)
    }
  }

  private func show(_ report: IterationReport) {
    switch style {
    case .detector(let iouThreshold):
      script(dialect == .pjreddie ? originalLines(report) : lines(report, iouThreshold))
    case .classifier(let pictures, let top):
      script(classifierLine(report, pictures: pictures))
      if let note = accuracyNote(report, top), !outputIsTerminal, !errorIsTerminal {
        Console.flush()
        Console.error(note)
      }
    }
    Console.flush()
    if outputIsTerminal || errorIsTerminal { showProgress(report) }
  }

  private func lines(_ report: IterationReport, _ iouThreshold: Float) -> String {
    var text = ""
    if let next = report.nextEvaluation {
      text += "\n (next mAP calculation at \(next) iterations) "
      if let last = report.lastPrecision, last > 0 {
        text +=
          "\n Last accuracy mAP@\(two(Double(iouThreshold))) = \(two(last * 100)) %, "
          + "best = \(two((report.bestPrecision ?? last) * 100)) % "
      }
    }
    let loss = fixed(Double(report.loss), decimals: 1)
    // AlexeyAB's program clears the screen before this line and rings after it, for the title of a
    // terminal's window. Here no terminal sees it, and a file is not a place for that.
    text += "\(report.iteration)/\(report.maxBatches): loss=\(loss) "
    if let last = report.lastPrecision, last > 0 {
      text += "map=\(two(last)) best=\(two(report.bestPrecision ?? last)) "
    }
    text += "hours left=\(fixed(report.hoursLeft, decimals: 1))"
    return text + "\n \(report.iteration): \(six(Double(report.loss))), "
      + "\(six(Double(report.averageLoss))) avg loss, \(six(Double(report.rate))) rate, "
      + "\(six(report.seconds)) seconds, \(report.images) images, \(six(report.hoursLeft)) hours left\n"
  }

  private func originalLines(_ report: IterationReport) -> String {
    "\(report.iteration): \(six(Double(report.loss))), \(six(Double(report.averageLoss))) avg, "
      + "\(six(Double(report.rate))) rate, \(six(report.seconds)) seconds, \(report.images) images\n"
  }

  /// `iteration, epoch: loss, average avg, …`.
  private func classifierLine(_ report: IterationReport, pictures: Int) -> String {
    let epoch = fixed(Double(report.images) / Double(max(pictures, 1)), decimals: 3)
    var text =
      "\(report.iteration), \(epoch): \(six(Double(report.loss))), "
      + "\(six(Double(report.averageLoss))) avg, \(six(Double(report.rate))) rate, "
      + "\(six(report.seconds)) seconds, \(report.images) images"
    if dialect == .alexeyab {
      let iterations = report.maxBatches - report.iteration
      let hours = Double(iterations) * (report.seconds + report.wait) / 3600
      // A mean of the past would leave something of an end that is reached.
      hoursLeft = hoursLeft.map { iterations > 0 ? 0.99 * $0 + 0.01 * hours : 0 } ?? hours
      text += ", \(six(hoursLeft ?? hours)) hours left"
    }
    return text + "\n"
  }

  /// Every ten iterations, with `-topk`: when accuracy comes next, and what it was.
  private func accuracyNote(_ report: IterationReport, _ top: Int) -> String? {
    guard var next = report.nextEvaluation, report.iteration % 10 == 0, dialect == .alexeyab,
      report.iteration != report.maxBatches
    else { return nil }
    // The last one is at the end, whenever that is.
    if report.maxBatches > 0 { next = min(next, report.maxBatches) }
    var text = "\n (next TOP\(top) calculation at \(next) iterations) "
    if let last = report.lastPrecision, last > 0 {
      text += " Last accuracy TOP\(top) = \(two(last * 100)) % \n"
    }
    return text
  }

  // MARK: Progress

  private func showProgress(_ report: IterationReport) {
    let time = report.seconds + report.wait
    pace = pace.map { 0.95 * $0 + 0.05 * time } ?? time
    let now = seconds()
    guard now - lastShown >= 0.1 || report.iteration == report.maxBatches else { return }
    lastShown = now
    isLineOpen = true
    let width = Self.terminalWidth(errorIsTerminal ? STDERR_FILENO : STDOUT_FILENO) - 1
    var text = Self.progress(report, pace: pace ?? time, precisionName)
    if text.count > width {
      text = Self.progress(report, pace: pace ?? time, precisionName, isShort: true)
    }
    // A line that breaks cannot be written over.
    progress("\r\(text.prefix(width))\u{1B}[K")
  }

  private static func terminalWidth(_ descriptor: Int32) -> Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// ` 120/300  loss 12.34 (average 13.01)  mAP@0.50 45.2 %, best 47.0 %  38.2 images/s
  /// 3 min 05 s left  data wait 2 ms`, in one line.
  ///
  /// - Parameter isShort: for narrow terminals:
  ///   ` 120/300  loss 13.01  mAP@0.50 45.2 %  38.2 images/s  3 min 05 s left  wait 2 ms`.
  static func progress(
    _ report: IterationReport, pace: Double, _ precisionName: String, isShort: Bool = false
  ) -> String {
    func short(_ loss: Float) -> String {
      fixed(Double(loss), decimals: loss >= 100 ? 0 : loss >= 1 ? 2 : 4)
    }
    func percent(_ share: Double) -> String { "\(fixed(share * 100, decimals: 1)) %" }
    let average = short(report.averageLoss)
    var parts = [
      // Trainings of classifiers may have no end.
      " \(report.iteration)" + (report.maxBatches > 0 ? "/\(report.maxBatches)" : ""),
      isShort ? "loss \(average)" : "loss \(short(report.loss)) (average \(average))",
    ]
    if let last = report.lastPrecision {
      let best = isShort ? "" : ", best \(percent(report.bestPrecision ?? last))"
      parts.append("\(precisionName) \(percent(last))\(best)")
    }
    if pace > 0 {
      parts.append("\(fixed(Double(report.batchImages) / pace, decimals: 1)) images/s")
      if report.maxBatches > 0 {
        parts.append(
          "\(Progress.duration(Double(report.maxBatches - report.iteration) * pace)) left")
      }
    }
    let wait = fixed(report.wait * 1000, decimals: 0)
    parts.append(isShort ? "wait \(wait) ms" : "data wait \(wait) ms")
    return parts.joined(separator: "  ")
  }

}
