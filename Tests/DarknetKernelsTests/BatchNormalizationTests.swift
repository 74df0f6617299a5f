import DarknetKernels
import Testing

@Suite struct BatchNormalizationTests {
  /// Worked by hand: channel 0 holds 1, 2, 3, 6 (mean 3, unbiased variance 14/3).
  @Test func `statistics over the batch`() {
    let x: [Float] = [1, 2, 0, 0, 3, 6, 8, 8]  // [2, 2, 2]
    var (mean, variance): ([Float], [Float]) = ([0, 0], [0, 0])
    BatchNormalization.statistics(
      x, batch: 2, channels: 2, area: 2, mean: &mean, variance: &variance, context: .shared)
    #expect(mean == [3, 4])
    #expect(abs(variance[0] - 14.0 / 3) < 1e-6)
    #expect(abs(variance[1] - 64.0 / 3) < 1e-5)
  }

  @Test func `epsilon stands where the dialect wants it`() {
    #expect(BatchNormalization.Epsilon.insideRoot(0.25).inverseDeviation(0) == 2)
    #expect(BatchNormalization.Epsilon.outsideRoot(0.5).inverseDeviation(2.25) == 0.5)
  }

  /// y = 2 xhat + 1 through the loss sum(w y), against central differences in double.
  @Test(
    arguments: [BatchNormalization.Epsilon.insideRoot(1e-5), .outsideRoot(1e-6)], [(1, 5), (3, 13)])
  func `backward is the derivative`(epsilon: BatchNormalization.Epsilon, size: (Int, Int)) {
    let (batch, area) = size
    let x = Slow.random(batch * area, seed: 1)
    let w = Slow.random(batch * area, seed: 2)
    func loss(_ x: [Double]) -> Double {
      let count = Double(x.count)
      let mean = x.reduce(0, +) / count
      let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
      let divisor =
        switch epsilon {
        case .insideRoot(let e): (variance + Double(e)).squareRoot()
        case .outsideRoot(let e): variance.squareRoot() + Double(e)
        }
      return zip(x, w).reduce(0) { $0 + Double($1.1) * (2 * ($1.0 - mean) / divisor + 1) }
    }
    let exact = x.map { Double($0) }
    let expected = exact.indices.map { i in
      var (up, down) = (exact, exact)
      up[i] += 1e-5
      down[i] -= 1e-5
      return (loss(up) - loss(down)) / 2e-5
    }
    var (mean, variance): ([Float], [Float]) = ([0], [0])
    BatchNormalization.statistics(
      x, batch: batch, channels: 1, area: area, mean: &mean, variance: &variance, context: .shared)
    var dx = w
    var (dscale, dbias): ([Float], [Float]) = ([10], [20])
    BatchNormalization.backward(
      &dx, x: x, batch: batch, channels: 1, area: area, mean: mean, variance: variance,
      epsilon: epsilon, scale: [2], scaleGradient: &dscale, biasGradient: &dbias,
      likeDarknet: false, context: .shared)
    // The mean and the deviation are rounded to float32.
    #expect(Slow.deviation(dx, expected) < 1e-5)
    var normalized = [Float](repeating: 0, count: x.count)
    var y = normalized
    BatchNormalization.normalize(
      x, to: &y, batch: batch, channels: 1, area: area, mean: mean, variance: variance,
      epsilon: epsilon, scale: [2], bias: [1], normalized: &normalized, context: .shared)
    #expect(Slow.deviation(y, normalized.map { 2 * Double($0) + 1 }) < 1e-6)
    let expectedScale = 10 + zip(w, normalized).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    let expectedBias = 20 + w.reduce(0.0) { $0 + Double($1) }
    #expect(Slow.deviation(dscale + dbias, [expectedScale, expectedBias]) < 1e-5)
  }

  @Test func `bias reaches its channel and collects its gradient`() {
    var x: [Float] = [0, 0, 0, 0, 1, 1, 1, 1]
    BatchNormalization.addBias(
      &x, batch: 2, channels: 2, area: 2, bias: [10, 20], context: .shared)
    #expect(x == [10, 10, 20, 20, 11, 11, 21, 21])
    var gradient: [Float] = [1, 2]
    BatchNormalization.biasBackward(
      x, batch: 2, channels: 2, area: 2, biasGradient: &gradient, context: .shared)
    #expect(gradient == [43, 84])
  }
}
