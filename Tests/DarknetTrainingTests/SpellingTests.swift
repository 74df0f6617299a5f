import DarknetGeometry
import DarknetLayers
import DarknetTestSupport
import DarknetTraining
import Testing

/// The authors' published cfg says `[shortcut]` where sides may differ in channels; ours says
/// `[partial_shortcut]`. Both are the same network.
@Suite struct SpellingTests {
  /// The head of YOLOv3-tiny-PRN, narrow: shortcuts from wider, narrower and equal layers.
  private static func cfg(_ section: String, _ channels: (Int) -> String) -> String {
    func conv(_ filters: Int, _ size: Int) -> String {
      "[convolutional]\nbatch_normalize=1\nfilters=\(filters)\nsize=\(size)\npad=1\n"
        + "activation=leaky\n"
    }
    func shortcut(_ from: Int, _ count: Int) -> String {
      "[\(section)]\nfrom=\(from)\nactivation=leaky\n\(channels(count))"
    }
    func head(_ mask: String) -> String {
      "[convolutional]\nfilters=18\nsize=1\npad=1\nactivation=linear\n"
        + "[yolo]\nmask=\(mask)\nanchors=2,2,4,4,6,6,8,8,12,12,14,14\nnum=6\nclasses=1\n"
    }
    return "[net]\nwidth=32\nheight=32\nchannels=3\nbatch=4\nsubdivisions=2\n"
      + conv(8, 3) + "[maxpool]\nsize=2\nstride=2\n" + conv(12, 3)
      + "[maxpool]\nsize=2\nstride=2\n" + conv(16, 3) + conv(10, 3) + shortcut(-2, 10)
      + conv(14, 3) + shortcut(4, 14) + head("3,4,5") + "[route]\nlayers=-4\n" + conv(6, 1)
      + "[upsample]\nstride=2\n" + shortcut(2, 6) + conv(9, 3) + shortcut(2, 9) + head("0,1,2")
  }

  @Test func `both spellings train to the same bits`() throws {
    let plain = try train(Self.cfg("shortcut") { _ in "" })
    let partial = try train(Self.cfg("partial_shortcut") { "channels=\($0)\n" })
    #expect(plain.outputs == partial.outputs)
    #expect(plain.weights == partial.weights)
    let fresh = try train(Self.cfg("shortcut") { _ in "" }, updates: 0)
    #expect(fresh.weights != plain.weights)
  }

  private func train(
    _ cfg: String, updates: Int = 5
  ) throws -> (outputs: [[Float]], weights: [[Float]]) {
    let fixture = try NetworkFixture(cfg)
    let executor = fixture.executor(isTraining: true)
    let truth = Truth.boxes(
      (0..<fixture.batch).map {
        [
          GroundTruth(
            box: Box(x: 0.2 + 0.1 * Float($0), y: 0.6, width: 0.2, height: 0.3), classIndex: 0)
        ]
      })
    for update in 0..<updates {
      fixture.randomInput(seed: UInt64(update)).withUnsafeBufferPointer { executor.forward($0) }
      _ = executor.computeLoss(truth)
      executor.backward()
      for node in fixture.network.nodes {
        for (values, gradient) in zip(
          fixture.parameters.buffers[node.index], executor.gradients[node.index])
        {
          guard let gradient else { continue }
          for i in 0..<values.count { values.pointer[i] -= 0.01 * gradient.pointer[i] }
          gradient.values.update(repeating: 0)
        }
      }
    }
    return (
      fixture.forward(fixture.randomInput(seed: 99)),
      fixture.parameters.buffers.flatMap { $0.map(\.array) }
    )
  }
}
