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

  /// Float32 with the steps of `GradientCheck`: errors of these slopes stay under 1e-4.
  @Test(arguments: ["linear", "logistic", "mish"], [(4, 4), (4, 6), (6, 4)])
  func `gradients match central differences`(activation: String, channels: (Int, Int)) throws {
    let run = try LayerFixture<PartialShortcutLayer>(
      "[partial_shortcut]\nfrom=-2\nsparsity=0.5\nactivation=\(activation)",
      inputs: [shape(channels.0, 2, 3), shape(channels.1, 2, 3)])
    #expect(run.worstGradientError(batch: 2, seed: 7) < 1e-4)
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
