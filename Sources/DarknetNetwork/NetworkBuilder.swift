import DarknetConfig
import DarknetLayers
import DarknetTensors
import DarknetText

/// Makes a `Network` from a cfg: asks the registry for each section's layer, which reads its own
/// options and infers its own shape.
package struct NetworkBuilder: Sendable {
  package var dialect: Dialect
  /// Replaces the cfg's `batch`, as commands that run single pictures do; time steps become 1.
  package var batch: Int?
  /// Replaces the cfg's input size, as multi-scale training does.
  package var inputSize: (width: Int, height: Int)?
  /// Bytes that the network may need; more is refused before anything is allocated.
  package var memoryLimit: Int
  /// Reads files that options name (`tree=`, `map=`).
  package var readFile: @Sendable (String) -> [UInt8]?

  package init(
    dialect: Dialect = .alexeyab, batch: Int? = nil, inputSize: (width: Int, height: Int)? = nil,
    memoryLimit: Int = Int.max, readFile: @escaping @Sendable (String) -> [UInt8]? = { _ in nil }
  ) {
    self.dialect = dialect
    self.batch = batch
    self.inputSize = inputSize
    self.memoryLimit = memoryLimit
    self.readFile = readFile
  }

  /// - Throws: `ConfigError` at the first thing that is wrong.
  package func build(_ config: ConfigFile) throws(ConfigError) -> Network {
    guard let first = config.sections.first else {
      throw ConfigError(
        file: config.name, expected: "sections such as [net] and [convolutional]",
        found: "none (Config file has no sections)", fix: "check that this is a cfg file")
    }
    if let stray = config.preamble.first {
      throw ConfigError(
        file: config.name, line: stray.line, expected: "[net] before the first option",
        found: "'\(stray.key)'", fix: "begin the file with [net]")
    }
    guard ["net", "network"].contains(first.name) else {
      throw ConfigError(
        file: config.name, line: first.line,
        expected: "[net] (First section must be [net] or [network])", found: "[\(first.name)]",
        fix: "begin the file with [net]")
    }
    var reader = OptionReader(first, file: config.name)
    var net = try NetOptions(&reader, dialect: dialect)
    if let inputSize { (net.width, net.height) = inputSize }
    if let batch { (net.batch, net.timeSteps) = (batch * net.subdivisions, 1) }
    var readers = [reader]
    let nodes = try buildNodes(config, net: net, &readers)
    let network = Network(
      config: config, builder: self, net: net, inputShape: net.inputShape, nodes: nodes,
      events: reader.events, notes: Self.notes(config, readers))
    try checkMemory(network)
    return network
  }

  /// What people should know about lines without effect, doubled ones and unknown ones.
  private static func notes(_ config: ConfigFile, _ readers: [OptionReader]) -> [ConfigNote] {
    var known: [String: Set<String>] = [:]
    for reader in readers { known[reader.section.name, default: []].formUnion(reader.known) }
    let notes = config.notes + readers.flatMap { $0.notes(others: known) }
    return ConfigNote.joined(notes.sorted { $0.line < $1.line })
  }

  private func buildNodes(
    _ config: ConfigFile, net: NetOptions, _ readers: inout [OptionReader]
  ) throws(ConfigError) -> [Network.Node] {
    var nodes: [Network.Node] = []
    var layers: [any Layer] = []
    var shape = net.inputShape
    for (place, section) in config.sections.enumerated().dropFirst() {
      guard let type = LayerRegistry.layer(named: section.name) else {
        throw unknownSection(section, in: config)
      }
      var options = OptionReader(section, file: config.name)
      // A function's call, so that the site is gone, and with it a second user of `layers`, when one
      // more is appended.
      let layer = try layer(type, &options, after: layers, inputShape: shape, place, config, net)
      guard let count = layer.outputShape.checkedCount, count <= Int(Int32.max) else {
        let found = layer.outputShape
        throw options.error(
          nil, expected: "an output of 1 to 2^31 - 1 values", found: "\(found)",
          fix: "change the input size or this section's options")
      }
      let common = try CommonOptions(&options, dialect: dialect)
      nodes.append(
        Network.Node(
          index: nodes.count, layer: layer, common: common, line: section.line,
          events: options.eventsBeforeRow, eventsAfterRow: options.eventsAfterRow))
      readers.append(options)
      layers.append(layer)
      shape = layer.outputShape
    }
    guard !nodes.isEmpty else {
      throw ConfigError(
        file: config.name, expected: "layers after [net]", found: "none",
        fix: "add sections such as [convolutional]")
    }
    return nodes
  }

  /// The layer of section `place` of the file.
  private func layer(
    _ type: any Layer.Type, _ options: inout OptionReader, after layers: [any Layer],
    inputShape: Shape, _ place: Int, _ config: ConfigFile, _ net: NetOptions
  ) throws(ConfigError) -> any Layer {
    let site = LayerSite(
      index: layers.count, inputShape: inputShape, previous: layers,
      networkShape: net.inputShape, timeSteps: net.timeSteps, miniBatch: net.miniBatch,
      dialect: dialect, readFile: readFile, previousSections: config.sections[1..<place],
      laterSections: config.sections[(place + 1)...])
    return try type.init(&options, at: site)
  }

  private func unknownSection(
    _ section: ConfigFile.Section, in config: ConfigFile
  ) -> ConfigError {
    let isNet = ["net", "network"].contains(section.name)
    let near = nearestName(to: section.name, among: LayerRegistry.names)
    return ConfigError(
      file: config.name, line: section.line, expected: "a layer's section",
      found: isNet
        ? "a second [\(section.name)]"
        : "[\(section.name)] (Type not recognized: [\(section.name)])",
      fix: isNet ? "drop it" : near.map { "did you mean [\($0)]?" } ?? "see docs/cfg-options.md")
  }

  /// Parameters and the two largest neighbouring outputs must fit whatever runs the network.
  private func checkMemory(_ network: Network) throws(ConfigError) {
    var floats = 0.0
    var largest = 0.0
    for node in network.nodes {
      for parameter in node.layer.parameters { floats += Double(parameter.count) }
      let images = Double(network.net.miniBatch) * Double(network.net.timeSteps)
      largest = max(
        largest, images * Double(node.outputShape.count + network.shape(of: node.index - 1).count))
    }
    let bytes = (floats + largest) * 4
    guard bytes <= Double(memoryLimit) else {
      throw ConfigError(
        file: network.file, expected: "a network that fits in \(memoryLimit >> 20) MiB of memory",
        found: "one that needs at least \(fixed(bytes / 1_048_576, decimals: 0)) MiB",
        fix: network.memoryAdvice)
    }
  }
}
