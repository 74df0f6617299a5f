import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct L2NormalizationLayerTests {
  static let gradients = [
    GradientCase("", shape(3, 2, 3)), GradientCase("", shape(7, 1, 1), batch: 3),
  ]

  @Test func `every pixel's channels get length 1`() throws {
    let run = try LayerFixture<L2NormalizationLayer>("[l2norm]", inputs: [shape(2, 1, 2)])
    // (3, 4) and (0, 0).
    #expect(run.forward([3, 0, 4, 0]) == [0.6, 0, 0.8, 0])
    #expect(run.backward([3, 0, 4, 0], outputGradient: [1, 1, 1, 1]).inputs[0][1] == 0)
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<L2NormalizationLayer>(one)
    let worst = run.worstDeviation(one) { x, _ in
      Maps(x[0].shape, batch: one.batch) { n, c, i, j in
        let squares = (0..<x[0].shape.channels).map { x[0][n, $0, i, j] * x[0][n, $0, i, j] }
        return x[0][n, c, i, j] / squares.reduce(0, +).squareRoot()
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `shape and table`() throws {
    let layer = try LayerFixture<L2NormalizationLayer>("[l2norm]", inputs: [shape(2, 3, 4)]).layer
    #expect(layer.outputShape == shape(2, 3, 4))
    #expect(
      layer.tableRow.text(.pjreddie) == "l2norm                                           24\n")
  }
}
