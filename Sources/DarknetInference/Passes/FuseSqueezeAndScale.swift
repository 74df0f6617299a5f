import DarknetGraph

/// Squeeze and excitation (Hu et al. 2018): depthwise convolutions add up the means of their
/// channels on the way, and a 1x1 convolution scales its weights instead of the map before it.
struct FuseSqueezeAndScale: GraphPass {
  let name = "fuse squeeze and scale"

  func apply(to graph: inout Graph) {
    graph.mergeNeighbours { first, second, uses in
      squeezed(first, second) ?? scaled(first, second, uses)
    }
  }

  private func squeezed(_ first: Graph.Operator, _ second: Graph.Operator) -> Graph.Operator? {
    guard case .averageMap = second.operation, let (_, algorithm) = first.packed,
      algorithm == .depthwise, first.result(.averages) == nil,
      second.operands[0].value == first.result(.map)
    else { return nil }
    var merged = first.merged(with: second, as: first.operation)
    merged.results = first.results + [.init(second.results[0].value, role: .averages)]
    return merged
  }

  private func scaled(
    _ first: Graph.Operator, _ second: Graph.Operator, _ uses: [Int]
  ) -> Graph.Operator? {
    guard case .multiply(.linear) = first.operation, let (_, algorithm) = second.packed,
      algorithm == .pointwise, second.operand(.factors) == nil, first.feeds(second, uses)
    else { return nil }
    var merged = second
    merged.operands = first.operands.reversed() + second.operands.dropFirst()
    merged.layers = first.layers.lowerBound...second.layers.upperBound
    return merged
  }
}
