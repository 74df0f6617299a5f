import DarknetGraph
import DarknetInference
import DarknetTestSupport
import Testing

/// Each pass by what it makes of a small network's operators.
@Suite struct PassTests {
  private static let stem = """
    [net]
    width=16
    height=16
    channels=3
    [convolutional]
    batch_normalize=1
    filters=16
    size=3
    pad=1
    activation=leaky

    """

  /// The operators after a pass, as their names and what was fused to them.
  private func operators(
    after pass: String, _ sections: String, _ convolutions: InferencePlan.Convolutions = .fastest,
    keeping: Set<Int> = []
  ) throws -> [Graph.Operator] {
    let network = try NetworkFixture(Self.stem + sections).network
    let graphs = InferencePlan.graphs(of: network, keeping: keeping, convolutions: convolutions)
    return try #require(graphs.first { $0.pass == pass }).graph.operators
  }

  private func names(
    after pass: String, _ sections: String, keeping: Set<Int> = []
  ) throws -> [String] {
    try operators(after: pass, sections, keeping: keeping).map(\.operation.name)
  }

  private static let convolution = "[convolutional]\nfilters=16\nsize=3\npad=1\nactivation=linear\n"
  private static let pointwise = "[convolutional]\nfilters=32\nsize=1\nactivation=relu\n"
  private static let depthwise =
    "[convolutional]\nfilters=32\nsize=3\npad=1\ngroups=32\nactivation=relu\n"

  @Test func `a convolution is lowered to sums, normalisation, bias and activation`() throws {
    #expect(
      try names(after: "lower", "") == ["convolution", "normalize", "bias", "activate"])
  }

  @Test func `batch norm and bias are folded`() throws {
    let found = try operators(after: "fold batch norm", "")
    #expect(found.map(\.operation.name) == ["convolution", "activate"])
    guard case .convolution(let convolution) = found[0].operation else {
      Issue.record("no convolution")
      return
    }
    #expect(convolution.epilogue.normalization?.means == .init(layer: 0, parameter: 2))
    #expect(convolution.epilogue.bias == .init(layer: 0, parameter: 0))
    #expect(convolution.weights == .init(layer: 0, parameter: 4))
  }

  @Test func `activations are fused, also those that are layers`() throws {
    let section = Self.convolution + "[activation]\nactivation=mish\n"
    let found = try operators(after: "fuse activation", section)
    #expect(found.map(\.operation.name) == ["convolution", "convolution"])
    #expect(found[1].layers == 1...2)
    let kept = try operators(after: "fuse activation", section, keeping: [1])
    #expect(kept.map(\.operation.name) == ["convolution", "convolution", "activate"])
    let exact = try operators(after: "fuse activation", section, .exact)
    #expect(exact.map(\.operation.name) == ["convolution", "convolution", "activate"])
  }

  @Test func `a shortcut is fused if nobody else reads the convolution`() throws {
    let section = Self.convolution + "[shortcut]\nfrom=-2\nactivation=relu\n"
    let found = try operators(after: "fuse residual", section)
    #expect(found.map(\.operation.name) == ["convolution", "convolution"])
    #expect(found[1].operand(.residual)?.channels == 0..<16)
    #expect(try names(after: "fuse residual", section, keeping: [1]).last == "add")
    let other = section + "[route]\nlayers=-2,-1\n"
    #expect(try names(after: "fuse residual", other).contains("add"))
  }

  @Test func `pooling is fused, and the map is written for other readers only`() throws {
    let pool = "[maxpool]\nsize=2\nstride=2\n"
    let alone = try operators(after: "fuse pooling", Self.convolution + pool)
    #expect(alone[1].results.map(\.role) == [.pooled])
    let kept = try operators(after: "fuse pooling", Self.convolution + pool, keeping: [1])
    #expect(kept[1].results.map(\.role) == [.map, .pooled])
  }

  @Test func `squeeze and scale go into the convolutions beside them`() throws {
    let section =
      Self.pointwise + Self.depthwise + "[avgpool]\n[convolutional]\nfilters=32\nsize=1\n"
      + "activation=logistic\n[scale_channels]\nfrom=-3\n" + Self.pointwise
    let found = try operators(after: "fuse squeeze and scale", section)
    #expect(found.allSatisfy { $0.operation.name == "convolution" })
    #expect(found[2].results.map(\.role) == [.map, .averages])
    #expect(found[4].operands.map(\.role) == [.map, .factors])
    let fused = try names(after: "fuse pointwise and depthwise", section)
    #expect(fused[1] == "pointwise + depthwise")
  }

  @Test func `what has no kernel is a layer again`() throws {
    let section = "[connected]\noutput=5\nactivation=relu\n"
    #expect(
      try names(after: "lower", section).suffix(3) == ["product", "bias", "activate"])
    #expect(try names(after: "restore layers", section) == ["convolution", "layer"])
  }

  @Test func `conversions stand where a reader wants the other layout`() throws {
    let section = "[connected]\noutput=5\n"
    #expect(
      try names(after: "choose layout", section) == ["convolution", "convert", "layer"])
  }

  /// A slice is a view where its readers can skip what lies between the images.
  @Test(arguments: [1, 2, 3]) func `slices serve readers of whole images`(batch: Int) throws {
    let cfg =
      Self.stem + Self.pointwise + "[route]\nlayers=-1\ngroups=2\ngroup_id=1\n"
      + "[maxpool]\nsize=2\nstride=2\n[route]\nlayers=-2\n[upsample]\nstride=2\n"
    let fixture = try NetworkFixture(cfg, batch: batch)
    let expected = PlanTests.outputs(fixture, .exact, batch: batch, keeping: [3])
    let found = PlanTests.outputs(fixture, .fastest, batch: batch, keeping: [3])
    for (fast, exact) in zip(found, expected) {
      #expect(PlanTests.deviation(fast.values, from: exact.values) < PlanTests.tolerance)
    }
  }
}
