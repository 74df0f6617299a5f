import DarknetConfig
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct ImplicitLayerTests {
  static let gradients = [
    GradientCase("filters=3", shape(2, 2, 2)),
    GradientCase("filters=2\natoms=3\nmean=1\nstd=0.1", shape(2, 2, 2), batch: 3),
  ]

  @Test func `the same trained values for every image`() throws {
    let run = try LayerFixture<ImplicitLayer>(
      "[implicit]\nfilters=2\natoms=2", inputs: [shape(1, 1, 1)])
    run.parameters = [[1, 2, 3, 4]]
    #expect(run.forward([9, 9], batch: 2) == [1, 2, 3, 4, 1, 2, 3, 4])
    #expect(run.layer.outputShape == shape(2, 2, 1))
    #expect(
      run.backward([9, 9], outputGradient: Values.count(8), batch: 2).parameters
        == [[6, 8, 10, 12]])
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<ImplicitLayer>(one)
    let y = run.layer.outputShape
    let worst = run.worstDeviation(one) { _, p in
      Maps(y, batch: one.batch) { _, c, i, _ in p[0][c * y.height + i] }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `begins around its mean`() throws {
    let layer = try LayerFixture<ImplicitLayer>(
      "[implicit]\nmean=1\nstd=0.5\nfilters=4", inputs: [shape(1, 1, 1)]
    ).layer
    #expect(layer.parameters.map(\.initial) == [.around(mean: 1, spread: 0.5)])
  }

  @Test(arguments: [Dialect.alexeyab, .pjreddie])
  func `weights come back`(dialect: Dialect) throws {
    let fixture = try NetworkFixture(
      "[net]\ninputs=1\n[implicit]\nfilters=5\natoms=3", dialect: dialect)
    let (isEqual, byteCount) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(byteCount == 20 + 4 * 15)
  }

  @Test func `defaults and table`() throws {
    let run = try LayerFixture<ImplicitLayer>("[implicit]", inputs: [shape(1, 1, 1)])
    #expect(run.layer.outputShape == shape(128, 1, 1))
    #expect(
      run.messages.map(\.text) == [
        "mean: Using default '0.000000'\n", "std: Using default '0.200000'\n",
        "filters: Using default '128'\n",
      ])
    #expect(
      run.layer.tableRow.text(.alexeyab) == "implicit Layer: 128 x 1 \t mean=0.00, std=0.20 \n")
  }

  @Test func `refuses more weights than can be`() {
    #expect(
      buildError("[net]\ninputs=1\n[implicit]\nfilters=100000\natoms=100000")
        == "net.cfg:4: [implicit] filters: expected less than 2^31 weights, found 100000 x "
        + "100000; use fewer")
  }
}
