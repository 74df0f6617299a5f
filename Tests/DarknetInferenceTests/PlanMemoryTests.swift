import DarknetInference
import DarknetTensors
import DarknetTestSupport
import Testing

@Suite struct PlanMemoryTests {
  // MARK: Placement

  @Test func `the end of a block that is done gives its place to another`() {
    let layout = ArenaLayout([
      .init(parts: [.init(count: 64, lifetime: 0...1), .init(count: 32, lifetime: 0...5)]),
      .init(count: 32, lifetime: 2...5),
    ])
    #expect(layout.offsets == [0, 32])
    #expect(layout.count == 64)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `parts that live together never share memory`(seed: UInt64) {
    var random = Random(seed: seed)
    let blocks = (0..<30).map { _ in
      let first = random.below(20)
      var (count, last) = (1 + random.below(200), first + random.below(4))
      var parts: [ArenaLayout.Block.Part] = []
      for _ in 0...random.below(3) {
        parts.append(.init(count: count, lifetime: first...last))
        (count, last) = (1 + random.below(count), last + 1 + random.below(4))
      }
      return ArenaLayout.Block(parts: parts)
    }
    let layout = ArenaLayout(blocks)
    for (i, a) in blocks.enumerated() {
      for (j, b) in blocks.enumerated() where j < i {
        for p in a.parts {
          for q in b.parts where p.lifetime.overlaps(q.lifetime) {
            let mine = layout.offsets[i]..<layout.offsets[i] + p.count
            let theirs = layout.offsets[j]..<layout.offsets[j] + q.count
            #expect(!mine.overlaps(theirs))
          }
        }
      }
      #expect(layout.offsets[i] + a.count <= layout.count)
    }
  }

  // MARK: Plans

  /// Two residual blocks that add the first `channels` of 64, the way through the first of which is
  /// wide: the source waits while the wide maps live.
  private static func cfg(_ channels: Int) -> String {
    let block = """

      [convolutional]
      filters=96
      size=1
      activation=leaky
      [convolutional]
      filters=96
      size=3
      pad=1
      activation=leaky
      [convolutional]
      filters=64
      size=3
      pad=1
      activation=leaky
      [partial_shortcut]
      from=-4
      channels=\(channels)
      activation=leaky
      """
    return """
      [net]
      width=12
      height=10
      channels=3
      [convolutional]
      filters=64
      size=3
      pad=1
      activation=leaky
      """ + block + block
  }

  /// Folding and other orders of sums change the last bits of float32; a wrong channel changes
  /// the first.
  @Test(arguments: [0, 16, 20, 32, 64], [1, 2])
  func `channels whose memory was given back are not looked at again`(
    channels: Int, batch: Int
  ) throws {
    let fixture = try NetworkFixture(Self.cfg(channels), batch: batch)
    let input = fixture.randomInput()
    let expected = fixture.forward(input)
    for way in [InferencePlan.Convolutions.fastest, .exact] {
      let plan = InferencePlan(
        fixture.network, parameters: fixture.parameters, batch: batch, convolutions: way)
      plan.inputView.pointer.update(from: input, count: input.count)
      plan.run()
      let last = fixture.network.nodes.count - 1
      let output = Array(plan.output(last).values)
      let scale = expected[last].reduce(0) { max($0, abs($1)) }
      let worst = zip(output, expected[last]).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= 1e-5 * scale, "\(way)")
    }
  }

  @Test func `a waiting source keeps the channels that are added`() throws {
    func peak(_ channels: Int, _ way: InferencePlan.Convolutions) throws -> Int {
      let fixture = try NetworkFixture(Self.cfg(channels))
      let plan = InferencePlan(
        fixture.network, parameters: fixture.parameters, convolutions: way)
      return plan.liveBytes.max()!
    }
    // At the 3x3 convolution from 96 to 96 channels the source waits beside input and output.
    let area = 12 * 10
    for way in [InferencePlan.Convolutions.fastest, .exact] {
      #expect(try peak(64, way) - peak(32, way) == 4 * 32 * area, "\(way)")
      #expect(try peak(64, way) - peak(0, way) == 4 * 64 * area, "\(way)")
    }
  }
}
