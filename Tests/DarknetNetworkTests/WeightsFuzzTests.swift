import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// Broken weights of small networks, in both dialects and orders: `make fuzz`.
@Suite struct WeightsFuzzTests {
  private static let cfgs = [
    """
    [net]
    width=16
    height=16
    channels=3
    [convolutional]
    batch_normalize=1
    filters=6
    size=3
    pad=1
    activation=leaky
    [connected]
    output=5
    activation=linear
    """,
    """
    [net]
    width=8
    height=8
    channels=2
    [convolutional]
    batch_normalize=1
    filters=40
    size=1
    activation=mish
    [batchnorm]
    [convolutional]
    filters=4
    groups=2
    size=3
    flipped=1
    [shortcut]
    from=-1
    weights_type=per_channel
    weights_normalization=softmax
    activation=linear
    [local]
    filters=2
    size=3
    stride=2
    activation=leaky
    """,
    """
    [net]
    inputs=6
    batch=2
    time_steps=2
    [lstm]
    output=4
    batch_normalize=1
    [gru]
    output=3
    [connected]
    output=2
    batch_normalize=1
    activation=linear
    """,
  ]

  @Test func `broken weights`() throws {
    let folder = try TemporaryFolder.make()
    var networks: [Network] = []
    var files: [[UInt8]] = []
    for dialect in [Dialect.alexeyab, .pjreddie] {
      for (index, cfg) in Self.cfgs.enumerated() {
        // pjreddie's program has no weighted shortcut.
        if dialect == .pjreddie, index == 1 { continue }
        let network = try NetworkBuilder(dialect: dialect).build(
          ConfigFile(text: Array(cfg.utf8), name: "x.cfg"))
        let path = folder.appendingPathComponent("\(networks.count).weights")
        try WeightsFile.write(
          Parameters(of: network, seed: 1), of: network, to: path.path, seen: 12345)
        networks.append(network)
        files.append(Array(try Data(contentsOf: path)))
      }
    }
    let mutator = Mutator(
      seeds: files, words: ["\u{89}PNG\r\n\u{1A}\n", "PK\u{3}\u{4}", "<html>", "[net]\n"],
      isText: false)
    let file = folder.appendingPathComponent("broken.weights")
    let run = Fuzzing("weights", count: Fuzzing.asked ?? 2000)
    let outcome = run.run(mutator) { bytes, random in
      try Data(bytes).write(to: file)
      // Mostly the network that the file was made for.
      let own = files.firstIndex { $0.prefix(64) == bytes.prefix(64) }
      let network = networks[
        own.flatMap { random.below(8) == 0 ? nil : $0 } ?? random.below(networks.count)]
      let order = [nil, Dialect.alexeyab, .pjreddie][random.below(3)]
      let parameters = Parameters(of: network)
      let isForced = random.below(4) == 0
      let cutoff = random.below(4) == 0 ? random.below(4) : .max
      let report = try WeightsFile(file.path, dialect: network.dialect, order: order)
        .load(into: parameters, of: network, cutoff: cutoff, force: isForced)
      guard (0...network.nodes.count).contains(report.layersLoaded) else {
        return "\(report.layersLoaded) layers were loaded"
      }
      for note in report.notes {
        if let fault = Fuzzing.fault(ofText: note) { return fault }
      }
      for buffer in parameters.buffers.joined() where !isForced {
        guard buffer.array.allSatisfy({ abs($0) <= WeightsPlausibility.largest }) else {
          return "a number that no weight can be"
        }
      }
      return nil
    }
    #expect(outcome.failures == [])
    #expect(outcome.accepted > run.count / 20 && outcome.refused > run.count / 20)
  }
}
