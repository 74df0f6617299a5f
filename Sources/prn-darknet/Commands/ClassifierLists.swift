import Darknet
import DarknetCommandLine

/// A command that takes a classifier through a list of pictures.
struct ClassifierList {
  /// What all of them take.
  static func syntax(groups: [FlagGroup] = [.evaluation], notes: String) -> Syntax {
    Syntax(
      [Words.data, Words.cfg, Words.optionalWeights], groups: groups + [.inference, .weightsFile],
      family: .classifier, notes: notes)
  }

  let setup: Classification
  let list: ListFile
  let report: EvaluationReport

  /// - Parameters:
  ///   - key: of the list in the data file.
  ///   - fallback: the list without that key.
  init(_ arguments: Arguments, key: String, default fallback: String) throws {
    let data = arguments[Words.data]
    let cfg = arguments[Words.cfg]
    list = try DetectorFiles.data(data, arguments).list(key, default: fallback)
    setup = try Classification(
      data, cfg: cfg, weights: arguments[Words.optionalWeights], arguments,
      needsWeights: true)
    report = EvaluationReport(total: list.count)
    report.add(list)
  }

  var isOriginal: Bool { setup.network.network.dialect == .pjreddie }

  /// Calls `body` with each picture that can be read, in order, and the probabilities of its views.
  func run(
    _ classifier: ViewingClassifier, _ body: (_ path: String, _ sums: [Float]) throws -> Void
  ) throws {
    Console.flush()
    Interruption.watch()
    var unsuitable: ConfigError?
    for path in list.pictures where !EvaluationReport.shouldStop() {
      do {
        let picture = try Pictures.load(path, for: classifier.network)
        try body(path, classifier.probabilities(of: picture, path: path))
        report.count(showsProgress: false)
      } catch let error as ImageError {
        report.add(error)
      } catch let error as ConfigError {
        // The network, or only this picture's proportions.
        unsuitable = unsuitable ?? error
        report.add(ImageError(path, .unsuitable(reason: error.fault)))
      }
    }
    if report.skipped == list.count, let unsuitable { throw unsuitable }
    guard report.skipped < list.count else { throw list.nothingReadable }
  }

  /// Calls `body` with each picture that can be read, in order.
  func run(
    _ classifier: ClassDecoder, _ options: ClassifierRun.Options,
    _ body: (ClassifierRun.Picture) throws -> Void
  ) throws {
    Console.flush()
    Interruption.watch()
    var options = options
    options.shouldStop = { EvaluationReport.shouldStop() }
    // swift-format-ignore: ReplaceForEachWithForLoop
    try ClassifierRun(classifier, pictures: list.pictures, options: options).forEach { event in
      switch event {
      case .picture(let picture): try body(picture)
      case .skipped(let error): report.add(error)
      }
    }
    guard report.skipped < list.count else { throw list.nothingReadable }
  }
}

/// A command that counts how often a classifier is right on the list `valid`.
struct ClassifierAccuracy {
  let run: ClassifierList
  private let labels: ClassLabels
  private(set) var accuracy: TopAccuracy
  private var labelled = 0

  init(_ arguments: Arguments) throws {
    run = try ClassifierList(arguments, key: "valid", default: "data/train.list")
    labels = try run.setup.labels()
    accuracy = TopAccuracy(limit: try run.setup.top(default: 1))
  }

  /// Counts a picture in; one whose path has no label, or several, is reported. The class of the
  /// first label counts, as in Darknet.
  ///
  /// - Returns: that class.
  @discardableResult
  mutating func add(_ probabilities: [Float], of path: String) -> Int? {
    let truth = labels.classes(ofPicture: path)
    if truth.count != 1 { run.report.add(DataProblem(path, .labelsInPath(truth.count))) }
    if !truth.isEmpty { labelled += 1 }
    accuracy.add(probabilities.prefix(run.setup.classes), truth: truth.first)
    return truth.first
  }

  /// Tells what was left out; the command's exit status.
  ///
  /// - Throws: `ConfigError` if no picture had a label, as then the figures mean nothing.
  func finish(_ arguments: Arguments) throws -> ExitStatus {
    _ = run.report.finish()
    guard labelled > 0 || EvaluationReport.shouldStop() else {
      throw ConfigError(
        file: run.list.path,
        expected: "pictures whose path contains a label of \(run.setup.data.labelsPath)",
        found: "none among \(accuracy.pictures)",
        fix: "check 'labels' of \(run.setup.data.path), or rename the pictures' folders")
    }
    return run.report.status(arguments)
  }
}

/// `classifier valid DATA CFG WEIGHTS`: how often the right class is the first, or among the
/// first.
enum ClassifierValid: Command {
  static let words = ["classifier", "valid"]
  static let about = "accuracy of a classifier on a list of pictures"
  static let syntax = ClassifierList.syntax(notes: notes)
  static let notes = """
    Reads 'valid', 'labels', 'classes', 'top' and 'leaves' of DATA. A picture belongs to the class
    whose label is a part of its path. Pictures that cannot be read count for nothing.
    """

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    var valid = try ClassifierAccuracy(arguments)
    let run = valid.run
    let classifier = try run.setup.classifier(arguments, batch: nil)
    if !run.isOriginal { Console.out(" TOP calculation...\n") }
    try run.run(classifier, .init(.valid(run.setup.network.network.dialect))) { picture in
      let truth = valid.add(picture.probabilities, of: picture.path)
      if run.isOriginal {
        let two = (picture.probabilities + [0]).prefix(2).map { fixed(Double($0), decimals: 6) }
        Console.out(
          "\(picture.path), \(truth ?? -1), \(two[0]), \(two[1]), \n\(valid.accuracy.line)\n")
      } else {
        Console.out("\n\(valid.accuracy.line)")
      }
    }
    // Darknet leaves its last line open; on a terminal something else would go on in it.
    Console.flush()
    if !run.isOriginal, Console.isTerminal { Console.error("\n") }
    return try valid.finish(arguments)
  }
}

/// `classifier test DATA CFG WEIGHTS`: the probabilities of all classes, a line a picture.
enum ClassifierTest: Command {
  static let words = ["classifier", "test"]
  static let about = "all probabilities of a classifier for a list of pictures"
  static let syntax = ClassifierList.syntax(
    notes: "Reads 'test' of DATA. Pictures are stretched to the network's input.")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let run = try ClassifierList(arguments, key: "test", default: "data/test.list")
    let classifier = try run.setup.classifier(arguments, batch: nil)
    // A tree's probabilities stay conditional here, as in Darknet.
    try run.run(ClassDecoder(classifier.plan, usesTree: false), .init(.stretch)) { picture in
      let values = picture.probabilities.map { "\t" + general(Double($0)) }
      Console.out("\(picture.path)\(values.joined())\n")
      run.report.count()
    }
    let time = run.report.finish()
    Console.flush()
    Console.error(
      "\(fixed(time, decimals: 6)) seconds, \(run.list.count - run.report.skipped) images, "
        + "\(run.list.count) total\n")
    return run.report.status(arguments)
  }
}

/// `classifier label DATA CFG WEIGHTS`: the most probable class, a line a picture.
enum ClassifierLabel: Command {
  static let words = ["classifier", "label"]
  static let about = "the class of each picture of a list"
  static let syntax = ClassifierList.syntax(
    notes: """
      Reads 'test' and 'names' of DATA. The line of a picture that cannot be read is empty.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let run = try ClassifierList(arguments, key: "test", default: "data/train.list")
    let names = try run.setup.data.names("names", default: run.setup.data.labelsPath)
    let classifier = try run.setup.classifier(arguments, batch: nil)
    var line = 0
    try run.run(ClassDecoder(classifier.plan, usesTree: false), .init(.centerCrop)) { picture in
      // Lines stay those of the list.
      Console.out(String(repeating: "\n", count: picture.index - line))
      line = picture.index + 1
      let values = Array(picture.probabilities.prefix(run.setup.classes))
      Console.out("\(names[TopAccuracy.classes(values, count: 1)[0]])\n")
      run.report.count()
    }
    Console.out(String(repeating: "\n", count: run.list.count - line))
    _ = run.report.finish()
    return run.report.status(arguments)
  }
}
