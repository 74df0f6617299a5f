import Darknet

/// `detector test DATA CFG [WEIGHTS] [IMAGE]`: detections on pictures.
enum DetectorTest: Command {
  static let words = ["detector", "test"]
  static let about = "detect objects in one picture, or in those named on standard input"
  static let threshold = Flag<Float?>.share(
    "-thresh", without: "0.25, 0.5 in pjreddie's dialect", "smallest probability shown"
  ).ofDarknet.calledElsewhere("-conf", "-confidence", "-threshold")
  static let extendedOutput = Flag.toggle(
    "-ext_output", "coordinates in the text lines"
  ).ofDarknet
  static let results = Flag.text(
    "-out",
    "detections as JSON; in pjreddie's dialect the picture FILE.jpg, unless FILE ends in "
      + ".json"
  ).ofDarknet.written
  static let saveLabels = Flag.toggle(
    "-save_labels", "a label file beside each picture"
  ).ofDarknet
  static let syntax = Syntax(
    [Words.data, Words.cfg, Words.optionalWeights, Words.image],
    flags: [threshold, extendedOutput, results, saveLabels],
    groups: [.suppression, .inference, .weightsFile], family: .detector,
    notes: """
      Without IMAGE it reads pictures from standard input, a path a line. Reads 'names' of DATA.
      Writes predictions.jpg into the current folder.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    try run(PictureWords(arguments), arguments, thresholds: (0.25, 0.5))
  }

  static func run(
    _ words: PictureWords, _ arguments: Arguments,
    thresholds: (alexeyab: Float, pjreddie: Float)
  ) throws -> ExitStatus {
    let dataFile = try DetectorFiles.data(words.data, arguments)
    let names = try dataFile.names()
    let cfg = words.cfg
    let isOriginal = arguments.dialect == .pjreddie
    let loaded = try Load.network(cfg, weights: words.weights, arguments)
    let plan = InferencePlan(
      loaded.network, parameters: loaded.parameters,
      convolutions: arguments.convolutions,
      afterPacking: { loaded.file?.releasePages() })
    let detector = Detector(plan)
    guard detector.classes > 0 else {
      throw DetectorFiles.noHead(in: cfg)
    }
    DetectorFiles.compareClasses(dataFile, with: detector.classes, of: cfg)
    DetectorFiles.compareNames(names, with: detector.classes, of: cfg)
    if names.names.count != detector.classes, !isOriginal {
      Console.out(
        "\n Error: in the file \(names.path) number of names \(names.names.count) that isn't "
          + "equal to classes=\(detector.classes) in the file \(cfg) \n")
    }
    let run = DetectionRun(
      detector: detector, names: names.names, arguments: arguments,
      threshold: arguments[threshold]
        ?? (isOriginal ? thresholds.pjreddie : thresholds.alexeyab),
      overlap: arguments[Flags.overlap],
      hierarchyThreshold: arguments[Flags.hierarchy], isOriginal: isOriginal)
    if let image = words.image {
      try run.openResults()
      try run.detect(image)
      try run.closeResults()
      return .done
    }
    return try run.detectList()
  }
}

/// `detect CFG WEIGHTS [IMAGE]`: `detector test` with `cfg/coco.data`.
enum Detect: Command {
  static let words = ["detect"]
  static let about = "'detector test' with cfg/coco.data and a threshold of .24"
  static let syntax = DetectorTest.syntax.with(
    words: [Words.cfg, Words.weights, Words.image], flag: threshold,
    notes: """
      Without IMAGE it reads pictures from standard input, a path a line. The names are those of
      cfg/coco.data, from the current folder on; for others there is 'detector test'. Writes
      predictions.jpg into the current folder.
      """)
  private static let threshold = Flag<Float?>.share(
    "-thresh", without: "0.24, 0.5 in pjreddie's dialect", "smallest probability shown"
  ).ofDarknet.calledElsewhere("-conf", "-confidence", "-threshold")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let words = PictureWords(arguments, data: "cfg/coco.data")
    return try DetectorTest.run(words, arguments, thresholds: (0.24, 0.5))
  }
}

/// One run of `detector test` over its pictures.
final class DetectionRun {
  private let detector: Detector
  private let names: [String]
  private let arguments: Arguments
  private let threshold: Float
  private let overlap: Float
  private let hierarchyThreshold: Float
  private let isOriginal: Bool
  private let letterbox: Bool
  private var json: ResultsJSON?
  private var frameCount = 0

  init(
    detector: Detector, names: [String], arguments: Arguments, threshold: Float, overlap: Float,
    hierarchyThreshold: Float, isOriginal: Bool
  ) {
    self.detector = detector
    self.names = names
    self.arguments = arguments
    self.threshold = threshold
    self.overlap = overlap
    self.hierarchyThreshold = hierarchyThreshold
    self.isOriginal = isOriginal
    letterbox = Pictures.usesLetterbox(detector.plan.network, arguments)
  }

  /// The `-out` file, which must be writable before the first picture.
  func openResults() throws {
    guard let path = arguments[DetectorTest.results], !isOriginal || path.hasSuffix(".json") else {
      return
    }
    json = try ResultsJSON(path)
  }

  func closeResults() throws { try json?.close() }

  /// Pictures named on standard input, a line each, until it ends.
  func detectList() throws -> ExitStatus {
    try openResults()
    let status = try PicturePrompt.run(arguments) { try detect($0) }
    try closeResults()
    return status
  }

  /// One picture: text on stdout, predictions.jpg, JSON and labels as asked.
  func detect(_ path: String) throws {
    let plan = detector.plan
    let shape = plan.network.inputShape
    let picture = try Pictures.load(path, for: plan.network)
    Pictures.fill(plan.inputView, from: picture, letterbox: letterbox)
    let start = seconds()
    plan.run()
    let time = seconds() - start
    let frame = PictureFrame(
      pictureWidth: picture.width, pictureHeight: picture.height, networkWidth: shape.width,
      networkHeight: shape.height, letterbox: letterbox)
    let detections = detector.detections(
      threshold: threshold, hierarchyThreshold: hierarchyThreshold, overlap: overlap, frame: frame)
    let shown =
      isOriginal
      ? ShownDetection.inOrder(detections, names, threshold)
      : ShownDetection.fromLeftToRight(detections, names, threshold)
    frameCount += 1
    if isOriginal {
      Console.out("\(path): Predicted in \(fixed(time, decimals: 6)) seconds.\n")
      for detection in shown {
        for label in detection.labels { Console.out("\(label.name): \(label.percent)%\n") }
      }
    } else {
      Evaluation.showHeads(of: detector.headNames)
      Console.out("\(path): Predicted in \(fixed(time * 1000, decimals: 6)) milli-seconds.\n")
      let extended = arguments[DetectorTest.extendedOutput]
      for detection in shown { Console.out(detection.text(picture, extended: extended)) }
    }
    try json?.add(path, detections, names, frame: frameCount)
    if arguments[DetectorTest.saveLabels] {
      try DetectorFiles.saveLabels(
        of: path, detections, threshold, dialect: plan.network.dialect)
    }
    try draw(shown, on: picture)
  }

  private func draw(_ shown: [ShownDetection], on picture: Bitmap) throws {
    let canvas = Canvas(picture)
    // The most probable boxes on top.
    let boxes = shown.sorted { $0.best < $1.best }.map { detection in
      BoxAnnotation(
        detection.box, pictureWidth: picture.width, pictureHeight: picture.height,
        classIndex: detection.bestClass,
        text: detection.labels.map { "\($0.name) \($0.percent)%" }.joined(separator: ", "))
    }
    canvas.draw(boxes, classCount: detector.classes)
    var path = "predictions.jpg"
    if isOriginal, let base = arguments[DetectorTest.results], !base.hasSuffix(".json") {
      path = base + ".jpg"
    }
    try ImageFile.save(picture, to: path, durable: false)
  }
}

/// A detection above the threshold, ready to be printed and drawn.
struct ShownDetection {
  var box: Box
  var bestClass: Int
  var best: Float
  /// Classes above the threshold: the best one first, the others in class order (AlexeyAB), or
  /// all in class order (pjreddie).
  var labels: [(name: String, percent: String)]

  private init?(_ detection: Detection, _ names: [String], _ threshold: Float, bestFirst: Bool) {
    func isHidden(_ name: String) -> Bool { name.hasPrefix("dont_show") }
    func name(_ index: Int) -> String { index < names.count ? names[index] : "\(index)" }
    var classes = detection.probabilities.indices.filter {
      detection.probabilities[$0] > threshold && !isHidden(name($0))
    }
    guard let best = classes.max(by: { detection.probabilities[$0] < detection.probabilities[$1] })
    else { return nil }
    let bestProbability = detection.probabilities[best]
    // The first of equals, as Darknet scans upwards.
    bestClass = classes.first { detection.probabilities[$0] == bestProbability } ?? best
    if bestFirst { classes = [bestClass] + classes.filter { [bestClass] in $0 != bestClass } }
    box = detection.box
    self.best = bestProbability
    labels = classes.map {
      (name($0), fixed(Double(detection.probabilities[$0] * 100), decimals: 0))
    }
  }

  static func inOrder(
    _ detections: DetectionSet, _ names: [String], _ threshold: Float
  ) -> [ShownDetection] {
    detections.compactMap { ShownDetection($0, names, threshold, bestFirst: false) }
  }

  static func fromLeftToRight(
    _ detections: DetectionSet, _ names: [String], _ threshold: Float
  ) -> [ShownDetection] {
    detections.compactMap { ShownDetection($0, names, threshold, bestFirst: true) }
      .enumerated().sorted { a, b in
        (a.element.box.left, a.offset) < (b.element.box.left, b.offset)
      }.map(\.element)
  }

  /// A line a class, with coordinates in pixels of the picture if asked.
  func text(_ picture: Bitmap, extended: Bool) -> String {
    labels.map { label in
      var line = "\(label.name): \(label.percent)%"
      if extended {
        let (w, h) = (Float(picture.width), Float(picture.height))
        func pixels(_ value: Float) -> String {
          fixed(Double(value.rounded()), decimals: 0, width: 4)
        }
        line += "\t(left_x: \(pixels(box.left * w))   top_y: \(pixels(box.top * h))   "
        line += "width: \(pixels(box.width * w))   height: \(pixels(box.height * h)))"
      }
      return line + "\n"
    }.joined()
  }
}
