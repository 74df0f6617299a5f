import DarknetGraph
import DarknetKernels
import Testing

/// Float32 sums of up to 500 products of values in -1...1 against double: 1e-5 leaves a margin of
/// ten over the rounding that was measured, and any wrong tap is far larger.
private let tolerance = 1e-5

@Suite struct ConvolutionTests {
  @Test(arguments: oddGeometries, [1, 3])
  func `forward is the sum over all taps`(g: ConvolutionGeometry, batch: Int) {
    let input = Slow.random(batch * g.inputCount, seed: 1)
    let weights = Slow.random(g.weightCount, seed: 2)
    var output = [Float](repeating: .nan, count: batch * g.outputCount)
    var workspace = [Float](
      repeating: .nan,
      count: Convolution.forwardWorkspace(g, threads: ComputeContext.shared.threads))
    Convolution.forward(
      g, batch: batch, input: input, weights: weights, output: &output, workspace: &workspace,
      context: .shared)
    let expected = Slow.convolution(g, batch: batch, input: input, weights: weights)
    #expect(Slow.deviation(output, expected) < tolerance)
  }

  @Test(arguments: oddGeometries, [1, 3])
  func `backward adds the transposed sums`(g: ConvolutionGeometry, batch: Int) {
    let input = Slow.random(batch * g.inputCount, seed: 1)
    let weights = Slow.random(g.weightCount, seed: 2)
    let dy = Slow.random(batch * g.outputCount, seed: 3)
    let before = Slow.random(max(weights.count, input.count), seed: 4)
    var expectedDW = before.prefix(weights.count).map { Double($0) }
    var expectedDX = before.prefix(input.count).map { Double($0) }
    Slow.forEachTap(g, batch: batch) { o, i, w in
      expectedDW[w] += Double(dy[o]) * Double(input[i])
      expectedDX[i] += Double(dy[o]) * Double(weights[w])
    }
    let threads = ComputeContext.shared.threads
    var dw = Array(before.prefix(weights.count))
    var dx = Array(before.prefix(input.count))
    var workspace = [Float](
      repeating: .nan, count: Convolution.backwardWeightsWorkspace(g, threads: threads))
    Convolution.backwardWeights(
      g, batch: batch, input: input, outputGradient: dy, weightGradient: &dw,
      workspace: &workspace, context: .shared)
    workspace = [Float](
      repeating: .nan, count: Convolution.backwardInputWorkspace(g, threads: threads))
    Convolution.backwardInput(
      g, batch: batch, outputGradient: dy, weights: weights, inputGradient: &dx,
      workspace: &workspace, context: .shared)
    // A weight's gradient sums up to 2883 products, six times more than an output: errors of a
    // random walk grow with the root, worst cases with the number.
    #expect(Slow.deviation(dw, expectedDW) < 4 * tolerance)
    #expect(Slow.deviation(dx, expectedDX) < tolerance)
  }

  @Test func `strips of the im2col matrix are parts of the whole`() {
    let g = ConvolutionGeometry(
      channels: 2, height: 13, width: 5, filters: 1, size: 3, strideX: 2, strideY: 1, padding: 1)
    let input = Slow.random(g.inputCount, seed: 5)
    var whole = [Float](repeating: .nan, count: g.columnHeight * g.outArea)
    Im2col.fill(&whole, from: input, channels: 2, g)
    for first in 0..<g.outArea {
      for count in 1...(g.outArea - first) {
        var strip = [Float](repeating: .nan, count: g.columnHeight * count)
        Im2col.fill(
          &strip, rowStride: count, from: input, channels: 2, pixels: first..<first + count, g)
        for row in 0..<g.columnHeight {
          let part = whole[row * g.outArea + first..<row * g.outArea + first + count]
          #expect(Array(part) == Array(strip[row * count..<(row + 1) * count]))
        }
      }
    }
  }

  @Test(arguments: [(1, 1, 1), (5, 13, 16), (31, 24, 5), (300, 170, 260), (64, 1000, 333)])
  func `parallel products equal the plain ones`(m: Int, n: Int, k: Int) {
    for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
      let a = Slow.random(m * k, seed: 1)
      let b = Slow.random(k * n, seed: 2)
      let before = Slow.random(m * n, seed: 3)
      var c = before
      Matrix.multiplyParallel(
        transposeA: ta, transposeB: tb, m: m, n: n, k: k, alpha: 0.5, a: a, lda: ta ? m : k, b: b,
        ldb: tb ? k : n, beta: 2, c: &c, ldc: n, context: .shared)
      var expected = before.map { 2 * Double($0) }
      for i in 0..<m {
        for j in 0..<n {
          var sum = 0.0
          for p in 0..<k {
            sum += Double(a[ta ? p * m + i : i * k + p]) * Double(b[tb ? j * k + p : p * n + j])
          }
          expected[i * n + j] += 0.5 * sum
        }
      }
      #expect(Slow.deviation(c, expected) < tolerance)
    }
  }
}
