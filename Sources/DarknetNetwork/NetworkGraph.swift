import DarknetGraph
import DarknetLayers

extension Network {
  /// The network as operators, each layer as it says of itself.
  ///
  /// - Parameter kept: layers whose outputs are read after the last operator.
  package func graph(keeping kept: Set<Int>) -> Graph {
    var graph = Graph(input: inputShape)
    for node in nodes {
      let layer = node.layer
      graph.addLayer(
        reading: layer.sources.enumerated().map { number, source in
          (source, channelsRead(by: node.index, ofSource: number))
        },
        outputShape: node.outputShape,
        isIdentity: layer.isIdentityAtInference && layer.sources.count == 1,
        lower: { layer.lower(into: &$0) })
    }
    graph.kept = Set(kept.map { graph.output(ofLayer: $0) })
    return graph
  }

  /// The layers that users read: detection heads and the network's output.
  package var readOutputs: Set<Int> {
    Set(nodes.filter { $0.layer is any DetectionHead }.map(\.index)).union([outputIndex])
  }
}
