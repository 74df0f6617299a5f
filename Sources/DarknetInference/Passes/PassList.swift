import DarknetGraph
import DarknetNetwork

extension InferencePlan {
  /// What is done to a network's graph before it becomes steps, in order.
  ///
  /// - Parameter kept: layers whose outputs are read after a run.
  static func passes(_ convolutions: Convolutions, kept: Set<Int>) -> [any GraphPass] {
    let isExact = convolutions == .exact
    let shared: [any GraphPass] = [
      FoldBatchNormalization(), FuseActivation(acrossLayers: !isExact),
      ChooseAlgorithm(isExact: isExact),
    ]
    let supports = isExact ? Self.isComputedExactly(_:) : Self.hasKernel(_:)
    let fusions: [any GraphPass] = [
      FuseResidual(), FusePooling(), FuseSqueezeAndScale(), FusePointwiseDepthwise(),
    ]
    let last: [any GraphPass] = [
      RestoreLayers(supports: supports),
      ChooseLayout(kept: kept.sorted()),
    ]
    return shared + (isExact ? [] : fusions) + last
  }

  private static func hasKernel(_ step: Graph.Operator) -> Bool {
    switch step.operation {
    case .product, .normalize, .bias, .activate: false
    default: true
    }
  }

  private static func isComputedExactly(_ step: Graph.Operator) -> Bool {
    switch step.operation {
    case .convolution, .opaque: true
    default: false
    }
  }

  /// The graph of a network before and after each pass.
  ///
  /// - Parameter keeping: layers whose outputs must survive a run, beside the network's heads.
  package static func graphs(
    of network: Network, keeping: Set<Int> = [], convolutions: Convolutions = .fastest
  ) -> [(pass: String, graph: Graph)] {
    let kept = keeping.union(network.readOutputs)
    var graphs = [(pass: "lower", graph: network.graph(keeping: kept))]
    for pass in passes(convolutions, kept: kept) {
      var graph = graphs.last!.graph
      pass.apply(to: &graph)
      graphs.append((pass.name, graph))
    }
    return graphs
  }
}
