import DarknetConfig
import DarknetKernels
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct ShortcutLayerTests {
  private static let three = [shape(3, 2, 2), shape(5, 2, 2), shape(2, 2, 2)]

  static let gradients: [GradientCase] =
    ["linear", "leaky", "swish", "normalize_channels"].map {
      GradientCase("from=-2,-3\nactivation=\($0)", three[0], three[1], three[2])
    }
    + ["per_feature", "per_layer", "per_channel"].flatMap { type in
      ["relu", "avg_relu", "softmax"].map {
        GradientCase(
          "from=-2,-3\nweights_type=\(type)\nweights_normalization=\($0)\nactivation=mish",
          three[0], three[1], three[2])
      }
    }
    + [
      GradientCase("from=-2\nalpha=0.5\nbeta=2", three[0], three[1], dialect: .pjreddie),
      GradientCase("from=-2\nbeta=2", shape(3, 2, 3), shape(2, 4, 6), dialect: .pjreddie),
      GradientCase(
        "from=-2\nactivation=leaky", shape(3, 4, 6), shape(4, 2, 3), dialect: .pjreddie),
    ]

  private func layer(
    _ options: String, channels: [Int], dialect: Dialect = .alexeyab
  ) throws -> LayerFixture<ShortcutLayer> {
    try LayerFixture<ShortcutLayer>(
      "[shortcut]\n" + options, inputs: channels.map { shape($0, 1, 1) }, dialect: dialect)
  }

  // MARK: By hand

  @Test func `adds the channels that both have`() throws {
    #expect(
      try layer("from=-2,-3", channels: [2, 3, 1]).forward([1, 2], [10, 20, 30], [100])
        == [111, 22])
    #expect(
      try layer("from=-2\nalpha=2\nbeta=3", channels: [2, 1], dialect: .pjreddie)
        .forward([1, 2], [10]) == [32, 4])
  }

  @Test func `pjreddie's dialect samples a larger map, and spreads a smaller one`() throws {
    let large = try LayerFixture<ShortcutLayer>(
      "[shortcut]\nfrom=-2", inputs: [shape(1, 1, 2), shape(1, 2, 4)], dialect: .pjreddie)
    #expect(large.forward([100, 200], Values.count(8)) == [101, 203])
    let small = try LayerFixture<ShortcutLayer>(
      "[shortcut]\nfrom=-2", inputs: [shape(1, 2, 4), shape(1, 1, 2)], dialect: .pjreddie)
    #expect(small.forward(Values.count(8), [100, 200]) == [101, 2, 203, 4, 5, 6, 7, 8])
  }

  /// 3 / 4.0001 and 1 / 4.0001; e^0 and e^-ln 3 to 1 and 1/3; below 0 relu takes 0, at inference
  /// 0.001.
  @Test func `weights by hand`() throws {
    func forward(
      _ normalization: String, _ weights: [Float], isTraining: Bool = false
    ) throws -> [Float] {
      let run = try layer(
        "from=-2\nweights_type=per_feature\nweights_normalization=" + normalization,
        channels: [1, 1])
      run.parameters = [weights]
      return run.forward(inputs: [[1], [10]], isTraining: isTraining)
    }
    #expect(deviation(try forward("relu", [3, 1]), from: [13 / 4.0001]) < 1e-6)
    let softmax: Float = (1 + 10.0 / 3) / (1.0001 + 1.0 / 3)
    #expect(deviation(try forward("softmax", [1.0986123, 0]), from: [softmax]) < 1e-6)
    #expect(
      deviation(try forward("relu", [1, -5], isTraining: true), from: [1 / 1.0001]) < 1e-6)
    #expect(deviation(try forward("relu", [1, -5]), from: [(1 + 0.01) / 1.0011]) < 1e-6)
    let channels = try layer(
      "from=-2\nweights_type=per_channel\nweights_normalization=relu", channels: [2, 1])
    // Source by source: 1 and 3 for x, 1 and 1 for the other, which has no second channel.
    channels.parameters = [[1, 3, 1, 1]]
    #expect(deviation(channels.forward([1, 2], [10]), from: [11 / 2.0001, 6 / 4.0001]) < 1e-6)
  }

  /// Weights 1 and 1 of x = 1 and 10: w = v / 2.0001, so that more of v0 takes from both and adds
  /// 1: (1 - 5.5) / 2. Darknet's rule gives 1 and 10.
  @Test func `the gradient of weights goes through their normalisation`() throws {
    let run = try layer(
      "from=-2\nweights_type=per_feature\nweights_normalization=relu", channels: [1, 1])
    run.parameters = [[1, 1]]
    let gradient = run.backward([1], [10], outputGradient: [1]).parameters[0]
    #expect(deviation(gradient, from: [-2.25, 2.25]) < 1e-3)
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<ShortcutLayer>(one)
    let (layer, y) = (run.layer, run.layer.outputShape)
    // Which of the parameters a source's channel has.
    func parameter(_ s: Int, _ c: Int) -> Int {
      layer.weightsType == .perFeature ? s : s * y.channels + c
    }
    let worst = run.worstDeviation(one) { x, p in
      let sum = Maps(y, batch: one.batch) { n, c, i, j in
        var weights = [Double(layer.alpha)] + x.dropFirst().map { _ in Double(layer.beta) }
        if layer.weightsType != .none {
          let v = x.indices.map { p[0][parameter($0, c)] }
          let shares = Exact.activate(
            layer.normalization == .relu ? .normalizeChannels : .normalizeChannelsSoftmaxMaxval,
            Maps(shape(v.count, 1, 1), batch: 1, values: v))
          weights = shares.values
        }
        return x.indices.reduce(0) { total, s in
          let other = x[s].shape
          guard c < other.channels else { return total }
          let (row, column) = (i * other.height, j * other.width)
          guard row % y.height == 0, column % y.width == 0 else { return total }
          return total + weights[s] * x[s][n, c, row / y.height, column / y.width]
        }
      }
      return Exact.activate(layer.activation, sum)
    }
    // The gradients of shares that are normalised cancel to a thousandth of their terms, of which
    // float32 keeps seven digits.
    let isRounding = abs(worst.analytic - worst.numeric) < 2e-7
    #expect(worst.error < exactTolerance || isRounding, "\(worst)")
  }

  // MARK: Files, shapes, errors

  @Test(arguments: [Dialect.alexeyab, .pjreddie])
  func `weights come back`(dialect: Dialect) throws {
    let fixture = try NetworkFixture(
      "[net]\nwidth=2\nheight=2\nchannels=3\n[maxpool]\n[maxpool]\n[shortcut]\nfrom=-2\n"
        + "weights_type=per_channel\nweights_normalization=softmax", dialect: dialect)
    let (isEqual, byteCount) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(byteCount == 20 + 4 * 6)
  }

  @Test func `shape, default and tables`() throws {
    let run = try LayerFixture<ShortcutLayer>(
      "[shortcut]\nfrom=-2", inputs: [shape(3, 4, 5), shape(7, 4, 5)])
    #expect(run.layer.outputShape == shape(3, 4, 5))
    #expect(run.messages.map(\.text) == ["activation: Using default 'linear'\n"])
    #expect(
      run.layer.tableRow.text(.alexeyab)
        == "Shortcut Layer: 0,  wt = 0, wn = 0, outputs:   5 x   4 x   3 0.000 BF\n"
        + " (   5 x   4 x   3) + (   5 x   4 x   7) \n")
    #expect(
      run.layer.tableRow.text(.pjreddie)
        == "res    0                   5 x   4 x   7   ->     5 x   4 x   3\n")
  }

  @Test(arguments: [
    (
      "weights_type=each", Dialect.alexeyab,
      "weights_type: expected none, per_feature, per_layer or per_channel, found 'each'; choose "
        + "one of these"
    ),
    (
      "weights_normalization=max", .alexeyab,
      "weights_normalization: expected none, relu or softmax, found 'max'; choose one of these"
    ),
    (
      "from=-2", .alexeyab,
      "from: expected a layer of 2x2, found layer 0 of 4x4; name a layer of that size, or run it "
        + "with -dialect pjreddie, which samples it"
    ),
    (
      "from=-2,-1", .pjreddie,
      "from: expected one layer in pjreddie's dialect, found 2; use -dialect alexeyab or a "
        + "[shortcut] for each"
    ),
    (
      "from=-2\nweights_type=per_channel\nweights_normalization=relu", .pjreddie,
      "from: expected a layer of 2x2, found layer 0 of 4x4; name a layer of the same proportions"
    ),
  ])
  func `refuses what cannot be`(options: String, dialect: Dialect, text: String) {
    let from = options.contains("from") ? "" : "\nfrom=-1"
    #expect(
      buildError(
        "[net]\nwidth=4\nheight=4\nchannels=3\n[maxpool]\n[maxpool]\nstride=2\n[shortcut]\n"
          + options + from, dialect: dialect) == "net.cfg:9: [shortcut] " + text)
  }

  @Test func `refuses weights without normalisation`() {
    #expect(
      buildError(
        "[net]\ninputs=4\n[empty]\n[empty]\n[shortcut]\nfrom=-2\nweights_type=per_feature")
        == "net.cfg:5: [shortcut] weights_normalization: expected relu or softmax, as weights_type "
        + "is given, found none (Incorrect weights_normalization = none); add it")
  }
}
