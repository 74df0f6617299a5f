import DarknetNetwork
import DarknetTensors

/// Where each layer's output stands in one arena: outputs that never live at the same time share
/// memory. A layer's output lives from its own step to its last reader's.
struct BufferLayout {
  /// Float offset of each layer's output.
  let offsets: [Int]
  /// Floats of the arena.
  let count: Int

  init(_ network: Network, batch: Int, kept: Set<Int>) {
    var lastReader = Array(network.nodes.indices)
    for node in network.nodes {
      for source in node.layer.sources where source >= 0 {
        lastReader[source] = max(lastReader[source], node.index)
      }
    }
    for index in kept { lastReader[index] = network.nodes.count }
    let layout = ArenaLayout(
      network.nodes.map {
        ArenaLayout.Block(
          count: batch * $0.outputShape.count, lifetime: $0.index...lastReader[$0.index])
      })
    (offsets, count) = (layout.offsets, layout.count)
  }
}
