import DarknetData
import DarknetInference
import DarknetLayers
import DarknetNetwork
import DarknetSystem
import DarknetText
import DarknetTraining

/// Trains a detector on labelled pictures, as `detector train` does.
///
///     let training = try DetectorTraining(
///       data: "shapes.data", cfg: "shapes.cfg", weights: "start.weights")
///     let outcome = try training.run { event in
///       if case .iteration(let report) = event { print(report.iteration, report.averageLoss) }
///     }
///
/// Weights go to the folder `backup` of the `.data` file, under Darknet's names: `NAME_last.weights`
/// every 100 iterations, with momentum and all else that is needed to continue as if it had never
/// stopped, numbered ones, and `NAME_final.weights`. Files appear whole or not at all. A training
/// that begins with `NAME_last.weights` continues there.
///
/// It prints nothing and never ends the process; signals are left to the program.
public final class DetectorTraining: @unchecked Sendable {
  /// What should be known about the files: options without effect, weights of another program. One
  /// line each.
  public let notes: [String]
  private let session: Locked<TrainingSession>
  private let stopRequest = StopRequest()

  /// Reads and checks all files; nothing is written yet.
  ///
  /// - Parameters:
  ///   - data: a `.data` file. Reads `train`, `backup`, `saveweights` and `savelast`, and for
  ///     measuring `valid` and `difficult`.
  ///   - cfg: a detector's cfg file.
  ///   - weights: weights to begin with or to continue; nil for random ones.
  ///   - options: what the files do not say.
  /// - Throws: `DarknetError` if a file cannot be read or is wrong, the network cannot be trained,
  ///   or no picture of the list can be read or none has an object.
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
  ///   - onProblem: hears of pictures and labels that are left out, each once, on this thread.
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
    let list = try data.list("train", default: "data/train.txt")
    let folder = try TrainingSession.folder(data, cfg: cfg, options, isClassifier: false)
    let seed = TrainingSession.seed(options)
    let model = try LoadedModel(
      trainingCfg: cfg, weights: weights, dialect: options.dialect, seed: seed)
    let network = model.network
    guard let head = network.lastHead else { throw HeadDecoder.noHead(in: cfg) }
    guard network.net.imagesPerUpdate > 1 else {
      throw ConfigError(
        file: cfg, section: "net", option: "batch",
        expected: "several images for an update, as batch=64", found: "1",
        fix: "change it; subdivisions= saves memory")
    }
    try list.requirePicture()
    try list.requireObjects(
      classes: head.classes, dialect: network.dialect, purpose: "to train on")
    let report = ProblemReport()
    let log = ProblemLog()
    let measurement =
      try options.measures
      ? measurement(
        data, cfg: cfg, model, pictures: list.count, log: log, report: report,
        stopRequest: stopRequest)
      : nil
    return TrainingSession(
      model, weights: weights, list: list, folder: folder,
      configuration: BatchLoader.Configuration(for: network, head: head, list: list, log: log),
      schedule: CheckpointSchedule(
        dialect: network.dialect, maxBatches: network.net.maxBatches,
        numberedInterval: try data.saveWeightsInterval(), lastInterval: try data.saveLastInterval()
      ),
      random: head.training.random, measurement: measurement, report: report,
      stopRequest: stopRequest, seed: seed, startsOver: options.startsOver)
  }

  private static func measurement(
    _ data: DataFile, cfg: String, _ model: LoadedModel, pictures: Int, log: ProblemLog,
    report: ProblemReport, stopRequest: StopRequest
  ) throws -> TrainingSession.Measurement {
    let network = try LoadedModel.network(cfg, dialect: model.network.dialect, batch: 1)
    let list = try data.list("valid", default: data.trainPath ?? "data/train.txt")
    try list.requirePicture()
    try list.requireObjects(
      classes: network.lastHead?.classes, dialect: network.dialect, purpose: "to measure")
    let difficult = data.difficultPath == nil ? nil : try data.list("difficult", default: "")
    var options = DetectorEvaluation.Options(letterbox: network.usesLetterbox)
    options.shouldStop = { stopRequest.isWanted }
    let parameters = model.parameters
    return TrainingSession.Measurement(
      // Four epochs, as the program's.
      interval: max(100, 4 * pictures / model.network.net.imagesPerUpdate)
    ) {
      let plan = InferencePlan(
        network, parameters: parameters, batch: DetectorRun.batch(for: network))
      return try DetectorEvaluation(
        of: HeadDecoder(plan), on: list, difficult: difficult, options: options
      ).run { event in
        if let problem = event.problem { report.all(log.note([problem])) }
      }.meanAveragePrecision
    }
  }
}
