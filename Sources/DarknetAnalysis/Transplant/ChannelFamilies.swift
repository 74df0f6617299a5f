import DarknetLayers
import DarknetNetwork

/// Layers whose channels belong together, one to one: shortcuts add them, depthwise convolutions
/// hand them on. If one of them loses channels, all must lose the same.
struct ChannelFamilies {
  private let network: Network
  /// A member of each layer's family that stands for it.
  private var roots: [Int]
  /// Families whose channels meet at different places; they keep their order.
  private var crossed: Set<Int> = []
  /// Channels of a family from the first that is kept to the last; families without one keep
  /// their order.
  private var orders: [Int: [Int]] = [:]

  init(_ network: Network, _ labels: ChannelLabels) {
    self.network = network
    roots = Array(network.nodes.indices)
    for node in network.nodes {
      switch network.channelFlow(of: node.index) {
      case .passes(let passages) where Self.areAdded(passages):
        let first = labels[node.layer.sources[passages[0].source]]
        for passage in passages.dropFirst() {
          let other = labels[node.layer.sources[passage.source]]
          for (offset, channel) in passage.from.enumerated() {
            join(first[passage.to + offset], other[channel])
          }
        }
      case .mixes(let groups) where groups > 1 && groups == node.outputShape.channels:
        let inputs = labels.inputs(of: node.index)
        for (channel, label) in inputs.enumerated() where inputs.count == groups {
          join([ChannelLabel(layer: node.index, channel: channel)], label)
        }
      default: break
      }
    }
  }

  /// Whether several inputs meet in the same channels of the output, instead of lying side by side.
  private static func areAdded(_ passages: [ChannelFlow.Passage]) -> Bool {
    guard let first = passages.first else { return false }
    let channels = first.to..<first.to + first.from.count
    return passages.dropFirst().contains {
      channels.overlaps($0.to..<$0.to + $0.from.count)
    }
  }

  private func root(_ layer: Int) -> Int {
    var layer = layer
    while roots[layer] != layer { layer = roots[layer] }
    return layer
  }

  private mutating func join(_ a: [ChannelLabel], _ b: [ChannelLabel]) {
    guard let a = a.first, let b = b.first, a.layer >= 0, b.layer >= 0 else { return }
    let (x, y) = (root(a.layer), root(b.layer))
    if x != y {
      roots[max(x, y)] = min(x, y)
      if crossed.contains(max(x, y)) { crossed.insert(min(x, y)) }
    }
    if a.channel != b.channel { crossed.insert(min(x, y)) }
  }

  /// Orders the channels of every family that has to lose some.
  ///
  /// - Parameter narrowing: layers, and how many channels of each will be kept.
  mutating func chooseOrders(
    _ selection: Transplant.Selection, _ parameters: Parameters, narrowing: [(Int, Int)]
  ) {
    guard selection == .l1 else { return }
    let narrowed = Set(
      narrowing.filter { network.nodes[$0].outputShape.channels > $1 }.map { root($0.0) })
    for family in narrowed where !crossed.contains(family) {
      let members = network.nodes.filter { root($0.index) == family }
      var norms: [Double] = []
      var shares: [Int] = []
      for node in members {
        guard
          let weights = zip(node.layer.parameters, parameters.buffers[node.index])
            .first(where: { $0.0.role == .weight })?.1
        else { continue }
        let filters = node.outputShape.channels
        let columns = weights.count / filters
        let sums = (0..<filters).map { filter in
          (filter * columns..<(filter + 1) * columns).reduce(0.0) {
            $0 + Double(abs(weights.pointer[$1]))
          }
        }
        let mean = max(sums.reduce(0, +) / Double(filters), .leastNormalMagnitude)
        while norms.count < filters {
          norms.append(0)
          shares.append(0)
        }
        for (filter, sum) in sums.enumerated() {
          norms[filter] += sum / mean
          shares[filter] += 1
        }
      }
      // Channels that more members have come first, so that narrower members keep a beginning.
      orders[family] = norms.indices.sorted {
        (shares[$0], norms[$0], $1) > (shares[$1], norms[$1], $0)
      }
    }
  }

  /// The channels of A's layer for the `count` channels of B's, nil for those that A does not have.
  func kept(of layer: Int, count: Int) -> [Int?] {
    let filters = network.nodes[layer].outputShape.channels
    let order = orders[root(layer)]?.filter { $0 < filters } ?? Array(0..<filters)
    return (0..<count).map { $0 < order.count ? order[$0] : nil }
  }
}
