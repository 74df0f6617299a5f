import Darknet
import DarknetTestSupport
import DarknetTranscript
import Foundation
import Testing

/// Broken cfgs, made from whole ones: `make fuzz`.
@Suite struct CfgFuzzTests {
  /// Whole cfgs to break: the project's, and every section with its options.
  private static let cfgs: [[UInt8]] = {
    let folder = ProjectFolder.root.appendingPathComponent("cfg")
    let files =
      (try? FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: nil)) ?? []
    let ours = files.filter { $0.pathExtension == "cfg" }.sorted { $0.path < $1.path }
      .compactMap { try? Array(Data(contentsOf: $0)) }
    return ours + ours.flatMap(beginnings) + [Array(allSections.utf8)]
  }()

  /// A cfg's first layers: networks that work, with as many faults in a fraction of the time.
  private static func beginnings(_ cfg: [UInt8]) -> [[UInt8]] {
    let sections = String(decoding: cfg, as: UTF8.self).components(separatedBy: "\n[")
    return [2, 4, 7, 11, 16].filter { $0 < sections.count }.map { count in
      Array(sections[..<count].joined(separator: "\n[").utf8)
    }
  }

  /// A network of one of each section that works on any map.
  private static let allSections: String = {
    var text = "[net]\nwidth=32\nheight=32\nchannels=4\nbatch=2\ntime_steps=1\nmax_batches=10\n"
    let skipped = [
      "detection", "region", "yolo", "Gaussian_yolo", "contrastive", "iseg", "history", "crop",
    ]
    for name in LayerRegistry.names where !skipped.contains(name) {
      text += "[\(name)]\nfilters=4\noutput=8\nhidden=6\nsize=3\nstride=1\npad=1\nfrom=-1\n"
      text += "layers=-1\nactivation=leaky\nbatch_normalize=1\nreverse=0\ngroups=1\n\n"
    }
    return text
  }()

  private static let values = [
    "", "65536", "1000000", "0,0,0", ",,,", "0,99", "-1,-2,0,99", "-100000", "x", "1,2,3",
    "leaky", "steps", "=",
  ]

  private static let lines = [
    "[net]", "[yolo]", "[route]", "layers=-1,-2,0,99", "from=-100000", "groups=7", "size=1000000",
    "width=100000", "batch=-1", "subdivisions=0", "steps=1,2\nscales=.1", "policy=steps", "tree=x",
    "mask=0,99", "num=1000000", "classes=1000000", "anchors=1", "activation=", "stride_x=3",
    "dilation=100000", "padding=-5", "time_steps=77", "share_index=0", "[local]\nfilters=100000",
    "stride=0", "filters", "]", "#", ";x",
  ].map { "\n\($0)\n" }

  private static let mutator = Mutator(
    seeds: cfgs, words: values + lines + ["=", "[", "]", ",", "\u{0}", "\r", "\u{FEFF}", "\u{1B}"])

  /// Puts another value after one of the equals signs.
  private static func change(_ bytes: inout [UInt8], _ random: inout Darknet.Random) {
    guard random.below(2) == 0 else { return }
    let equals = bytes.indices.filter { bytes[$0] == UInt8(ascii: "=") }
    guard !equals.isEmpty else { return }
    let place = equals[random.below(equals.count)] + 1
    let end = bytes[place...].firstIndex(of: 0x0A) ?? bytes.count
    let choices = values + Mutator.numbers
    bytes.replaceSubrange(place..<end, with: choices[random.below(choices.count)].utf8)
  }

  private static func network(
    _ cfg: [UInt8], _ dialect: Dialect
  ) throws(ConfigError) -> Network {
    let config = try ConfigFile(text: cfg, name: "x.cfg")
    return try NetworkBuilder(dialect: dialect, batch: 1, memoryLimit: 1 << 33).build(config)
  }

  @Test func `broken cfgs`() {
    let run = Fuzzing("cfg", count: Fuzzing.asked ?? 3000)
    let outcome = run.run(Self.mutator, prepare: Self.change) { cfg, random in
      let dialect: Dialect = random.below(4) == 0 ? .pjreddie : .alexeyab
      let network = try Self.network(cfg, dialect)
      let layout = WeightsLayout(of: network, headerCount: 20, order: dialect, isReading: true)
      guard layout.end >= 20, layout.entries.allSatisfy({ $0.count >= 0 && $0.offset >= 20 })
      else { return "weights of \(layout.end) bytes" }
      for node in network.nodes where node.layer.outputShape.count < 0 {
        return "layer \(node.index) has \(node.layer.outputShape.count) values"
      }
      let messages = LayerTable.messages(of: network)
      // A name or a word of the cfg itself may have these letters, and blanks are taken out of them.
      let letters = String(decoding: cfg, as: UTF8.self).lowercased().filter { !$0.isWhitespace }
      if !letters.contains("nan"),
        messages.contains(where: { $0.text.contains("nan") })
      {
        return "nan in the layer table"
      }
      guard
        try random.below(8) > 0
          || LayerTable.messages(of: Self.network(cfg, dialect)) == messages
      else {
        return "the same cfg gives two networks"
      }
      return nil
    }
    #expect(outcome.failures == [])
    // Both happen, or the mutations are too weak or too strong.
    #expect(outcome.accepted > run.count / 20 && outcome.refused > run.count / 20)
  }
}
