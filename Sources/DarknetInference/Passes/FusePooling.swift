import DarknetGraph
import DarknetKernels

/// Convolutions write the maxima of 2x2 squares of their map, and the map itself only if somebody
/// else reads it.
struct FusePooling: GraphPass {
  let name = "fuse pooling"

  func apply(to graph: inout Graph) {
    graph.mergeNeighbours { first, second, uses in
      guard case .maximum(let pool) = second.operation, pool.isHalving,
        let (convolution, _) = first.packed, InferenceConvolution.canPool(convolution.geometry),
        first.result(.pooled) == nil, let map = first.result(.map),
        second.operands[0].value == map
      else { return nil }
      var merged = first.merged(with: second, as: first.operation)
      merged.results = uses[map] > 1 ? first.results : []
      merged.results.append(.init(second.results[0].value, role: .pooled))
      return merged
    }
  }
}
