import Darknet
import DarknetTestSupport
import Foundation
import Testing

@Suite struct GateLayerTests {
  static let gradients = [
    // The previous layer is h, then x, then t.
    GradientCase("from=-2\ngate=-3", shape(3, 2, 3), shape(3, 2, 3), shape(3, 2, 3)),
    GradientCase("from=-2\ngate=-3", shape(1, 5, 1), shape(1, 5, 1), shape(1, 5, 1)),
  ]

  @Test func `a mean of two maps with the weights of a third`() throws {
    let gate = try LayerFixture<GateLayer>(
      "[gate]\nfrom=-2\ngate=-3", inputs: [shape(2, 1, 2), shape(2, 1, 2), shape(2, 1, 2)])
    #expect(
      gate.forward([1, 2, 3, 4], [10, 20, 30, 40], [1, 0, 0.5, 0.25]) == [1, 20, 16.5, 31])
    #expect(gate.layer.outputShape == shape(2, 1, 2))
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<GateLayer>(one)
    let worst = run.worstDeviation(one) { inputs, _ in
      let (h, x, t) = (inputs[0], inputs[1], inputs[2])
      return Maps(run.layer.outputShape, batch: one.batch) { n, c, i, j in
        t[n, c, i, j] * h[n, c, i, j] + (1 - t[n, c, i, j]) * x[n, c, i, j]
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test(arguments: [
    ("gate=-1", "from: expected 'from=' with the index of an earlier layer"),
    ("from=-1", "gate: expected 'gate=' with the index of an earlier layer"),
    (
      "from=-2\ngate=-1",
      "from: expected a layer of 2x2x3, as the previous one, found layer 0 of 4x4x3; name a layer "
        + "of that shape, or bring it there with [convolutional] first"
    ),
  ])
  func `refuses what cannot be`(options: String, text: String) {
    let error =
      buildError(
        "[net]\nwidth=4\nheight=4\nchannels=3\n[maxpool]\n[maxpool]\nstride=2\n[gate]\n" + options)
      ?? ""
    #expect(error.contains("[gate] " + text), "\(error)")
  }

  /// A new layer is its own file and one line of the registry.
  @Test func `nothing else of the sources knows it`() throws {
    let sources = ProjectFolder.root.appendingPathComponent("Sources")
    let files = try FileManager.default.subpathsOfDirectory(atPath: sources.path)
      .filter { $0.hasSuffix(".swift") }
    let known = try files.filter { file in
      let text = try String(contentsOf: sources.appendingPathComponent(file), encoding: .utf8)
      return text.contains("GateLayer") || text.contains("\"gate\"")
    }
    #expect(
      known.map { URL(fileURLWithPath: $0).lastPathComponent }.sorted()
        == ["GateLayer.swift", "LayerRegistry.swift"])
  }

  /// Plan, training, weights, table and analysis take it as any other.
  @Test func `it runs everywhere`() throws {
    let conv = { (activation: String) in
      "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=\(activation)\n"
    }
    let cfg =
      "[net]\nwidth=8\nheight=6\nchannels=4\nbatch=2\n" + conv("leaky") + conv("logistic")
      + "[route]\nlayers=-2\n" + conv("tanh") + "[gate]\nfrom=0\ngate=1\n" + conv("linear")
      + "[cost]\n"
    let folder = try TemporaryFolder.make()
    try Data(cfg.utf8).write(to: folder.appendingPathComponent("g.cfg"))
    let table = try ProgramRun(["ops", "g.cfg"], in: folder)
    #expect(table.status == 0)
    #expect(table.errors.contains("   4 Gate Layer: 0 by 1,  outputs:   8 x   6 x   4 0.000 BF\n"))
    for words in [
      ["memory", "g.cfg"], ["gradients", "g.cfg"], ["benchmark", "g.cfg", "-runs", "1"],
      ["benchmark", "g.cfg", "-train", "-runs", "1"],
      ["benchmark", "g.cfg", "-runs", "1", "-write_weights", "g.weights"],
      ["statistics", "g.cfg", "g.weights"],
    ] {
      let run = try ProgramRun(words, in: folder)
      #expect(run.status == 0, "\(words): \(run.errors)")
    }
  }

  @Test func `the plan and training agree with the rule`() throws {
    let fixture = try NetworkFixture(
      "[net]\nwidth=5\nheight=3\nchannels=4\nbatch=2\n"
        + "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=logistic\n[route]\nlayers=-1\n"
        + "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=tanh\n[gate]\nfrom=1\ngate=0\n"
        + "[cost]\ntype=sse\n")
    let input = fixture.randomInput(seed: 3)
    let expected = fixture.forward(input)
    let plan = InferencePlan(
      fixture.network, parameters: fixture.parameters, batch: fixture.batch, keeping: nil)
    _ = plan.inputView.values.update(fromContentsOf: input)
    plan.run()
    for (value, wanted) in zip(plan.output(3).values, expected[3]) {
      #expect(abs(value - wanted) < 1e-5)
    }
    let truth = Truth.values(Values.random(fixture.batch * 60, seed: 5), perImage: 60)
    let worst = fixture.worstGradientError(truth: truth, factor: 2)
    #expect(worst.error < 1e-3, "\(worst)")
  }
}
