import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct UpsampleLayerTests {
  static let gradients = [
    GradientCase("", shape(2, 3, 2)), GradientCase("stride=3\nscale=0.5", shape(2, 2, 3)),
    GradientCase("stride=1", shape(2, 2, 3)), GradientCase("stride=-2\nscale=1.5", shape(2, 5, 4)),
    GradientCase("stride=-3", shape(1, 3, 7)),
  ]

  @Test func `every value becomes a block, or every block a sum`() throws {
    let up = try LayerFixture<UpsampleLayer>("[upsample]\nscale=10", inputs: [shape(1, 1, 2)])
    #expect(up.forward([1, 2]) == [10, 10, 20, 20, 10, 10, 20, 20])
    let down = try LayerFixture<UpsampleLayer>("[upsample]\nstride=-2", inputs: [shape(1, 2, 3)])
    #expect(down.forward([1, 2, 100, 3, 4, 100]) == [10])
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<UpsampleLayer>(one)
    let (layer, s) = (run.layer, run.layer.stride)
    let worst = run.worstDeviation(one) { x, _ in
      Maps(layer.outputShape, batch: one.batch) { n, c, i, j in
        guard layer.isReducing else { return Double(layer.scale) * x[0][n, c, i / s, j / s] }
        return (0..<s * s).reduce(0) {
          $0 + Double(layer.scale) * x[0][n, c, i * s + $1 / s, j * s + $1 % s]
        }
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `shapes and tables`() throws {
    func layer(_ options: String) throws -> UpsampleLayer {
      try LayerFixture<UpsampleLayer>("[upsample]\n" + options, inputs: [shape(3, 5, 6)]).layer
    }
    #expect(try layer("").outputShape == shape(3, 10, 12))
    #expect(try layer("stride=-2").outputShape == shape(3, 2, 3))
    #expect(
      try layer("").tableRow.text(.alexeyab)
        == "upsample                 2x     6 x   5 x   3 ->   12 x  10 x   3\n")
    #expect(
      try layer("stride=-2").tableRow.text(.pjreddie)
        == "downsample          2x     6 x   5 x   3   ->     3 x   2 x   3\n")
  }

  @Test(arguments: [
    (
      "stride=0", "expected a whole number other than 0, found '0'; change it or drop the line"
    ),
    ("stride=-4", "expected blocks that fit into the map of 4x3, found '-4'; change it"),
  ])
  func `refuses blocks that cannot be`(option: String, text: String) {
    #expect(
      buildError("[net]\nwidth=4\nheight=3\nchannels=2\n[upsample]\n" + option)
        == "net.cfg:6: [upsample] stride: " + text)
  }
}
