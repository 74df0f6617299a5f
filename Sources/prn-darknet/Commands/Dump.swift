import Darknet
import DarknetCommandLine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `dump CFG WEIGHTS INPUT OUTDIR`: every layer's output, for comparing programs.
enum Dump: Command {
  static let words = ["dump"]
  static let about = "write every layer's output as raw float32, with a manifest"
  private static let input = Word<String>("INPUT")
  private static let folder = Word<String>("OUTDIR", .output)
  static let syntax = Syntax(
    [Words.cfg, Words.weights, input, folder], flags: [Flags.letterBox],
    groups: [.inference, .weightsFile],
    notes: """
      INPUT is a picture, or raw little-endian float32 of the network's size (channels, rows,
      columns). OUTDIR gets net.cfg, input.f32, L000.f32 ... and manifest.json, which
      darknet-replay, a tool for developers, runs again.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let cfg = arguments[Words.cfg]
    let weights = arguments[Words.weights]
    let folder = arguments[folder]
    let loaded = try Load.network(cfg, weights: weights, arguments)
    let network = loaded.network
    try Folder.make(folder)
    let plan = InferencePlan(
      network, parameters: loaded.parameters, keeping: nil,
      convolutions: arguments.convolutions)
    try fill(plan, from: arguments[input], arguments)
    try RawTensors.write(UnsafeBufferPointer(plan.inputView.values), to: "\(folder)/input.f32")
    plan.run()
    var rows: [String] = []
    for node in network.nodes {
      let values = plan.output(node.index).values
      let name =
        "L\(String(repeating: "0", count: max(3 - "\(node.index)".count, 0)))\(node.index).f32"
      try RawTensors.write(UnsafeBufferPointer(values), to: "\(folder)/\(name)")
      rows.append(row(node, file: name, values))
    }
    try FileBytes.read(cfg).withUnsafeBytes {
      try AtomicFile.write(to: "\(folder)/net.cfg", durable: false, [$0])
    }
    let shape = network.inputShape
    let manifest = """
      {
       "name": \(cfg.jsonQuoted),
       "reference": "prn-darknet \(Program.version)",
       "dialect": "\(network.dialect.rawValue)",
       "mode": "inference, batch 1, batch norm folded into the convolutions",
       "cfg": "net.cfg",
       "weights": \(wholePath(weights).jsonQuoted),
       "input": {"file": "input.f32", "shape": [\(shape.channels), \(shape.height), \(shape.width)], "frames": 1},
       "layers": [
      \(rows.joined(separator: ",\n"))
       ]
      }

      """
    try AtomicFile.write(to: "\(folder)/manifest.json", durable: false, manifest)
    return .done
  }

  private static func wholePath(_ path: String) -> String {
    guard let resolved = realpath(path.cPath, nil) else { return path }
    defer { free(resolved) }
    return String(rawBytes: UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
  }

  private static func row(
    _ node: Network.Node, file: String, _ values: UnsafeMutableBufferPointer<Float>
  ) -> String {
    let finite = values.lazy.filter(\.isFinite)
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(max(values.count, 1))
    let s = node.outputShape
    return "  {\"index\": \(node.index), \"type\": \(node.name.jsonQuoted), "
      + "\"shape\": [\(s.channels), \(s.height), \(s.width)], \"file\": \"\(file)\", "
      + "\"min\": \(finite.min() ?? 0), \"max\": \(finite.max() ?? 0), "
      + "\"mean\": \(mean.isFinite ? "\(mean)" : "null")}"
  }

  /// The plan's input from a picture or from raw values.
  static func fill(_ plan: InferencePlan, from path: String, _ arguments: Arguments) throws {
    let shape = plan.network.inputShape
    if path.hasSuffix(".f32") || path.hasSuffix(".raw") {
      let values = try RawTensors.read(path)
      guard values.count == shape.count else {
        throw WeightsError(
          file: path, byte: 0, expected: "\(shape.count) floats for an input of \(shape)",
          found: "\(values.count)", fix: "give values for this network")
      }
      plan.inputView.pointer.update(from: values, count: values.count)
    } else {
      let preparation = PicturePreparation(
        for: plan.network,
        fit: Pictures.usesLetterbox(plan.network, arguments) ? .letterbox : .stretch)
      preparation.write(try preparation.load(path), into: plan.inputView.pointer)
    }
  }
}
