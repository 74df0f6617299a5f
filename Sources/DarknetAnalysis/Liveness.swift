import DarknetLayers
import DarknetNetwork

/// Which feature maps, and which of their channels, must stay in memory while each layer runs.
///
/// A map lives from the layer that writes it to the last one that reads it. After the last reader
/// of all its channels only those live on that somebody still reads: of the source of a partial
/// shortcut, the first c. This is what Wang et al. 2019 (section 2) save against a residual
/// network, whose sources wait with all channels.
///
/// The count is layer by layer, each output beside its inputs; a plan that joins layers needs less
/// (`InferencePlan.liveBytes` is what it really takes).
package struct Liveness: Sendable {
  /// While one layer runs.
  package struct Row: Hashable, Sendable {
    package var layer: Int
    /// Of the layer's own output; 0 for a layer that hands its input on.
    package var outputBytes = 0
    /// Of all maps that live, the layer's inputs and output among them.
    package var liveBytes = 0
    /// Of those among them that nobody but a shortcut after this layer is to read.
    package var waitingBytes = 0
  }

  package let rows: [Row]

  /// The most that lives at once.
  package var peak: Row { rows.max { $0.liveBytes < $1.liveBytes }! }
  /// The most that waits for shortcuts at once.
  package var largestWaitingBytes: Int { rows.map(\.waitingBytes).max() ?? 0 }
  /// What waits for shortcuts, over all layers during which it waits.
  package var totalWaitingBytes: Int { rows.reduce(0) { $0 + $1.waitingBytes } }

  /// - Parameters:
  ///   - batch: images of a pass.
  ///   - keeping: layers whose outputs are read after the last layer; nil for the detection heads
  ///     and the network's output.
  ///   - hasFullShortcuts: counts partial shortcuts as residual ones, which add all channels that
  ///     both sides have.
  package init(
    _ network: Network, batch: Int = 1, keeping: Set<Int>? = nil, hasFullShortcuts: Bool = false
  ) {
    let maps = Self.maps(network, keeping: keeping, hasFullShortcuts: hasFullShortcuts)
    let count = network.nodes.count
    var output = [Int](repeating: 0, count: count)
    // Differences from row to row, so that a map that lives long costs no more than another.
    var live = [Int](repeating: 0, count: count + 1)
    var waiting = live
    func add(_ bytes: Int, to rows: inout [Int], _ first: Int, _ last: Int) {
      guard first <= last else { return }
      rows[first] += bytes
      rows[last + 1] -= bytes
    }
    for (owner, map) in maps {
      let shape = network.shape(of: owner)
      func bytes(_ channels: Int) -> Int { 4 * batch * channels * shape.area }
      if owner >= 0 {
        output[owner] = bytes(shape.channels)
        add(output[owner], to: &live, owner, owner)
      }
      let reads = map.reads.sorted { $0.layer < $1.layer }
      // Of this and all later reads.
      var channels = 0
      var isShortcut = true
      for (index, read) in reads.enumerated().reversed() {
        channels = max(channels, read.channels)
        isShortcut = isShortcut && read.isShortcut
        let first = (index > 0 ? reads[index - 1].layer : owner) + 1
        add(bytes(channels), to: &live, first, min(read.layer, count - 1))
        if isShortcut { add(bytes(channels), to: &waiting, first, min(read.layer, count) - 1) }
      }
    }
    var row = Row(layer: 0)
    rows = network.nodes.indices.map { index in
      row.layer = index
      row.outputBytes = output[index]
      row.liveBytes += live[index]
      row.waitingBytes += waiting[index]
      return row
    }
  }

  private struct Read {
    var layer: Int
    var channels: Int
    /// As a term that is added, not as what it is added to.
    var isShortcut: Bool
  }

  private struct Map { var reads: [Read] = [] }

  /// The maps by the layer that writes them, -1 for the network's input.
  private static func maps(
    _ network: Network, keeping: Set<Int>?, hasFullShortcuts: Bool
  ) -> [Int: Map] {
    var maps: [Int: Map] = [-1: Map()]
    var owners: [Int] = []
    func owner(_ index: Int) -> Int { index < 0 ? index : owners[index] }
    for node in network.nodes {
      if node.layer.isIdentityAtInference, node.layer.sources.count == 1 {
        owners.append(owner(node.layer.sources[0]))
        continue
      }
      owners.append(node.index)
      maps[node.index] = Map()
      for (number, source) in node.layer.sources.enumerated() {
        var channels = network.channelsRead(by: node.index, ofSource: number)
        let isShortcut = node.layer is any ResidualLayer && number > 0
        if isShortcut, hasFullShortcuts {
          channels = min(network.shape(of: source).channels, node.outputShape.channels)
        }
        maps[owner(source)]!.reads.append(
          Read(layer: node.index, channels: channels, isShortcut: isShortcut))
      }
    }
    for index in keeping ?? network.readOutputs {
      let channels = network.shape(of: owner(index)).channels
      maps[owner(index)]!.reads.append(
        Read(layer: network.nodes.count, channels: channels, isShortcut: false))
    }
    return maps
  }
}
