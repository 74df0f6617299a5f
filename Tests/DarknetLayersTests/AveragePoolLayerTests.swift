import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct AveragePoolLayerTests {
  static let gradients = [
    GradientCase("", shape(3, 4, 5)), GradientCase("", shape(2, 1, 1), batch: 3),
  ]

  @Test func `the mean of each channel`() throws {
    let run = try LayerFixture<AveragePoolLayer>("[avgpool]", inputs: [shape(2, 1, 4)])
    #expect(run.forward([1, 2, 3, 4, 10, 10, 20, 20]) == [2.5, 15])
    #expect(
      run.backward([1, 2, 3, 4, 0, 0, 0, 0], outputGradient: [4, 8]).inputs[0]
        == [1, 1, 1, 1, 2, 2, 2, 2])
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<AveragePoolLayer>(one)
    let (y, x) = (run.layer.outputShape, run.layer.inputShape)
    let worst = run.worstDeviation(one) { inputs, _ in
      Maps(y, batch: one.batch) { n, c, _, _ in
        (0..<x.area).reduce(0) { $0 + inputs[0][n, c, $1 / x.width, $1 % x.width] }
          / Double(x.area)
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `shape and tables`() throws {
    let layer = try LayerFixture<AveragePoolLayer>("[avg]", inputs: [shape(20, 7, 6)]).layer
    #expect(layer.outputShape == shape(20, 1, 1))
    #expect(
      layer.tableRow.text(.alexeyab) == "avg                             6 x   7 x  20 ->     20\n")
    #expect(
      layer.tableRow.text(.pjreddie) == "avg                        6 x   7 x  20   ->    20\n")
  }
}
