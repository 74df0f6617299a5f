import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetLayers
import DarknetSystem
import DarknetTensors
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct ConvolutionalLayerTests {
  static let gradients: [GradientCase] =
    [
      GradientCase("filters=3\nsize=3\nactivation=linear", shape(2, 5, 4)),
      GradientCase("filters=3\nsize=3\npad=1\nactivation=leaky", shape(2, 5, 7)),
      GradientCase("filters=2\nsize=3\nstride=2\npad=1\nactivation=linear", shape(3, 6, 5)),
      GradientCase("filters=2\nsize=2\npadding=1\nactivation=linear", shape(2, 4, 3)),
      GradientCase(
        "filters=2\nsize=5\nstride_x=3\nstride_y=2\npadding=2\nactivation=linear",
        shape(1, 7, 8)),
      GradientCase("filters=4\nsize=3\npad=1\ndilation=2\nactivation=linear", shape(2, 6, 5)),
      GradientCase("filters=4\nsize=3\npad=1\ngroups=2\nactivation=linear", shape(6, 4, 4)),
      GradientCase("filters=6\nsize=3\npad=1\ngroups=3\nactivation=mish", shape(3, 4, 5)),
      GradientCase("filters=3\nsize=1\nstride=2\nactivation=swish", shape(4, 5, 4), batch: 3),
      GradientCase("filters=5\nactivation=logistic", shape(3, 1, 1)),
      GradientCase("filters=4\nactivation=normalize_channels", shape(2, 3, 2)),
      GradientCase("filters=4\nactivation=normalize_channels_softmax", shape(2, 3, 2)),
      GradientCase("filters=4\nactivation=normalize_channels_softmax_maxval", shape(2, 3, 2)),
    ]
    // With batch norm: joined with the activation's slope, from its output, and from its input.
    + ["linear", "leaky", "logistic", "mish", "normalize_channels"].map {
      GradientCase(
        "filters=3\nsize=3\npad=1\nbatch_normalize=1\nactivation=\($0)", shape(2, 3, 4), batch: 3)
    }
    + ["1", "2"].map {
      GradientCase(
        "filters=3\nsize=3\nstride=2\npad=1\nantialiasing=\($0)\nactivation=mish",
        shape(2, 6, 7))
    }
    + [
      GradientCase(
        "filters=2\nsize=3\npad=1\nstride=2\nantialiasing=1\nbatch_normalize=1\nactivation=leaky",
        shape(2, 5, 5), batch: 3)
    ]

  /// The layer's formula, from its options alone.
  private func formula(_ one: GradientCase, _ output: Shape)
    -> LayerFixture<ConvolutionalLayer>
    .Formula
  {
    let options = Dictionary(one.settings.map { ($0.key, $0.value) }) { $1 }
    func int(_ key: String, _ fallback: Int) -> Int { options[key].flatMap { Int($0) } ?? fallback }
    let size = int("size", 1)
    let padding = int("pad", 0) == 1 ? size / 2 : int("padding", 0)
    let strides = (x: int("stride_x", int("stride", 1)), y: int("stride_y", int("stride", 1)))
    let blur = int("antialiasing", 0)
    let (convX, convY) = blur == 0 ? (strides.x, strides.y) : (1, 1)
    let input = one.inputs[0]
    let convolved = Shape(
      channels: output.channels, height: (input.height + 2 * padding - size) / convY + 1,
      width: (input.width + 2 * padding - size) / convX + 1)
    let normalize = int("batch_normalize", 0) == 1 ? Exact.BatchNorm() : nil
    let activation = Activation(cfgName: options["activation"] ?? "logistic")!
    return { x, p in
      let z = Exact.convolve(
        x[0], p[normalize == nil ? 1 : 4], to: convolved, size: size, strideX: convX,
        strideY: convY, padding: padding, dilation: int("dilation", 1), groups: int("groups", 1))
      let y = Exact.activate(
        activation, normalize?(z, scale: p[1], bias: p[0]) ?? Exact.addBias(z, p[0]))
      guard blur > 0 else { return y }
      return Exact.blur(y, kind: blur, to: output, strideX: strides.x, strideY: strides.y)
    }
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<ConvolutionalLayer>(one)
    let worst = run.worstDeviation(one, from: formula(one, run.layer.outputShape))
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  /// Gradients of binary operands go straight to the real ones, so only the output has a formula.
  @Test func `binary weights by hand`() throws {
    let run = try LayerFixture<ConvolutionalLayer>(
      "[convolutional]\nsize=2\nbinary=1\nactivation=linear", inputs: [shape(1, 2, 2)])
    run.parameters = [[10], [0.5, -1.5, 1, 3]]
    // Weights ±1.5: 1.5 (1 - 2 + 3 + 4) + 10.
    #expect(run.forward([1, 2, 3, 4]) == [19])
    let gradient = run.backward([1, 2, 3, 4], outputGradient: [2])
    #expect(gradient.inputs == [[3, -3, 3, 3]])
    #expect(gradient.parameters == [[2], [2, 4, 6, 8]])
  }

  @Test func `xnor counts what is outside as -1`() throws {
    let run = try LayerFixture<ConvolutionalLayer>(
      "[convolutional]\nsize=3\npad=1\nxnor=1\nactivation=linear", inputs: [shape(1, 1, 1)])
    run.parameters = [[0], [1, 1, 1, 1, 1, 1, 1, 1, -1]]
    // 3x3 weights of ±1: seven of them outside, one -1 outside, +1 in the middle.
    #expect(run.forward([5]) == [-7 + 1 + 1])
  }

  // MARK: By hand

  @Test func `sums a window of all channels`() throws {
    let run = try LayerFixture<ConvolutionalLayer>(
      "[convolutional]\nfilters=1\nsize=2\nactivation=linear", inputs: [shape(2, 2, 2)])
    run.parameters = [[100], [1, 2, 3, 4, 10, 0, 0, 0]]
    #expect(run.forward([1, 1, 1, 1, 5, 6, 7, 8]) == [100 + 10 + 50])
  }

  @Test func `padding is zero, strides skip, dilation spreads`() throws {
    func forward(_ options: String, _ x: [Float], weights: [Float]) throws -> [Float] {
      let run = try LayerFixture<ConvolutionalLayer>(
        "[convolutional]\nsize=3\nactivation=linear\n" + options,
        inputs: [shape(1, 1, x.count)])
      run.parameters = [[0], [0, 0, 0] + weights + [0, 0, 0]]
      return run.forward(x)
    }
    #expect(
      try forward("pad=1", [1, 2, 3, 4, 5], weights: [100, 10, 1]) == [12, 123, 234, 345, 450])
    #expect(
      try forward("pad=1\nstride=2", [1, 2, 3, 4, 5], weights: [100, 10, 1]) == [12, 234, 450])
    #expect(
      try forward("pad=1\ndilation=2", [1, 2, 3, 4, 5], weights: [100, 10, 1])
        == [13, 24, 135, 240, 350])
  }

  @Test func `groups see their own channels`() throws {
    let run = try LayerFixture<ConvolutionalLayer>(
      "[convolutional]\nfilters=2\ngroups=2\nactivation=linear", inputs: [shape(2, 1, 1)])
    run.parameters = [[0, 0], [2, 3]]
    #expect(run.forward([10, 100]) == [20, 300])
  }

  // MARK: Files and tables

  @Test(arguments: [Dialect.alexeyab, .pjreddie])
  func `weights come back`(dialect: Dialect) throws {
    let fixture = try NetworkFixture(
      """
      [net]
      width=4
      height=4
      channels=4
      [convolutional]
      filters=6
      size=3
      groups=2
      batch_normalize=1
      [convolutional]
      filters=5
      flipped=1
      """, dialect: dialect)
    #expect(
      fixture.network.nodes[0].layer.parameters.map(\.name)
        == ["biases", "scales", "rolling_mean", "rolling_variance", "weights"])
    let (isEqual, byteCount) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(byteCount == 20 + 4 * (4 * 6 + 6 * 2 * 9 + 5 + 5 * 6))
  }

  @Test func `a layer that shares parameters owns none in the file`() throws {
    let fixture = try NetworkFixture(
      "[net]\nwidth=4\nheight=4\nchannels=3\n[convolutional]\nfilters=3\n[convolutional]\n"
        + "filters=3\nshare_index=0")
    #expect(fixture.network.nodes[1].layer.sharesParametersOf == 0)
    let (isEqual, byteCount) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(byteCount == 20 + 4 * (3 + 9))
  }

  @Test func `shapes, operations and tables`() throws {
    func layer(_ options: String) throws -> ConvolutionalLayer {
      try LayerFixture<ConvolutionalLayer>(
        "[convolutional]\nfilters=8\n" + options, inputs: [shape(4, 13, 10)]
      ).layer
    }
    #expect(try layer("size=3").outputShape == shape(8, 11, 8))
    #expect(try layer("size=3\nstride=2\npad=1").outputShape == shape(8, 7, 5))
    #expect(try layer("size=3\nstride=2\npad=1\nantialiasing=1").outputShape == shape(8, 7, 5))
    #expect(try layer("size=3\nstride_x=1\nstride_y=3\npad=1").outputShape == shape(8, 5, 10))
    #expect(try layer("size=3\npad=1").operations == Double(2 * 130 * 8 * 36))
    #expect(
      try layer("size=3\nstride=2\npad=1").tableRow.text(.alexeyab)
        == "conv      8       3 x 3/ 2     10 x  13 x   4 ->    5 x   7 x   8 0.000 BF\n")
    #expect(
      try layer("size=3\nstride=2\npad=1").tableRow.text(.pjreddie)
        == "conv      8  3 x 3 / 2    10 x  13 x   4   ->     5 x   7 x   8  0.000 BFLOPs\n")
    #expect(
      try layer("size=3\npad=1\ngroups=4\ndilation=2").tableRow.text(.alexeyab)
        == "conv      8/   4  3 x 3/ 1(2)  10 x  13 x   4 ->   10 x  13 x   8 0.000 BF\n")
  }

  @Test func `begins with draws of the dialect`() throws {
    for (dialect, initial) in [
      (Dialect.alexeyab, Parameter.Initial.uniform(scale: 0.5)), (.pjreddie, .normal(scale: 0.5)),
    ] {
      let layer = try LayerFixture<ConvolutionalLayer>(
        "[convolutional]\nfilters=2\nsize=2", inputs: [shape(2, 3, 3)], dialect: dialect
      ).layer
      #expect(layer.parameters[1].initial == initial)
    }
  }

  @Test(arguments: [
    (
      "groups=3",
      "groups: expected a divisor of the 2 input channels and the 4 filters, found 3; change it"
    ),
    (
      "size=7\npadding=1",
      "size: expected at most the input's 4x3 with padding 1, found 7; use a smaller kernel or a "
        + "larger input"
    ),
    (
      "sway=1\nrotate=1",
      "rotate: expected at most one of sway, rotate, stretch and stretch_sway, found sway, "
        + "rotate; drop the others"
    ),
    (
      "activation=leeky", "activation: expected an activation, found 'leeky'; did you mean 'leaky'?"
    ),
    (
      "share_index=0",
      "share_index: expected a layer before this one, layer 0, found 0; there is "
        + "no earlier layer"
    ),
  ])
  func `refuses what cannot be`(options: String, text: String) {
    let cfg = "[net]\nwidth=4\nheight=3\nchannels=2\n[convolutional]\nfilters=4\n" + options
    let line = 6 + (text.hasPrefix("rotate") ? 2 : 1)
    #expect(buildError(cfg) == "net.cfg:\(line): [convolutional] " + text)
  }

  @Test(arguments: [
    ("[maxpool]", 8, "a [convolutional] layer, found layer 0 [maxpool]; name another"),
    (
      "[convolutional]\nfilters=5", 9,
      "a layer of as many filters, channels and weights, found layer 0 with 10 weights instead of "
        + "20; make both sections alike"
    ),
  ])
  func `refuses to share with another kind`(other: String, line: Int, text: String) {
    let cfg = "[net]\nwidth=4\nheight=3\nchannels=2\n\(other)\n[convolutional]\nfilters=4\n"
    #expect(
      buildError(cfg + "share_index=0")
        == "net.cfg:\(line): [convolutional] share_index: expected " + text)
  }
}
