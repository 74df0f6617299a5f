import DarknetConfig
import DarknetData
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct BatchNormalizationLayerTests {
  static let gradients = [
    GradientCase("", shape(3, 2, 3), batch: 4), GradientCase("", shape(2, 1, 1), batch: 5),
    GradientCase("", shape(3, 4, 4), batch: 1),
  ]

  private func layer(_ dialect: Dialect = .alexeyab) throws -> LayerFixture<BatchNormalizationLayer>
  {
    try LayerFixture<BatchNormalizationLayer>(
      "[batchnorm]", inputs: [shape(1, 1, 4)], dialect: dialect)
  }

  /// 1, 2, 3, 6: mean 3, unbiased variance 14/3.
  @Test func `takes the batch's statistics in training, and the rolling ones follow`() throws {
    let run = try layer()
    run.parameters = [[1], [2], [10], [20]]
    let s = (14.0 / 3 + 1e-5).squareRoot()
    let expected = [-2, -1, 0, 3].map { Float($0 / s * 2 + 1) }
    #expect(deviation(run.forward([1, 2, 3, 6], isTraining: true), from: expected) < 1e-6)
    let rolling = run.rollingStatistics(after: [1, 2, 3, 6])
    #expect(deviation(rolling, from: [0.99 * 10 + 0.01 * 3, 0.99 * 20 + 0.14 / 3]) < 1e-6)
  }

  /// AlexeyAB: sqrt(4 + 1e-5); pjreddie: 2 + 1e-6.
  @Test func `takes the rolling statistics at inference`() throws {
    for (dialect, s) in [(Dialect.alexeyab, 4.00001.squareRoot()), (.pjreddie, 2.000001)] {
      let run = try layer(dialect)
      run.parameters = [[1], [3], [2], [4]]
      let expected = [-2, 0, 2, 4].map { Float($0 / s * 3 + 1) }
      #expect(deviation(run.forward([0, 2, 4, 6]), from: expected) < 1e-6)
    }
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's, with Darknet's divisor`(
    _ one: GradientCase
  ) throws {
    let run = try LayerFixture<BatchNormalizationLayer>(one)
    let normalize = Exact.BatchNorm()
    let worst = run.worstDeviation(one) { x, p in normalize(x[0], scale: p[1], bias: p[0]) }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  /// The factor that is checked above makes a difference: with M = 5, of a fifth of a term.
  @Test func `Darknet's gradient is not the derivative`() throws {
    let one = Self.gradients[1]
    let run = try LayerFixture<BatchNormalizationLayer>(one)
    let normalize = Exact.BatchNorm(isExact: true)
    let worst = run.worstDeviation(one) { x, p in normalize(x[0], scale: p[1], bias: p[0]) }
    #expect(worst.error > 0.05, "\(worst)")
  }

  @Test(arguments: [(Dialect.alexeyab, [0, 1, 2, 3]), (.pjreddie, [1, 2, 3])])
  func `weights come back; pjreddie's file has no biases`(dialect: Dialect, order: [Int]) throws {
    let fixture = try NetworkFixture(
      "[net]\nwidth=2\nheight=2\nchannels=5\n[batchnorm]", dialect: dialect)
    let layer = fixture.network.nodes[0].layer
    #expect(
      layer.parameters.map(\.name) == ["biases", "scales", "rolling_mean", "rolling_variance"])
    #expect(layer.fileOrder(dialect) == order)
    let (isEqual, byteCount) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(byteCount == 20 + 4 * 5 * order.count)
  }

  @Test func `its row of the table`() throws {
    let layer = try LayerFixture<BatchNormalizationLayer>(
      "[batchnorm]", inputs: [shape(3, 4, 5)]
    ).layer
    #expect(layer.outputShape == shape(3, 4, 5))
    #expect(layer.tableRow.text(.alexeyab) == "Batch Normalization Layer: 5 x 4 x 3 image\n")
  }
}
