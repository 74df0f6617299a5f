import DarknetGraph

/// Convolutions and sums apply the activation after them as they write their results.
struct FuseActivation: GraphPass {
  let name = "fuse activation"
  /// Whether an `[activation]` layer may be fused to the layer before it.
  let acrossLayers: Bool

  func apply(to graph: inout Graph) {
    graph.mergeNeighbours { first, second, uses in
      guard case .activate(let activation) = second.operation, first.feeds(second, uses),
        first.layers == second.layers || (acrossLayers && !activation.mixesChannels)
      else { return nil }
      switch first.operation {
      case .convolution(var convolution) where convolution.epilogue.activation == .linear:
        convolution.epilogue.activation = activation
        return first.merged(with: second, as: .convolution(convolution))
      case .add(.linear): return first.merged(with: second, as: .add(activation))
      case .multiply(.linear): return first.merged(with: second, as: .multiply(activation))
      default: return nil
      }
    }
  }
}
