import Darknet
import DarknetCommandLine

/// `transplant A.cfg A.weights B.cfg B.weights`: starts B from what A has learnt.
enum TransplantCommand: Command {
  static let words = ["transplant"]
  static let about = "start a network from the weights of another one, layer by layer"
  private static let cfg = Word<String>("A.cfg", .cfg)
  private static let weights = Word<String>("A.weights", .weights)
  private static let targetCfg = Word<String>("B.cfg", .cfg)
  private static let output = Word<String>("B.weights", .output)
  private static let map = Flag<[LayerPair]>.list(
    "-map", "I:J", addsUp: true,
    "layer J of B takes its weights from layer I of A; several are allowed"
  ) { pair throws(FlagFault) in try LayerPair(pair) }
  private static let selection = Flag.choice(
    "-select", default: Transplant.Selection.l1,
    "filters to keep where B has fewer: the largest by L1 norm, or the first ones")
  private static let seed = Flag.whole(
    "-seed", default: 0, in: 0...Int.max, "of the random values of what A has no weights for")
  static let syntax = Syntax(
    [cfg, weights, targetCfg, output], flags: [map, selection, seed], groups: [.weightsFile],
    notes: """
      Every layer of B that has a counterpart in A gets its weights, or a part of them where B is
      narrower. The table says which weights came from where and what starts fresh.
      """)

  /// `I:J` of `-map`.
  private struct LayerPair {
    var from: Int
    var to: Int

    init(_ text: Substring) throws(FlagFault) {
      let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
      guard parts.count == 2, let from = parts[0], let to = parts[1] else {
        throw FlagFault(text: "expected I:J, two layers as 7:9, found '\(text)'; change it")
      }
      (self.from, self.to) = (from, to)
    }
  }

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let output = arguments[output]
    try Output.checkReplacesWeights(output, "B.weights", force: arguments[Flags.force])
    let source = try Load.network(
      arguments[cfg], weights: arguments[weights], arguments, showsTable: false)
    let target = try Load.network(arguments[targetCfg], arguments, showsTable: false)
    let parameters = Parameters(of: target, seed: UInt64(arguments[seed]))
    var missing: Set<Int> = []
    if let file = source.file {
      missing = Set(
        file.layout(for: source.network).entries.filter { $0.end > file.count }.map(\.layer))
    }
    let transplant: Transplant
    do {
      transplant = try Transplant(
        from: source.network, source.parameters, to: target, parameters,
        map: arguments[map].map { ($0.from, $0.to) }, missing: missing,
        selection: arguments[selection])
    } catch {
      throw UsageError(
        "-map \(error.from):\(error.to): \(error.reason); look both up with 'ops'")
    }
    Console.out(table(transplant, target))
    Console.error("Saving weights to \(output)\n")
    try WeightsFile.write(parameters, of: target, to: output, seen: 0)
    return .done
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
