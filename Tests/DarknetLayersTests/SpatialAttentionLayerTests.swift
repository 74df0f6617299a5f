import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct SpatialAttentionLayerTests {
  static let gradients = ["linear", "logistic", "swish", "normalize_channels"].map {
    GradientCase("from=-2\nactivation=\($0)", shape(3, 2, 3), shape(3, 2, 3))
  }

  @Test func `value by value`() throws {
    let run = try LayerFixture<SpatialAttentionLayer>(
      "[sam]\nfrom=-2", inputs: [shape(2, 1, 1), shape(2, 1, 1)])
    #expect(run.forward([2, 3], [10, 100]) == [20, 300])
    #expect(
      run.backward([2, 3], [10, 100], outputGradient: [1, 2]).inputs == [[10, 200], [2, 6]])
    #expect(run.layer.tableRow.text(.alexeyab) == "scale Layer: 0\n")
    #expect(run.layer.outputShape == shape(2, 1, 1))
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<SpatialAttentionLayer>(one)
    let worst = run.worstDeviation(one) { x, _ in
      Exact.activate(
        run.layer.activation,
        Maps(
          x[0].shape, batch: one.batch, values: zip(x[0].values, x[1].values).map { $0 * $1 }))
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `refuses another shape`() {
    #expect(
      buildError(
        "[net]\nwidth=4\nheight=4\nchannels=3\n[maxpool]\n[maxpool]\nstride=2\n[sam]\nfrom=-2")
        == "net.cfg:9: [sam] from: expected a layer of 2x2x3, as the previous one is, found layer "
        + "0 of 4x4x3; name another or change the layer before")
  }
}
