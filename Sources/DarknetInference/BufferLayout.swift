import DarknetLayers
import DarknetNetwork

/// Where each layer's output stands in one arena: outputs that never live at the same time share
/// memory.
///
/// A layer's output lives from its own step to its last reader's. Placed greedily, largest first,
/// each at the lowest place that is free during its whole life.
struct BufferLayout {
  /// Float offset of each layer's output.
  private(set) var offsets: [Int]
  /// Floats of the arena.
  private(set) var count = 0

  init(_ network: Network, batch: Int, kept: Set<Int>) {
    let layers = network.nodes.indices
    var lastReader = Array(layers)
    for node in network.nodes {
      for source in node.layer.sources where source >= 0 {
        lastReader[source] = max(lastReader[source], node.index)
      }
    }
    for index in kept { lastReader[index] = network.nodes.count }
    // Multiples of 16 floats keep every output on a cache line of its own.
    let sizes = network.nodes.map { (batch * $0.outputShape.count + 15) / 16 * 16 }
    offsets = Array(repeating: 0, count: sizes.count)
    var placed: [Int] = []
    for index in layers.sorted(by: { sizes[$0] > sizes[$1] }) {
      let rivals = placed.filter { $0 <= lastReader[index] && lastReader[$0] >= index }
        .sorted { offsets[$0] < offsets[$1] }
      var offset = 0
      for rival in rivals {
        if offset + sizes[index] <= offsets[rival] { break }
        offset = max(offset, offsets[rival] + sizes[rival])
      }
      offsets[index] = offset
      count = max(count, offset + sizes[index])
      placed.append(index)
    }
  }
}
