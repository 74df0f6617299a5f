import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// A folder of reference outputs: a network, its weights, an input, and what a Darknet program
/// computed from them. `golden/README.md` beside the data says how they were made.
struct GoldenCase: CustomTestStringConvertible, Sendable {
  let name: String
  let folder: String
  let manifest: Manifest
  /// Spells every [shortcut] as [partial_shortcut] of all common channels.
  var isPartial = false

  struct Manifest: Decodable, Sendable {
    struct Input: Decodable, Sendable {
      var shape: [Int]
      var frames: Int?
    }
    struct LayerEntry: Decodable, Sendable {
      var index: Int
      var type: String
      var shape: [Int]
      /// Of forward cases.
      var file: String?
      var cost: Float?
      /// Of gradient cases: what is in which file.
      var files: [String: String]?
    }
    struct Box: Decodable, Sendable {
      var `class`: Int
      var x, y, w, h: Float
    }
    struct TruthFile: Decodable, Sendable {
      var file: String
      var shape: [Int]
    }
    var reference: String
    var weights: String
    var batch: Int?
    var input: Input
    var layers: [LayerEntry]
    var truth: TruthFile?
    var boxes: [[Box]]?

    private enum Keys: String, CodingKey {
      case reference, weights, batch, input, layers, truth, boxes
    }

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: Keys.self)
      reference = try values.decode(String.self, forKey: .reference)
      weights = try values.decode(String.self, forKey: .weights)
      batch = try values.decodeIfPresent(Int.self, forKey: .batch)
      input = try values.decode(Input.self, forKey: .input)
      layers = try values.decode([LayerEntry].self, forKey: .layers)
      truth = try values.decodeIfPresent(TruthFile.self, forKey: .truth)
      // Forward cases call something else by this name.
      boxes = try? values.decodeIfPresent([[Box]].self, forKey: .boxes)
    }
  }

  var testDescription: String { name + (isPartial ? " as [partial_shortcut]" : "") }

  var dialect: Dialect { manifest.reference.hasPrefix("pjreddie") ? .pjreddie : .alexeyab }

  /// All recorded cases of a kind, or the few that the project has where the others are absent.
  static func all(_ kind: String) -> [GoldenCase] {
    let root =
      sharedFolder.map { "\($0)/golden/\(kind)" }
      ?? ProjectFolder.fixtures.appendingPathComponent(kind).path
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: root)
    else { return [] }
    return names.sorted().compactMap { name in
      let folder = "\(root)/\(name)"
      guard let data = FileManager.default.contents(atPath: "\(folder)/manifest.json") else {
        return nil
      }
      guard let manifest = try? JSONDecoder().decode(Manifest.self, from: data) else {
        Issue.record("\(folder)/manifest.json does not decode")
        return nil
      }
      return GoldenCase(name: name, folder: folder, manifest: manifest)
    }
  }

  /// The cases of a kind whose shortcuts only add, and those again in the other spelling.
  static func inBothSpellings(_ kind: String) -> [GoldenCase] {
    let cases = all(kind)
    let sums = [
      "shortcut", "shortcut-equal-unequal", "shortcut-multi", "shortcut-prn", "prn", "prn-trunk",
    ]
    return cases
      + cases.filter { sums.contains($0.name) && $0.dialect == .alexeyab }.map { golden in
        var golden = golden
        golden.isPartial = true
        return golden
      }
  }

  func floats(_ file: String) throws -> [Float] {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)"))
    return data.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map {
        let bits = bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)
        return Float(bitPattern: UInt32(littleEndian: bits))
      }
    }
  }

  /// Section names of the cfg that no layer of ours has.
  var unknownSections: [String] {
    get throws {
      try config.sections.dropFirst().map(\.name)
        .filter { LayerRegistry.layer(named: $0) == nil }
    }
  }

  private var config: ConfigFile {
    get throws {
      let text = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/net.cfg")))
      let name = "\(name)/net.cfg"
      return try ConfigFile(
        text: isPartial ? Zoo.makingShortcutsPartial(text, name: name, sparsity: 0) : text,
        name: name)
    }
  }

  /// The network with the case's weights.
  func network() throws -> (Network, Parameters) {
    let network = try NetworkBuilder(dialect: dialect).build(try config)
    let parameters = Parameters(of: network)
    let path = "\(folder)/\(manifest.weights)"
    let file = try WeightsFile(path, dialect: dialect, order: dialect)
    _ = try file.load(into: parameters, of: network)
    return (network, parameters)
  }
}
