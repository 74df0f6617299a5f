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

@Suite struct SoftmaxLayerTests {
  /// As a loss: the gradient of the cross entropy, past the probabilities.
  static let losses = [
    GradientCase("", shape(6, 1, 1)), GradientCase("groups=3", shape(6, 1, 1)),
    GradientCase("temperature=2.5", shape(5, 1, 1)), GradientCase("spatial=1", shape(4, 2, 3)),
    GradientCase("tree=t", shape(4, 1, 1)), GradientCase("tree=t\nspatial=1", shape(4, 1, 2)),
  ]
  /// As a function.
  static let functions = losses.map { one in
    var one = one
    one.options += (one.options.isEmpty ? "" : "\n") + "noloss=1"
    return one
  }
  static let gradients = losses + functions

  /// Roots 0 and 1, the children of 0 are 2 and 3.
  private static let tree = Array("a -1\nb -1\nc 0\nd 0\n".utf8)

  private func layer(_ one: GradientCase) throws -> LayerFixture<SoftmaxLayer> {
    try LayerFixture<SoftmaxLayer>(one, readFile: { $0 == "t" ? Self.tree : nil })
  }

  /// Places of an image's values that share one unit, for each value.
  private func group(_ one: GradientCase, _ layer: SoftmaxLayer, _ place: Int) -> [Int] {
    let (x, area) = (one.inputs[0], layer.isSpatial ? one.inputs[0].area : 1)
    let (channel, pixel) = place.quotientAndRemainder(dividingBy: area)
    let count = layer.isSpatial ? x.channels : x.count
    let size = layer.tree != nil ? 2 : layer.isSpatial ? count : count / layer.groups
    let first = channel / size * size
    return (first..<first + size).map { $0 * area + pixel }
  }

  private func probabilities(
    _ one: GradientCase, _ layer: SoftmaxLayer, _ x: Maps
  ) -> Maps {
    let count = one.inputs[0].count
    return Maps(
      x.shape, batch: x.batch,
      values: x.values.indices.map { i in
        let t = Double(layer.temperature)
        let sum = group(one, layer, i % count).reduce(0) {
          $0 + exp(x.values[i / count * count + $1] / t)
        }
        return exp(x.values[i] / t) / sum
      })
  }

  @Test func `values become probabilities`() throws {
    let ln3: Float = 1.0986123
    func forward(_ options: String, _ x: [Float], _ input: [Int]) throws -> [Float] {
      try LayerFixture<SoftmaxLayer>(
        "[softmax]\n" + options, inputs: [shape(input[0], input[1], input[2])]
      ).forward(x)
    }
    let (a, b): ([Float], [Float]) = ([0.75, 0.25], [0.5, 0.5])
    #expect(deviation(try forward("", [ln3, 0], [2, 1, 1]), from: a) < 1e-6)
    #expect(
      deviation(try forward("temperature=2", [2 * ln3, 0], [2, 1, 1]), from: a) < 1e-6)
    #expect(
      deviation(try forward("groups=2", [ln3, 0, 7, 7], [4, 1, 1]), from: a + b) < 1e-6)
    #expect(
      deviation(
        try forward("spatial=1", [ln3, 7, 0, 7], [2, 1, 2]), from: [0.75, 0.5, 0.25, 0.5])
        < 1e-6)
    #expect(try forward("", [1000, 0], [2, 1, 1]) == [1, 0])
  }

  @Test(arguments: functions)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try layer(one)
    let worst = run.worstDeviation(one) { x, _ in probabilities(one, run.layer, x[0]) }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  /// One true class a group: then y - t is the slope of -ln y.
  @Test(arguments: losses)
  func `the gradient is the slope of the cross entropy`(_ one: GradientCase) throws {
    let run = try layer(one)
    let count = one.inputs[0].count
    let truth = (0..<2 * count).map { i -> Float in
      group(one, run.layer, i % count)[0] == i % count ? 1 : 0
    }
    let worst = run.worstLossDeviation(one, truth: .values(truth, perImage: count)) { x in
      let y = probabilities(one, run.layer, x)
      return zip(y.values, truth).reduce(0) { $0 - Double($1.1) * log($1.0) }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `cost by hand, places left out, and losses that are not there`() throws {
    let run = try LayerFixture<SoftmaxLayer>("[softmax]", inputs: [shape(2, 1, 1)])
    let found = try #require(run.loss([0, 0], truth: .values([0, 1], perImage: 2)))
    #expect(abs(found.report.cost - logf(2)) < 1e-6)
    #expect(found.gradient == [0.5, -0.5])
    let masked = try #require(run.loss([0, 0], truth: .values([-1234, 1], perImage: 2)))
    #expect(masked.gradient == [0, -0.5])
    #expect(run.loss([0, 0], truth: .none) == nil)
    #expect(
      run.loss([0, 0], truth: .values([1], perImage: 1))?.report.notices == [
        "[softmax] has no loss: it needs 2 true values for a mini-batch, the data has 1"
      ])
    let silent = try LayerFixture<SoftmaxLayer>("[softmax]\nnoloss=1", inputs: [shape(2, 1, 1)])
    #expect(silent.loss([0, 0], truth: .values([0, 1], perImage: 2)) == nil)
  }

  @Test func `shape and table`() throws {
    let layer = try LayerFixture<SoftmaxLayer>("[soft]", inputs: [shape(2, 3, 4)]).layer
    #expect(layer.outputShape == shape(2, 3, 4))
    #expect(
      layer.tableRow.text(.alexeyab) == "softmax                                          24\n")
  }

  @Test(arguments: [
    ("groups=3", "groups: expected a divisor of the 4 inputs, found 3; change it"),
    (
      "temperature=0",
      "temperature: expected a number above 0, found '0'; change it or drop the line"
    ),
    (
      "tree=three",
      "tree: expected a tree of 4 classes, as the layer has inputs, found 3; change "
        + "the layer before or the tree"
    ),
  ])
  func `refuses what cannot be`(option: String, text: String) {
    let error = buildError(
      "[net]\ninputs=4\n[softmax]\n" + option, readFile: { _ in Array("a -1\nb -1\nc -1\n".utf8) })
    #expect(error == "net.cfg:4: [softmax] " + text)
  }
}
