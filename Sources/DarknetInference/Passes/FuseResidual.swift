import DarknetGraph

/// Convolutions add a shortcut's source as they write their results.
struct FuseResidual: GraphPass {
  let name = "fuse residual"

  func apply(to graph: inout Graph) {
    graph.mergeNeighbours { first, second, uses in
      guard case .add(let activation) = second.operation, second.operands.count == 2,
        let (attributes, algorithm) = first.packed, algorithm != .im2col,
        first.operand(.residual) == nil, first.feeds(second, uses)
      else { return nil }
      var convolution = attributes
      var residual = second.operands[1]
      residual.role = .residual
      convolution.epilogue.residualChannels = residual.channels.count
      convolution.epilogue.secondActivation = activation
      return first.merged(with: second, as: .convolution(convolution), reading: [residual])
    }
  }
}
