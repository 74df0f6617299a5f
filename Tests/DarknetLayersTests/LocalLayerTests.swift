import DarknetConfig
import DarknetLayers
import DarknetTestSupport
import DarknetText
import DarknetTranscript
import Testing

@Suite struct LocalLayerTests {
  static let gradients = [
    GradientCase("filters=2\nsize=2\nactivation=linear", shape(2, 3, 4)),
    GradientCase("filters=2\nsize=3\npad=1\nactivation=leaky", shape(2, 3, 3)),
    GradientCase("filters=2\nsize=3\nstride=2\npad=1\nactivation=mish", shape(2, 4, 5)),
    GradientCase("filters=3\nsize=2\nstride=2\nactivation=logistic", shape(1, 5, 4), batch: 3),
    GradientCase("filters=3\nsize=2\nactivation=normalize_channels", shape(1, 3, 3)),
  ]

  /// Two places, each with a filter of its own.
  @Test func `each place has its own filter`() throws {
    let run = try LayerFixture<LocalLayer>(
      "[local]\nsize=1\nactivation=linear", inputs: [shape(1, 1, 2)])
    run.parameters = [[100, 200], [3, 5]]
    #expect(run.forward([10, 20]) == [130, 300])
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<LocalLayer>(one)
    let (layer, y) = (run.layer, run.layer.outputShape)
    let patch = one.inputs[0].channels * layer.size * layer.size
    let worst = run.worstDeviation(one) { x, p in
      Exact.activate(
        layer.activation,
        Maps(y, batch: one.batch) { n, f, i, j in
          var sum = p[0][(f * y.height + i) * y.width + j]
          let weights = ((i * y.width + j) * y.channels + f) * patch
          for k in 0..<patch {
            let (c, tap) = k.quotientAndRemainder(dividingBy: layer.size * layer.size)
            let value = x[0].inside(
              n, c, i * layer.stride - layer.padding + tap / layer.size,
              j * layer.stride - layer.padding + tap % layer.size)
            sum += (value ?? 0) * p[1][weights + k]
          }
          return sum
        })
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test(arguments: [Dialect.alexeyab, .pjreddie])
  func `weights come back`(dialect: Dialect) throws {
    let fixture = try NetworkFixture(
      "[net]\nwidth=4\nheight=3\nchannels=2\n[local]\nfilters=3\nsize=2", dialect: dialect)
    let (isEqual, byteCount) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(byteCount == 20 + 4 * (3 * 6 + 6 * 3 * 8))
  }

  @Test func `shapes, defaults and table`() throws {
    let run = try LayerFixture<LocalLayer>(
      "[local]\nfilters=4\nsize=3\nstride=2", inputs: [shape(3, 7, 8)])
    #expect(run.layer.outputShape == shape(4, 3, 3))
    let padded = try LayerFixture<LocalLayer>(
      "[local]\nfilters=4\nsize=3\nstride=2\npad=1", inputs: [shape(3, 7, 8)])
    #expect(padded.layer.outputShape == shape(4, 4, 4))
    #expect(
      run.messages.map(\.text) == [
        "pad: Using default '0'\n", "activation: Using default 'logistic'\n",
      ])
    #expect(
      run.layer.tableRow.text(.alexeyab)
        == "Local Layer: 7 x 8 x 3 image, 4 filters -> 3 x 3 x 4 image\n")
  }

  @Test(arguments: [
    (
      "size=4",
      "size: expected at most the input's 4x3, found 4; use a smaller filter, a larger "
        + "input or pad=1"
    ),
    (
      "filters=200000000",
      "filters: expected less than 2^31 weights, found 200000000 filters of "
        + "1x1x2 at each of 12 places; use fewer or smaller filters"
    ),
  ])
  func `refuses what cannot be`(option: String, text: String) {
    #expect(
      buildError("[net]\nwidth=4\nheight=3\nchannels=2\n[local]\n" + option)
        == "net.cfg:6: [local] " + text)
  }
}
