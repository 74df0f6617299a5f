import DarknetData
import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// Gives a trainer the batches of a loader.
///
///     let trainer = Trainer(
///       network, parameters: parameters, source: { LoaderSource(configuration, at: $0) },
///       options: options)
package final class LoaderSource: BatchSource {
  /// Who hears of batches, and who may end the wait for one.
  package final class Handlers {
    /// Sees each batch before it is used: its pictures, and problems that were not reported yet.
    package var onBatch: (Batch) -> Void = { _ in }
    /// Asked while it waits for pictures, which a file system may keep back forever; `fill` throws
    /// `Trainer.Stopped` then.
    package var shouldStop: () -> Bool = { false }

    package init() {}
  }

  package private(set) var configuration: BatchLoader.Configuration
  private let handlers: Handlers
  /// Of a classifier whose classes are a tree.
  private let tree: ClassTree?

  private var loader: BatchLoader?
  private var next = (iteration: 0, part: 0)

  /// - Parameters:
  ///   - configuration: its seed and sizes give way to those of `state`.
  ///   - tree: of the network's `[softmax]`, if its classes are a tree.
  ///   - state: of the trainer, which may come from an earlier run.
  package init(
    _ configuration: BatchLoader.Configuration, tree: ClassTree? = nil,
    handlers: Handlers = Handlers(), at state: SourceState
  ) {
    self.configuration = configuration
    self.configuration.seed = state.seed
    self.configuration.sizes = state.sizes
    self.tree = tree
    self.handlers = handlers
  }

  package func fill(_ input: TensorView, iteration: Int, index: Int) throws -> Truth {
    if loader == nil || next != (iteration, index) { try start(at: iteration) }
    while let batch = try loader?.next(unless: handlers.shouldStop) {
      next =
        batch.part + 1 < configuration.batchesPerIteration
        ? (batch.iteration, batch.part + 1) : (batch.iteration + 1, 0)
      guard (batch.iteration, batch.part) == (iteration, index) else { continue }
      precondition(batch.input.count == input.count, "the loader's batch has another size")
      Vector.copy(batch.input.pointer, to: input.pointer, count: input.count)
      handlers.onBatch(batch)
      guard batch.truth.isEmpty else { return .boxes(batch.truth) }
      let rows = tree.map { batch.classShares.map($0.truth(of:)) } ?? batch.classShares
      return .values(Array(rows.joined()), perImage: rows.first?.count ?? 0)
    }
    precondition(handlers.shouldStop(), "a loader without a last iteration ended")
    throw Trainer.Stopped()
  }

  /// Threads that look ahead from `iteration` on.
  private func start(at iteration: Int) throws(DataError) {
    loader = nil
    configuration.firstIteration = iteration
    loader = try BatchLoader(configuration)
  }
}

extension BatchLoader.Configuration {
  /// The batches that `network` is trained with.
  ///
  /// - Parameter head: of the network, whose options decide how pictures are varied.
  package init(
    for network: Network, head: any DetectionHead, list: ListFile, log: ProblemLog
  ) {
    let net = network.net
    let training = head.training
    var augmentation = DetectionAugmentation(
      options: net.augmentation, jitter: training.jitter, resize: training.resize,
      letterBox: net.letterBox, maxObjects: training.maximumBoxes, dialect: network.dialect)
    augmentation.headPlaces = training.places
    self.init(
      list: list, task: .detection(augmentation, classes: head.classes),
      sizes: InputSizes(network, random: training.random, seed: 0),
      imagesPerBatch: net.miniBatch * net.timeSteps, batchesPerIteration: net.subdivisions,
      seed: 0, log: log)
    channels = net.channels
    if net.track { sequences = Sequences(streams: net.miniBatch, speed: net.augmentSpeed) }
    pairs = net.contrastive
    dialect = network.dialect
    configName = network.file
  }

  /// The batches that the classifier `network` is trained with.
  ///
  /// - Parameter isTree: whether its classes are a tree, whose truth is not smoothed.
  package init(
    classifying network: Network, labels: ClassLabels, isTree: Bool, list: ListFile,
    log: ProblemLog
  ) {
    let net = network.net
    var options = net.augmentation
    if isTree { options.labelSmoothing = 0 }
    self.init(
      list: list,
      task: .classification(ClassifierAugmentation(options: options), labels: labels),
      sizes: InputSizes(network, random: 0, seed: 0), imagesPerBatch: net.miniBatch * net.timeSteps,
      batchesPerIteration: net.subdivisions, seed: 0, log: log)
    channels = net.channels
    pairs = net.contrastive
    dialect = network.dialect
    configName = network.file
  }
}
