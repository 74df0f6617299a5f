import DarknetGraph
import DarknetKernels

/// A 1x1 convolution and the depthwise one after it become one, so that the wide map between them
/// never leaves the cache.
struct FusePointwiseDepthwise: GraphPass {
  let name = "fuse pointwise and depthwise"

  func apply(to graph: inout Graph) {
    graph.mergeNeighbours { first, second, uses in
      guard let (expand, _) = first.packed, let (depthwise, _) = second.packed,
        first.operands.count == 1, second.operands.count == 1, first.feeds(second, uses),
        PointwiseDepthwise.can(expand.geometry, depthwise.geometry)
      else { return nil }
      var merged = first.merged(with: second, as: .pointwiseDepthwise(expand, depthwise))
      merged.implementation = merged.operation.name
      return merged
    }
  }
}
