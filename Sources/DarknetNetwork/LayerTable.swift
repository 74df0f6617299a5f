import DarknetConfig
import DarknetLayers

/// The table of layers that Darknet prints while it reads a cfg, and its totals.
public enum LayerTable {
  /// All lines in Darknet's order, for the streams that Darknet prints them to.
  public static func messages(of network: Network) -> [Message] {
    let isOriginal = network.dialect == .pjreddie
    var messages = network.messages
    messages.append(
      Message(
        .standardError,
        isOriginal
          ? "layer     filters    size              input                output\n"
          : "   layer   filters  size/strd(dil)      input                output\n"))
    for node in network.nodes {
      messages.append(Message(.standardError, padded(node.index, isOriginal ? 5 : 4) + " "))
      messages += node.messages
      messages.append(Message(.standardError, node.layer.tableText(network.dialect)))
      messages += node.messagesBehindRow
    }
    if !isOriginal {
      messages.append(Message(.standardError, totals(of: network)))
    }
    return messages
  }

  /// Billions of operations of one image, as AlexeyAB's table counts them.
  public static func billionOperations(of network: Network) -> Double {
    network.nodes.reduce(0) { $0 + $1.layer.operations } / 1e9
  }

  private static func totals(of network: Network) -> String {
    let maps = network.nodes.map(\.outputShape).filter { $0.width > 1 && $0.height > 1 }
    let average = maps.isEmpty ? 0 : maps.reduce(0) { $0 + $1.count } / maps.count
    return "Total BFLOPS \(fixed(billionOperations(of: network), decimals: 3, width: 5)) \n"
      + "avg_outputs = \(average) \n"
  }
}
