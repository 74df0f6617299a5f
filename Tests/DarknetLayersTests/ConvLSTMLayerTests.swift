import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

/// With `lstm_activation=linear` and gates f = i = o = σ(0) = 1/2, the cell is
/// c = c'/2 + g/2 and h = c/2: numbers to work by hand.
@Suite struct ConvLSTMLayerTests {
  private static let linear = "[conv_lstm]\nsize=1\nlstm_activation=linear\n"

  /// A layer of one channel whose parts are all 0, but for those named.
  private func scalar(
    _ options: String, width: Int = 1, timeSteps: Int, _ values: [String: [Float]]
  ) throws -> LayerFixture<ConvLSTMLayer> {
    let run = try LayerFixture<ConvLSTMLayer>(
      Self.linear + options, inputs: [shape(1, 1, width)], timeSteps: timeSteps)
    run.parameters = run.layer.parameters.map {
      values[$0.name] ?? [Float](repeating: 0, count: $0.count)
    }
    return run
  }

  @Test func `keeps half of its cell and half of the new value`() throws {
    let run = try scalar("", timeSteps: 3, ["ug.weights": [1]])
    // c = 2, 1 + 4, 2.5
    #expect(run.forward([4, 8, 0], batch: 3) == [1, 2.5, 1.25])
  }

  @Test func `state_constrain limits the cell behind the output`() throws {
    let run = try scalar("state_constrain=3", timeSteps: 3, ["ug.weights": [1]])
    // c = 2, 5 cut to 3, 1.5; h of the second step still sees 5.
    #expect(run.forward([4, 8, 0], batch: 3) == [1, 2.5, 0.75])
  }

  @Test func `the limit is 32 for each time step`() throws {
    let run = try scalar("", timeSteps: 2, ["ug.weights": [1]])
    // c = 100 cut to 64, 32
    #expect(run.forward([200, 0], batch: 2) == [50, 16])
    let free = try scalar("state_constrain=0", timeSteps: 2, ["ug.weights": [1]])
    #expect(free.forward([200, 0], batch: 2) == [50, 25])
  }

  @Test func `values that are no numbers become zero`() throws {
    let run = try scalar("state_constrain=0", timeSteps: 2, ["ug.weights": [1]])
    #expect(run.forward([.nan, 4], batch: 2) == [0, 1])
    #expect(run.forward([.infinity, 4], batch: 2) == [0, 1])
  }

  @Test func `the state reads h`() throws {
    let run = try scalar(
      "", timeSteps: 2, ["ug.weights": [1], "wg.weights": [2], "wg.biases": [1]])
    // g = 3 + 0 + 1, c = 2, h = 1; g = 2 + 1, c = 1 + 1.5
    #expect(run.forward([3, 0], batch: 2) == [1, 1.25])
  }

  @Test func `peepholes read the old cell, the last one the new`() throws {
    let ln3: Float = 1.0986123
    // σ(ln 3) = 3/4
    let leave = try scalar(
      "peephole=1", timeSteps: 2, ["ug.weights": [1], "vo.weights": [ln3 / 2]])
    // c = 2, o = 3/4; c = 1, o = σ(ln 3 / 2) = √3 / (1 + √3)
    #expect(deviation(leave.forward([4, 0], batch: 2), from: [1.5, 0.6339746]) < 1e-6)
    let forget = try scalar(
      "peephole=1", timeSteps: 2, ["ug.weights": [1], "vf.weights": [ln3 / 2]])
    // c = 2, then 3/4 * 2
    #expect(deviation(forget.forward([4, 0], batch: 2), from: [1, 0.75]) < 1e-6)
    let enter = try scalar(
      "peephole=1", timeSteps: 2, ["ug.weights": [1], "vi.weights": [ln3 / 2]])
    // c = 2, then 1 + 3/4 * 4
    #expect(deviation(enter.forward([4, 4], batch: 2), from: [1, 2]) < 1e-6)
  }

  @Test func `a bottleneck joins h and x`() throws {
    let weights: [String: [Float]] = ["wf.weights": [1, 2], "ug.weights": [1]]
    let run = try scalar("bottleneck=1", width: 2, timeSteps: 2, weights)
    // b = (4, 12), c = b / 2; b = h = (1, 3), c = (1 + 0.5, 3 + 1.5)
    #expect(run.forward([2, 6, 0, 0], batch: 2) == [1, 3, 0.75, 2.25])
    let short = try scalar("bottleneck=1\nshortcut=1", width: 2, timeSteps: 2, weights)
    // b is added to the first half of y, and does not come back through h.
    #expect(short.forward([2, 6, 0, 0], batch: 2) == [5, 3, 1.75, 2.25])
    // Without a bottleneck there is nothing to add.
    let plain = try scalar("shortcut=1", timeSteps: 1, ["ug.weights": [1]])
    #expect(plain.forward([4]) == [1])
  }

  @Test func `φ is tanh and the parts may have an activation of their own`() throws {
    let run = try LayerFixture<ConvLSTMLayer>(
      "[conv_lstm]\nsize=1\nactivation=relu", inputs: [shape(1, 1, 2)])
    run.parameters = run.layer.parameters.map { $0.name == "ug.weights" ? [1] : [0] }
    // g = tanh(relu(x)), c = g / 2, h = tanh(c) / 2
    #expect(deviation(run.forward([1, -1]), from: [0.18169937, 0]) < 1e-6)
  }

  @Test(arguments: ["", "batch_normalize=1", "peephole=1", "bottleneck=1\nshortcut=1"])
  func `a sequence may come in pieces`(options: String) throws {
    let cfg = "[conv_lstm]\noutput=2\npad=1\nactivation=leaky\nstate_constrain=2\n" + options
    let whole = try LayerFixture<ConvLSTMLayer>(cfg, inputs: [shape(2, 3, 4)], timeSteps: 4)
    let pieces = try LayerFixture<ConvLSTMLayer>(cfg, inputs: [shape(2, 3, 4)])
    let x = Values.random(4 * 24, seed: 3)
    let frames = (0..<4).map { Array(x[$0 * 24..<($0 + 1) * 24]) }
    #expect(pieces.forwardSequence(frames).flatMap { $0 } == whole.forward(x, batch: 4))
  }

  static let gradients = [
    "", "activation=tanh\npeephole=1", "activation=mish\ngroups=2", "batch_normalize=1",
    "batch_normalize=1\nactivation=swish\npeephole=1", "bottleneck=1", "state_constrain=0",
    "bottleneck=1\nshortcut=1\nactivation=tanh\npeephole=1",
    "lstm_activation=swish", "lstm_activation=logistic\nbottleneck=1\nbatch_normalize=1",
  ].flatMap { options in
    [1, 2, 3].map {
      GradientCase(
        "output=2\nsize=3\npad=1\n" + options, shape(2, 2, 3), batch: 2 * $0, timeSteps: $0)
    }
  }

  @Test(arguments: gradients)
  func `gradients match central differences`(_ one: GradientCase) throws {
    let worst = try LayerFixture<ConvLSTMLayer>(one).worstRecurrentError(one)
    #expect(worst < recurrentTolerance)
  }

  @Test func `a cell at its limit sends nothing back`() throws {
    let run = try scalar("state_constrain=3", timeSteps: 3, ["ug.weights": [1]])
    // h = (c1 / 2, (c1 / 2 + x / 2) / 2, 3 / 4): the third output does not know the first inputs.
    let gradients = run.backward([4, 8, 0], outputGradient: [1, 1, 1], batch: 3)
    #expect(gradients.inputs[0] == [0.25 + 0.125, 0.25, 0.25])
  }

  @Test func `time_normalizer scales what goes back through h`() throws {
    let values: [String: [Float]] = ["ug.weights": [1], "wg.weights": [2]]
    let plain = try scalar("", timeSteps: 2, values)
    let half = try scalar("time_normalizer=0.5", timeSteps: 2, values)
    // dx2 = 1/4; dx1 = (1/2 through c, times 1; 1/2 * 2 through h, times the normalizer) / 4
    #expect(
      plain.backward([3, 0], outputGradient: [0, 1], batch: 2).inputs[0] == [0.25, 0.25])
    #expect(half.backward([3, 0], outputGradient: [0, 1], batch: 2).inputs[0] == [0.1875, 0.25])
  }

  @Test func `parameters stand as v, w, u`() throws {
    func names(_ options: String) throws -> [String] {
      try LayerFixture<ConvLSTMLayer>("[conv_lstm]\npad=1\n" + options, inputs: [shape(1, 2, 2)])
        .layer.parameters.map(\.name).filter { $0.hasSuffix("weights") }
        .map { String($0.prefix(2)) }
    }
    let u = ["uf", "ui", "ug", "uo"]
    #expect(try names("") == ["wf", "wi", "wg", "wo"] + u)
    #expect(try names("peephole=1") == ["vf", "vi", "vo", "wf", "wi", "wg", "wo"] + u)
    #expect(try names("bottleneck=1") == ["wf"] + u)
  }

  @Test func `weights come back`() throws {
    let fixture = try NetworkFixture(
      """
      [net]
      width=4
      height=3
      channels=2
      [conv_lstm]
      output=2
      pad=1
      peephole=1
      batch_normalize=1
      """)
    let (isEqual, bytes) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(bytes == 20 + 4 * 11 * (2 * 4 + 36))
  }

  @Test func `prints the rows of its convolutions`() throws {
    let run = try LayerFixture<ConvLSTMLayer>(
      "[conv_lstm]\noutput=6\npad=1\npeephole=1\nlstm_activation=tanh", inputs: [shape(4, 12, 10)])
    let row = "conv      6       3 x 3/ 1     10 x  12 x   "
    let (u, w) = (
      row + "4 ->   10 x  12 x   6 0.000 BF\n", row + "6 ->   10 x  12 x   6 0.000 BF\n"
    )
    let table =
      "CONV_LSTM Layer: 12 x 10 x 4 image, 6 filters\n"
      + String(repeating: u, count: 4) + String(repeating: w, count: 7)
    #expect(run.layer.tableRow.text(.alexeyab) == table)
    // 2 * 9 * C * 720 for each, and 12 for each output.
    let products = 12960 * (4 * 4 + 7 * 6)
    #expect(run.layer.operations == Double(products + 12 * 720))
    let silent = try LayerFixture<ConvLSTMLayer>(
      "[conv_lstm]\noutput=6\npad=1\npeephole=1", inputs: [shape(4, 12, 10)])
    #expect(silent.layer.tableRow.text(.alexeyab) == table)
    #expect(
      silent.messages.map(\.text) == [
        "activation: Using default 'linear'\n", "lstm_activation: Using default 'tanh'\n",
      ])
  }

  @Test(arguments: [
    (
      "output=3\npad=1\nbottleneck=1",
      8,
      "bottleneck: expected as many input channels as 'output', 3, found 2; change output, or "
        + "drop bottleneck"
    ),
    (
      "output=3", 5,
      "size: expected a convolution that keeps the map's 4x3, found one to 2x1 (size 3, stride 1, "
        + "padding 0); use an odd size, stride=1 and pad=1"
    ),
    (
      "output=3\npad=1\nlstm_activation=tan", 8,
      "lstm_activation: expected an activation, found 'tan'; did you mean 'tanh'?"
    ),
    (
      "output=3\npad=1\nstate_constrain=-1", 8,
      "state_constrain: expected a whole number of at least 0, found '-1'; change it or "
        + "drop the line"
    ),
  ])
  func `refuses what cannot be`(options: String, line: Int, text: String) {
    let cfg = "[net]\nwidth=4\nheight=3\nchannels=2\n[conv_lstm]\n" + options
    #expect(buildError(cfg) == "net.cfg:\(line): [conv_lstm] " + text)
  }
}
