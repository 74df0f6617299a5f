import DarknetConfig
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

/// σ(ln 3) = 3/4, σ(-ln 3) = 1/4 and tanh(ln 3) = 4/5 give numbers to work by hand.
@Suite struct LSTMLayerTests {
  private static let ln3: Float = 1.0986123

  /// A layer of one input and one output whose parts are all 0, but for those named.
  private func scalar(
    _ values: [String: [Float]], timeSteps: Int
  ) throws -> LayerFixture<LSTMLayer> {
    let run = try LayerFixture<LSTMLayer>(
      "[lstm]\noutput=1", inputs: [shape(1, 1, 1)], timeSteps: timeSteps)
    run.parameters = run.layer.parameters.map { values[$0.name] ?? [0] }
    return run
  }

  @Test func `each gate has its place`() throws {
    let run = try scalar(
      [
        "uf.biases": [Self.ln3], "wi.biases": [-Self.ln3], "ug.weights": [Self.ln3],
        "wo.biases": [Self.ln3],
      ], timeSteps: 2)
    // f = 3/4, i = 1/4, o = 3/4; g = 4/5: c = 0.2, then g = 0: c = 0.15.
    #expect(
      deviation(run.forward([1, 0], batch: 2), from: [0.75 * 0.19737532, 0.75 * 0.14888503])
        < 1e-6)
  }

  @Test func `the gates read h, not c`() throws {
    let run = try scalar(["ug.weights": [Self.ln3], "wg.weights": [1]], timeSteps: 2)
    // c = 0.4, h = tanh(0.4) / 2; c = 0.2 + tanh(h) / 2, h = tanh(c) / 2
    #expect(
      deviation(run.forward([1, 0], batch: 2), from: [0.18997448, 0.14284220]) < 1e-6)
  }

  @Test func `a sequence may come in pieces`() throws {
    let cfg = "[lstm]\noutput=3\nbatch_normalize=1"
    let whole = try LayerFixture<LSTMLayer>(cfg, inputs: [shape(4, 1, 1)], timeSteps: 3)
    let pieces = try LayerFixture<LSTMLayer>(cfg, inputs: [shape(4, 1, 1)])
    let x = Values.random(12, seed: 3)
    let frames = (0..<3).map { Array(x[$0 * 4..<($0 + 1) * 4]) }
    #expect(pieces.forwardSequence(frames).flatMap { $0 } == whole.forward(x, batch: 3))
  }

  static let gradients = ["", "\nbatch_normalize=1"].flatMap { options in
    [1, 2, 3].map {
      GradientCase("output=3" + options, shape(2, 1, 2), batch: 5 * $0, timeSteps: $0)
    }
  }

  @Test(arguments: gradients)
  func `gradients match central differences`(_ one: GradientCase) throws {
    let worst = try LayerFixture<LSTMLayer>(one).worstRecurrentError(one)
    #expect(worst < recurrentTolerance)
  }

  @Test func `the original orders the gates otherwise`() throws {
    let layer = try LayerFixture<LSTMLayer>("[lstm]\noutput=2", inputs: [shape(3, 1, 1)]).layer
    let names = { (dialect: Dialect) in
      layer.fileOrder(dialect).map { layer.parameters[$0].name }
        .filter { $0.hasSuffix("weights") }.map { String($0.prefix(2)) }
    }
    #expect(names(.alexeyab) == ["wf", "wi", "wg", "wo", "uf", "ui", "ug", "uo"])
    #expect(names(.pjreddie) == ["wi", "wf", "wo", "wg", "ui", "uf", "uo", "ug"])
  }

  @Test(arguments: [Dialect.alexeyab, .pjreddie])
  func `weights come back`(dialect: Dialect) throws {
    let fixture = try NetworkFixture(
      "[net]\ninputs=5\n[lstm]\noutput=3\nbatch_normalize=1", dialect: dialect)
    let (isEqual, bytes) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(bytes == 20 + 4 * (8 * 12 + 4 * 15 + 4 * 9))
  }

  @Test func `prints the rows of its connected layers`() throws {
    let run = try LayerFixture<LSTMLayer>("[lstm]\noutput=5", inputs: [shape(7, 1, 1)])
    // Captured from Debian's program.
    let (u, w) = (
      "\t\tconnected                               7  ->     5\n",
      "\t\tconnected                               5  ->     5\n"
    )
    #expect(
      run.layer.tableRow.text(.pjreddie)
        == "LSTM Layer: 7 inputs, 5 outputs\n" + String(repeating: u, count: 4)
        + String(repeating: w, count: 4))
  }

  @Test func `refuses more weights than can be`() {
    #expect(
      buildError("[net]\ninputs=60000\n[lstm]\noutput=40000")
        == "net.cfg:4: [lstm] output: expected less than 2^31 weights, found 40000 rows of 60000; "
        + "use fewer outputs or a smaller input")
  }
}
