import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct LocalAveragePoolLayerTests {
  static let gradients = [
    GradientCase("size=2\nstride=2", shape(2, 4, 5)),
    GradientCase("size=3\nstride=1", shape(2, 4, 3)),
    GradientCase("size=3\nstride=2\npadding=1", shape(2, 5, 6)),
    GradientCase("size=3\nstride=1\nstride_x=2\nstride_y=3", shape(1, 7, 6)),
  ]

  /// At edges only what is inside counts.
  @Test func `the mean of each window`() throws {
    let run = try LayerFixture<LocalAveragePoolLayer>(
      "[local_avgpool]\nsize=2\nstride=2", inputs: [shape(1, 2, 3)])
    #expect(run.forward([1, 3, 10, 5, 7, 20]) == [4, 15])
    #expect(
      run.backward([1, 3, 10, 5, 7, 20], outputGradient: [8, 4]).inputs[0] == [2, 2, 2, 2, 2, 2])
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<LocalAveragePoolLayer>(one)
    let pool = run.layer.window.pool
    let worst = run.worstDeviation(one) { x, _ in
      Maps(run.layer.outputShape, batch: one.batch) { n, c, i, j in
        let values = (0..<pool.size * pool.size).compactMap {
          x[0].inside(
            n, c, i * pool.strideY - pool.padding / 2 + $0 / pool.size,
            j * pool.strideX - pool.padding / 2 + $0 % pool.size)
        }
        return values.reduce(0, +) / Double(values.count)
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `shape and table`() throws {
    let layer = try LayerFixture<LocalAveragePoolLayer>(
      "[local_avg]\nsize=3\nstride=2", inputs: [shape(4, 13, 10)]
    ).layer
    #expect(layer.outputShape == shape(4, 7, 5))
    #expect(
      layer.tableRow.text(.alexeyab)
        == "avg                3x 3/ 2     10 x  13 x   4 ->    5 x   7 x   4 0.000 BF\n")
  }

  @Test func `refuses windows beyond the map`() {
    #expect(
      buildError("[net]\nwidth=4\nheight=3\nchannels=2\n[local_avgpool]\nsize=9\npadding=2")
        == "net.cfg:6: [local_avgpool] size: expected at most the input's 4x3 with padding 2, "
        + "found 9; use a smaller window or more padding")
  }
}
