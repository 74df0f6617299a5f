import DarknetConfig
import DarknetLayers
import DarknetTensors
import DarknetText

/// The table of layers that Darknet prints while it reads a cfg, and its totals.
package enum LayerTable {
  /// All lines in Darknet's order, for the streams that Darknet prints them to.
  package static func messages(of network: Network) -> [Message] {
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
      messages += node.messagesAfterRow
    }
    if !isOriginal {
      messages.append(Message(.standardError, totals(of: network)))
    }
    return messages
  }

  /// Billions of operations of one image, as AlexeyAB's table counts them.
  package static func billionOperations(of network: Network) -> Double {
    network.nodes.reduce(0) { $0 + $1.layer.operations } / 1e9
  }

  private static func totals(of network: Network) -> String {
    // AlexeyAB looks at the width and height that a layer reads (what a [route] makes), which
    // some layers do not keep; it adds the operations up in float32.
    func isMap(_ shape: Shape) -> Bool { shape.width > 1 && shape.height > 1 }
    let maps = network.nodes.filter { node in
      switch node.layer.averageOutputs {
      case .ifInputIsMap: isMap(network.shape(of: node.layer.sources.first ?? -1))
      case .ifOutputIsMap: isMap(node.outputShape)
      case .always: true
      case .never: false
      }
    }
    let average =
      maps.isEmpty ? 0 : maps.reduce(0) { $0 + $1.outputShape.count } / maps.count
    let total = network.nodes.reduce(Float(0)) { $0 + Float($1.layer.operations / 1e9) }
    return "Total BFLOPS \(fixed(Double(total), decimals: 3, width: 5)) \n"
      + "avg_outputs = \(average) \n"
  }
}
