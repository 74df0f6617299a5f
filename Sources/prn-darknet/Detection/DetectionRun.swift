import Darknet
import DarknetCommandLine

/// One run of `detector test` over its pictures.
final class DetectionRun {
  struct Options {
    var thresholds: Detector.Thresholds
    /// The text of pjreddie's program.
    var isOriginal: Bool
    /// Coordinates in the text.
    var isExtended: Bool
    /// Results alone, without prompts and lines about heads.
    var isQuiet: Bool
    var weights: String?
  }

  private let detector: Detector
  private let names: [String]
  private let options: Options
  private let json: ResultsJSON?
  private let labels: SavedLabels?
  private let drawings: Drawings
  private var frameCount = 0
  private var impossibleCount = 0
  private var isClosed = false

  init(
    detector: Detector, names: [String], options: Options, json: ResultsJSON?,
    labels: SavedLabels?, drawings: Drawings
  ) {
    self.detector = detector
    self.names = names
    self.options = options
    self.json = json
    self.labels = labels
    self.drawings = drawings
  }

  /// Looks at the pictures that the words name, else at those of standard input. Whatever ends
  /// this, the results so far are in their files.
  func detect(_ images: [String], _ arguments: Arguments) throws -> ExitStatus {
    drawings.protect(images)
    let walk = PictureWalk(
      words: images, arguments: arguments, look: { try self.detect($0) },
      beforeWaiting: { self.drawings.writeLast() }, atEnd: { try self.close() },
      isQuiet: options.isQuiet)
    let result: ExitStatus
    do {
      result = try walk.run()
    } catch {
      // Without a picture that could be read there is nothing to keep.
      if frameCount > 0, !isClosed { try close() }
      throw error
    }
    if result == .interrupted || result == .terminated {
      Console.flush()
      Console.error(
        "stopped by a signal after \(counted(frameCount, "picture", "pictures")), whose results are "
          + "written\n")
    }
    return result == .done && drawings.hasFailed ? .inputOutput : result
  }

  private func close() throws {
    isClosed = true
    // The text belongs to the pictures so far, and comes before what is said about all of them.
    Console.flush()
    drawings.writeLast()
    labels?.report()
    try json?.close()
    guard impossibleCount > 0 else { return }
    Console.error(
      "warning: \(counted(impossibleCount, "box", "boxes")) left out, which are not finite or more than "
        + "\(Int(Detector.boxLimit)) pictures wide or high: \(options.weights ?? "random numbers") "
        + "cannot be the weights of \(detector.decoder.plan.network.file), or their training diverged\n"
    )
  }

  /// One picture: text on stdout, drawings, JSON and labels as asked.
  private func detect(_ path: String) throws {
    let picture = try detector.load(path)
    drawings.protect([path])
    let found = detector.run(picture, options.thresholds)
    let (detections, threshold) = (found.detections, options.thresholds.confidence)
    impossibleCount += found.impossibleCount
    let shown =
      options.isOriginal
      ? ShownDetection.inOrder(detections, names, threshold)
      : ShownDetection.fromLeftToRight(detections, names, threshold)
    frameCount += 1
    show(shown, of: path, picture, after: found.seconds)
    try json?.add(path, detections, names, frame: frameCount)
    try labels?.save(detections, of: path, threshold: threshold)
    try drawings.add(shown, on: picture, path: path, classCount: detector.classCount)
  }

  private func show(
    _ shown: [ShownDetection], of path: String, _ picture: Bitmap, after time: Double
  ) {
    if options.isOriginal {
      Console.out("\(path): Predicted in \(fixed(time, decimals: 6)) seconds.\n")
      for detection in shown {
        for label in detection.labels { Console.out("\(label.name): \(label.percent)%\n") }
      }
    } else {
      if !options.isQuiet { Evaluation.showHeads(of: detector.decoder.heads) }
      Console.out("\(path): Predicted in \(fixed(time * 1000, decimals: 6)) milli-seconds.\n")
      for detection in shown { Console.out(detection.text(picture, extended: options.isExtended)) }
    }
  }
}
