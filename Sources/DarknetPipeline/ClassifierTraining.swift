import DarknetData
import DarknetEvaluation
import DarknetInference
import DarknetLayers
import DarknetNetwork
import DarknetSystem
import DarknetText
import DarknetTraining

/// Trains a classifier on pictures whose paths contain their class, as `classifier train` does.
///
///     let training = try ClassifierTraining(data: "flowers.data", cfg: "flowers.cfg")
///     try training.run { event in
///       if case .iteration(let report) = event { print(report.iteration, report.averageLoss) }
///     }
///
/// Weights go to the folder `backup` of the `.data` file as those of `DetectorTraining` do. Without
/// `max_batches` in the cfg it trains until it is stopped. It prints nothing and never ends the
/// process; signals are left to the program.
public final class ClassifierTraining: @unchecked Sendable {
  /// What should be known about the files: options without effect, weights of another program. One
  /// line each.
  public let notes: [String]
  private let session: Locked<TrainingSession>
  private let stopRequest = StopRequest()

  /// Reads and checks all files; nothing is written yet.
  ///
  /// - Parameters:
  ///   - data: a `.data` file. Reads `classes`, `labels`, `train` and `backup`, and for measuring
  ///     `valid`, `top` and `leaves`.
  ///   - cfg: a classifier's cfg file.
  ///   - weights: weights to begin with or to continue; nil for random ones.
  ///   - options: what the files do not say.
  /// - Throws: `DarknetError` if a file cannot be read or is wrong, the network cannot be trained,
  ///   or no picture of the list can be read or belongs to a class.
  public init(
    data: String, cfg: String, weights: String? = nil,
    options: TrainingOptions = TrainingOptions()
  ) throws(DarknetError) {
    let stopRequest = stopRequest
    let made = try DarknetError.sorting {
      try Self.session(
        try DataFile(data), cfg: cfg, weights: weights, options, stopRequest: stopRequest)
    }
    notes = made.model.notes
    session = Locked(made)
  }

  /// Trains until `max_batches` of the cfg, or until `stop`.
  ///
  /// A second call continues after the first, for instance after one that was stopped. Other
  /// threads wait for it.
  ///
  /// - Parameters:
  ///   - onEvent: hears of each iteration, measurement and file, on this thread.
  ///   - onProblem: hears of pictures that are left out, each once, on this thread.
  /// - Returns: how it ended.
  /// - Throws: `DarknetError` if no picture can be read any more, or another training writes the
  ///   same weights; those of the last whole iteration are saved before.
  @discardableResult
  public func run(
    onEvent: (TrainingEvent) -> Void = { _ in },
    onProblem: @escaping (DataProblem) -> Void = { _ in }
  ) throws(DarknetError) -> TrainingOutcome {
    try DarknetError.sorting {
      try session.withLock { session in
        defer { stopRequest.set(false) }
        return try session.run(onEvent: onEvent, onProblem: onProblem)
      }
    }
  }

  /// Lets the run end after the iteration that is being computed, whose weights are saved. May be
  /// called from any thread, and from the handlers of `run`; before a run it ends that at once.
  public func stop() { stopRequest.set(true) }

  /// Updates made so far, those of an earlier training that is continued included. Not from the
  /// handlers of `run`, which get reports.
  public var iteration: Int { session.withLock { $0.iteration } }

  /// The last weights file that was written, or that the training began with. Not from the
  /// handlers of `run`, which get the names of saved files.
  public var lastWeights: String? { session.withLock { $0.lastWeights } }

  // MARK: The parts

  private static func session(
    _ data: DataFile, cfg: String, weights: String?, _ options: TrainingOptions,
    stopRequest: StopRequest
  ) throws -> TrainingSession {
    let list = try data.list("train", default: "data/train.list")
    let folder = try TrainingSession.folder(data, cfg: cfg, options, isClassifier: true)
    let seed = TrainingSession.seed(options)
    let model = try LoadedModel(
      trainingCfg: cfg, weights: weights, dialect: options.dialect, seed: seed)
    let network = model.network
    try Classifier.requireClassifier(network)
    try requireClassLoss(of: network)
    let classes = network.shape(of: network.outputIndex).count
    let labels = try labels(of: data, classes: classes, cfg: cfg)
    guard list.pictures.contains(where: { !labels.classes(ofPicture: $0).isEmpty }) else {
      throw ConfigError(
        file: list.path, expected: "paths that have a label in them",
        found: "none among \(list.count)", fix: "rename the pictures' folders or the labels")
    }
    try list.requirePicture()
    let report = ProblemReport()
    let log = ProblemLog()
    let tree = ClassDecoder.tree(of: network)
    let measurement =
      try options.measures
      ? measurement(
        data, cfg: cfg, model, labels: labels, pictures: list.count, log: log, report: report,
        stopRequest: stopRequest)
      : nil
    return TrainingSession(
      model, weights: weights, list: list, folder: folder,
      configuration: BatchLoader.Configuration(
        classifying: network, labels: labels, isTree: tree != nil, list: list, log: log),
      tree: tree,
      schedule: CheckpointSchedule(
        dialect: network.dialect, isClassifier: true, maxBatches: network.net.maxBatches),
      measurement: measurement, report: report, stopRequest: stopRequest, seed: seed,
      startsOver: options.startsOver)
  }

  /// - Throws: `ConfigError` if nothing in the network compares its output with classes.
  package static func requireClassLoss(of network: Network) throws(ConfigError) {
    guard network.nodes.contains(where: { ($0.layer as? any LossLayer)?.learnsClasses == true })
    else {
      throw ConfigError(
        file: network.file, expected: "a [softmax] or [cost] that learns classes", found: "none",
        fix: "end the cfg with [softmax]")
    }
  }

  /// What the pictures' paths contain.
  ///
  /// - Throws: `ConfigError` if there is not a label for each class.
  static func labels(of data: DataFile, classes: Int, cfg: String) throws -> ClassLabels {
    let names = try data.names("labels")
    guard names.count == classes else {
      throw ConfigError(
        file: names.path, expected: "a label for each of the \(classes) classes of \(cfg)",
        found: "\(names.count)", fix: "make labels and classes agree")
    }
    return ClassLabels(names.names)
  }

  private static func measurement(
    _ data: DataFile, cfg: String, _ model: LoadedModel, labels: ClassLabels, pictures: Int,
    log: ProblemLog, report: ProblemReport, stopRequest: StopRequest
  ) throws -> TrainingSession.Measurement {
    let network = try LoadedModel.network(cfg, dialect: model.network.dialect, batch: 1)
    let list = try data.list("valid", default: "data/train.list")
    let leaves = try data.path("leaves") == nil ? nil : Set(data.names("leaves").names)
    let top = try data.int("top", in: 1...1_000_000) ?? 5
    let parameters = model.parameters
    return TrainingSession.Measurement(
      // Two epochs, as the program's.
      interval: max(1, 2 * pictures / model.network.net.imagesPerUpdate), first: 100
    ) {
      let plan = InferencePlan(
        network, parameters: parameters, batch: DetectorRun.batch(for: network))
      return try ClassDecoder(plan, leaves: leaves).accuracy(
        on: list, labels: labels, top: top, shouldStop: { stopRequest.isWanted },
        onProblem: { report.all(log.note([$0])) }
      ).top
    }
  }
}
