import DarknetConfig
import DarknetKernels
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct CRNNLayerTests {
  /// 1x1 kernels of a single channel make it scalar: input 2 x, self 0.5 s, output -s + 1.
  private static let scalar: [[Float]] = [[0], [2], [0], [0.5], [1], [-1]]

  @Test func `feeds its state back from step to step`() throws {
    let run = try LayerFixture<CRNNLayer>(
      "[crnn]\nsize=1\nactivation=linear", inputs: [shape(1, 1, 2)], timeSteps: 3)
    run.parameters = Self.scalar
    // s = 2, 2 * 2 + 0.5 * 2 = 5, 0 + 2.5; the second pixel: 0, 1, 2 * 3 + 0.5.
    #expect(
      run.forward([1, 0, 2, 0.5, 0, 3], batch: 3) == [-1, 1, -4, 0, -1.5, -5.5])
  }

  @Test func `shortcut adds the old state`() throws {
    let run = try LayerFixture<CRNNLayer>(
      "[crnn]\nsize=1\nactivation=linear\nshortcut=1", inputs: [shape(1, 1, 1)], timeSteps: 3)
    run.parameters = Self.scalar
    // s = 2, 4 + 1 + 2 = 7, 0 + 3.5 + 7
    #expect(run.forward([1, 2, 0], batch: 3) == [-1, -6, -9.5])
  }

  @Test func `streams do not see each other`() throws {
    let run = try LayerFixture<CRNNLayer>(
      "[crnn]\nsize=1\nactivation=linear", inputs: [shape(1, 1, 1)], timeSteps: 2)
    run.parameters = Self.scalar
    // Step-major: both streams' first images, then both second ones.
    #expect(run.forward([1, 10, 2, 0], batch: 4) == [-1, -19, -4, -9])
  }

  @Test func `a sequence may come in pieces`() throws {
    let cfg = "[crnn]\noutput=3\nhidden=2\npad=1\nactivation=leaky\nbatch_normalize=1"
    let whole = try LayerFixture<CRNNLayer>(cfg, inputs: [shape(2, 3, 4)], timeSteps: 4)
    let pieces = try LayerFixture<CRNNLayer>(cfg, inputs: [shape(2, 3, 4)])
    let x = Values.random(4 * 24, seed: 3)
    let frames = (0..<4).map { Array(x[$0 * 24..<($0 + 1) * 24]) }
    #expect(pieces.forwardSequence(frames).flatMap { $0 } == whole.forward(x, batch: 4))
  }

  static let gradients = [
    "activation=logistic", "activation=linear\nshortcut=1", "activation=mish\ngroups=2",
    "activation=tanh\nbatch_normalize=1", "activation=swish\nbatch_normalize=1\nshortcut=1",
    "activation=tanh\ndilation=2",
  ].flatMap { options in
    [1, 2, 3].map {
      GradientCase(
        "output=2\nhidden=4\nsize=3\npad=1\n" + options, shape(2, 3, 4), batch: 2 * $0,
        timeSteps: $0)
    }
  }

  @Test(arguments: gradients)
  func `gradients match central differences`(_ one: GradientCase) throws {
    let worst = try LayerFixture<CRNNLayer>(one).worstRecurrentError(one)
    #expect(worst < recurrentTolerance)
  }

  @Test func `parameters stand as input, self, output`() throws {
    let run = try LayerFixture<CRNNLayer>(
      "[crnn]\noutput=6\nhidden=4\nsize=3\npad=1\ngroups=2\nbatch_normalize=1",
      inputs: [shape(2, 3, 4)])
    let names = ["biases", "scales", "rolling_mean", "rolling_variance", "weights"]
    #expect(
      run.layer.parameters.map(\.name)
        == ["input", "self", "output"].flatMap { part in names.map { "\(part).\($0)" } })
    #expect(run.layer.parameters.map(\.count) == [4, 4, 4, 4, 36, 4, 4, 4, 4, 72, 6, 6, 6, 6, 108])
    #expect(run.layer.outputShape == shape(6, 3, 4))
    #expect(run.layer.operations == Double(2 * 12 * (36 + 72 + 108)))
  }

  @Test(arguments: [Dialect.alexeyab, .pjreddie])
  func `weights come back`(dialect: Dialect) throws {
    let keys = dialect == .pjreddie ? ("output_filters", "hidden_filters") : ("output", "hidden")
    let fixture = try NetworkFixture(
      """
      [net]
      width=4
      height=3
      channels=2
      [crnn]
      \(keys.0)=3
      \(keys.1)=2
      size=3
      pad=1
      batch_normalize=1
      """, dialect: dialect)
    let (isEqual, bytes) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(bytes == 20 + 4 * (2 * 4 + 36 + 2 * 4 + 36 + 3 * 4 + 54))
  }

  @Test func `prints the rows of its convolutions`() throws {
    let run = try LayerFixture<CRNNLayer>(
      "[crnn]\noutput=6\nhidden=5\nsize=3\npad=1\nactivation=leaky", inputs: [shape(4, 12, 10)])
    #expect(
      run.layer.tableRow.text(.alexeyab) == """
        CRNN Layer: 12 x 10 x 4 image, 6 filters
        conv      5       3 x 3/ 1     10 x  12 x   4 ->   10 x  12 x   5 0.000 BF
        conv      5       3 x 3/ 1     10 x  12 x   5 ->   10 x  12 x   5 0.000 BF
        conv      6       3 x 3/ 1     10 x  12 x   5 ->   10 x  12 x   6 0.000 BF

        """)
    let original = try LayerFixture<CRNNLayer>(
      "[crnn]\noutput_filters=6\nhidden_filters=5", inputs: [shape(3, 6, 6)], dialect: .pjreddie)
    // Captured from Debian's program.
    #expect(
      original.layer.tableRow.text(.pjreddie) == """
        CRNN Layer: 6 x 6 x 3 image, 6 filters
        \t\tconv      5  3 x 3 / 1     6 x   6 x   3   ->     6 x   6 x   5  0.000 BFLOPs
        \t\tconv      5  3 x 3 / 1     6 x   6 x   5   ->     6 x   6 x   5  0.000 BFLOPs
        \t\tconv      6  3 x 3 / 1     6 x   6 x   5   ->     6 x   6 x   6  0.000 BFLOPs

        """)
    #expect(original.messages.map(\.text) == ["activation: Using default 'logistic'\n"])
  }

  @Test(arguments: [
    (
      "size=3",
      "size: expected a convolution that keeps the map's 4x3, found one to 2x1 (size 3, stride 1, "
        + "padding 0); use an odd size, stride=1 and pad=1"
    ),
    (
      "size=3\npad=1\nstride=2",
      "size: expected a convolution that keeps the map's 4x3, found one to 2x2 (size 3, stride 2, "
        + "padding 1); use an odd size, stride=1 and pad=1"
    ),
  ])
  func `refuses kernels that change the map's size`(options: String, text: String) {
    let cfg = "[net]\nwidth=4\nheight=3\nchannels=2\n[crnn]\noutput=2\nhidden=2\n" + options
    #expect(buildError(cfg) == "net.cfg:8: [crnn] " + text)
  }

  @Test func `refuses groups that do not divide the hidden channels`() {
    let cfg =
      "[net]\nwidth=4\nheight=3\nchannels=2\n[crnn]\noutput=2\nhidden=3\npad=1\ngroups=2"
    #expect(
      buildError(cfg)
        == "net.cfg:9: [crnn] groups: expected a divisor of the 2 input channels and the 3 "
        + "filters, found 2; change it")
  }
}
