import DarknetConfig
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

/// σ(ln 3) = 3/4 and σ(-ln 3) = 1/4 give numbers to work by hand.
@Suite struct GRULayerTests {
  private static let ln3: Float = 1.0986123

  /// A layer of one input and one output whose parts are all 0, but for those named.
  private func scalar(
    _ values: [String: [Float]], options: String = "", timeSteps: Int,
    dialect: Dialect = .alexeyab
  ) throws -> LayerFixture<GRULayer> {
    let run = try LayerFixture<GRULayer>(
      "[gru]\noutput=1\n" + options, inputs: [shape(1, 1, 1)], dialect: dialect,
      timeSteps: timeSteps)
    run.parameters = run.layer.parameters.map { values[$0.name] ?? [0] }
    return run
  }

  @Test func `z keeps the state, 1 - z takes the candidate`() throws {
    let run = try scalar(
      ["input_z.biases": [Self.ln3], "input_h.weights": [Self.ln3]], timeSteps: 2)
    // z = 3/4, h = σ(ln 3 x): s = 3/16, then 9/64 + 1/16.
    #expect(deviation(run.forward([1, -1], batch: 2), from: [0.1875, 0.203125]) < 1e-6)
  }

  @Test func `r decides what the candidate sees of the state`() throws {
    // z = 1/2, r = 1/4: s = 1/4, then h = σ(16 ln 3 * r s) = 3/4, s = 1/8 + 3/8.
    let run = try scalar(
      ["state_r.biases": [-Self.ln3], "state_h.weights": [16 * Self.ln3]], timeSteps: 2)
    #expect(deviation(run.forward([5, 7], batch: 2), from: [0.25, 0.5]) < 1e-6)
  }

  @Test func `the original's tanh`() throws {
    let values: [String: [Float]] = ["input_h.weights": [Self.ln3]]
    let tanh = try scalar(values, options: "tanh=1", timeSteps: 1, dialect: .pjreddie)
    // tanh(ln 3) = (9 - 1) / (9 + 1)
    #expect(deviation(tanh.forward([1]), from: [0.4]) < 1e-6)
    let plain = try scalar(values, timeSteps: 1, dialect: .pjreddie)
    #expect(deviation(plain.forward([1]), from: [0.375]) < 1e-6)
    let other = try scalar(values, options: "tanh=1", timeSteps: 1)
    #expect(deviation(other.forward([1]), from: [0.375]) < 1e-6)
    #expect(other.unusedFields == ["Unused field: 'tanh = 1'\n"])
  }

  @Test func `a sequence may come in pieces`() throws {
    let cfg = "[gru]\noutput=3\nbatch_normalize=1"
    let whole = try LayerFixture<GRULayer>(cfg, inputs: [shape(4, 1, 1)], timeSteps: 3)
    let pieces = try LayerFixture<GRULayer>(cfg, inputs: [shape(4, 1, 1)])
    let x = Values.random(12, seed: 3)
    let frames = (0..<3).map { Array(x[$0 * 4..<($0 + 1) * 4]) }
    #expect(pieces.forwardSequence(frames).flatMap { $0 } == whole.forward(x, batch: 3))
  }

  static let gradients = ["", "\nbatch_normalize=1", "\ntanh=1"].flatMap { options in
    [1, 2, 3].map {
      GradientCase(
        "output=3" + options, shape(2, 1, 2), batch: 5 * $0, timeSteps: $0,
        dialect: options.contains("tanh") ? .pjreddie : .alexeyab)
    }
  }

  @Test(arguments: gradients)
  func `gradients match central differences`(_ one: GradientCase) throws {
    let worst = try LayerFixture<GRULayer>(one).worstRecurrentError(one)
    #expect(worst < recurrentTolerance)
  }

  @Test func `the original stores the state's parts first`() throws {
    let layer = try LayerFixture<GRULayer>("[gru]\noutput=2", inputs: [shape(3, 1, 1)]).layer
    let names = { (dialect: Dialect) in
      layer.fileOrder(dialect).map { layer.parameters[$0].name }
        .filter { $0.hasSuffix("weights") }.map { String($0.dropLast(8)) }
    }
    let (input, state) = (
      ["input_z", "input_r", "input_h"], ["state_z", "state_r", "state_h"]
    )
    #expect(names(.alexeyab) == input + state)
    #expect(names(.pjreddie) == state + input)
  }

  @Test(arguments: [Dialect.alexeyab, .pjreddie])
  func `weights come back`(dialect: Dialect) throws {
    let fixture = try NetworkFixture(
      "[net]\ninputs=5\n[gru]\noutput=3\nbatch_normalize=1", dialect: dialect)
    let (isEqual, bytes) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(bytes == 20 + 4 * (6 * 12 + 3 * 15 + 3 * 9))
  }

  @Test func `prints the rows of its connected layers`() throws {
    let run = try LayerFixture<GRULayer>("[gru]\noutput=7", inputs: [shape(8, 1, 1)])
    // Captured from Debian's program.
    let pair =
      "\t\tconnected                               8  ->     7\n"
      + "\t\tconnected                               7  ->     7\n"
    #expect(
      run.layer.tableRow.text(.pjreddie)
        == "GRU Layer: 8 inputs, 7 outputs\n" + String(repeating: pair, count: 3))
    #expect(run.messages.isEmpty)
  }

  @Test func `refuses more weights than can be`() {
    #expect(
      buildError("[net]\ninputs=60000\n[gru]\noutput=40000")
        == "net.cfg:4: [gru] output: expected less than 2^31 weights, found 40000 rows of 60000; "
        + "use fewer outputs or a smaller input")
  }
}
