import DarknetKernels
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite struct LogisticLayerTests {
  static let gradients = [
    GradientCase("", shape(3, 2, 2), range: -3...3), GradientCase("", shape(7, 1, 1), batch: 1),
  ]
  private static let ln3: Float = 1.0986123

  @Test func `probabilities, their cross entropy, and its gradient`() throws {
    let run = try LayerFixture<LogisticLayer>("[logistic]", inputs: [shape(2, 1, 1)])
    let x = [Self.ln3, -Self.ln3]
    #expect(deviation(run.forward(x), from: [0.75, 0.25]) < 1e-6)
    let found = try #require(run.loss(x, truth: .values([1, 0], perImage: 2)))
    #expect(deviation(found.gradient, from: [-0.25, 0.25]) < 1e-6)
    #expect(abs(found.report.cost + 2 * logf(0.75)) < 1e-6)
  }

  @Test(arguments: gradients)
  func `the gradient is the slope of the cross entropy`(_ one: GradientCase) throws {
    let run = try LayerFixture<LogisticLayer>(one)
    let truth = Values.random(one.batch * one.inputs[0].count, seed: 3, in: 0...1)
    let worst = run.worstLossDeviation(
      one, truth: .values(truth, perImage: one.inputs[0].count)
    ) { x in
      zip(x.values, truth).reduce(0) { sum, pair in
        let (y, t) = (Exact.activate(.logistic, pair.0), Double(pair.1))
        return sum - t * log(y) - (1 - t) * log(1 - y)
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `sure and wrong costs no infinity`() throws {
    let run = try LayerFixture<LogisticLayer>("[logistic]", inputs: [shape(2, 1, 1)])
    let found = try #require(run.loss([-200, 200], truth: .values([1, 0], perImage: 2)))
    #expect(found.report.cost.isFinite)
    #expect(found.gradient == [-1, 1])
  }

  @Test func `shape, table, and losses that are not there`() throws {
    let run = try LayerFixture<LogisticLayer>("[logistic]", inputs: [shape(2, 3, 4)])
    #expect(run.layer.outputShape == shape(2, 3, 4))
    #expect(
      run.layer.tableRow.text(.alexeyab) == "logistic x entropy                               24\n")
    let zeros = [Float](repeating: 0, count: 24)
    #expect(run.loss(zeros, truth: .none) == nil)
    #expect(
      run.loss(zeros, truth: .values([1], perImage: 1))?.report.notices == [
        "[logistic] has no loss: it needs 24 true values for a mini-batch, the data has 1"
      ])
  }
}
