import CKernels
import DarknetGraph
import DarknetKernels
import DarknetTestSupport
import Foundation
import Testing

private let single = Activation.allCases.filter { !$0.mixesChannels }

@Suite struct ActivationTests {
  /// Each is a handful of float32 operations: 1e-6 is about ten roundings.
  @Test(arguments: single)
  func `values on every variant, any length`(activation: Activation) {
    let x = Slow.random(1000, seed: 1, in: -10...10) + [-100, -30, -4, -1, 0, 1, 4, 30, 100]
    for table in KernelVariant.runnable {
      for count in [1, 5, 13, 16, 24, 31, x.count] {
        var y = x
        table.pointee.activate(activation.kernelCode, &y, count)
        #expect(Array(y[count...]) == Array(x[count...]), "wrote past the end")
        let expected = x.prefix(count).map { Exact.activate(activation, Double($0)) }
        let name = String(cString: table.pointee.name)
        #expect(Slow.deviation(Array(y.prefix(count)), expected) < 1e-6, "\(name), \(count)")
      }
    }
  }

  /// Central differences in double; the points keep away from the corners, where there is no slope.
  @Test(arguments: single)
  func `slopes are derivatives`(activation: Activation) {
    let corners: [Double] = [-4, -2, -1, 0, 1, 2, 3, 4, 5, 6, -3]
    let x = Slow.random(500, seed: 2, in: -6...6).filter { v in
      corners.allSatisfy { abs($0 - Double(v)) > 1e-3 }
    }
    let y = x.map { Float(Exact.activate(activation, Double($0))) }
    let dy = Slow.random(x.count, seed: 3)
    for table in KernelVariant.runnable {
      var dx = dy
      table.pointee.scale_by_slope(
        activation.kernelCode, &dx, activation.needsInput ? x : y, x.count)
      let expected = zip(x, dy).map { x, dy in
        let h = 1e-5
        return Double(dy)
          * (Exact.activate(activation, Double(x) + h) - Exact.activate(activation, Double(x) - h))
          / (2 * h)
      }
      // stair tells its slope from the output; a step of slope 1 ends on a whole number only.
      // The slope from a float32 output is off by its rounding times the curvature.
      #expect(Slow.deviation(dx, expected) < 1e-5, "\(String(cString: table.pointee.name))")
    }
  }

  @Test(arguments: single)
  func `a NaN stays one`(activation: Activation) {
    guard activation != .stair else { return }
    for table in KernelVariant.runnable {
      var x: [Float] = [.nan, 1]
      table.pointee.activate(activation.kernelCode, &x, 2)
      #expect(x[0].isNaN)
    }
  }

  @Test func `exp keeps 2e-7 relative`() {
    // selu's negative side less its constant would lose digits; logistic of -x far out is e^-x.
    for table in KernelVariant.runnable {
      let x = (0..<4000).map { -87 + Float($0) * 0.015 }
      var y = x
      table.pointee.activate(Activation.logistic.kernelCode, &y, y.count)
      for (x, y) in zip(x, y) {
        let expected = 1 / (1 + exp(-Double(x)))
        #expect(abs(Double(y) / expected - 1) < 4e-7, "\(x)")
      }
    }
  }

  @Test func `names are the cfg's`() {
    #expect(Activation(cfgName: "hard_mish") == .hardMish)
    #expect(Activation(cfgName: "normalize_channels_softmax_maxval") != nil)
    #expect(Activation(cfgName: "Leaky") == nil)
    #expect(Activation.allCases.count == 23)
  }

  @Test func `channel normalisers share one unit`() {
    // Two channels of two pixels: (1, 3) and (-1, 1).
    var x: [Float] = [1, -1, 3, 1]
    ChannelNormalizer.apply(.normalizeChannels, &x, channels: 2, area: 2)
    let expected: [Double] = [1 / 4.0001, 0, 3 / 4.0001, 1 / 1.0001]
    #expect(Slow.deviation(x, expected) < 1e-6)

    for (activation, shift) in [
      (Activation.normalizeChannelsSoftmax, 0.0), (.normalizeChannelsSoftmaxMaxval, 3.0),
    ] {
      var x: [Float] = [1, 3]
      ChannelNormalizer.apply(activation, &x, channels: 2, area: 1)
      let (a, b) = (exp(1 - shift), exp(3 - shift))
      #expect(Slow.deviation(x, [a / (1e-4 + a + b), b / (1e-4 + a + b)]) < 1e-6)
    }
  }
}
