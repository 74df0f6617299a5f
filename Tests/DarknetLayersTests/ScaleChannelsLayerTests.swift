import DarknetKernels
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct ScaleChannelsLayerTests {
  static let gradients = ["linear", "leaky", "mish", "normalize_channels"].flatMap { activation in
    [
      GradientCase("from=-2\nactivation=\(activation)", shape(3, 1, 1), shape(3, 2, 3)),
      GradientCase(
        "from=-2\nscale_wh=1\nactivation=\(activation)", shape(1, 2, 3), shape(3, 2, 3)),
    ]
  }

  @Test func `scales channels, or pixels`() throws {
    let channels = try LayerFixture<ScaleChannelsLayer>(
      "[scale_channels]\nfrom=-2", inputs: [shape(2, 1, 1), shape(2, 1, 2)])
    #expect(channels.forward([10, 100], [1, 2, 3, 4]) == [10, 20, 300, 400])
    let pixels = try LayerFixture<ScaleChannelsLayer>(
      "[scale_channels]\nfrom=-2\nscale_wh=1", inputs: [shape(1, 1, 2), shape(2, 1, 2)])
    #expect(pixels.forward([10, 100], [1, 2, 3, 4]) == [10, 200, 30, 400])
    #expect(pixels.layer.outputShape == shape(2, 1, 2))
    #expect(pixels.layer.tableRow.text(.alexeyab) == "scale Layer: 0\n")
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<ScaleChannelsLayer>(one)
    let worst = run.worstDeviation(one) { x, _ in
      Exact.activate(
        run.layer.activation,
        Maps(run.layer.outputShape, batch: one.batch) { n, c, i, j in
          x[1][n, c, i, j] * (run.layer.isPerPixel ? x[0][n, 0, i, j] : x[0][n, c, 0, 0])
        })
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test(arguments: [
    (
      "from=-2",
      "from: expected a previous layer of 1x1x3, as layer 0 is 4x4x3, found 2x2x3; use [avgpool] "
        + "and filters=3 before it"
    ),
    (
      "from=-2\nscale_wh=1",
      "from: expected a previous layer of 4x4x1, as layer 0 is 4x4x3 and scale_wh=1, found 2x2x3; "
        + "use filters=1 before it"
    ),
    ("from=-1,-2", "from: expected one layer index, found 2; name one layer"),
  ])
  func `refuses what cannot be`(options: String, text: String) {
    #expect(
      buildError(
        "[net]\nwidth=4\nheight=4\nchannels=3\n[maxpool]\n[maxpool]\nstride=2\n[scale_channels]\n"
          + options) == "net.cfg:9: [scale_channels] " + text)
  }
}
