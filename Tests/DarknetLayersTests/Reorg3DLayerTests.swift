import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct Reorg3DLayerTests {
  static let gradients = [
    GradientCase("stride=2", shape(3, 4, 2)), GradientCase("stride=3", shape(2, 3, 6)),
    GradientCase("stride=2\nreverse=1", shape(16, 1, 2)), GradientCase("", shape(2, 3, 2)),
  ]

  @Test func `space to depth`() throws {
    let run = try LayerFixture<Reorg3DLayer>("[reorg3d]\nstride=2", inputs: [shape(1, 2, 4)])
    #expect(run.forward(Values.count(8)) == [1, 3, 2, 4, 5, 7, 6, 8])
    #expect(run.layer.outputShape == shape(4, 1, 2))
  }

  /// 16 channels of one pixel, read as [4, 2, 2] and written as [1, 4, 4].
  @Test func `the reference's way back`() throws {
    let run = try LayerFixture<Reorg3DLayer>(
      "[reorg3d]\nstride=2\nreverse=1", inputs: [shape(16, 1, 1)])
    #expect(
      run.forward(Values.count(16))
        == [1, 5, 2, 6, 9, 13, 10, 14, 3, 7, 4, 8, 11, 15, 12, 16])
    #expect(run.layer.outputShape == shape(4, 2, 2))
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<Reorg3DLayer>(one)
    let (layer, s, x) = (run.layer, run.layer.stride, one.inputs[0])
    // The maps whose blocks become channels, or reversed of channels that become blocks.
    let deep = layer.outputShape
    let wide =
      layer.isReversed ? shape(deep.channels / (s * s), deep.height * s, deep.width * s) : x
    let worst = run.worstDeviation(one) { inputs, _ in
      var values = [Double](repeating: 0, count: one.batch * deep.count)
      for n in 0..<one.batch {
        for at in 0..<deep.count {
          let (k, j, i) = (at / deep.area, at / deep.width % deep.height, at % deep.width)
          let (channel, offset) = (k % wide.channels, k / wide.channels)
          let other =
            i * s + offset % s
            + wide.width * (j * s + offset / s + wide.height * channel)
          let (to, from) = layer.isReversed ? (other, at) : (at, other)
          values[n * deep.count + to] = inputs[0].values[n * x.count + from]
        }
      }
      return Maps(deep, batch: one.batch, values: values)
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `table and default`() throws {
    let run = try LayerFixture<Reorg3DLayer>("[reorg3d]", inputs: [shape(4, 6, 8)])
    #expect(run.messages.map(\.text) == ["stride: Using default '1'\n"])
    #expect(
      run.layer.tableRow.text(.alexeyab)
        == "reorg                    / 1    8 x   6 x   4 ->    8 x   6 x   4\n")
  }

  @Test(arguments: [
    ("stride=3", "a number that divides 4 and 4, found 3", 6),
    ("reverse=1\nstride=2", "a number whose fourth power divides 4, found 2", 7),
  ])
  func `refuses blocks that do not fit`(options: String, text: String, line: Int) {
    #expect(
      buildError("[net]\nwidth=4\nheight=4\nchannels=4\n[reorg3d]\n" + options)
        == "net.cfg:\(line): [reorg3d] stride: expected \(text); change it or the layer before")
  }
}
