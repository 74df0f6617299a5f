import DarknetLayers
import DarknetTestSupport
import Testing

@Suite struct PartialShortcutLayerTests {
  @Test func `adds the first c channels and passes the rest through`() throws {
    let run = try LayerFixture<PartialShortcutLayer>(
      "[partial_shortcut]\nfrom=-2\nchannels=1", inputs: [shape(2, 1, 2), shape(2, 1, 2)])
    #expect(run.forward([1, 2, 3, 4], [10, 20, 30, 40]) == [11, 22, 3, 4])
  }

  @Test func `adds several sources, each with its own c`() throws {
    let run = try LayerFixture<PartialShortcutLayer>(
      "[partial_shortcut]\nfrom=-2,-3\nchannels=1,2",
      inputs: [shape(2, 1, 2), shape(2, 1, 2), shape(3, 1, 2)])
    #expect(
      run.forward([1, 2, 3, 4], [10, 20, 30, 40], [100, 200, 300, 400, 500, 600])
        == [111, 222, 303, 404])
  }

  /// c = 0 is no shortcut, c = all that both sides have the residual one (equation 1).
  @Test(arguments: [(2, 3), (3, 2), (2, 2)])
  func `none and all`(channels: (Int, Int)) throws {
    func run(_ option: String) throws -> [[Float]] {
      let fixture = try LayerFixture<PartialShortcutLayer>(
        "[partial_shortcut]\nfrom=-2\n\(option)",
        inputs: [shape(channels.0, 1, 1), shape(channels.1, 1, 1)])
      let (x, from) = (
        (0..<channels.0).map { Float($0 + 1) }, (0..<channels.1).map { Float(10 * $0 + 10) }
      )
      let slopes = fixture.backward(
        x, from, outputGradient: (0..<channels.0).map { Float($0 + 1) })
      return [fixture.forward(x, from)] + slopes.inputs
    }
    let (x, common) = ((1...channels.0).map(Float.init), min(channels.0, channels.1))
    let none = [x, x, [Float](repeating: 0, count: channels.1)]
    for option in ["channels=0", "sparsity=1"] { #expect(try run(option) == none) }
    let all = [
      x.enumerated().map { $0 < common ? 11 * $1 : $1 }, x,
      (0..<channels.1).map { $0 < common ? Float($0 + 1) : 0 },
    ]
    for option in ["channels=\(common)", "sparsity=0", ""] { #expect(try run(option) == all) }
  }

  /// The share is of the channels that both sides have, and rounds to the nearest whole number.
  @Test(arguments: [("0.5", 2), ("0.25", 3), ("0.3", 3), ("0.9", 0)])
  func `sparsity is the share left out`(sparsity: String, channels: Int) throws {
    let fixture = try LayerFixture<PartialShortcutLayer>(
      "[partial_shortcut]\nfrom=-2\nsparsity=\(sparsity)",
      inputs: [shape(6, 1, 1), shape(4, 1, 1)])
    #expect(fixture.layer.addedChannels == [channels])
  }

  static let gradients =
    ["linear", "logistic", "mish", "normalize_channels"].flatMap { activation in
      [(4, 4), (4, 6), (6, 4)].map {
        GradientCase(
          "from=-2\nsparsity=0.5\nactivation=\(activation)", shape($0.0, 2, 3), shape($0.1, 2, 3))
      }
    }
    + [
      GradientCase(
        "from=-2,-3,-4\nchannels=3,0,5\nactivation=mish", shape(5, 2, 3), shape(3, 2, 3),
        shape(4, 2, 3), shape(7, 2, 3)),
      GradientCase("from=-2", shape(4, 2, 2), shape(3, 2, 2)),
    ]

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<PartialShortcutLayer>(one)
    let worst = run.worstDeviation(one) { x, _ in
      Exact.activate(
        run.layer.activation,
        Maps(x[0].shape, batch: one.batch) { n, c, i, j in
          zip(x.dropFirst(), run.layer.addedChannels).reduce(x[0][n, c, i, j]) {
            c < $1.1 ? $0 + $1.0[n, c, i, j] : $0
          }
        })
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test(arguments: [
    (
      "channels=9",
      "net.cfg:12: [partial_shortcut] channels: expected a whole number in 0...4, found '9'; "
        + "change it or drop the line"
    ),
    (
      "channels=1\nsparsity=0.5",
      "net.cfg:13: [partial_shortcut] sparsity: expected one of 'channels' and 'sparsity', found "
        + "both; drop one"
    ),
    (
      "sparsity=1.5",
      "net.cfg:12: [partial_shortcut] sparsity: expected a number in 0...1, found '1.5'; change "
        + "it or drop the line"
    ),
  ])
  func `errors name the option`(option: String, text: String) {
    let cfg = """
      [net]
      width=4
      height=4
      channels=3
      [convolutional]
      filters=4
      [convolutional]
      filters=6
      [partial_shortcut]
      activation=linear
      from=-2
      \(option)
      """
    #expect(buildError(cfg) == text)
  }

  @Test func `a network of it trains and stores only its convolutions`() throws {
    let fixture = try NetworkFixture(
      """
      [net]
      batch=2
      width=4
      height=4
      channels=3
      [convolutional]
      filters=4
      activation=linear
      [convolutional]
      filters=4
      activation=linear
      [partial_shortcut]
      from=-2
      channels=2
      """)
    let (isEqual, byteCount) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(byteCount == 20 + 4 * (4 + 12 + 4 + 16))
    #expect(fixture.network.nodes[2].layer.parameters.isEmpty)
  }
}
