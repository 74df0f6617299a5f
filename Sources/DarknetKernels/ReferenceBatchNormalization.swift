/// One channel of `BatchNormalization` in the order and precision of pjreddie's program: sums that
/// run over memory in float32, so that means of large maps are off by up to 1e-5 of themselves,
/// single terms in double where C's functions made them so.
struct ReferenceChannel {
  let batch: Int
  let channels: Int
  let channel: Int
  let area: Int

  /// Places of the channel's values, image after image.
  @inline(__always)
  private func forEach(_ body: (Int) -> Void) {
    for n in 0..<batch {
      let start = (n &* channels &+ channel) &* area
      for i in start..<start &+ area { body(i) }
    }
  }

  func mean(_ x: UnsafePointer<Float>) -> Float {
    var total: Float = 0
    forEach { total += x[$0] }
    return total * Float(1 / Double(batch * area))
  }

  func variance(_ x: UnsafePointer<Float>, mean: Float) -> Float {
    var total: Float = 0
    forEach { i in
      let deviation = Double(x[i] - mean)
      total = Float(Double(total) + deviation * deviation)
    }
    let count = Double(batch * area - 1)
    return count > 0 ? total * Float(1 / count) : 0
  }

  /// (x - mean) / (sqrt(variance) + 1e-6), in double.
  @inline(__always)
  private func normalized(_ x: Float, _ mean: Float, _ inverse: Double) -> Float {
    Float(Double(x - mean) * inverse)
  }

  private func inverse(_ variance: Float, _ epsilon: BatchNormalization.Epsilon) -> Double {
    switch epsilon {
    case .insideRoot(let e): 1 / Double(variance + e).squareRoot()
    case .outsideRoot(let e): 1 / (Double(variance).squareRoot() + Double(e))
    }
  }

  func normalize(
    _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, mean: Float, variance: Float,
    epsilon: BatchNormalization.Epsilon, scale: Float?, bias: Float?
  ) {
    let inverse = inverse(variance, epsilon)
    forEach { i in
      var value = normalized(x[i], mean, inverse)
      if let scale { value *= scale }
      if let bias { value += bias }
      y[i] = value
    }
  }

  /// `BatchNormalization.backward` with Darknet's two deviations from the exact derivative.
  func backward(
    _ dy: UnsafeMutablePointer<Float>, x: UnsafePointer<Float>, mean: Float, variance: Float,
    epsilon: BatchNormalization.Epsilon, scale: Float,
    scaleGradient: UnsafeMutablePointer<Float>?, biasGradient: UnsafeMutablePointer<Float>?
  ) {
    let inverse = inverse(variance, epsilon)
    var scaleSum: Float = 0
    for n in 0..<batch {
      let start = (n * channels + channel) * area
      biasGradient?.pointee += ReferenceOrder.laneSum(area) { dy[start + $0] }
      scaleSum += ReferenceOrder.laneSum(area) {
        dy[start + $0] * normalized(x[start + $0], mean, inverse)
      }
    }
    scaleGradient?.pointee += scaleSum
    var (total, product): (Float, Float) = (0, 0)
    forEach { i in
      dy[i] *= scale
      total += dy[i]
      product += dy[i] * (x[i] - mean)
    }
    let spread = Double(variance + 1e-5)
    let root = spread.squareRoot()
    let count = batch * area
    let meanGradient = Float(Double(total) * (-1 / root)) / Float(count)
    let varianceGradient = Double(Float(Double(product) * (-0.5 / (spread * root))))
    forEach { i in
      dy[i] = Float(
        Double(dy[i]) / root + varianceGradient * 2 * Double(x[i] - mean) / Double(count)
          + Double(meanGradient))
    }
  }
}
