import DarknetConfig
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct RNNLayerTests {
  /// input 2 x, self s / 2, output 1 - s.
  private static let scalar: [[Float]] = [[0], [2], [0], [0.5], [1], [-1]]

  private func scalar(
    _ options: String = "", timeSteps: Int
  ) throws -> LayerFixture<RNNLayer> {
    let run = try LayerFixture<RNNLayer>(
      "[rnn]\nactivation=linear\n" + options, inputs: [shape(1, 1, 1)], timeSteps: timeSteps)
    run.parameters = Self.scalar
    return run
  }

  @Test func `feeds its state back from step to step`() throws {
    // s = 2, 4 + 1, 0 + 2.5
    #expect(try scalar(timeSteps: 3).forward([1, 2, 0], batch: 3) == [-1, -4, -1.5])
  }

  @Test func `shortcut adds the old state`() throws {
    // s = 2, 4 + 1 + 2, 0 + 3.5 + 7
    #expect(
      try scalar("shortcut=1", timeSteps: 3).forward([1, 2, 0], batch: 3) == [-1, -6, -9.5])
  }

  @Test func `streams do not see each other`() throws {
    // Step-major: both streams' first values, then both second ones.
    #expect(try scalar(timeSteps: 2).forward([1, 10, 2, 0], batch: 4) == [-1, -19, -4, -9])
  }

  @Test func `a sequence may come in pieces`() throws {
    let run = try scalar(timeSteps: 1)
    #expect(run.forwardSequence([[1], [2], [0]]) == [[-1], [-4], [-1.5]])
  }

  @Test func `a training pass begins with no state`() throws {
    let fixture = try NetworkFixture(
      "[net]\ninputs=1\nbatch=2\nsubdivisions=2\ntime_steps=2\n[rnn]\nactivation=linear")
    for (buffer, values) in zip(fixture.parameters.buffers[0], Self.scalar) {
      _ = buffer.values.update(fromContentsOf: values)
    }
    for (isTraining, second) in [(true, [-1, -4] as [Float]), (false, [-3.5, -5.25])] {
      let executor = fixture.executor(isTraining: isTraining)
      for _ in 0..<2 {
        [1, 2].withUnsafeBufferPointer { executor.forward($0) }
      }
      // At inference s goes on: 2 + 5 / 2 = 4.5, 4 + 2.25.
      #expect(Array(executor.output(0).values) == second)
    }
  }

  /// As s[0] = ln 3, s[1] is own(ln 3): σ gives 3/4, loggy 2 σ - 1. σ(0) is 1/2 before the start.
  @Test(
    arguments: [("logistic=1", 0.5, 0.75), ("logistic=2", 0, 0.5), ("logistic=0", 0, 1.0986123)])
  func `logistic changes the activation of self alone`(
    options: String, start: Float, own: Float
  ) throws {
    let run = try scalar(options, timeSteps: 2)
    run.parameters = [[0], [1], [0], [1], [0], [1]]
    let ln3: Float = 1.0986123
    #expect(deviation(run.forward([ln3 - start, 0], batch: 2), from: [ln3, own]) < 1e-6)
  }

  static let gradients = [
    "activation=linear", "activation=tanh\nshortcut=1", "activation=logistic\nlogistic=2",
    "activation=mish\nlogistic=1", "activation=tanh\nbatch_normalize=1",
    "activation=swish\nbatch_normalize=1\nshortcut=1",
  ].flatMap { options in
    [1, 2, 3].map {
      GradientCase("output=3\nhidden=4\n" + options, shape(2, 1, 2), batch: 5 * $0, timeSteps: $0)
    }
  }.filter {
    // With one step and batch norm the slope of self's biases is exactly 0, as the batch norm of
    // the output part takes every constant away: nothing but rounding to compare.
    $0.timeSteps > 1 || !$0.options.contains("batch_normalize")
  }

  @Test(arguments: gradients)
  func `gradients match central differences`(_ one: GradientCase) throws {
    let worst = try LayerFixture<RNNLayer>(one).worstRecurrentError(one)
    #expect(worst < recurrentTolerance)
  }

  @Test func `parameters stand as input, self, output`() throws {
    let run = try LayerFixture<RNNLayer>(
      "[rnn]\noutput=3\nhidden=4\nbatch_normalize=1", inputs: [shape(5, 1, 1)])
    let names = ["biases", "weights", "scales", "rolling_mean", "rolling_variance"]
    #expect(
      run.layer.parameters.map(\.name)
        == ["input", "self", "output"].flatMap { part in names.map { "\(part).\($0)" } })
    #expect(run.layer.parameters.map(\.count) == [4, 20, 4, 4, 4, 4, 16, 4, 4, 4, 3, 12, 3, 3, 3])
    #expect(run.layer.fileOrder(.pjreddie) == Array(0..<15))
  }

  @Test(arguments: [Dialect.alexeyab, .pjreddie])
  func `weights come back`(dialect: Dialect) throws {
    let hidden = dialect == .pjreddie ? "" : "hidden=3\n"
    let fixture = try NetworkFixture(
      "[net]\ninputs=5\n[rnn]\noutput=3\n\(hidden)batch_normalize=1", dialect: dialect)
    let (isEqual, bytes) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(bytes == 20 + 4 * (12 + 15 + 12 + 9 + 12 + 9))
  }

  @Test func `prints the rows of its connected layers`() throws {
    let run = try LayerFixture<RNNLayer>("[rnn]", inputs: [shape(6, 6, 8)])
    #expect(
      run.messages.map(\.text) == [
        "output: Using default '1'\n", "hidden: Using default '1'\n",
        "activation: Using default 'logistic'\n",
      ])
    let original = try LayerFixture<RNNLayer>(
      "[rnn]\noutput=8\nhidden=4\nlogistic=1", inputs: [shape(6, 6, 8)], dialect: .pjreddie)
    // Captured from Debian's program.
    #expect(
      original.layer.tableRow.text(.pjreddie) == """
        RNN Layer: 288 inputs, 8 outputs
        \t\tconnected                             288  ->     8
        \t\tconnected                               8  ->     8
        \t\tconnected                               8  ->     8

        """)
    #expect(
      original.unusedFields == ["Unused field: 'hidden = 4'\n", "Unused field: 'logistic = 1'\n"])
  }

  @Test func `refuses more weights than can be`() {
    #expect(
      buildError("[net]\ninputs=10\n[rnn]\noutput=2\nhidden=50000")
        == "net.cfg:5: [rnn] hidden: expected less than 2^31 weights, found 50000 rows of 50000; "
        + "use fewer outputs or a smaller input")
  }
}
