import DarknetConfig
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct ConnectedLayerTests {
  @Test func `multiplies rows of weights by the input and adds the bias`() throws {
    let run = try LayerFixture<ConnectedLayer>(
      "[connected]\noutput=2\nactivation=linear", inputs: [shape(1, 1, 3)])
    run.parameters = [[10, 20], [1, 2, 3, 4, 5, 6]]
    // 1*1 + 2*0 + 3*2 + 10, 4*1 + 5*0 + 6*2 + 20
    #expect(run.forward([1, 0, 2]) == [17, 36])
    #expect(run.layer.outputShape == shape(2, 1, 1))
  }

  /// AlexeyAB: (x - mean) / sqrt(variance + 1e-5); pjreddie: (x - mean) / (sqrt(variance) + 1e-6).
  @Test func `normalises by the rolling statistics at inference`() throws {
    for (dialect, expected) in [
      (Dialect.alexeyab, Float(3 * (6 - 2) / (4.00001 as Double).squareRoot() + 1)),
      (Dialect.pjreddie, Float(3 * (6 - 2) / 2.000001 + 1)),
    ] {
      let run = try LayerFixture<ConnectedLayer>(
        "[connected]\noutput=1\nactivation=linear\nbatch_normalize=1", inputs: [shape(1, 1, 1)],
        dialect: dialect)
      run.parameters = [[1], [3], [3], [2], [4]]
      #expect(deviation(run.forward([2]), from: [expected]) < 1e-6)
    }
  }

  static let gradients =
    ["linear", "leaky", "logistic", "mish", "swish", "gelu", "elu", "normalize_channels"].map {
      GradientCase("output=4\nactivation=\($0)", shape(2, 1, 3), batch: 3)
    }
    + ["linear", "leaky", "logistic", "mish", "normalize_channels_softmax_maxval"].map {
      GradientCase("output=3\nbatch_normalize=1\nactivation=\($0)", shape(3, 1, 1), batch: 6)
    }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<ConnectedLayer>(one)
    let (y, count) = (run.layer.outputShape, one.inputs[0].count)
    let normalize = run.layer.isBatchNormalized ? Exact.BatchNorm() : nil
    let worst = run.worstDeviation(one) { x, p in
      let z = Maps(y, batch: one.batch) { n, c, _, _ in
        (0..<count).reduce(0) { $0 + x[0].values[n * count + $1] * p[1][c * count + $1] }
      }
      return Exact.activate(
        run.layer.activation, normalize?(z, scale: p[2], bias: p[0]) ?? Exact.addBias(z, p[0]))
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `weights stand before the batch norm in a file`() throws {
    let fixture = try NetworkFixture(
      "[net]\ninputs=3\n[connected]\noutput=2\nbatch_normalize=1\n[conn]\noutput=5")
    let names = fixture.network.nodes[0].layer.parameters.map(\.name)
    #expect(names == ["biases", "weights", "scales", "rolling_mean", "rolling_variance"])
    let (isEqual, byteCount) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(byteCount == 20 + 4 * (2 + 6 + 3 * 2 + 5 + 10))
  }

  @Test func `its row of the table`() throws {
    let run = try LayerFixture<ConnectedLayer>(
      "[connected]\noutput=1000", inputs: [shape(256, 6, 6)])
    #expect(
      run.layer.tableRow.text(.alexeyab) == "connected                            9216  ->  1000\n")
    #expect(run.messages.map(\.text) == ["activation: Using default 'logistic'\n"])
  }

  @Test func `refuses more weights than a file can hold`() {
    #expect(
      buildError("[net]\ninputs=100000\n[connected]\noutput=100000")
        == "net.cfg:4: [connected] output: expected less than 2^31 weights, found 100000 rows of "
        + "100000; use fewer outputs or a smaller input")
  }
}
