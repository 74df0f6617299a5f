import DarknetConfig
import DarknetData
import DarknetNetwork
import DarknetSystem
import DarknetText

/// A network with its weights, as the library's models begin: nothing is printed, and what would be
/// said about the files is kept as notes.
struct LoadedModel {
  let network: Network
  let parameters: Parameters
  /// Of the weights file; nil without one.
  let header: WeightsHeader?
  /// The mapped file, whose pages may be given back once they are copied.
  let file: WeightsFile?
  /// Lines without effect and the like, one line each.
  let notes: [String]

  /// For running: one picture or more at a time, all layers with weights of the file.
  ///
  /// - Parameter check: called with the network before its weights are looked at.
  /// - Throws: `ConfigError`, `FileError` or `WeightsError`; the last also for a file that ends
  ///   before the last layer, as what the network finds would mean nothing.
  init(
    cfg: String, weights: String, dialect: Dialect, check: (Network) throws -> Void
  ) throws {
    network = try Self.network(cfg, dialect: dialect, batch: 1)
    try check(network)
    parameters = Parameters(of: network, randomize: false)
    let (file, report) = try Self.load(weights, into: parameters, of: network)
    if let first = report.freshLayers.first {
      throw WeightsError(
        file: weights, byte: file.count, expected: "weights for all layers of \(cfg)",
        found: "the end before layer \(first); \(report.freshLayers.count) layers have none",
        fix: "name complete weights, or train these")
    }
    self.file = file
    header = report.header
    notes = network.notes.map(\.description) + report.notes
  }

  /// For training: layers that the file does not reach begin with random values.
  ///
  /// - Parameters:
  ///   - weights: nil to begin with random values everywhere.
  ///   - seed: of the random values.
  init(trainingCfg cfg: String, weights: String?, dialect: Dialect, seed: UInt64) throws {
    network = try Self.network(cfg, dialect: dialect, batch: nil)
    parameters = Parameters(of: network, seed: seed)
    guard let weights else {
      (file, header, notes) = (nil, nil, network.notes.map(\.description))
      return
    }
    let (file, report) = try Self.load(weights, into: parameters, of: network)
    self.file = file
    header = report.header
    notes = network.notes.map(\.description) + report.notes
  }

  /// The network of a cfg, within this machine's memory and with the files that the cfg names.
  ///
  /// - Parameter batch: images at once; nil for the cfg's.
  static func network(_ cfg: String, dialect: Dialect, batch: Int?) throws -> Network {
    let bytes = try FileBytes.read(cfg, limit: 1 << 26)
    return try NetworkBuilder(
      dialect: dialect, batch: batch, memoryLimit: MachineMemory.total,
      readFile: { try? FileBytes.read($0) }
    ).build(try ConfigFile(text: bytes, name: cfg))
  }

  private static func load(
    _ path: String, into parameters: Parameters, of network: Network
  ) throws -> (WeightsFile, WeightsFile.LoadReport) {
    let file = try WeightsFile(path, dialect: network.dialect)
    return (file, try file.load(into: parameters, of: network))
  }

  /// A name for each class: those of a file, or the classes' numbers.
  ///
  /// - Throws: `DataError` if the file cannot be read, `ConfigError` if it has another number of
  ///   names.
  static func names(_ path: String?, classes: Int, of cfg: String) throws -> [String] {
    guard let path else { return (0..<classes).map(String.init) }
    let names = try NamesFile(path).names
    guard names.count == classes else {
      throw ConfigError(
        file: path, expected: "a name for each of the \(classes) classes of \(cfg)",
        found: "\(names.count)", fix: "make names and classes agree")
    }
    return names
  }
}
