import DarknetConfig
import DarknetData
import DarknetInference
import DarknetLayers
import DarknetNetwork
import DarknetSystem
import DarknetText
import DarknetTraining

/// What trainings of detectors and of classifiers have in common: where weights go, where the run
/// continues, and the loop.
final class TrainingSession {
  /// How and when a training is measured.
  struct Measurement {
    /// Iterations from one to the next.
    var interval: Int
    /// None before this iteration.
    var first = 0
    /// 0...1, of the parameters as they are.
    var measure: () throws -> Double
  }

  /// What was read from cfg and weights.
  let model: LoadedModel
  /// The pictures.
  let list: ListFile
  private let folder: CheckpointFolder
  private let trainer: Trainer
  private let log: ProblemLog
  private let report: ProblemReport
  private let stopRequest: StopRequest

  /// - Parameters:
  ///   - weights: the file that `model` was loaded from.
  ///   - measurement: nil to measure nothing.
  init(
    _ model: LoadedModel, weights: String?, list: ListFile, folder: CheckpointFolder,
    configuration: BatchLoader.Configuration, tree: ClassTree? = nil,
    schedule: CheckpointSchedule, random: Float = 0, measurement: Measurement?,
    report: ProblemReport, stopRequest: StopRequest, seed: UInt64, startsOver: Bool
  ) {
    self.model = model
    self.list = list
    self.folder = folder
    self.report = report
    self.stopRequest = stopRequest
    log = configuration.log
    let handlers = LoaderSource.Handlers()
    handlers.shouldStop = { stopRequest.isWanted }
    handlers.onBatch = { batch in report.all(batch.problems) }
    var options = Trainer.Options(
      seed: seed, folder: folder, schedule: schedule, maxBatches: model.network.net.maxBatches)
    options.random = random
    options.shouldStop = { stopRequest.isWanted }
    if let measurement {
      options.evaluationInterval = measurement.interval
      options.firstEvaluation = measurement.first
      // The figures of a part of the pictures say nothing.
      options.evaluate = {
        let figure = try measurement.measure()
        return stopRequest.isWanted ? nil : figure
      }
    }
    trainer = Trainer(
      model.network, parameters: model.parameters,
      source: { LoaderSource(configuration, tree: tree, handlers: handlers, at: $0) },
      options: options)
    model.file?.releasePages()
    if let weights, let header = model.header, !startsOver {
      trainer.resume(from: weights, seen: header.seen)
    }
  }

  /// Updates made so far.
  var iteration: Int { trainer.state.iteration }

  /// The last weights file that was written, or that the training began with.
  var lastWeights: String? { trainer.lastGoodCheckpoint }

  /// - Throws: what reading pictures or measuring throws; `FileError` if the folder cannot be made,
  ///   `ConfigError` if another training writes the same weights.
  func run(
    onEvent: (TrainingEvent) -> Void, onProblem: @escaping (DataProblem) -> Void
  ) throws -> TrainingOutcome {
    try Folder.make(folder.path)
    let lock = try lock()
    report.handler = onProblem
    defer {
      report.handler = { _ in }
      lock.release()
    }
    report.all(log.note(list.problems))
    return try trainer.run(onEvent)
  }

  private func lock() throws -> FileLock {
    do throws(FileLock.Failure) {
      return try FileLock(folder.lockPath)
    } catch {
      switch error {
      case .file(let error): throw error
      case .held(let owner):
        throw ConfigError(
          file: folder.lockPath,
          expected: "no other training of '\(folder.base)' in this folder", found: owner,
          fix: "wait for it, or change the folder or the cfg's name")
      }
    }
  }

  /// The folder of the weights.
  ///
  /// - Throws: `DataError` if neither the `.data` file nor the options name one.
  static func folder(
    _ data: DataFile, cfg: String, _ options: TrainingOptions, isClassifier: Bool
  ) throws(DataError) -> CheckpointFolder {
    guard options.folder != nil || data.string("backup") != nil else {
      throw data.error(
        "backup", expected: "a folder for the weights", found: "no such line",
        fix: "add a line such as 'backup=backup'")
    }
    return CheckpointFolder(
      options.folder ?? data.backupFolder, cfg: cfg, dialect: options.dialect,
      isClassifier: isClassifier)
  }

  /// A seed where none is given, of as many digits as people can write down.
  static func seed(_ options: TrainingOptions) -> UInt64 {
    options.seed ?? UInt64.random(in: 0..<1_000_000_000)
  }
}

/// Whether somebody wants a training to end, from any thread.
final class StopRequest: Sendable {
  private let wanted = Locked(false)

  var isWanted: Bool { wanted.withLock { $0 } }

  func set(_ isWanted: Bool) { wanted.withLock { $0 = isWanted } }
}

/// Who hears of problems with pictures and labels while a training runs.
final class ProblemReport {
  var handler: (DataProblem) -> Void = { _ in }

  func all(_ problems: [DataProblem]) {
    for problem in problems { handler(problem) }
  }
}
