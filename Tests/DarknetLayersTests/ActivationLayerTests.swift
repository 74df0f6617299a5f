import DarknetGraph
import DarknetKernels
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct ActivationLayerTests {
  static let gradients = Activation.allCases.map {
    GradientCase("activation=\($0.cfgName)", shape(3, 2, 3), range: -3...3)
  }

  private func forward(_ activation: String, _ x: [Float], channels: Int = 1) throws -> [Float] {
    try LayerFixture<ActivationLayer>(
      "[activation]\nactivation=\(activation)", inputs: [shape(channels, 1, x.count / channels)]
    ).forward(x)
  }

  @Test func `functions of single values`() throws {
    #expect(try forward("leaky", [-1, 0, 2]) == [-0.1, 0, 2])
    #expect(try forward("relu6", [-1, 3, 7]) == [0, 3, 6])
    #expect(try forward("linear", [-1, 3]) == [-1, 3])
  }

  /// Two channels of two pixels: (1, 3) and (-1, 1).
  @Test func `functions of a pixel's channels`() throws {
    let shares = try forward("normalize_channels", [1, -1, 3, 1], channels: 2)
    #expect(deviation(shares, from: [1 / 4.0001, 0, 3 / 4.0001, 1 / 1.0001]) < 1e-6)
    // e^0 and e^ln 3 to 1 and 3; less their maximum 1/3 and 1.
    let ln3: Float = 1.0986123
    let plain = try forward("normalize_channels_softmax", [0, ln3], channels: 2)
    #expect(deviation(plain, from: [1 / 4.0001, 3 / 4.0001]) < 1e-6)
    let shifted = try forward("normalize_channels_softmax_maxval", [0, ln3], channels: 2)
    #expect(deviation(shifted, from: [1 / 4.0003, 3 / 4.0003]) < 1e-6)
  }

  /// y = x / (1e-4 + sum): dx[c] = (dy[c] - y · dy) / sum. Darknet's rule would give -0.0625 and
  /// -0.1875 for the first.
  @Test func `the gradient through a pixel's sum by hand`() throws {
    let run = try LayerFixture<ActivationLayer>(
      "[activation]\nactivation=normalize_channels", inputs: [shape(2, 1, 1)])
    let gradient = run.backward([1, 3], outputGradient: [1, 0]).inputs[0]
    #expect(deviation(gradient, from: [0.1875, -0.0625]) < 1e-4)
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<ActivationLayer>(one)
    let worst = run.worstDeviation(one) { x, _ in Exact.activate(run.layer.activation, x[0]) }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `shape, default and table`() throws {
    let run = try LayerFixture<ActivationLayer>("[activation]", inputs: [shape(2, 3, 4)])
    #expect(run.layer.outputShape == shape(2, 3, 4))
    #expect(run.layer.isIdentityAtInference)
    #expect(run.messages.map(\.text) == ["activation: Using default 'linear'\n"])
    #expect(run.layer.tableRow.text(.alexeyab) == "Activation Layer: 24 inputs\n")
  }

  @Test(arguments: [
    ("reLU", "did you mean 'relu'?"), ("xyzzyx", "see docs/cfg-options.md for the names"),
  ])
  func `refuses an unknown function`(name: String, fix: String) {
    #expect(
      buildError("[net]\ninputs=4\n[activation]\nactivation=\(name)")
        == "net.cfg:4: [activation] activation: expected an activation, found '\(name)'; \(fix)")
  }
}
