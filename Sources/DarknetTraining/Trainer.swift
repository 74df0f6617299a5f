import DarknetData
import DarknetKernels
import DarknetNetwork
import DarknetSystem
import DarknetTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Trains a network from a source of pictures until max_batches: updates, checkpoints, input
/// sizes, moving average, evaluation, and an eye on the loss.
///
///     let trainer = Trainer(network, parameters: parameters, source: loader, options: options)
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
  package private(set) var state: TrainingState
  /// The input sizes of the run.
  package private(set) var sizes: InputSizes

  private let source: any BatchSource
  private let options: Options
  private let checkpoint: Checkpoint
  /// The network at each size that was needed so far.
  private var networks: [InputSizes.Size: Network] = [:]
  private var watch = DivergenceWatch()
  private var hoursLeft = -1.0
  /// The last file with sound weights that was written, or that the run started from.
  package private(set) var lastGoodCheckpoint: String?
  /// Iteration at which a file that could not be written is tried again.
  private var retryIteration: Int?
  /// Whether the sums of gradients hold parts of an iteration, and not momentum alone.
  private var isMidway = false
  /// A classifier's training without `max_batches`.
  package let isEndless: Bool

  package init(
    _ network: Network, parameters: Parameters, source: any BatchSource, options: Options
  ) {
    self.network = network
    self.parameters = parameters
    self.source = source
    self.options = options
    parameters.detach(in: network)
    step = BatchStep(network, parameters: parameters, seed: options.seed)
    average = WeightAverage(network)
    checkpoint = Checkpoint(
      network, parameters: parameters, optimizer: step.optimizer, average: average)
    state = TrainingState(seed: options.seed)
    sizes = InputSizes(network, random: options.random, seed: options.seed)
    isEndless = options.maxBatches == 0 && options.schedule.isClassifier
  }

  package var maxBatches: Int { options.maxBatches }

  /// Images of an iteration.
  package var imagesPerIteration: Int { step.executor.batch * network.net.subdivisions }

  /// Continues where a weights file stopped.
  ///
  /// - Parameters:
  ///   - path: the file that was loaded into the parameters.
  ///   - seen: of its header.
  /// - Returns: whether momentum and averages were found beside it, or why not.
  @discardableResult
  package func resume(from path: String, seen: UInt64) -> Resumption {
    let iteration = Int(min(seen / UInt64(max(imagesPerIteration, 1)), UInt64(Int32.max)))
    lastGoodCheckpoint = path
    do throws(StateFault) {
      let found = try checkpoint.restore(beside: path, iteration: iteration)
      state = found.state
      step.seed = state.seed
      sizes = InputSizes(network, random: options.random, seed: state.seed)
      return found.hasMomentum ? .whole : .withoutMomentum
    } catch {
      state.iteration = iteration
      state.lastNumbered = iteration
      state.lastSaved = iteration
      state.lastEvaluation = iteration
      return .weightsAlone(error)
    }
  }

  // MARK: The loop

  /// What a source throws from `fill` when it was asked to stop while it waited for pictures.
  package struct Stopped: Error {
    package init() {}
  }

  /// - Throws: what the source or the evaluation throws; the weights of the last iteration that
  ///   came to its end are saved before.
  package func run(_ tell: (TrainingEvent) -> Void) throws -> TrainingOutcome {
    let start = state.iteration
    while isEndless || state.iteration < options.maxBatches {
      // Nothing was learnt since the files were written, or nothing at all.
      if state.iteration == start, options.shouldStop() { return .stopped }
      do {
        if let divergence = try iterate(tell) { return .diverged(divergence) }
      } catch is Stopped {
        // In the middle of an iteration, whose pictures do not come.
        guard state.iteration > start else { return .stopped }
        return saveLast(rolling, tell) ? .stopped : .unsaved
      } catch {
        // A run that learnt nothing must not take the place of an earlier one's files.
        if state.iteration > start { save([rolling], tell, isLast: true) }
        throw error
      }
      if let divergence = maintain(tell) { return .diverged(divergence) }
      if options.shouldStop() {
        return saveLast(rolling, tell) ? .stopped : .unsaved
      }
      try evaluateIfDue(tell)
      saveIfDue(tell)
      if options.shouldStop() {
        return saveLast(rolling, tell) ? .stopped : .unsaved
      }
    }
    guard DivergenceWatch.isSound(parameters) else {
      return .diverged(
        Divergence(
          file: network.file, iteration: state.iteration, fault: .notFinite(loss: "nan"),
          place: DivergenceWatch.place(in: parameters, of: network),
          rate: step.rate(iteration: state.iteration), checkpoint: lastGoodCheckpoint))
    }
    return saveLast(.final, tell) ? .finished : .unsaved
  }

  /// The last chance to keep the work: a full disk may be emptied in the meantime.
  private func saveLast(
    _ kind: CheckpointSchedule.Kind, _ tell: (TrainingEvent) -> Void
  ) -> Bool {
    for attempt in 0..<4 {
      if attempt > 0 { sleep(1) }
      if save([kind], tell, isLast: true) { return true }
    }
    return false
  }

  private var rolling: CheckpointSchedule.Kind {
    options.schedule.dialect == .pjreddie ? .backup : .last
  }

  /// One iteration; what went wrong with it.
  ///
  /// If it throws, parameters and state are those of the iteration before.
  private func iterate(_ tell: (TrainingEvent) -> Void) throws -> Divergence? {
    let iteration = state.iteration + 1
    try resize(iteration, tell)
    let (before, statistics) = (state, RollingStatisticsSnapshot(of: network, parameters))
    do {
      return try iterate(iteration, tell)
    } catch {
      state = before
      statistics.restore(in: parameters)
      throw error
    }
  }

  private func iterate(
    _ iteration: Int, _ tell: (TrainingEvent) -> Void
  ) throws -> Divergence? {
    var wait = 0.0
    let start = seconds()
    var place: Divergence.Place?
    let result = try step.run(iteration: iteration) { index, input in
      isMidway = index > 0
      let before = seconds()
      let truth = try source.fill(input, iteration: iteration, index: index)
      let waited = seconds() - before
      if index == 0 { tell(.loaded(seconds: waited, isFirst: hoursLeft < 0)) }
      wait += waited
      return truth
    } onMiniBatch: { _, loss in
      for (_, report) in loss.reports {
        state.boxes += report.boxes
        state.rewrittenBoxes += report.rewrittenBoxes
      }
      tell(.losses(loss.reports, boxes: state.boxes, rewritten: state.rewrittenBoxes))
      guard loss.cost.isFinite else {
        place = DivergenceWatch.place(in: step.executor)
        return false
      }
      return true
    }
    isMidway = false
    let fault = watch.check(result.loss, &state)
    if let fault {
      return Divergence(
        file: network.file, iteration: iteration, fault: fault, place: place, rate: result.rate,
        checkpoint: lastGoodCheckpoint)
    }
    state.iteration = iteration
    state.averageLoss = state.averageLoss.map { $0 * 0.9 + result.loss * 0.1 } ?? result.loss
    report(result, seconds: seconds() - start - wait, wait: wait, tell)
    return nil
  }

  private func resize(_ iteration: Int, _ tell: (TrainingEvent) -> Void) throws {
    let size = sizes.size(at: iteration)
    let shape = step.executor.network.inputShape
    if sizes.isDrawn(at: iteration) {
      tell(.resized(coefficient: sizes.coefficient, size))
    }
    guard sizes.changes, size.width != shape.width || size.height != shape.height else { return }
    if networks[size] == nil {
      networks[size] = try network.resized(width: size.width, height: size.height)
    }
    if let network = networks[size] { step.executor.resize(to: network) }
  }

  private func report(
    _ result: BatchStep.Result, seconds: Double, wait: Double, _ tell: (TrainingEvent) -> Void
  ) {
    let input = step.executor.network.inputShape
    tell(
      .iteration(
        IterationReport(
          iteration: state.iteration, maxBatches: options.maxBatches, loss: result.loss,
          averageLoss: state.averageLoss ?? result.loss, rate: result.rate, seconds: seconds,
          wait: wait, images: state.iteration * imagesPerIteration,
          batchImages: imagesPerIteration, hoursLeft: hoursLeft,
          input: .init(width: input.width, height: input.height),
          nextEvaluation: options.evaluationInterval.map { _ in nextEvaluation },
          lastPrecision: state.lastPrecision, bestPrecision: state.bestPrecision)))
    let remaining = Double(options.maxBatches - state.iteration) * (seconds + wait) / 3600
    hoursLeft = hoursLeft < 0 ? remaining : 0.99 * hoursLeft + 0.01 * remaining
  }

  /// What is done to the weights between iterations.
  private func maintain(_ tell: (TrainingEvent) -> Void) -> Divergence? {
    let iteration = state.iteration
    if SimilarFilters.isDue(iteration, network.net) {
      var random = Random(seed: state.seed).split(UInt64(iteration) &* 2 &+ 0x6000_0000_0000_0000)
      let rejected = SimilarFilters.reject(in: network, parameters: parameters, random: &random)
      for one in rejected {
        tell(.rejectedFilter(layer: one.layer, filter: one.filter, similarity: one.similarity))
      }
    }
    guard let average else { return nil }
    if average.isDue(iteration) {
      if !average.isStarted { tell(.averageStarted) }
      average.update(from: parameters)
      tell(.averageUpdated(alpha: average.alpha))
    }
    if average.isApplied(iteration) {
      average.apply(to: parameters)
      tell(.averageApplied)
    }
    return nil
  }

  // MARK: Evaluation

  private var nextEvaluation: Int {
    max(
      state.lastEvaluation + (options.evaluationInterval ?? 0), network.net.schedule.burnIn,
      options.firstEvaluation)
  }

  private func evaluateIfDue(_ tell: (TrainingEvent) -> Void) throws {
    guard options.evaluationInterval != nil, let evaluate = options.evaluate,
      state.iteration >= nextEvaluation || state.iteration == options.maxBatches
    else { return }
    let result: Double?
    do {
      result = try evaluate()
    } catch {
      // Whatever became of its pictures, the training so far is kept.
      save([rolling], tell)
      throw error
    }
    guard let precision = result else { return }
    state.lastEvaluation = state.iteration
    state.lastPrecision = precision
    let best = state.bestPrecision
    let isBest = precision >= best ?? -1
    let bestIteration = state.bestIteration
    if isBest { (state.bestPrecision, state.bestIteration) = (precision, state.iteration) }
    tell(.evaluated(precision: precision, isBest: isBest))
    // A best that could not be written does not count: the next one tries again.
    if isBest, !save([.best], tell) {
      (state.bestPrecision, state.bestIteration) = (best, bestIteration)
    }
  }

  // MARK: Saving

  private func saveIfDue(_ tell: (TrainingEvent) -> Void) {
    var kinds = options.schedule.due(&state)
    if kinds.contains(.last), average?.isStarted ?? false { kinds.append(.average) }
    if let at = retryIteration, state.iteration >= at {
      retryIteration = nil
      // Whatever failed: what matters is that the present weights are safe somewhere.
      if !kinds.contains(rolling) { kinds.append(rolling) }
    }
    if !kinds.isEmpty { save(kinds, tell) }
  }

  /// Iterations until a file that could not be written is tried again.
  private static let retryInterval = 10

  /// - Parameter isLast: whether the run ends after it.
  @discardableResult
  private func save(
    _ kinds: [CheckpointSchedule.Kind], _ tell: (TrainingEvent) -> Void, isLast: Bool = false
  ) -> Bool {
    guard let folder = options.folder, DivergenceWatch.isSound(parameters) else { return true }
    // It was there when the training began, but somebody may have tidied up since.
    mkdir(folder.path.cPath, 0o777)
    var isComplete = true
    for kind in kinds {
      let path = folder.path(of: kind)
      tell(.saving(kind, path: path))
      do throws(FileError) {
        switch kind {
        case .last, .backup: try checkpoint.write(state, to: path, isMidway: isMidway)
        case .average: try checkpoint.writeAverage(state, to: path)
        case .numbered, .best, .final: try checkpoint.writeWeights(state, to: path)
        }
        if kind != .average { lastGoodCheckpoint = path }
        tell(.saved(kind, path: path))
      } catch {
        isComplete = false
        retryIteration = state.iteration + Self.retryInterval
        tell(.saveFailed(error, retryAfter: isLast ? nil : Self.retryInterval))
      }
    }
    return isComplete
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
