import DarknetGraph
import DarknetKernels

/// Names the way in which each convolution is computed, which decides what can be fused to it.
struct ChooseAlgorithm: GraphPass {
  let name = "choose algorithm"
  /// im2col and matrix products for all.
  let isExact: Bool

  /// By im2col on planes, as the layer's own rule but with batch norm folded.
  static let plain = "plain"

  func apply(to graph: inout Graph) {
    for index in graph.operators.indices {
      guard case .convolution(let convolution) = graph.operators[index].operation else { continue }
      graph.operators[index].implementation =
        isExact || convolution.epilogue.activation.mixesChannels
        ? Self.plain : InferenceConvolution.choice(convolution.geometry).rawValue
    }
  }
}

extension Graph.Operator {
  /// A convolution and the algorithm chosen for it; nil for other operators and for plain ones.
  var packed: (attributes: Graph.ConvolutionAttributes, algorithm: InferenceConvolution.Algorithm)?
  {
    guard case .convolution(let attributes) = operation,
      let algorithm = implementation.flatMap(InferenceConvolution.Algorithm.init)
    else { return nil }
    return (attributes, algorithm)
  }
}
