import Darknet
import DarknetCommandLine

/// What `detector map`, `valid` and `recall` begin with: data file, network, weights, pictures.
struct Evaluation {
  let data: DataFile
  let names: NamesFile
  let detector: HeadDecoder
  let list: ListFile
  let letterbox: Bool

  /// - Parameters:
  ///   - listFallback: the list where the data file has no `valid`.
  ///   - needsNames: whether there must be as many names as classes.
  init(
    _ arguments: Arguments, listFallback: String, needsNames: Bool
  ) throws {
    let dataPath = arguments[Words.data]
    let cfg = arguments[Words.cfg]
    let weights = arguments[Words.weights]
    data = try DetectorFiles.data(dataPath, arguments)
    // Before the weights are read, as most mistakes are here.
    names = try data.names()
    list = try data.list("valid", default: listFallback)
    let loaded = try Load.network(cfg, weights: weights, arguments, needsWeights: true) {
      try $0.requirePictureInput()
    }
    let batch = arguments[Flags.batch] ?? DetectorRun.batch(for: loaded.network)
    let plan = InferencePlan(
      loaded.network, parameters: loaded.parameters, batch: batch,
      convolutions: arguments.convolutions)
    loaded.file?.releasePages()
    detector = HeadDecoder(plan)
    letterbox = Pictures.usesLetterbox(loaded.network, arguments)
    guard detector.classes > 0 else {
      throw HeadDecoder.noHead(in: cfg)
    }
    DetectorFiles.compareClasses(data, with: detector.classes, of: cfg)
    DetectorFiles.compareHeads(of: detector, in: cfg)
    if needsNames {
      try Self.check(names, classes: detector.classes, cfg: cfg)
    } else {
      DetectorFiles.compareNames(names, with: detector.classes, of: cfg)
    }
  }

  /// - Throws: if there is not a name for each class.
  static func check(_ names: NamesFile, classes: Int, cfg: String) throws(ConfigError) {
    guard names.count != classes else { return }
    Console.out(
      "\n Error: in the file \(names.path) number of names \(names.count) that isn't equal to "
        + "classes=\(classes) in the file \(cfg) \n")
    throw ConfigError(
      file: names.path, expected: "a name for each of the \(classes) classes of \(cfg)",
      found: "\(names.count)", fix: "make names and classes agree")
  }

  /// - Parameter classes: of the network, for commands that look at them.
  /// - Throws: `DataError` if no picture of the list has an object, before anything is computed.
  func requireObjects(classes: Int?) throws {
    let dialect = detector.plan.network.dialect
    try list.requireObjects(classes: classes, dialect: dialect, purpose: "to measure")
  }

  func showHeads() { Self.showHeads(of: detector.heads) }

  /// What Darknet prints about the heads before it runs, evaluates or trains them.
  static func showHeads(of heads: [(index: Int, head: any DetectionHead)]) {
    for (index, head) in heads {
      Console.out(" Detection layer: \(index) - type = \(head.kindNumber) \n")
    }
  }
}

/// Progress, and what could not be used, of one way through a list.
final class EvaluationReport {
  private let total: Int
  private let log: ProblemLog
  private let progress: Progress
  private var done = 0
  private(set) var skipped = 0

  /// - Parameter log: of problems that were shown before.
  init(total: Int, log: ProblemLog = ProblemLog(writingListsTo: ".")) {
    self.total = total
    progress = Progress(total: total)
    self.log = log
  }

  /// A picture is finished.
  ///
  /// - Parameter showsProgress: false for commands that print a line a picture.
  func count(showsProgress: Bool = true) {
    done += 1
    guard showsProgress else { return }
    progress.show(done: done)
  }

  /// A line, without disturbing the progress.
  func line(_ text: String) {
    progress.pause()
    Console.flush()
    Console.error(text)
  }

  func add(_ error: ImageError) {
    skipped += 1
    if log.note(DataProblem(error.path, .unreadablePicture(error.problem))) { line("\(error)\n") }
    count()
  }

  func add(_ problem: DataProblem) {
    if log.note(problem) { line("\(problem)\n") }
  }

  /// The odd lines of the list itself.
  func add(_ list: ListFile) {
    for problem in list.problems { add(problem) }
  }

  /// Clears the progress.
  func stop() { _ = progress.finish() }

  /// Counts of everything that was left out; seconds since the start.
  func finish() -> Double {
    let time = progress.finish()
    if skipped > 0 { line("\(skipped) of \(total) pictures were skipped\n") }
    for group in DataProblem.Group.allCases where group != .unreadablePictures {
      let count = log.count(group)
      if count > 0 { line(group.counted(count) + "\n") }
    }
    return time
  }

  /// Whether the command should end: by a signal, or as nobody reads its results any more.
  ///
  /// - Parameter isOnErrors: whether its results go to standard error.
  static func shouldStop(isOnErrors: Bool = false) -> Bool {
    Interruption.isWanted || Console.isReaderGone || (isOnErrors && Console.isErrorClosed)
  }

  /// - Parameter kept: what became of the results of the pictures so far, where a signal ended the
  ///   command.
  func status(_ arguments: Arguments, kept: String = "the figures cover only these") -> ExitStatus {
    if Interruption.isWanted {
      if done < total { line("stopped by a signal after \(done) of \(total) pictures; \(kept)\n") }
      return Interruption.status
    }
    if Console.isReaderGone { return .inputOutput }
    return skipped > 0 && arguments[Flags.strict] ? .skippedInputs : .done
  }
}
