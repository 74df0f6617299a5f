import DarknetConfig
import DarknetLayers
import DarknetNetwork
import DarknetText

/// The table of layers that Darknet prints while it reads a cfg, and its totals.
package enum LayerTable {
  /// All lines in Darknet's order, for the streams that Darknet prints them to.
  package static func messages(of network: Network) -> [Message] {
    let isOriginal = network.dialect == .pjreddie
    var messages = network.events.map(\.message)
    messages.append(
      Message(
        .standardError,
        isOriginal
          ? "layer     filters    size              input                output\n"
          : "   layer   filters  size/strd(dil)      input                output\n"))
    for node in network.nodes {
      messages.append(Message(.standardError, padded(node.index, isOriginal ? 5 : 4) + " "))
      messages += node.events.map(\.message)
      messages.append(Message(.standardError, node.layer.tableRow.text(network.dialect)))
      messages += node.eventsAfterRow.map(\.message)
    }
    if !isOriginal {
      messages.append(Message(.standardError, totals(of: network)))
    }
    return messages
  }

  private static func totals(of network: Network) -> String {
    // AlexeyAB adds the operations up in float32.
    let total = network.nodes.reduce(Float(0)) { $0 + Float($1.layer.operations / 1e9) }
    return "Total BFLOPS \(fixed(Double(total), decimals: 3, width: 5)) \n"
      + "avg_outputs = \(network.averageOutputs) \n"
  }
}
