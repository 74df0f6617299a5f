import DarknetLayers
import DarknetNetwork

/// Which layers with weights of one network are those of another: pairs in the order of both, by
/// kind, kernel, scale, widths and the layers that they read.
package struct LayerMatching {
  /// What is compared of a layer.
  package struct Profile {
    var index: Int
    var name: String
    /// Kernel and strides of a convolution.
    var kernel: [Int] = []
    var isDepthwise = false
    var isGrouped = false
    /// The loss layer that alone reads it, through pools and the like; its filters are classes.
    var end: (any LossLayer)?
    var head: (any DetectionHead)? { end as? any DetectionHead }
    var isOutput: Bool { end != nil }
    /// How much smaller than the network's input its own input and output are.
    var scales: [Double]
    var filters: Int
    var channels: Int
    var isBatchNormalized: Bool
    /// Layers with weights from which it reads, -1 for the network's input.
    var producers: Set<Int>
  }

  /// Layers of A by layer of B.
  package private(set) var pairs: [Int: Int] = [:]

  package static func profiles(
    _ network: Network, _ labels: ChannelLabels, without missing: Set<Int> = []
  ) -> [Profile] {
    network.nodes.compactMap { node in
      let layer = node.layer
      guard !layer.parameters.isEmpty, layer.sharesParametersOf == nil,
        !missing.contains(node.index)
      else { return nil }
      let source = network.shape(of: layer.sources.first ?? -1)
      func scale(_ side: Int, _ whole: Int) -> Double { Double(whole) / Double(max(side, 1)) }
      let convolution = layer.convolution
      let isFlat = convolution == nil
      return Profile(
        index: node.index, name: node.name,
        kernel: convolution.map { [$0.size, $0.strideX, $0.strideY, $0.dilation] } ?? [],
        isDepthwise: convolution.map {
          $0.groups > 1 && $0.groups == $0.channels
            && $0.filters == $0.channels
        } ?? false,
        isGrouped: (convolution?.groups ?? 1) > 1, end: end(behind: node.index, network),
        scales: isFlat
          ? []
          : [
            scale(source.width, network.inputShape.width),
            scale(node.outputShape.width, network.inputShape.width),
          ],
        filters: node.outputShape.channels, channels: source.channels,
        isBatchNormalized: layer.parameters.contains { $0.role == .scale },
        producers: Set(labels.inputs(of: node.index).flatMap { $0.map(\.layer) }))
    }
  }

  static func end(behind index: Int, _ network: Network) -> (any LossLayer)? {
    var index = index
    while true {
      let readers = network.readers(of: index)
      guard readers.count == 1 else { return nil }
      let layer = network.nodes[readers[0]].layer
      if let end = layer as? any LossLayer { return end }
      guard layer.sources.count == 1, layer.parameters.isEmpty, !layer.takesPartOfChannels else {
        return nil
      }
      index = readers[0]
    }
  }

  /// Why A's layer cannot give its weights to B's; nil if it can.
  static func obstacle(_ a: Profile, _ b: Profile) -> String? {
    if a.name != b.name { return "[\(a.name)] and [\(b.name)]" }
    if a.kernel != b.kernel {
      func text(_ kernel: [Int]) -> String { "\(kernel[0])x\(kernel[0])/\(kernel[1])" }
      return "\(text(a.kernel)) and \(text(b.kernel))"
    }
    if a.isDepthwise != b.isDepthwise || a.isGrouped != b.isGrouped { return "different groups" }
    if a.isOutput != b.isOutput { return "only one of them before a loss" }
    if a.isBatchNormalized != b.isBatchNormalized { return "only one of them with batch norm" }
    return nil
  }

  /// The best pairs in order: the longest common way through both, by the sum of how alike the
  /// pairs are. Producers that are paired themselves count, so it is done three times.
  package init(_ a: [Profile], _ b: [Profile]) {
    for _ in 0..<3 { pairs = Self.align(a, b, known: pairs) }
  }

  /// Pairs that the user names; they take the place of those found.
  mutating func set(_ a: Int, for b: Int) { pairs[b] = a }

  private static func align(
    _ a: [Profile], _ b: [Profile], known: [Int: Int]
  ) -> [Int: Int] {
    let columns = b.count + 1
    var best = [Double](repeating: 0, count: (a.count + 1) * columns)
    var isPair = [Bool](repeating: false, count: best.count)
    for i in a.indices.reversed() {
      for j in b.indices.reversed() {
        let skip = max(best[(i + 1) * columns + j], best[i * columns + j + 1])
        let likeness = likeness(a[i], b[j], known)
        let pair = likeness + best[(i + 1) * columns + j + 1]
        isPair[i * columns + j] = likeness > 0 && pair >= skip
        best[i * columns + j] = max(skip, likeness > 0 ? pair : 0)
      }
    }
    var (i, j) = (0, 0)
    var pairs: [Int: Int] = [:]
    while i < a.count, j < b.count {
      if isPair[i * columns + j] {
        pairs[b[j].index] = a[i].index
        (i, j) = (i + 1, j + 1)
      } else if best[(i + 1) * columns + j] >= best[i * columns + j + 1] {
        i += 1
      } else {
        j += 1
      }
    }
    return pairs
  }

  /// 0 if they do not go together, else 1 to 5.
  private static func likeness(_ a: Profile, _ b: Profile, _ known: [Int: Int]) -> Double {
    if obstacle(a, b) != nil { return 0 }
    for (x, y) in zip(a.scales, b.scales) where abs(x - y) > 0.07 * max(x, y) { return 0 }
    func ratio(_ x: Int, _ y: Int) -> Double { Double(min(x, y)) / Double(max(x, y, 1)) }
    let shared = b.producers.filter { a.producers.contains($0 < 0 ? $0 : known[$0] ?? -2) }.count
    let topology = Double(shared) / Double(max(a.producers.count, b.producers.count, 1))
    return 1 + ratio(a.filters, b.filters) + ratio(a.channels, b.channels)
      + 1.5 * topology
  }
}
