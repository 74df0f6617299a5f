import Darknet
import DarknetCommandLine

/// `memory CFG`: what feature maps must be in memory, layer by layer.
enum Memory: Command {
  static let words = ["memory"]
  static let about = "print the memory of feature maps over the layers, and what shortcuts cost"
  private static let batch = Flag.whole(
    "-batch", default: 1, in: 1...4096, "images of a pass")
  private static let picture = Flag.text("-svg", "draw the same as a picture").written
  static let syntax = Syntax(
    [Words.cfg], flags: [batch, picture],
    notes: """
      'live': MiB of all maps that are still needed while the layer runs; of a partial shortcut's
      source only the channels that are added. 'waiting': the part of them that only waits for a
      shortcut. 'full': what 'live' would be if every partial shortcut were a whole one.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let batch = arguments[batch]
    let network = try Load.network(arguments[Words.cfg], arguments, batch: batch, showsTable: false)
    let exact = Liveness(network, batch: batch)
    let full = Liveness(network, batch: batch, hasFullShortcuts: true)
    Console.out(table(network, exact, full))
    let plan = InferencePlan(
      network, parameters: Parameters(of: network, randomize: false), batch: batch)
    Console.out(summary(exact, full, plan))
    if let path = arguments[picture] {
      try AtomicFile.write(to: path, MemoryPlot(network: network, exact: exact, full: full).text)
    }
    return .done
  }

  private static func table(_ network: Network, _ exact: Liveness, _ full: Liveness) -> String {
    var text = "layer                        output      MiB     live  waiting     full\n"
    for (row, other) in zip(exact.rows, full.rows) {
      let node = network.nodes[row.layer]
      text += padded(row.layer, 5) + " " + node.name.padded(to: 17)
      text += "\(node.outputShape)".leftPadded(to: 13)
      for bytes in [row.outputBytes, row.liveBytes, row.waitingBytes, other.liveBytes] {
        text += mebibytes(bytes).leftPadded(to: 9)
      }
      text += "\n"
    }
    return text
  }

  private static func summary(
    _ exact: Liveness, _ full: Liveness, _ plan: InferencePlan
  ) -> String {
    func line(_ name: String, _ bytes: Int, _ other: Int? = nil) -> String {
      name.padded(to: 34) + mebibytes(bytes).leftPadded(to: 9) + " MiB"
        + (other.map { "   with whole shortcuts \(mebibytes($0)) MiB" } ?? "") + "\n"
    }
    let peak = exact.peak
    return line("peak, at layer \(peak.layer)", peak.liveBytes, full.peak.liveBytes)
      + line(
        "waiting for shortcuts, at most", exact.largestWaitingBytes, full.largestWaitingBytes)
      + line("waiting, over all layers", exact.totalWaitingBytes, full.totalWaitingBytes)
      + line("the plan's peak of live maps", plan.liveBytes.max() ?? 0)
      + line("the plan's maps and scratch", plan.memoryCount)
  }
}
