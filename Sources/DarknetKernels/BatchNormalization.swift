import CKernels
import DarknetGraph

/// Batch normalisation over [N, C, area], and bias: a channel at a time, sums in double.
///
///     mean[c] = sum x / M,   variance[c] = sum (x - mean)^2 / (M - 1),   M = N area
///     xhat = (x - mean) / sqrt(variance + epsilon),   y = xhat scale + bias
///
/// The unbiased variance is Darknet's. `epsilon` is 1e-5 (AlexeyAB); pjreddie's CPU code divides
/// by sqrt(variance) + 1e-6 instead.
package enum BatchNormalization {
  package typealias Epsilon = NormalizationEpsilon

  /// Mean and unbiased variance of each channel over the batch. A single value has variance 0.
  package static func statistics(
    _ x: UnsafePointer<Float>, batch: Int, channels: Int, area: Int,
    mean: UnsafeMutablePointer<Float>, variance: UnsafeMutablePointer<Float>,
    context: ComputeContext
  ) {
    let count = Double(batch * area)
    if context.arithmetic == .reference {
      context.run(channels) { c in
        let one = ReferenceChannel(batch: batch, channels: channels, channel: c, area: area)
        mean[c] = one.mean(x)
        variance[c] = one.variance(x, mean: mean[c])
      }
      return
    }
    context.run(channels) { c in
      // One pass: sums of deviations from a value that is about as large as the others, in double,
      // lose nothing that float32 would show.
      let shift = Double(x[c * area])
      var (sum, squares) = (0.0, 0.0)
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 2) { sums in
        sums.initialize(repeating: 0)
        for n in 0..<batch {
          kernels.pointee.moments(x + (n * channels + c) * area, shift, area, sums.baseAddress!)
        }
        (sum, squares) = (sums[0], sums[1])
      }
      mean[c] = Float(shift + sum / count)
      variance[c] = count > 1 ? Float(max(0, squares - sum * sum / count) / (count - 1)) : 0
    }
  }

  /// y = activation((x - mean) * inverse deviation * scale + bias); `y` may be `x`. Nil `scale` is
  /// 1, nil `bias` is 0. `normalized`, if given, receives xhat.
  ///
  /// - Precondition: the activation does not mix channels, and is linear in the reference order.
  package static func normalize(
    _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, batch: Int, channels: Int,
    area: Int, mean: UnsafePointer<Float>, variance: UnsafePointer<Float>, epsilon: Epsilon,
    scale: UnsafePointer<Float>?, bias: UnsafePointer<Float>?,
    normalized: UnsafeMutablePointer<Float>? = nil, activation: Activation = .linear,
    context: ComputeContext
  ) {
    let kind = activation.kernelCode
    context.run(channels) { c in
      if context.arithmetic == .reference {
        let one = ReferenceChannel(batch: batch, channels: channels, channel: c, area: area)
        // y may be x.
        if let normalized {
          one.normalize(
            x, to: normalized, mean: mean[c], variance: variance[c], epsilon: epsilon, scale: nil,
            bias: nil)
        }
        one.normalize(
          x, to: y, mean: mean[c], variance: variance[c], epsilon: epsilon, scale: scale?[c],
          bias: bias?[c])
        return
      }
      let inverse = epsilon.inverseDeviation(variance[c])
      let factor = inverse * (scale?[c] ?? 1)
      let shift = bias?[c] ?? 0
      for n in 0..<batch {
        let at = (n * channels + c) * area
        // y may be x.
        if let normalized {
          kernels.pointee.normalize(normalized + at, x + at, mean[c], inverse, 0, area)
        }
        // (x - mean) first: x and mean may be large and close.
        kernels.pointee.normalize_activate(kind, y + at, x + at, mean[c], factor, shift, area)
      }
    }
  }

  /// The gradient through a batch's own statistics, in place: on entry `dy` is dLoss/dy, on
  /// return dLoss/dx. Adds to `scaleGradient` and `biasGradient` (nil: not wanted).
  ///
  ///     dscale += sum dy xhat,   dbias += sum dy,   g = dy scale
  ///     dx = (g - sum g / M) / s - (x - mean) sum(g (x - mean)) / ((M - 1) s^3)
  ///
  /// with s the divisor of `normalize`. This is the exact derivative for the unbiased variance.
  /// Darknet differs from it in two small ways, which `likeDarknet` follows: it divides the last
  /// term by M, and pjreddie's program takes sqrt(variance + 1e-5) for s here.
  ///
  /// With an `activation` after the normalisation `dy` is the gradient by its result; `bias` is
  /// then what `normalize` added, so that its sign is found again without the result.
  ///
  /// - Precondition: the activation has a `lowerSlope`, and is linear in the reference order.
  package static func backward(
    _ dy: UnsafeMutablePointer<Float>, x: UnsafePointer<Float>, batch: Int, channels: Int,
    area: Int, mean: UnsafePointer<Float>, variance: UnsafePointer<Float>, epsilon: Epsilon,
    scale: UnsafePointer<Float>?, scaleGradient: UnsafeMutablePointer<Float>?,
    biasGradient: UnsafeMutablePointer<Float>?, activation: Activation = .linear,
    bias: UnsafePointer<Float>? = nil, likeDarknet: Bool = true, context: ComputeContext
  ) {
    guard let lowerSlope = activation.lowerSlope else {
      preconditionFailure("the slope of \(activation.cfgName) needs a pass of its own")
    }
    let count = Double(batch * area)
    if context.arithmetic == .reference {
      context.run(channels) { c in
        ReferenceChannel(batch: batch, channels: channels, channel: c, area: area).backward(
          dy, x: x, mean: mean[c], variance: variance[c], epsilon: epsilon, scale: scale?[c] ?? 1,
          scaleGradient: scaleGradient.map { $0 + c }, biasGradient: biasGradient.map { $0 + c })
      }
      return
    }
    context.run(channels) { c in
      let factor = epsilon.inverseDeviation(variance[c]) * (scale?[c] ?? 1)
      let shift = bias?[c] ?? 0
      var (total, product) = (0.0, 0.0)
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 2) { sums in
        sums.initialize(repeating: 0)
        for n in 0..<batch {
          let at = (n * channels + c) * area
          kernels.pointee.bn_leaky_backward_reduce(
            lowerSlope, dy + at, x + at, mean[c], factor, shift, area, sums.baseAddress!)
        }
        (total, product) = (sums[0], sums[1])
      }
      scaleGradient?[c] += Float(product * Double(epsilon.inverseDeviation(variance[c])))
      biasGradient?[c] += Float(total)
      let gamma = Double(scale?[c] ?? 1)
      let divisor = likeDarknet ? count : max(count - 1, 1)
      let (inverse, slope) = epsilon.inverseAndSlope(
        Double(variance[c]), likeDarknet: likeDarknet)
      // dx = a d + b (x - mean) + constant
      let a = inverse * gamma
      let b = 2 * slope * gamma * product / divisor
      let constant = -gamma * total * inverse / count - b * Double(mean[c])
      for n in 0..<batch {
        let at = (n * channels + c) * area
        kernels.pointee.bn_leaky_backward_apply(
          lowerSlope, dy + at, x + at, mean[c], factor, shift, Float(a), Float(b),
          Float(constant), area)
      }
    }
  }

  /// x[n, c, :] += bias[c]
  package static func addBias(
    _ x: UnsafeMutablePointer<Float>, batch: Int, channels: Int, area: Int,
    bias: UnsafePointer<Float>, context: ComputeContext
  ) {
    context.run(batch * channels) { index in
      kernels.pointee.affine(x + index * area, 1, bias[index % channels], area)
    }
  }

  /// biasGradient[c] += sum of dy[n, c, :]
  package static func biasBackward(
    _ dy: UnsafePointer<Float>, batch: Int, channels: Int, area: Int,
    biasGradient: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    context.run(channels) { c in
      if context.arithmetic == .reference {
        for n in 0..<batch {
          let plane = dy + (n * channels + c) * area
          biasGradient[c] += ReferenceOrder.laneSum(area) { plane[$0] }
        }
        return
      }
      var total = 0.0
      for n in 0..<batch { total += kernels.pointee.sum(dy + (n * channels + c) * area, area) }
      biasGradient[c] += Float(total)
    }
  }
}

extension NormalizationEpsilon {
  package func inverseDeviation(_ variance: Float) -> Float {
    switch self {
    case .insideRoot(let e): 1 / (variance + e).squareRoot()
    case .outsideRoot(let e): 1 / (variance.squareRoot() + e)
    }
  }

  /// 1/s, and its derivative by the variance.
  func inverseAndSlope(_ variance: Double, likeDarknet: Bool) -> (Double, Double) {
    switch self {
    case .outsideRoot(let e) where !likeDarknet:
      let inverse = 1 / (variance.squareRoot() + Double(e))
      return (inverse, -0.5 * inverse * inverse / max(variance.squareRoot(), 1e-6))
    case .insideRoot, .outsideRoot:
      var inside = 1e-5
      if case .insideRoot(let e) = self { inside = Double(e) }
      let inverse = 1 / (variance + inside).squareRoot()
      return (inverse, -0.5 * inverse * inverse * inverse)
    }
  }
}
