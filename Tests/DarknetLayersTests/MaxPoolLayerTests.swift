import DarknetLayers
import DarknetTensors
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct MaxPoolLayerTests {
  static let gradients: [GradientCase] = [
    GradientCase("size=2\nstride=2", shape(2, 4, 6)),
    GradientCase("size=2\nstride=2", shape(2, 5, 3)),
    GradientCase("size=3\nstride=1", shape(2, 5, 4)),
    GradientCase("size=3\nstride=2", shape(2, 5, 6)),
    GradientCase("size=2\nstride=1", shape(1, 4, 4)),
    GradientCase("size=3\nstride_x=1\nstride_y=2\nstride=2\npadding=1", shape(2, 6, 5)),
    GradientCase("size=5\nstride=1\npadding=4", shape(1, 6, 7)),
    GradientCase("size=3\nstride=3\npadding=0", shape(2, 7, 6)),
    GradientCase("maxpool_depth=1", shape(5, 2, 3)),
    GradientCase("maxpool_depth=1\nout_channels=2", shape(5, 2, 3)),
    GradientCase("maxpool_depth=1\nout_channels=5", shape(5, 1, 2)),
    GradientCase("size=2\nstride=2\nantialiasing=1", shape(2, 6, 5)),
    GradientCase("size=3\nstride=2\nantialiasing=2", shape(2, 6, 5)),
  ]

  private func forward(_ options: String, _ x: [Float], _ input: Shape) throws -> [Float] {
    try LayerFixture<MaxPoolLayer>("[maxpool]\n" + options, inputs: [input]).forward(x)
  }

  @Test func `the largest of each window`() throws {
    let x = Values.count(12)
    #expect(try forward("size=2\nstride=2", x, shape(1, 3, 4)) == [6, 8, 10, 12])
    #expect(try forward("size=2\nstride=2\npadding=0", x, shape(1, 3, 4)) == [6, 8])
    #expect(
      try forward("size=3\nstride=1", x, shape(1, 3, 4)) == [6, 7, 8, 8] + [
        10, 11, 12, 12, 10, 11, 12, 12,
      ])
    // Values below zero: what is outside does not count.
    #expect(try forward("size=3\nstride=2", x.map { -$0 }, shape(1, 3, 4)) == [-1, -2, -5, -6])
  }

  @Test func `over channels that are out_channels apart`() throws {
    let x: [Float] = [1, 9, 2, 3, 8, 4]
    #expect(try forward("maxpool_depth=1", x, shape(3, 1, 2)) == [8, 9])
    #expect(try forward("maxpool_depth=1\nout_channels=2", x, shape(3, 1, 2)) == [8, 9, 2, 3])
  }

  @Test func `the first of equals gets the gradient`() throws {
    for options in ["size=2\nstride=2", "size=2\nstride=2\nantialiasing=2"] {
      let run = try LayerFixture<MaxPoolLayer>("[maxpool]\n" + options, inputs: [shape(1, 2, 2)])
      let gradient = run.backward([3, 3, 3, 3], outputGradient: [1]).inputs[0]
      #expect(gradient[0] > 0, "\(options)")
    }
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<MaxPoolLayer>(one)
    let (pool, y) = (run.layer.window.pool, run.layer.outputShape)
    let options = Dictionary(one.settings.map { ($0.key, Int($0.value)!) }) { $1 }
    let worst = run.worstDeviation(one) { inputs, _ in
      let x = inputs[0]
      if let channels = run.layer.depthChannels {
        return Maps(y, batch: one.batch) { n, g, i, j in
          stride(from: g, to: x.shape.channels, by: channels).map { x[n, $0, i, j] }.max()!
        }
      }
      let maxima = Maps(run.layer.window.outputShape, batch: one.batch) { n, c, i, j in
        let (top, left) = (
          i * pool.strideY - pool.padding / 2, j * pool.strideX - pool.padding / 2
        )
        return (0..<pool.size * pool.size).compactMap {
          x.inside(n, c, top + $0 / pool.size, left + $0 % pool.size)
        }.max()!
      }
      guard let kind = options["antialiasing"] else { return maxima }
      return Exact.blur(
        maxima, kind: kind, to: y, strideX: options["stride"]!, strideY: options["stride"]!)
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `shapes and tables`() throws {
    func layer(_ options: String) throws -> MaxPoolLayer {
      try LayerFixture<MaxPoolLayer>("[maxpool]\n" + options, inputs: [shape(4, 13, 10)]).layer
    }
    #expect(try layer("size=2\nstride=2").outputShape == shape(4, 7, 5))
    #expect(try layer("size=2\nstride=1").outputShape == shape(4, 13, 10))
    #expect(try layer("size=2\nstride=2\npadding=0").outputShape == shape(4, 6, 5))
    #expect(try layer("maxpool_depth=1\nout_channels=3").outputShape == shape(3, 13, 10))
    #expect(
      try layer("size=2\nstride=2").tableRow.text(.alexeyab)
        == "max                2x 2/ 2     10 x  13 x   4 ->    5 x   7 x   4 0.000 BF\n")
    #expect(
      try layer("size=2\nstride=2").tableRow.text(.pjreddie)
        == "max          2 x 2 / 2    10 x  13 x   4   ->     5 x   7 x   4\n")
  }

  @Test(arguments: [
    (
      "size=9\npadding=2",
      "size: expected at most the input's 4x3 with padding 2, found 9; use a "
        + "smaller window or more padding"
    ),
    (
      "out_channels=3\nmaxpool_depth=1",
      "out_channels: expected at most the input's 2 channels, found 3; change it"
    ),
  ])
  func `refuses what cannot be`(options: String, text: String) {
    #expect(
      buildError("[net]\nwidth=4\nheight=3\nchannels=2\n[maxpool]\n" + options)
        == "net.cfg:6: [maxpool] " + text)
  }
}
