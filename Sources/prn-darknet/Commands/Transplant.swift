import Darknet

/// `transplant A.cfg A.weights B.cfg B.weights`: starts B from what A has learnt.
enum TransplantCommand: Command {
  static let words = ["transplant"]
  static let usage = "A.cfg A.weights B.cfg B.weights [--map I:J …] [-select l1|first] [-seed N]"
  static let about = "start a network from the weights of another one, layer by layer"
  static let details = """
      Every layer of B that has a counterpart in A is given its weights; where B is narrower, a
      part of them. The table says what came from where and what starts fresh.
      --map I:J         layer J of B takes its weights from layer I of A; several are allowed
      -select l1|first  filters that stay where B has fewer: the largest by L1 norm (l1), or the
                        first ones
      -seed N           of the random start of what is fresh (0)
      -force            takes a weights file of A that does not fit A.cfg

    """

  static func run(_ arguments: inout Arguments) throws -> ExitStatus {
    let cfg = try arguments.require("A.cfg")
    let weights = try arguments.require("A.weights")
    let targetCfg = try arguments.require("B.cfg")
    let output = try arguments.require("B.weights")
    try arguments.finish()
    try Output.check(output, "B.weights", isNoneOf: [cfg, weights, targetCfg])
    let selection = try selection(arguments)
    let map = try map(arguments)
    let seed = try arguments.int("-seed", default: 0)
    let source = try Load.network(cfg, weights: weights, arguments, showsTable: false)
    let target = try Load.network(targetCfg, arguments, showsTable: false)
    let parameters = Parameters(of: target, seed: UInt64(seed))
    var missing: Set<Int> = []
    if let file = source.file {
      missing = Set(
        file.layout(for: source.network).entries.filter { $0.end > file.count }.map(\.layer))
    }
    let transplant: Transplant
    do {
      transplant = try Transplant(
        from: source.network, source.parameters, to: target, parameters, map: map,
        missing: missing, selection: selection)
    } catch {
      throw UsageError(
        "--map \(error.from):\(error.to): \(error.reason); look both up with 'ops'")
    }
    Console.out(table(transplant, target))
    Console.error("Saving weights to \(output)\n")
    try WeightsFile.write(parameters, of: target, to: output, seen: 0)
    return .done
  }

  private static func selection(_ arguments: Arguments) throws -> Transplant.Selection {
    guard let text = arguments.string("-select") else { return .l1 }
    guard let selection = Transplant.Selection(rawValue: text) else {
      throw UsageError("-select: expected l1 or first, found '\(text)'")
    }
    return selection
  }

  private static func map(_ arguments: Arguments) throws -> [(from: Int, to: Int)] {
    try (arguments.string("-map_to") ?? "").split(separator: ",").map { pair in
      let parts = pair.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
      guard parts.count == 2, let from = parts[0], let to = parts[1] else {
        throw UsageError("--map: expected I:J, two layers as 7:9, found '\(pair)'")
      }
      return (from, to)
    }
  }

  private static func table(_ transplant: Transplant, _ target: Network) -> String {
    var text = "layer                   from   filters      inputs          values\n"
    for entry in transplant.entries {
      let name = target.nodes[entry.layer].name
      text += padded(entry.layer, 5) + " " + name.padded(to: 17)
      guard let from = entry.from else {
        text += "    -  fresh: \(entry.note)\n"
        continue
      }
      text += padded(from, 5)
      text += "\(entry.filters)/\(entry.filterCount)".leftPadded(to: 11)
      text += "\(entry.inputs)/\(entry.inputCount)".leftPadded(to: 11)
      text += "\(entry.values)/\(entry.valueCount)".leftPadded(to: 18)
      text += entry.note.isEmpty ? "\n" : "  \(entry.note)\n"
    }
    let (carried, all) = (transplant.carriedCount, transplant.valueCount)
    let layers = transplant.entries.filter { $0.from != nil }.count
    let share = fixed(100 * Double(carried) / Double(max(all, 1)), decimals: 1)
    return text + "\(carried) of \(all) values (\(share) %) in \(layers) of "
      + "\(transplant.entries.count) layers\n"
  }
}
