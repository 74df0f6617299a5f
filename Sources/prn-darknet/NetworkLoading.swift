import Darknet
import DarknetCommandLine
import DarknetTranscript

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A network with its weights, and what Darknet prints while it loads them.
struct LoadedNetwork {
  var network: Network
  var parameters: Parameters
  /// Of the weights file; nil without one.
  var header: WeightsHeader?
  /// The mapped file, whose pages may be given back once they are copied.
  var file: WeightsFile?
}

enum Load {
  static func config(_ path: String) throws -> ConfigFile {
    try ConfigFile(text: try bytes(path), name: path)
  }

  static func bytes(_ path: String) throws -> [UInt8] {
    do {
      // No cfg comes near 64 MiB.
      return try FileBytes.read(path, limit: 1 << 26)
    } catch {
      // Scripts look for Darknet's words.
      if error.code == ENOENT { Console.error("Couldn't open file: \(path)\n") }
      throw error
    }
  }

  /// What builds networks to run: in the dialect of the command line, with the files that cfgs
  /// name, and within this machine's memory.
  static func builder(
    _ arguments: Arguments, batch: Int?, inputSize: (width: Int, height: Int)? = nil
  ) throws -> NetworkBuilder {
    NetworkBuilder(
      dialect: arguments.dialect, batch: batch, inputSize: inputSize,
      memoryLimit: MachineMemory.total, readFile: { try? FileBytes.read($0) })
  }

  /// Builds the network of a cfg, and prints Darknet's table.
  static func network(
    _ path: String, _ arguments: Arguments, batch: Int? = 1, showsTable: Bool = true,
    showsNotes: Bool = true, isTraining: Bool = false
  ) throws -> Network {
    let config = try config(path)
    let network = try builder(arguments, batch: batch).build(config)
    if isTraining { Console.memoryAdvice.withLock { $0 = network.memoryAdvice } }
    if showsTable { show(network, isTraining: isTraining, isQuiet: isQuiet(arguments)) }
    if showsNotes { Console.show(network.notes) }
    return network
  }

  private static func isQuiet(_ arguments: Arguments) -> Bool {
    arguments.takes(Flags.quiet) && arguments[Flags.quiet]
  }

  /// Darknet's table.
  ///
  /// - Parameter isQuiet: nothing; what is wrong with the cfg is among its notes.
  static func show(_ network: Network, isTraining: Bool, isQuiet: Bool = false) {
    guard !isQuiet else { return }
    if network.dialect == .alexeyab {
      let net = network.net
      Console.out(
        "mini_batch = \(net.miniBatch), batch = \(net.imagesPerUpdate), "
          + "time_steps = \(net.timeSteps), train = \(isTraining ? 1 : 0) \n")
    }
    for message in LayerTable.messages(of: network) { Console.show(message) }
    let (w, h) = (network.inputShape.width, network.inputShape.height)
    let isDetector = network.nodes.last?.layer is any DetectionHead
    if network.dialect == .alexeyab, isDetector, w % 32 != 0 || h % 32 != 0 {
      Console.out(
        "\n Warning: width=\(w) and height=\(h) in cfg-file must be divisible by 32 for default "
          + "networks Yolo v1/v2/v3!!! \n\n")
    }
  }

  /// Cfg and, if a path is given, weights.
  ///
  /// - Parameters:
  ///   - needsWeights: whether layers without weights are an error, as what the network finds would
  ///     mean nothing; not with `-force`.
  ///   - check: called with the network before its weights are looked at.
  static func network(
    _ path: String, weights: String?, _ arguments: Arguments, batch: Int? = 1,
    cutoff: Int = .max, showsTable: Bool = true, isTraining: Bool = false, seed: UInt64 = 0,
    needsWeights: Bool = false, check: (Network) throws -> Void = { _ in }
  ) throws -> LoadedNetwork {
    let network = try network(
      path, arguments, batch: batch, showsTable: showsTable, isTraining: isTraining)
    try check(network)
    let needsWeights = needsWeights && !arguments[Flags.force]
    if needsWeights, weights == nil, network.nodes.contains(where: { !$0.layer.parameters.isEmpty })
    {
      throw UsageError(
        "WEIGHTS: expected the weights of \(path), found none; its weights would be random and its "
          + "results meaningless; name them after the cfg (-force runs it anyway)")
    }
    // With a whole weights file the random start is never seen, and drawing it costs time.
    let parameters = Parameters(of: network, seed: seed, randomize: weights == nil || isTraining)
    guard let weights else { return LoadedNetwork(network: network, parameters: parameters) }
    let (header, file) = try load(
      weights, into: parameters, of: network, arguments, cutoff: cutoff, isTraining: isTraining,
      needsWeights: needsWeights)
    return LoadedNetwork(network: network, parameters: parameters, header: header, file: file)
  }

  static func load(
    _ path: String, into parameters: Parameters, of network: Network, _ arguments: Arguments,
    cutoff: Int = .max, isTraining: Bool = false, needsWeights: Bool = false
  ) throws -> (WeightsHeader, WeightsFile) {
    let isQuiet = isQuiet(arguments)
    if !isQuiet { Console.error("Loading weights from \(path)...") }
    let file: WeightsFile
    let report: WeightsFile.LoadReport
    do {
      file = try WeightsFile(path, dialect: network.dialect, order: arguments[Flags.order])
      report = try file.load(
        into: parameters, of: network, cutoff: cutoff, force: arguments[Flags.force])
    } catch {
      if !isQuiet { Console.error("\n") }
      if let error = error as? FileError, error.code == ENOENT {
        Console.error("Couldn't open file: \(path)\n")
      }
      throw error
    }
    for note in report.notes { Console.error("\n\(note)\n") }
    if isQuiet {
    } else if network.dialect == .alexeyab {
      let seen = report.header.seen
      Console.out(
        "\n seen \(report.header.hasWideSeen ? 64 : 32), trained: \(seen / 1000) K-images "
          + "(\(seen / 64000) Kilo-batches_64) \n")
      Console.error("Done! Loaded \(report.layersLoaded) layers from weights-file \n")
    } else {
      Console.error("Done!\n")
    }
    if !isTraining, cutoff >= network.nodes.count, let first = report.freshLayers.first {
      guard !needsWeights else {
        throw WeightsError(
          file: path, byte: file.count, expected: "weights for all layers of \(network.file)",
          found: "the end before layer \(first); \(report.freshLayers.count) layers have none",
          fix: "its results would mean nothing; name complete weights, or train these "
            + "(-force runs them)")
      }
      Console.error(
        "\(path): ends before layer \(first); \(report.freshLayers.count) layers have no weights\n")
    }
    return (report.header, file)
  }
}

extension Console {
  /// A line of Darknet's, to the stream that Darknet prints it to.
  static func show(_ message: Message) {
    switch message.stream {
    case .standardOutput: out(message.text)
    case .standardError: error(message.text)
    }
  }
}
