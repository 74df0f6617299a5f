import CKernels

/// Batch normalisation over [N, C, area], and bias: a channel at a time, sums in double.
///
///     mean[c] = sum x / M,   variance[c] = sum (x - mean)^2 / (M - 1),   M = N area
///     xhat = (x - mean) / sqrt(variance + epsilon),   y = xhat scale + bias
///
/// The unbiased variance is Darknet's. `epsilon` is 1e-5 (AlexeyAB); pjreddie's CPU code divides
/// by sqrt(variance) + 1e-6 instead.
public enum BatchNormalization {
  /// Where the small constant stands that keeps the divisor from zero.
  public enum Epsilon: Hashable, Sendable {
    /// 1 / sqrt(variance + e): AlexeyAB with 1e-5.
    case insideRoot(Float)
    /// 1 / (sqrt(variance) + e): pjreddie with 1e-6.
    case outsideRoot(Float)

    public func inverseDeviation(_ variance: Float) -> Float {
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

  /// How the sums over a channel are taken.
  public enum Summation: Hashable, Sendable {
    /// In double.
    case double
    /// In float32, one value after another, as pjreddie's program does: its means are off by up to
    /// 1e-5 of themselves, which moves activations across the kinks of leaky and relu. Only with
    /// the same error a training can be followed for many updates.
    case singleInOrder
  }

  /// Mean and unbiased variance of each channel over the batch. A single value has variance 0.
  public static func statistics(
    _ x: UnsafePointer<Float>, batch: Int, channels: Int, area: Int,
    mean: UnsafeMutablePointer<Float>, variance: UnsafeMutablePointer<Float>,
    summation: Summation = .double, pool: ThreadPool = .shared
  ) {
    let count = Double(batch * area)
    if summation == .singleInOrder {
      pool.run(channels) { c in
        let total = sumInOrder(x, batch: batch, channel: c, of: channels, area: area) { $0[$1] }
        let center = total * Float(1 / count)
        mean[c] = center
        let deviation = sumInOrder(x, batch: batch, channel: c, of: channels, area: area) {
          ($0[$1] - center) * ($0[$1] - center)
        }
        variance[c] = count > 1 ? deviation * Float(1 / (count - 1)) : 0
      }
      return
    }
    pool.run(channels) { c in
      var total = 0.0
      for n in 0..<batch { total += kernels.pointee.sum(x + (n * channels + c) * area, area) }
      let center = total / count
      var deviation = 0.0
      for n in 0..<batch {
        deviation += kernels.pointee.squared_deviation(
          x + (n * channels + c) * area, center, area)
      }
      mean[c] = Float(center)
      variance[c] = count > 1 ? Float(deviation / (count - 1)) : 0
    }
  }

  /// A float32 sum over the values of a channel, image after image.
  @inline(__always)
  private static func sumInOrder(
    _ x: UnsafePointer<Float>, batch: Int, channel: Int, of channels: Int, area: Int,
    _ term: (UnsafePointer<Float>, Int) -> Float
  ) -> Float {
    var total: Float = 0
    for n in 0..<batch {
      let start = (n * channels + channel) * area
      for i in start..<start + area { total += term(x, i) }
    }
    return total
  }

  /// y = (x - mean) * inverse deviation * scale + bias; `y` may be `x`. Nil `scale` is 1, nil
  /// `bias` is 0. `normalized`, if given, receives xhat.
  public static func normalize(
    _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, batch: Int, channels: Int,
    area: Int, mean: UnsafePointer<Float>, variance: UnsafePointer<Float>, epsilon: Epsilon,
    scale: UnsafePointer<Float>?, bias: UnsafePointer<Float>?,
    normalized: UnsafeMutablePointer<Float>? = nil, pool: ThreadPool = .shared
  ) {
    pool.run(channels) { c in
      let inverse = epsilon.inverseDeviation(variance[c])
      let factor = inverse * (scale?[c] ?? 1)
      let shift = bias?[c] ?? 0
      for n in 0..<batch {
        let at = (n * channels + c) * area
        // (x - mean) first: x and mean may be large and close.
        kernels.pointee.normalize(y + at, x + at, mean[c], factor, shift, area)
        if let normalized {
          kernels.pointee.normalize(normalized + at, x + at, mean[c], inverse, 0, area)
        }
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
  public static func backward(
    _ dy: UnsafeMutablePointer<Float>, x: UnsafePointer<Float>, batch: Int, channels: Int,
    area: Int, mean: UnsafePointer<Float>, variance: UnsafePointer<Float>, epsilon: Epsilon,
    scale: UnsafePointer<Float>?, scaleGradient: UnsafeMutablePointer<Float>?,
    biasGradient: UnsafeMutablePointer<Float>?, likeDarknet: Bool = true,
    summation: Summation = .double, pool: ThreadPool = .shared
  ) {
    let count = Double(batch * area)
    pool.run(channels) { c in
      var (total, product) = (0.0, 0.0)
      for n in 0..<batch {
        let at = (n * channels + c) * area
        total += kernels.pointee.sum(dy + at, area)
        product += kernels.pointee.deviation_dot(dy + at, x + at, Double(mean[c]), area)
      }
      scaleGradient?[c] += Float(product * Double(epsilon.inverseDeviation(variance[c])))
      biasGradient?[c] += Float(total)
      if summation == .singleInOrder {
        // The parameters' own gradients are exact there; those that flow on are not.
        let (g, center) = (scale?[c] ?? 1, mean[c])
        total = Double(
          sumInOrder(dy, batch: batch, channel: c, of: channels, area: area) { $0[$1] * g })
        product = Double(
          sumInOrder(dy, batch: batch, channel: c, of: channels, area: area) {
            $0[$1] * g * (x[$1] - center)
          })
        (total, product) = g == 0 ? (0, 0) : (total / Double(g), product / Double(g))
      }
      let gamma = Double(scale?[c] ?? 1)
      let divisor = likeDarknet ? count : max(count - 1, 1)
      let (inverse, slope) = epsilon.inverseAndSlope(
        Double(variance[c]), likeDarknet: likeDarknet)
      // dx = a dy + b (x - mean) + shift
      let a = inverse * gamma
      let b = 2 * slope * gamma * product / divisor
      let shift = -gamma * total * inverse / count
      for n in 0..<batch {
        let at = (n * channels + c) * area
        kernels.pointee.combine(
          dy + at, dy + at, x + at, Float(a), Float(b), Float(shift - b * Double(mean[c])), area)
      }
    }
  }

  /// The gradient through fixed statistics (a frozen layer): dx = dy scale / s, in place.
  public static func backwardFixed(
    _ dy: UnsafeMutablePointer<Float>, batch: Int, channels: Int, area: Int,
    variance: UnsafePointer<Float>, epsilon: Epsilon, scale: UnsafePointer<Float>?,
    pool: ThreadPool = .shared
  ) {
    pool.run(channels) { c in
      let factor = epsilon.inverseDeviation(variance[c]) * (scale?[c] ?? 1)
      for n in 0..<batch {
        kernels.pointee.affine(dy + (n * channels + c) * area, factor, 0, area)
      }
    }
  }

  /// x[n, c, :] += bias[c]
  public static func addBias(
    _ x: UnsafeMutablePointer<Float>, batch: Int, channels: Int, area: Int,
    bias: UnsafePointer<Float>, pool: ThreadPool = .shared
  ) {
    pool.run(batch * channels) { index in
      kernels.pointee.affine(x + index * area, 1, bias[index % channels], area)
    }
  }

  /// biasGradient[c] += sum of dy[n, c, :]
  public static func biasBackward(
    _ dy: UnsafePointer<Float>, batch: Int, channels: Int, area: Int,
    biasGradient: UnsafeMutablePointer<Float>, pool: ThreadPool = .shared
  ) {
    pool.run(channels) { c in
      var total = 0.0
      for n in 0..<batch { total += kernels.pointee.sum(dy + (n * channels + c) * area, area) }
      biasGradient[c] += Float(total)
    }
  }
}
