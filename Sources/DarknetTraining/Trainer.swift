import DarknetData
import DarknetKernels
import DarknetNetwork
import DarknetSystem
import DarknetTensors

/// Trains a network from a source of pictures until max_batches: a loop of updates, around which
/// observers do all the rest.
///
///     let trainer = Trainer(
///       network, parameters: parameters, source: { LoaderSource(loading, at: $0) },
///       options: options)
///     trainer.resume(from: "v3-tiny_last.weights", seen: header.seen)
///     let outcome = try trainer.run { event in … }
package final class Trainer {
  package struct Options {
    package var seed: UInt64
    /// nil to write nothing.
    package var folder: CheckpointFolder?
    package var schedule: CheckpointSchedule
    /// Iterations of the whole training; 0 never ends for classifiers, at once for detectors.
    package var maxBatches: Int
    /// `random=` of the last head.
    package var random: Float = 0
    /// Iterations between evaluations; nil for none.
    package var evaluationInterval: Int?
    /// No evaluation before this iteration, nor before burn_in is over.
    package var firstEvaluation = 0
    /// Precision, 0...1, of the parameters as they are; nil if it was interrupted.
    package var evaluate: (() throws -> Double?)?
    /// Asked after each iteration.
    package var shouldStop: () -> Bool = { false }
    /// Asked when the last weights of a run could not be written, with the number of attempts so
    /// far: true to try again. Whoever wants to wait for a full disk to be emptied waits in it.
    package var shouldRetryLastSave: (_ attempts: Int) -> Bool = { _ in false }
    /// Adds up the gradients of several processes.
    package var exchange: any GradientExchange = NoExchange()

    package init(
      seed: UInt64, folder: CheckpointFolder?, schedule: CheckpointSchedule, maxBatches: Int
    ) {
      self.seed = seed
      self.folder = folder
      self.schedule = schedule
      self.maxBatches = maxBatches
    }
  }

  package let network: Network
  package let parameters: Parameters
  package let step: BatchStep
  package let average: WeightAverage?
  /// A classifier's training without `max_batches`.
  package let isEndless: Bool

  private let context: TrainingContext
  private let options: Options
  private let makeSource: (SourceState) throws -> any BatchSource
  /// Made of the state when the first run begins.
  private var source: (any BatchSource)?
  /// The input sizes of the run.
  private var sizes: InputSizes
  /// The network at each size that was needed so far.
  private var networks: [InputSizes.Size: Network] = [:]
  private var hoursLeft = -1.0

  private let checkpoint: Checkpoint
  private let checkpoints: CheckpointObserver
  private let divergences = DivergenceObserver()
  private let evaluations: EvaluationObserver?
  private var observers: [any TrainingObserver]

  /// - Parameter source: makes the source of pictures, once, when the first run begins.
  package init(
    _ network: Network, parameters: Parameters,
    source: @escaping (SourceState) throws -> any BatchSource, options: Options
  ) {
    self.network = network
    self.parameters = parameters
    self.options = options
    makeSource = source
    parameters.detach(in: network)
    step = BatchStep(
      network, parameters: parameters, seed: options.seed, exchange: options.exchange)
    let average = WeightAverage(network)
    self.average = average
    checkpoint = Checkpoint(
      network, parameters: parameters, optimizer: step.optimizer, average: average)
    let checkpoints = CheckpointObserver(
      checkpoint, folder: options.folder, schedule: options.schedule, average: average)
    self.checkpoints = checkpoints
    context = TrainingContext(
      network, parameters: parameters, maxBatches: options.maxBatches,
      state: TrainingState(seed: options.seed))
    sizes = InputSizes(network, random: options.random, seed: options.seed)
    isEndless = options.maxBatches == 0 && options.schedule.isClassifier
    if let interval = options.evaluationInterval, let evaluate = options.evaluate {
      evaluations = EvaluationObserver(
        interval: interval, first: options.firstEvaluation, checkpoints: checkpoints,
        evaluate: evaluate)
    } else {
      evaluations = nil
    }
    let all: [(any TrainingObserver)?] = [
      divergences, FilterRejectionObserver(), average.map { MovingAverageObserver($0) },
      evaluations, checkpoints,
    ]
    observers = all.compactMap(\.self)
  }

  /// Another one that is asked after those that are there.
  package func add(_ observer: any TrainingObserver) { observers.append(observer) }

  package var state: TrainingState { context.state }

  package var maxBatches: Int { options.maxBatches }

  /// Images of an iteration.
  package var imagesPerIteration: Int { step.executor.batch * network.net.subdivisions }

  /// The last file with weights that can be read again, or that the run started from.
  package var lastGoodCheckpoint: String? { context.lastGoodCheckpoint }

  /// Continues where a weights file stopped.
  ///
  /// - Parameters:
  ///   - path: the file that was loaded into the parameters.
  ///   - seen: of its header.
  /// - Returns: whether momentum and averages were found beside it, or why not.
  @discardableResult
  package func resume(from path: String, seen: UInt64) -> Resumption {
    let iteration = Int(min(seen / UInt64(max(imagesPerIteration, 1)), UInt64(Int32.max)))
    context.lastGoodCheckpoint = path
    source = nil
    do throws(StateFault) {
      let found = try checkpoint.restore(beside: path, iteration: iteration)
      context.state = found.state
      step.seed = state.seed
      sizes = InputSizes(network, random: options.random, seed: state.seed)
      return found.hasMomentum ? .whole : .withoutMomentum
    } catch {
      context.state.iteration = iteration
      context.state.lastNumbered = iteration
      context.state.lastSaved = iteration
      context.state.lastEvaluation = iteration
      return .weightsAlone(error)
    }
  }

  // MARK: The loop

  /// What a source throws from `fill` when it was asked to stop while it waited for pictures.
  package struct Stopped: Error {
    package init() {}
  }

  /// - Parameter onEvent: hears of each event, before the observers.
  /// - Throws: what the source or the evaluation throws; the weights of the last iteration that
  ///   came to its end are saved before.
  package func run(_ onEvent: (TrainingEvent) -> Void) throws -> TrainingOutcome {
    defer { for observer in observers { observer.onEnd() } }
    return try context.withHandler { event in
      onEvent(event)
      for observer in observers { observer.onEvent(event) }
    } _: {
      try loop()
    }
  }

  private func loop() throws -> TrainingOutcome {
    let start = state.iteration
    while isEndless || state.iteration < options.maxBatches {
      // Nothing was learnt since the files were written, or nothing at all.
      if state.iteration == start, options.shouldStop() { return .stopped }
      do {
        if let divergence = try iterate() { return .diverged(divergence) }
      } catch is Stopped {
        // In the middle of an iteration, whose pictures do not come.
        guard state.iteration > start else { return .stopped }
        return saveLast(checkpoints.rolling) ? .stopped : .unsaved
      } catch {
        // A run that learnt nothing must not take the place of an earlier one's files.
        if state.iteration > start {
          checkpoints.save([checkpoints.rolling], context, isLast: true)
        }
        throw error
      }
      for observer in observers { observer.applyBetweenIterations(context) }
      if options.shouldStop() { return saveLast(checkpoints.rolling) ? .stopped : .unsaved }
      for observer in observers { try observer.afterIteration(context) }
      if options.shouldStop() { return saveLast(checkpoints.rolling) ? .stopped : .unsaved }
    }
    let rate = step.rate(iteration: state.iteration)
    if let divergence = divergences.check(context, rate: rate) { return .diverged(divergence) }
    return saveLast(.final) ? .finished : .unsaved
  }

  /// The last chance to keep the work.
  private func saveLast(_ kind: CheckpointSchedule.Kind) -> Bool {
    var attempts = 1
    while !checkpoints.save([kind], context, isLast: true) {
      guard options.shouldRetryLastSave(attempts) else { return false }
      attempts += 1
    }
    return true
  }

  /// One iteration; what went wrong with it.
  ///
  /// If it throws, parameters and state are those of the iteration before.
  private func iterate() throws -> Divergence? {
    let iteration = state.iteration + 1
    try resize(iteration)
    let (before, statistics) = (state, RollingStatisticsSnapshot(of: network, parameters))
    do {
      return try iterate(iteration)
    } catch {
      context.state = before
      statistics.restore(in: parameters)
      throw error
    }
  }

  private func iterate(_ iteration: Int) throws -> Divergence? {
    let source = try self.source ?? makeSource(SourceState(seed: state.seed, sizes: sizes))
    self.source = source
    var wait = 0.0
    var isFirst = true
    let start = seconds()
    let result = try step.run(iteration: iteration) { index, input in
      let before = seconds()
      let truth = try source.fill(input, iteration: iteration, index: index)
      let waited = seconds() - before
      if isFirst { context.emit(.loaded(seconds: waited, isFirst: hoursLeft < 0)) }
      isFirst = false
      wait += waited
      return truth
    } onMiniBatch: { _, loss in
      for (_, report) in loss.reports {
        context.state.boxes += report.boxes
        context.state.rewrittenBoxes += report.rewrittenBoxes
      }
      context.emit(
        .losses(loss.reports, boxes: state.boxes, rewritten: state.rewrittenBoxes))
      return observers.allSatisfy { $0.afterLoss(loss, of: step.executor, in: context) }
    }
    for observer in observers {
      let divergence = observer.afterUpdate(result, iteration: iteration, in: context)
      if let divergence { return divergence }
    }
    precondition(result.isComplete, "an observer ended an iteration and did not say why")
    context.state.iteration = iteration
    context.state.averageLoss =
      state.averageLoss.map { $0 * 0.9 + result.loss * 0.1 } ?? result.loss
    report(result, seconds: seconds() - start - wait, wait: wait)
    return nil
  }

  private func resize(_ iteration: Int) throws {
    let size = sizes.size(at: iteration)
    let shape = step.executor.network.inputShape
    if sizes.isDrawn(at: iteration) {
      context.emit(.resized(coefficient: sizes.coefficient, size))
    }
    guard sizes.changes, size.width != shape.width || size.height != shape.height else { return }
    if networks[size] == nil {
      networks[size] = try network.resized(width: size.width, height: size.height)
    }
    if let network = networks[size] { step.executor.resize(to: network) }
  }

  private func report(_ result: BatchStep.Result, seconds: Double, wait: Double) {
    let input = step.executor.network.inputShape
    context.emit(
      .iteration(
        IterationReport(
          iteration: state.iteration, maxBatches: options.maxBatches, loss: result.loss,
          averageLoss: state.averageLoss ?? result.loss, rate: result.rate, seconds: seconds,
          wait: wait, images: state.iteration * imagesPerIteration,
          batchImages: imagesPerIteration, hoursLeft: hoursLeft,
          input: .init(width: input.width, height: input.height),
          nextEvaluation: evaluations?.next(context),
          lastPrecision: state.lastPrecision, bestPrecision: state.bestPrecision)))
    let remaining = Double(options.maxBatches - state.iteration) * (seconds + wait) / 3600
    hoursLeft = hoursLeft < 0 ? remaining : 0.99 * hoursLeft + 0.01 * remaining
  }
}

extension InputSizes {
  /// The sizes of a training of `network`.
  ///
  /// - Parameter random: the last head's option.
  package init(_ network: Network, random: Float, seed: UInt64) {
    self.init(
      width: network.net.width, height: network.net.height, random: random,
      resizeStep: network.net.resizeStep, maxBatches: network.net.maxBatches, seed: seed,
      dialect: network.dialect)
  }
}
