import Darknet
import DarknetCommandLine

/// `partial CFG WEIGHTS OUT N`: the first N layers' weights, to start another network from.
enum Partial: Command {
  static let words = ["partial"]
  static let about = "write the weights of the layers before N, with no images seen"
  private static let layers = Word<String>("N", .number)
  static let syntax = Syntax(
    [Words.cfg, Words.weights, Words.output, layers], groups: [.weightsFile],
    notes: "By convention OUT is named CFG.conv.N; training loads it like any weights file.")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let cfg = arguments[Words.cfg]
    let weights = arguments[Words.weights]
    let output = arguments[Words.output]
    let text = arguments[layers]
    try Output.checkReplacesWeights(output, "OUT", force: arguments[Flags.force])
    guard var cutoff = Int(text), cutoff >= 0 else {
      throw UsageError("N: expected a number of layers, found '\(text)'")
    }
    let loaded = try Load.network(cfg, weights: weights, arguments, cutoff: cutoff)
    let count = loaded.network.nodes.count
    if cutoff > count {
      Console.error(
        "N: \(cfg) has \(counted(count, "layer", "layers")), not \(cutoff); all of them are written\n"
      )
      cutoff = count
    }
    if let file = loaded.file,
      let layout = loaded.file?.layout(for: loaded.network, cutoff: cutoff),
      file.count < layout.end, !arguments[Flags.force]
    {
      throw WeightsError(
        file: weights, byte: file.count, expected: "the weights of all layers before \(cutoff)",
        found: "the end of the file", fix: "choose a smaller N or another file")
    }
    Console.error("Saving weights to \(output)\n")
    try WeightsFile.write(
      loaded.parameters, of: loaded.network, to: output, seen: 0, cutoff: cutoff)
    return .done
  }
}
