import DarknetConfig
import DarknetLayers
import DarknetTensors
import DarknetText

/// A network as its cfg describes it: typed layers with their shapes, and the edges between them.
///
/// It is immutable and owns no tensors; `Parameters` holds the weights, `InferencePlan` and
/// `TrainingExecutor` run it.
package struct Network: Sendable {
  /// A layer with what every section may say beside its own options.
  package struct Node: Sendable {
    package let index: Int
    package let layer: any Layer
    package let common: CommonOptions
    /// Of the section, in the cfg.
    package let line: Int
    /// What was to be said while the section was read, before the layer's row of the table.
    package let events: [ReadingEvent]
    /// What comes after the row: defaults of options read late, options that nobody asked for.
    package let eventsAfterRow: [ReadingEvent]

    /// The section's name without brackets.
    package var name: String { type(of: layer).name }
    package var outputShape: Shape { layer.outputShape }
  }

  /// The cfg's path, as the user wrote it.
  package let file: String
  package let dialect: Dialect
  package let net: NetOptions
  package let inputShape: Shape
  package let nodes: [Node]
  /// What was to be said while `[net]` was read.
  package let events: [ReadingEvent]
  /// Lines of the cfg that have no effect, or perhaps not the one that was meant.
  package let notes: [ConfigNote]
  /// What it was built from, and how.
  let config: ConfigFile
  let builder: NetworkBuilder
  /// The layers that read the input, layer 0, layer 1 …
  private let readers: [[Int]]

  init(
    config: ConfigFile, builder: NetworkBuilder, net: NetOptions, inputShape: Shape,
    nodes: [Node], events: [ReadingEvent], notes: [ConfigNote]
  ) {
    self.config = config
    self.builder = builder
    file = config.name
    dialect = builder.dialect
    self.net = net
    self.inputShape = inputShape
    self.nodes = nodes
    self.events = events
    self.notes = notes
    var readers = [[Int]](repeating: [], count: nodes.count + 1)
    for node in nodes {
      for source in Set(node.layer.sources) { readers[source + 1].append(node.index) }
    }
    self.readers = readers
  }

  /// Output of layer `index`, or the network's input for -1.
  package func shape(of index: Int) -> Shape {
    index < 0 ? inputShape : nodes[index].outputShape
  }

  /// Output of the network: the last layer that does not only compare, as `[cost]` does.
  package var outputIndex: Int {
    nodes.last { !$0.layer.onlyCompares }?.index ?? nodes.count - 1
  }

  /// The last detection head, whose options decide for all; nil for other networks.
  package var lastHead: (any DetectionHead)? {
    nodes.lazy.compactMap { $0.layer as? any DetectionHead }.last
  }

  /// Trained and rolling values of all layers.
  package var parameterCount: Int {
    nodes.reduce(0) { sum, node in sum + node.layer.parameters.reduce(0) { $0 + $1.count } }
  }

  /// The same network for another input size, with the same parameters.
  ///
  /// - Throws: `ConfigError` if a layer (connected, say) would need other parameters.
  package func resized(width: Int, height: Int) throws(ConfigError) -> Network {
    var builder = builder
    builder.inputSize = (width, height)
    let network = try builder.build(config)
    for (old, new) in zip(nodes, network.nodes) where old.layer.parameters != new.layer.parameters {
      throw ConfigError(
        file: file, line: old.line, section: old.name,
        expected: "a layer that works at any input size",
        found: "one whose weights depend on it (Cannot resize this type of layer)",
        fix: "set random=0, or keep the input at \(inputShape.width)x\(inputShape.height)")
    }
    return network
  }

  /// The same network with batch norm in all convolutions and connected layers (recurrent layers
  /// stay as they are, as with Darknet's `normalize`), or in no layer.
  package func settingBatchNormalization(_ isNormalized: Bool) throws(ConfigError) -> Network {
    var config = config
    for index in config.sections.indices {
      switch LayerRegistry.layer(named: config.sections[index].name)?.batchNormalizeOption {
      case .ofLayer: break
      case .ofParts where !isNormalized: break
      case .ofParts, .ignored, nil: continue
      }
      config.sections[index].options.removeAll { $0.key == "batch_normalize" }
      let value = isNormalized ? "1" : "0"
      config.sections[index].options.append(
        ConfigFile.Option(
          key: "batch_normalize", value: value, verbatim: value, line: config.sections[index].line))
    }
    return try builder.build(config)
  }

  /// The layers that read layer `index`.
  package func readers(of index: Int) -> [Int] { readers[index + 1] }

  /// The first layer that training changes: after the last `stopbackward=1`.
  package var firstTrainedLayer: Int {
    (nodes.last { $0.common.stopBackward == 1 }?.index).map { $0 } ?? 0
  }
}

/// Options that every section may have beside its own.
package struct CommonOptions: Hashable, Sendable {
  /// Multiplies the iteration's learning rate.
  package var learningRateScale: Float = 1
  /// Nothing flows back through the layer.
  package var onlyForward = false
  /// 1 freezes all earlier layers; other values only end the backward pass here.
  package var stopBackward = 0
  /// The weights file has no bytes of this layer.
  package var dontLoad = false
  /// The weights file has no batch-norm bytes of this layer.
  package var dontLoadScales = false
  /// The weights are not changed by training.
  package var dontUpdate = false
  /// No update before this many times `burn_in` iterations.
  package var burnInUpdate = 0
  /// Only batch-norm parameters are trained, here and in all earlier layers.
  package var trainOnlyBatchNormalization = false
  /// Weights stay within ±clip; 0 means no limit.
  package var clip: Float = 0
  /// Filters that the weights file holds, if fewer than the layer has.
  package var filtersToLoad: Int?
  /// pjreddie's dialect: not written to weights files.
  package var dontSave = false

  init() {}

  init(_ options: inout OptionReader, dialect: Dialect) throws(ConfigError) {
    learningRateScale = try options.float("learning_rate", default: 1)
    onlyForward = try options.flag("onlyforward")
    stopBackward = try options.int("stopbackward", default: 0)
    dontLoad = try options.flag("dontload")
    dontLoadScales = try options.flag("dontloadscales")
    dontUpdate = try options.flag("dont_update")
    burnInUpdate = try options.int("burnin_update", default: 0)
    trainOnlyBatchNormalization = try options.flag("train_only_bn")
    clip = try options.float("clip", default: 0)
    if dialect == .pjreddie {
      dontSave = try options.flag("dontsave")
      filtersToLoad = try options.int("numload", in: 1...(1 << 28))
      options.readWithoutEffect("truth", "smooth", because: "no layer's output is a target here")
    }
  }
}
