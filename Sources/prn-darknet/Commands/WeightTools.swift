import Darknet
import DarknetCommandLine

/// What the tools on one weights file take: CFG WEIGHTS OUT. Weights may be changed in place, as
/// with Darknet.
private let editedOutput = Word<String>("OUT", .outputInPlace)

private func editSyntax(notes: String = "") -> Syntax {
  Syntax([Words.cfg, Words.weights, editedOutput], groups: [.weightsFile], notes: notes)
}

private func edit(
  _ arguments: Arguments, _ change: (Network, Parameters) throws -> (Network, Parameters)?
) throws -> ExitStatus {
  let output = arguments[editedOutput]
  try Output.checkReplacesWeights(output, "OUT", force: arguments[Flags.force])
  let loaded = try Load.network(
    arguments[Words.cfg], weights: arguments[Words.weights], arguments)
  // Changes must not reach into the mapped file's pages.
  let (network, parameters) =
    try change(loaded.network, loaded.parameters) ?? (loaded.network, loaded.parameters)
  // Darknet writes the images seen rounded down to whole batches of this cfg.
  let batch = UInt64(network.net.batch)
  let seen = (loaded.header?.seen ?? 0) / max(batch, 1) * max(batch, 1)
  Console.error("Saving weights to \(output)\n")
  try WeightsFile.write(parameters, of: network, to: output, seen: seen)
  return .done
}

/// `denormalize CFG WEIGHTS OUT`: folds batch norm into the weights and drops it.
enum Denormalize: Command {
  static let words = ["denormalize"]
  static let about = "fold batch norm into weights and biases, and leave it out of the file"
  static let syntax = editSyntax(
    notes: "The result belongs to the cfg with batch_normalize=0 everywhere.")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    try edit(arguments) { network, parameters in
      try WeightEditor.foldBatchNormalization(of: network, parameters)
      return try WeightEditor.withoutBatchNormalization(network, parameters)
    }
  }
}

/// `reset CFG WEIGHTS OUT`: folds batch norm into the weights and leaves a neutral one.
enum Reset: Command {
  static let words = ["reset"]
  static let about = "fold batch norm into the weights; scales, means, variances become 1, 0, 1"
  static let syntax = editSyntax()

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    try edit(arguments) { network, parameters in
      try WeightEditor.foldBatchNormalization(of: network, parameters)
      return nil
    }
  }
}

/// `normalize CFG WEIGHTS OUT`: adds a batch norm that changes nothing to layers without one.
enum Normalize: Command {
  static let words = ["normalize"]
  static let about = "add batch norm (scale 1, mean 0, variance 0) to layers without it"
  static let syntax = editSyntax()

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    try edit(arguments) { network, parameters in
      try WeightEditor.withBatchNormalization(network, parameters)
    }
  }
}

/// `rescale CFG WEIGHTS OUT`: makes the first convolution take pixels of -1...1 instead of 0...1.
enum Rescale: Command {
  static let words = ["rescale"]
  static let about = "change the first convolution for inputs of -1...1 instead of 0...1"
  static let syntax = editSyntax()

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    try edit(arguments) { network, parameters in
      try WeightEditor.rescaleFirstConvolution(of: network, parameters)
      return nil
    }
  }
}

/// `rgbgr CFG WEIGHTS OUT`: swaps red and blue in the first convolution.
enum SwapColors: Command {
  static let words = ["rgbgr"]
  static let about = "swap red and blue in the first convolution"
  static let syntax = editSyntax()

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    try edit(arguments) { network, parameters in
      try WeightEditor.swapColors(of: network, parameters)
      return nil
    }
  }
}

/// `average CFG OUT WEIGHTS…`: the mean of several weights files.
enum Average: Command {
  static let words = ["average"]
  static let about = "write the mean of several weights files of one cfg"
  private static let files = Word<[String]>(list: "WEIGHTS", .weights)
  static let syntax = Syntax(
    [Words.cfg, Words.output, files], groups: [.weightsFile],
    notes: """
      OUT comes before the files that are read, as in Darknet. An existing OUT is kept, unless with
      '-force' it is overwritten.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let output = arguments[Words.output]
    let files = arguments[files]
    // A word too few would cost the best weights.
    try Output.checkIsNew(output, "OUT", force: arguments[Flags.force])
    if files.count == 1 { Console.error("only one file: OUT gets the weights of \(files[0])\n") }
    let loaded = try Load.network(arguments[Words.cfg], weights: files[0], arguments)
    for path in files.dropFirst() {
      let other = Parameters(of: loaded.network, randomize: false)
      _ = try Load.load(path, into: other, of: loaded.network, arguments)
      WeightEditor.add(other, to: loaded.parameters, of: loaded.network)
    }
    WeightEditor.scale(loaded.parameters, of: loaded.network, by: 1 / Float(files.count))
    Console.error("Saving weights to \(output)\n")
    try WeightsFile.write(
      loaded.parameters, of: loaded.network, to: output, seen: loaded.header?.seen ?? 0)
    return .done
  }
}

/// `statistics CFG WEIGHTS`: mean square, mean and variance of each parameter.
enum Statistics: Command {
  static let words = ["statistics"]
  static let about = "print mean square, mean and variance of every parameter"
  static let syntax = Syntax([Words.cfg, Words.weights], groups: [.weightsFile])

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let loaded = try Load.network(
      arguments[Words.cfg], weights: arguments[Words.weights], arguments)
    for node in loaded.network.nodes {
      let parameters = node.layer.parameters
      if !parameters.isEmpty {
        Console.out(
          "\(node.name.prefix(1).uppercased())\(node.name.dropFirst()) Layer \(node.index)\n")
      }
      for (parameter, buffer) in zip(parameters, loaded.parameters.buffers[node.index]) {
        let count = Double(max(buffer.count, 1))
        let sum = buffer.values.reduce(0.0) { $0 + Double($1) }
        let squares = buffer.values.reduce(0.0) { $0 + Double($1) * Double($1) }
        let mean = sum / count
        let name = "\(parameter.name.prefix(1).uppercased())\(parameter.name.dropFirst())"
        Console.out(
          "\(name) MSE: \(fixed(squares / count, decimals: 6)), Mean: "
            + "\(fixed(mean, decimals: 6)), Variance: "
            + "\(fixed(squares / count - mean * mean, decimals: 6))\n")
      }
      Console.out("\n")
    }
    return .done
  }
}
