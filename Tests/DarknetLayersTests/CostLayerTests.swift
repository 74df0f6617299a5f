import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct CostLayerTests {
  /// Half of the slope is the gradient of those that square.
  static let gradients = [
    GradientCase("", shape(2, 2, 3)), GradientCase("type=sse\nscale=0.5", shape(5, 1, 1)),
    GradientCase("type=masked", shape(5, 1, 1)), GradientCase("type=smooth", shape(9, 1, 1)),
    GradientCase("type=L1", shape(5, 1, 1)), GradientCase("type=seg\nnoobj=0.3", shape(5, 1, 1)),
    GradientCase("type=wgan", shape(5, 1, 1)),
  ]

  private func loss(
    _ options: String, _ values: [Float], truth: [Float]
  ) throws -> (report: LossReport, gradient: [Float]) {
    let run = try LayerFixture<CostLayer>("[cost]\n" + options, inputs: [shape(4, 1, 1)])
    return try #require(run.loss(values, truth: .values(truth, perImage: 4)))
  }

  @Test func `costs and gradients by hand`() throws {
    let (p, t): ([Float], [Float]) = ([1, 2, 3, 0.5], [0, 4, 3, 0])
    for (options, cost, gradient) in [
      ("type=sse", 5.25, [1, -2, 0, 0.5]), ("type=smooth", 1 + 3 + 0.25, [1, -1, 0, 0.5]),
      ("type=L1", 3.5, [1, -1, 0, 1]), ("type=seg\nnoobj=0.5", 5.25, [0.5, -2, 0, 0.25]),
      ("type=wgan", 1 - 2 - 3 + 0.5, [1, -1, -1, 1]),
    ] as [(String, Float, [Float])] {
      let found = try loss(options, p, truth: t)
      #expect(found.report.cost == cost, "\(options)")
      #expect(found.gradient == gradient, "\(options)")
    }
    let masked = try loss("type=masked", p, truth: [0, -1234, 3, 0])
    #expect(masked.report.cost == 1.25)
    #expect(masked.gradient == [1, 0, 0, 0.5])
  }

  /// Absolute values 1, 2, 0, 0.5: half of them are at least 1; thresh / 4 = 0.6.
  @Test func `ratio and thresh drop small gradients`() throws {
    let (p, t): ([Float], [Float]) = ([1, 2, 3, 0.5], [0, 4, 3, 0])
    #expect(try loss("ratio=0.5", p, truth: t).gradient == [1, -2, 0, 0])
    #expect(try loss("thresh=2.4", p, truth: t).gradient == [1, -2, 0, 0])
    #expect(try loss("thresh=1.6", p, truth: t).gradient == [1, -2, 0, 0.5])
  }

  @Test(arguments: gradients)
  func `gradients equal the cost's slopes`(_ one: GradientCase) throws {
    let run = try LayerFixture<CostLayer>(one)
    let count = 2 * run.layer.outputShape.count
    var truth = Values.random(count, seed: 3, in: -2...2)
    for i in stride(from: 0, to: count, by: 3) { truth[i] = run.layer.kind == .masked ? -1234 : 0 }
    let worst = run.worstLossDeviation(one, truth: .values(truth, perImage: count / 2)) { x in
      Double(run.layer.scale)
        * zip(x.values, truth).reduce(0) { sum, pair in
          let (t, d) = (Double(pair.1), pair.0 - Double(pair.1))
          switch run.layer.kind {
          case .masked where t == -1234: return sum
          case .sse, .masked: return sum + d * d / 2
          case .smooth: return sum + (abs(d) < 1 ? d * d : 2 * abs(d) - 1) / 2
          case .l1: return sum + abs(d)
          case .seg: return sum + d * d / 2 * (t == 0 ? 0.3 : 1)
          case .wgan: return sum + (t > 0 ? -pair.0 : pair.0)
          }
        }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `output, table, and losses that are not there`() throws {
    let run = try LayerFixture<CostLayer>("[cost]", inputs: [shape(2, 1, 2)])
    #expect(run.layer.outputShape == shape(4, 1, 1))
    #expect(run.forward([1, 2, 3, 4]) == [1, 2, 3, 4])
    #expect(run.messages.map(\.text) == ["type: Using default 'sse'\n"])
    #expect(
      run.layer.tableRow.text(.alexeyab) == "cost                                              4\n")
    #expect(run.loss([1, 2, 3, 4], truth: .none) == nil)
    let short = run.loss([1, 2, 3, 4], truth: .values([1, 2], perImage: 2))
    #expect(
      short?.report.notices == [
        "[cost] has no loss: it needs 4 true values for a mini-batch, the data has 2"
      ])
    #expect(short?.gradient == [0, 0, 0, 0])
  }

  @Test(arguments: [
    (
      "type=ssee",
      "type: expected one of sse, masked, smooth, L1, seg, wgan, found 'ssee'; did "
        + "you mean 'sse'?"
    ),
    (
      "type=xyzzyx",
      "type: expected one of sse, masked, smooth, L1, seg, wgan, found 'xyzzyx'; "
        + "choose one of these"
    ),
    ("ratio=2", "ratio: expected a number in 0...1, found '2'; change it or drop the line"),
  ])
  func `refuses what cannot be`(option: String, text: String) {
    #expect(buildError("[net]\ninputs=4\n[cost]\n" + option) == "net.cfg:4: [cost] " + text)
  }
}
