import DarknetGraph
import DarknetKernels
import Testing

/// Shapes for every way of `TrainingConvolution`: strips and groups of Winograd, slices and groups of
/// weight gradients, the first layer, 1x1, and one that goes the plain way.
private let shapes: [ConvolutionGeometry] = [
  .init(channels: 16, height: 31, width: 37, filters: 24, size: 3, padding: 1),
  .init(channels: 37, height: 13, width: 13, filters: 50, size: 3, padding: 1),
  .init(channels: 20, height: 14, width: 120, filters: 17, size: 3, padding: 0),
  .init(channels: 200, height: 13, width: 13, filters: 190, size: 3, padding: 1),
  .init(channels: 130, height: 5, width: 9, filters: 300, size: 3, padding: 1),
  .init(channels: 40, height: 24, width: 25, filters: 16, size: 1),
  .init(channels: 150, height: 13, width: 13, filters: 255, size: 1),
  .init(channels: 3, height: 65, width: 70, filters: 20, size: 3, padding: 1),
  .init(
    channels: 3, height: 64, width: 70, filters: 32, size: 3, strideX: 2, strideY: 2, padding: 1),
  .init(
    channels: 24, height: 31, width: 31, filters: 40, size: 3, strideX: 2, strideY: 2, padding: 1),
]

@Suite struct TrainingConvolutionTests {
  /// The plain products in float32 are tested against double. The fast ones differ from them by
  /// about 1e-5 of their neighbours' size, which is the root of the number of products over 3.
  private static func tolerance(_ products: Int) -> Double {
    4e-6 * Double(products).squareRoot()
  }

  @Test(arguments: shapes, [1, 5])
  func `equals the plain products`(g: ConvolutionGeometry, batch: Int) {
    let context = ComputeContext.shared
    let products = TrainingConvolution(g, batch: batch, context: context)
    let input = Slow.random(batch * g.inputCount, seed: 1)
    let weights = Slow.random(g.weightCount, seed: 2)
    let dy = Slow.random(batch * g.outputCount, seed: 3)

    var plain = [Float](repeating: .nan, count: batch * g.outputCount)
    var fast = plain
    var work = [Float](
      repeating: .nan, count: Convolution.forwardWorkspace(g, threads: context.threads))
    Convolution.forward(
      g, batch: batch, input: input, weights: weights, output: &plain, workspace: &work,
      context: context)
    work = [Float](
      repeating: .nan,
      count: products.forwardWorkspace)
    products.forward(input: input, weights: weights, output: &fast, workspace: &work)
    #expect(
      Slow.deviation(fast, plain.map { Double($0) }) < Self.tolerance(g.columnHeight))

    plain = Slow.random(batch * g.inputCount, seed: 4)
    fast = plain
    work = [Float](
      repeating: .nan, count: Convolution.backwardInputWorkspace(g, threads: context.threads))
    Convolution.backwardInput(
      g, batch: batch, outputGradient: dy, weights: weights, inputGradient: &plain,
      workspace: &work, context: context)
    work = [Float](
      repeating: .nan,
      count: products.backwardInputWorkspace)
    products.backwardInput(
      outputGradient: dy, weights: weights, inputGradient: &fast,
      workspace: &work, adds: true)
    #expect(
      Slow.deviation(fast, plain.map { Double($0) })
        < Self.tolerance(g.filters * g.size * g.size))

    plain = Slow.random(g.weightCount, seed: 5)
    fast = plain
    work = [Float](
      repeating: .nan, count: Convolution.backwardWeightsWorkspace(g, threads: context.threads))
    Convolution.backwardWeights(
      g, batch: batch, input: input, outputGradient: dy, weightGradient: &plain,
      workspace: &work, context: context)
    work = [Float](
      repeating: .nan,
      count: products.backwardWeightsWorkspace)
    products.backwardWeights(
      input: input, outputGradient: dy, weightGradient: &fast,
      workspace: &work)
    #expect(
      Slow.deviation(fast, plain.map { Double($0) }) < Self.tolerance(batch * g.outArea))
  }

  @Test(arguments: shapes)
  func `the number of threads changes no bit`(g: ConvolutionGeometry) {
    let batch = 3
    let input = Slow.random(batch * g.inputCount, seed: 1)
    let weights = Slow.random(g.weightCount, seed: 2)
    let dy = Slow.random(batch * g.outputCount, seed: 3)
    let results = [1, 2, 3].map { threads in
      let products = TrainingConvolution(
        g, batch: batch, context: ComputeContext(threads: threads))
      var y = [Float](repeating: 0, count: batch * g.outputCount)
      var dx = [Float](repeating: 0, count: batch * g.inputCount)
      var dw = [Float](repeating: 0, count: g.weightCount)
      let count = max(
        products.forwardWorkspace,
        products.backwardInputWorkspace,
        products.backwardWeightsWorkspace)
      var work = [Float](repeating: .nan, count: count)
      products.forward(input: input, weights: weights, output: &y, workspace: &work)
      products.backwardInput(
        outputGradient: dy, weights: weights, inputGradient: &dx,
        workspace: &work, adds: true)
      products.backwardWeights(
        input: input, outputGradient: dy, weightGradient: &dw, workspace: &work)
      return y + dx + dw
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }
}
