import DarknetNetwork

/// Where the channels of a map come from: a layer with weights (or the network's input, -1), and
/// which of its channels.
package struct ChannelLabel: Hashable {
  var layer: Int
  var channel: Int
}

/// The labels of every channel of every map of a network; of a sum, those of all terms, first that
/// of what it is added to.
package struct ChannelLabels {
  /// More terms than this of a long chain of shortcuts are not told apart.
  private static let limit = 8

  private let network: Network
  private let input: [[ChannelLabel]]
  private var maps: [[[ChannelLabel]]] = []

  init(_ network: Network) {
    self.network = network
    input = (0..<network.inputShape.channels).map { [ChannelLabel(layer: -1, channel: $0)] }
  }

  /// Labels of a map's channels, which must have been added.
  subscript(map: Int) -> [[ChannelLabel]] { map < 0 ? input : maps[map] }

  /// Labels of all channels that layer `index` reads.
  func inputs(of index: Int) -> [[ChannelLabel]] {
    network.nodes[index].layer.sources.flatMap { self[$0] }
  }

  /// The next layer's output.
  ///
  /// - Parameter makes: labels of a layer that makes channels of its own.
  mutating func add(makes: () -> [[ChannelLabel]]) {
    let index = maps.count
    let node = network.nodes[index]
    guard case .passes(let passages) = network.channelFlow(of: index) else {
      maps.append(makes())
      return
    }
    var labels = [[ChannelLabel]](repeating: [], count: node.outputShape.channels)
    for passage in passages {
      let source = self[node.layer.sources[passage.source]]
      for (offset, channel) in passage.from.enumerated() {
        for label in source[channel] where !labels[passage.to + offset].contains(label) {
          if labels[passage.to + offset].count < Self.limit {
            labels[passage.to + offset].append(label)
          }
        }
      }
    }
    maps.append(labels)
  }

  /// A network whose layers all make channels of their own.
  package static func all(of network: Network) -> ChannelLabels {
    var labels = ChannelLabels(network)
    for node in network.nodes {
      labels.add {
        (0..<node.outputShape.channels).map { [ChannelLabel(layer: node.index, channel: $0)] }
      }
    }
    return labels
  }
}
