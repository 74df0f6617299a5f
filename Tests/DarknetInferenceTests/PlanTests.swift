import Darknet
import DarknetTestSupport
import Testing

/// The joined, blocked, packed plan against the one that runs layer by layer.
@Suite struct PlanTests {
  /// The heads, as a whole: a layer's rounding spreads over all that follow.
  static let tolerance = 1e-4

  static func deviation(_ a: [Float], from b: [Float]) -> Double {
    var (difference, square) = (0.0, 0.0)
    for (x, y) in zip(a, b) {
      difference += Double(x - y) * Double(x - y)
      square += Double(y) * Double(y)
    }
    return (difference / max(square, .leastNormalMagnitude)).squareRoot()
  }

  static func outputs(
    _ fixture: NetworkFixture, _ convolutions: InferencePlan.Convolutions, batch: Int,
    keeping: Set<Int>? = [], context: ComputeContext = .shared
  ) -> [(layer: Int, values: [Float])] {
    let plan = InferencePlan(
      fixture.network, parameters: fixture.parameters, batch: batch, keeping: keeping,
      convolutions: convolutions, context: context)
    let input = Values.random(
      batch * fixture.network.inputShape.count, seed: 3, in: 0...1)
    _ = plan.inputView.values.update(fromContentsOf: input)
    plan.run()
    return plan.kept.sorted().map { ($0, Array(plan.output($0).values)) }
  }

  /// A map of 96x96 takes every path of the real sizes: odd maps of 3x3 are at its end.
  @Test(arguments: Zoo.members.map(\.name))
  func `zoo networks equal the exact plan`(name: String) throws {
    var text = try #require(Zoo.member(named: name)).text()
    for size in ["416", "320", "256"] {
      text = text.replacing("width=\(size)\n", with: "width=96\n")
        .replacing("height=\(size)\n", with: "height=96\n")
    }
    let fixture = try NetworkFixture(text, batch: 1, isDeep: true)
    try #require(fixture.network.inputShape.width == 96)
    for batch in [1, 2] {
      let expected = Self.outputs(fixture, .exact, batch: batch)
      for (fast, exact) in zip(Self.outputs(fixture, .fastest, batch: batch), expected) {
        let isFinite = exact.values.allSatisfy { $0.isFinite }
        #expect(isFinite)
        #expect(Self.deviation(fast.values, from: exact.values) < Self.tolerance, "\(fast.layer)")
      }
    }
  }

  @Test(arguments: Snippets.all)
  func `snippets equal the exact plan`(snippet: Snippet) throws {
    let fixture = try NetworkFixture(snippet.cfg, batch: 1)
    for batch in [1, 3] {
      for keeping: Set<Int>? in [[], nil] {
        let expected = Self.outputs(fixture, .exact, batch: batch, keeping: keeping)
        let found = Self.outputs(fixture, .fastest, batch: batch, keeping: keeping)
        for (fast, exact) in zip(found, expected) {
          #expect(
            Self.deviation(fast.values, from: exact.values) < Self.tolerance,
            "layer \(fast.layer), batch \(batch), \(keeping == nil ? "all kept" : "joined")")
        }
      }
    }
  }

  @Test(arguments: Snippets.all)
  func `layers are joined where they may be`(snippet: Snippet) throws {
    let fixture = try NetworkFixture(snippet.cfg, batch: 1)
    let plan = InferencePlan(fixture.network, parameters: fixture.parameters)
    #expect(plan.description.map(\.what) == snippet.steps)
  }

  /// Results do not depend on who computes them.
  @Test func `threads change no bit`() throws {
    let fixture = try NetworkFixture(Snippets.squeeze.cfg, batch: 1)
    let outputs = [1, 2, 3].map { threads in
      Self.outputs(
        fixture, .fastest, batch: 2, context: ComputeContext(threads: threads))[0].values
    }
    #expect(outputs[0] == outputs[1])
    #expect(outputs[0] == outputs[2])
  }

  /// An activation that is a layer of its own, after an operator for which there are only kernels
  /// of maps in blocks: on planes both run by their layers' rules, and a layer between that does
  /// nothing stays a view.
  @Test(arguments: [
    "[scale_channels]\nfrom=-1\n", "[shortcut]\nfrom=-2\nactivation=linear\n",
    "[partial_shortcut]\nfrom=-2\nactivation=linear\n",
    "[shortcut]\nfrom=-2\nactivation=linear\n[dropout]\n",
  ])
  func `activations after layers on planes`(layers: String) throws {
    let fixture = try NetworkFixture(
      "[net]\nwidth=4\nheight=4\nchannels=3\n[connected]\noutput=15\nactivation=tanh\n"
        + "[connected]\noutput=15\nactivation=tanh\n" + layers
        + "[activation]\nactivation=relu6\n[connected]\noutput=2\nactivation=linear\n", batch: 1)
    for batch in [1, 2] {
      for keeping: Set<Int>? in [[], nil] {
        let expected = Self.outputs(fixture, .exact, batch: batch, keeping: keeping)
        let found = Self.outputs(fixture, .fastest, batch: batch, keeping: keeping)
        for (fast, exact) in zip(found, expected) {
          #expect(Self.deviation(fast.values, from: exact.values) < Self.tolerance, "\(fast.layer)")
        }
      }
    }
  }
}
