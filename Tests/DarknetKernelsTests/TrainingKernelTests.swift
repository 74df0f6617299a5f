import CKernels
import DarknetGraph
import DarknetKernels
import Testing

/// The joined passes of training, in every variant that runs here, against the formulas.
@Suite struct TrainingKernelTests {
  /// Sums of a thousand values in double, whose terms were rounded to float32 once.
  private static let tolerance = 1e-6

  @Test(arguments: [0, 1, 5, 13, 16, 24, 31, 100, 1037])
  func `every variant equals the formula`(count: Int) {
    let x = Slow.random(count, seed: 1)
    let dy = Slow.random(count, seed: 2)
    let (mean, scale, shift): (Float, Float, Float) = (0.25, 1.5, -0.125)
    func inner(_ v: Float) -> Double { (Double(v) - 0.25) * 1.5 - 0.125 }
    for table in KernelVariant.runnable {
      let t = table.pointee
      var sums = [1.0, 2.0]
      t.moments(x, 0.25, count, &sums)
      let deviations = x.map { Double($0) - 0.25 }
      #expect(abs(sums[0] - 1 - deviations.reduce(0, +)) < Self.tolerance)
      #expect(abs(sums[1] - 2 - deviations.reduce(0) { $0 + $1 * $1 }) < Self.tolerance)

      for (activation, slope) in [(Activation.linear, 1.0), (.relu, 0), (.leaky, 0.1)] {
        var y = [Float](repeating: .nan, count: count) + [7]
        t.normalize_activate(activation.kernelCode, &y, x, mean, scale, shift, count)
        #expect(y.removeLast() == 7, "wrote past the end")
        #expect(Slow.deviation(y, x.map { max(inner($0), slope * inner($0)) }) < Self.tolerance)

        let bent = zip(dy, x).map { Double($0) * (inner($1) > 0 ? 1 : slope) }
        sums = [1, 2]
        t.bn_leaky_backward_reduce(Float(slope), dy, x, mean, scale, shift, count, &sums)
        #expect(abs(sums[0] - 1 - bent.reduce(0, +)) < 1e-4)
        let product = zip(bent, deviations).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(sums[1] - 2 - product) < 1e-4)
        var dx = dy + [7]
        t.bn_leaky_backward_apply(Float(slope), &dx, x, mean, scale, shift, 2, 0.5, -1, count)
        #expect(dx.removeLast() == 7, "wrote past the end")
        let expected = zip(bent, x).map { 2 * $0 + 0.5 * Double($1) - 1 }
        #expect(Slow.deviation(dx, expected) < Self.tolerance)
      }
      var smooth = [Float](repeating: .nan, count: count)
      t.normalize_activate(Activation.tanh.kernelCode, &smooth, x, mean, scale, shift, count)
      var plain = x.map { ($0 - mean) * scale + shift }
      t.activate(Activation.tanh.kernelCode, &plain, count)
      #expect(Slow.deviation(smooth, plain.map { Double($0) }) < Self.tolerance)

      let old = Slow.random(count, seed: 5)
      var (w, v, g) = (x + [7], old + [7], dy + [7])
      t.sgd_step(&w, &v, &g, 0.1, 0.02, 0.9, count)
      #expect(
        w.removeLast() == 7 && v.removeLast() == 7 && g.removeLast() == 7, "wrote past the end")
      #expect(g.allSatisfy { $0 == 0 })
      let total = (0..<count).map { Double(old[$0]) + Double(dy[$0]) + 0.02 * Double(x[$0]) }
      #expect(Slow.deviation(v, total.map { 0.9 * $0 }) < Self.tolerance)
      #expect(Slow.deviation(w, zip(x, total).map { Double($0) - 0.1 * $1 }) < Self.tolerance)
    }
  }

  /// Equal values, as a flat picture gives them: the first of four is the maximum.
  @Test(arguments: [1, 5, 16, 31, 50])
  func `maxima of squares and the way back`(columns: Int) {
    let (top, bottom) = (
      Slow.random(2 * columns, seed: 3), [Float](repeating: 0.1, count: 2 * columns)
    )
    let dy = Slow.random(columns, seed: 4)
    for table in KernelVariant.runnable {
      let t = table.pointee
      var out = [Float](repeating: .nan, count: columns)
      var which = [UInt8](repeating: 9, count: columns)
      t.maxpool2x2_argmax(top, bottom, &out, &which, columns)
      var (upper, lower) = (top.map { _ in Float(1) }, bottom.map { _ in Float(1) })
      t.maxpool2x2_backward(dy, which, &upper, &lower, columns, true)
      for i in 0..<columns {
        let four = [top[2 * i], top[2 * i + 1], bottom[2 * i], bottom[2 * i + 1]]
        #expect(out[i] == four.max())
        #expect(Int(which[i]) == four.firstIndex(of: out[i]))
        let back = [upper[2 * i], upper[2 * i + 1], lower[2 * i], lower[2 * i + 1]]
        for k in 0..<4 { #expect(back[k] == 1 + (k == Int(which[i]) ? dy[i] : 0)) }
      }
    }
  }
}
