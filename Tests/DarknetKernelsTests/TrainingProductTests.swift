import DarknetGraph
import DarknetKernels
import DarknetSystem
import DarknetTestSupport
import Testing

/// Shapes for every way of training at and beyond the sizes that its kernels count in, with the way
/// that each must go. All have 100,000 operations at least, below which everything is plain.
private let shapes: [(TrainingConvolution.Way, ConvolutionGeometry)] = [
  (.winograd, .init(channels: 15, height: 9, width: 10, filters: 5, size: 3, padding: 1)),
  (.winograd, .init(channels: 16, height: 10, width: 9, filters: 17, size: 3, padding: 0)),
  (.winograd, .init(channels: 17, height: 4, width: 12, filters: 33, size: 3, padding: 2)),
  (.winograd, .init(channels: 5, height: 2, width: 200, filters: 6, size: 3, padding: 1)),
  (.winograd, .init(channels: 5, height: 200, width: 2, filters: 6, size: 3, padding: 1)),
  (.winograd, .init(channels: 20, height: 1, width: 30, filters: 20, size: 3, padding: 2)),
  (.winograd, .init(channels: 1023, height: 2, width: 3, filters: 2, size: 3, padding: 1)),
  (.winograd, .init(channels: 1025, height: 2, width: 3, filters: 1, size: 3, padding: 1)),
  (.winograd, .init(channels: 1600, height: 2, width: 2, filters: 3, size: 3, padding: 1)),
  (.winograd, .init(channels: 2100, height: 2, width: 2, filters: 1, size: 3, padding: 1)),
  (.winograd, .init(channels: 5, height: 2, width: 2, filters: 1600, size: 3, padding: 1)),
  (.pointwise, .init(channels: 15, height: 40, width: 9, filters: 17, size: 1)),
  (.pointwise, .init(channels: 1, height: 200, width: 40, filters: 7, size: 1)),
  (.pointwise, .init(channels: 1025, height: 2, width: 7, filters: 5, size: 1)),
  (.pointwise, .init(channels: 7, height: 3, width: 3, filters: 1100, size: 1)),
  (.planar, .init(channels: 1, height: 80, width: 1, filters: 80, size: 3, padding: 1)),
  (.planar, .init(channels: 1, height: 1, width: 200, filters: 33, size: 3, padding: 1)),
  (.planar, .init(channels: 4, height: 9, width: 11, filters: 17, size: 8, padding: 3)),
  (
    .planar,
    .init(
      channels: 3, height: 23, width: 29, filters: 31, size: 3, strideX: 2, strideY: 3, padding: 2,
      dilation: 2)
  ),
  (
    .plain,
    .init(
      channels: 34, height: 9, width: 9, filters: 34, size: 3, strideX: 2, strideY: 2, padding: 1)
  ),
  (
    .plain,
    .init(channels: 34, height: 19, width: 19, filters: 34, size: 3, padding: 1, groups: 17)
  ),
]

@Suite struct TrainingProductTests {
  /// As in `ExtentTests`.
  private static func tolerance(_ products: Int) -> Double {
    4e-6 * max(Double(products).squareRoot(), 10)
  }

  @Test(arguments: shapes)
  func `three products of every variant`(way: TrainingConvolution.Way, g: ConvolutionGeometry) {
    check(g, way, batch: 1)
  }

  @Test(arguments: 2...9)
  func `any batch`(batch: Int) {
    for (way, g) in [shapes[0], shapes[11]] { check(g, way, batch: batch) }
    check(
      .init(channels: 3, height: 15, width: 10, filters: 13, size: 3, padding: 1), .planar,
      batch: batch)
    // Weights that are many enough for groups of images instead of slices of the batch.
    if batch == 2 {
      check(
        .init(channels: 140, height: 2, width: 2, filters: 130, size: 3, padding: 1), .winograd,
        batch: batch)
    }
  }

  private func check(_ g: ConvolutionGeometry, _ way: TrainingConvolution.Way, batch: Int) {
    let input = Slow.random(batch * g.inputCount, seed: 1)
    let weights = Slow.random(g.weightCount, seed: 2)
    let dy = Slow.random(batch * g.outputCount, seed: 3)
    let (oldDX, oldDW) = (
      Slow.random(batch * g.inputCount, seed: 4), Slow.random(g.weightCount, seed: 5)
    )
    var y = [Double](repeating: 0, count: batch * g.outputCount)
    var dx = [Double](repeating: 0, count: batch * g.inputCount)
    var dw = [Double](repeating: 0, count: g.weightCount)
    Slow.forEachTap(g, batch: batch) { output, at, weight in
      y[output] += Double(input[at]) * Double(weights[weight])
      dx[at] += Double(dy[output]) * Double(weights[weight])
      dw[weight] += Double(dy[output]) * Double(input[at])
    }
    for (table, threads) in zip(KernelVariant.runnable, [2, 1, 3]) {
      let name = String(cString: table.pointee.name)
      let context = ComputeContext(threads: threads)
      let products = TrainingConvolution(g, batch: batch, context: context, table: table)
      #expect(products.way == way)
      let output = GuardedBuffer(count: batch * g.outputCount)
      var work = GuardedBuffer(count: products.forwardWorkspace)
      products.forward(
        input: input, weights: weights, output: output.pointer, workspace: work.pointer)
      #expect(output.isIntact && work.isIntact, "wrote outside")
      #expect(Slow.deviation(output.array, y) < Self.tolerance(g.columnHeight), "\(name)")

      for adds in [false, true] {
        let gradient = adds ? GuardedBuffer(oldDX) : GuardedBuffer(count: oldDX.count)
        work = GuardedBuffer(count: products.backwardInputWorkspace)
        products.backwardInput(
          outputGradient: dy, weights: weights, inputGradient: gradient.pointer,
          workspace: work.pointer, adds: adds)
        #expect(gradient.isIntact && work.isIntact, "wrote outside")
        let expected = adds ? zip(dx, oldDX).map { $0 + Double($1) } : dx
        #expect(
          Slow.deviation(gradient.array, expected)
            < Self.tolerance(g.filtersPerGroup * g.size * g.size), "\(name) adds \(adds)")
      }

      let gradient = GuardedBuffer(oldDW)
      work = GuardedBuffer(count: products.backwardWeightsWorkspace)
      products.backwardWeights(
        input: input, outputGradient: dy, weightGradient: gradient.pointer,
        workspace: work.pointer)
      #expect(gradient.isIntact && work.isIntact, "wrote outside")
      let expected = zip(dw, oldDW).map { $0 + Double($1) }
      #expect(
        Slow.deviation(gradient.array, expected) < Self.tolerance(batch * g.outArea), "\(name)")
    }
  }
}
