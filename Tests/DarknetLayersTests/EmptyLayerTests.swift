import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct EmptyLayerTests {
  static let gradients = [GradientCase("", shape(2, 3, 2))]

  @Test(arguments: ["empty", "silence"])
  func `hands its input on`(name: String) throws {
    let run = try LayerFixture<EmptyLayer>("[\(name)]", inputs: [shape(1, 1, 3)])
    #expect(run.forward([1, 2, 3]) == [1, 2, 3])
    #expect(run.backward([1, 2, 3], outputGradient: [4, 5, 6]).inputs == [[4, 5, 6]])
    #expect(run.layer.isIdentityAtInference)
    #expect(run.layer.outputShape == shape(1, 1, 3))
    #expect(run.layer.tableRow.text(.alexeyab) == "empty \n")
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let worst = try LayerFixture<EmptyLayer>(one).worstDeviation(one) { x, _ in x[0] }
    #expect(worst.error < exactTolerance, "\(worst)")
  }
}
