import DarknetGraph

/// Convolutions take the batch normalisation and the bias after them into their epilogue; when
/// weights are packed, both become factors of the weights and a bias.
struct FoldBatchNormalization: GraphPass {
  let name = "fold batch norm"

  func apply(to graph: inout Graph) {
    graph.mergeNeighbours { first, second, uses in
      guard case .convolution(var convolution) = first.operation,
        first.feeds(second, uses), first.layers == second.layers,
        convolution.epilogue.activation == .linear
      else { return nil }
      switch second.operation {
      case .normalize(let normalization) where convolution.epilogue.bias == nil:
        convolution.epilogue.normalization = normalization
      case .bias(let bias) where convolution.epilogue.bias == nil:
        convolution.epilogue.bias = bias
      default: return nil
      }
      return first.merged(with: second, as: .convolution(convolution))
    }
  }
}

extension Graph.Operator {
  /// Whether `next` reads this operator's map first, and nobody else reads it.
  func feeds(_ next: Graph.Operator, _ uses: [Int]) -> Bool {
    guard let map = result(.map) else { return false }
    return uses[map] == 1 && next.operands[0].value == map
  }

  /// One operator in the place of this and the next, whose results it writes.
  ///
  /// - Parameter operands: what it reads beside this one's operands.
  func merged(
    with next: Graph.Operator, as operation: Graph.Operation, reading operands: [Graph.Operand] = []
  ) -> Graph.Operator {
    var merged = self
    merged.operation = operation
    merged.operands += operands
    merged.results = next.results
    merged.layers = layers.lowerBound...next.layers.upperBound
    return merged
  }
}
