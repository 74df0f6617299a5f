import DarknetGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The activations `normalize_channels…`, which share one unit among the channels of each pixel.
///
/// With the sum over the channels k of one pixel:
///
///     normalize_channels                 y[c] = max(x[c], 0) / (1e-4 + sum max(x[k], 0))
///     normalize_channels_softmax         y[c] = e^x[c] / (1e-4 + sum e^x[k])
///     normalize_channels_softmax_maxval  the same with x - max x
///
/// The gradients are the derivatives of these formulas. Darknet's backward formula is not: it
/// multiplies its delta by sum(y[k] delta[k]).
package enum ChannelNormalizer {
  private static let epsilon: Float = 1e-4

  /// x = y for one image of `channels` planes of `area` values.
  package static func apply(
    _ activation: Activation, _ x: UnsafeMutablePointer<Float>, channels: Int, area: Int
  ) {
    precondition(activation.mixesChannels, "\(activation.cfgName) acts on single values")
    for pixel in 0..<area {
      let x = x + pixel
      var shift: Float = 0
      if activation == .normalizeChannelsSoftmaxMaxval {
        shift = -Float.infinity
        for c in 0..<channels { shift = max(shift, x[c &* area]) }
      }
      var sum = epsilon
      for c in 0..<channels {
        let value = x[c &* area]
        let share = activation == .normalizeChannels ? max(value, 0) : exp(value - shift)
        sum += share
        x[c &* area] = share
      }
      for c in 0..<channels { x[c &* area] /= sum }
    }
  }

  /// Turns the gradient by y of one image into that by x, in place.
  ///
  ///     normalize_channels    dx[c] = (dy[c] - sum y[k] dy[k]) / (1e-4 + sum max(x[k], 0)), x[c] > 0
  ///     the softmax ones      dx[c] = y[c] (dy[c] - sum y[k] dy[k])
  ///     with max x            and where x[c] is it, less 1e-4 y[c] sum y[k] dy[k]
  ///
  /// - Parameters:
  ///   - output: y, what `apply` gave; used unless the activation `needsInput`.
  ///   - savedInput: x; used, and required, if the activation `needsInput`.
  package static func scaleBySlope(
    _ activation: Activation, _ dy: UnsafeMutablePointer<Float>, output: UnsafePointer<Float>,
    savedInput: UnsafePointer<Float>?, channels: Int, area: Int
  ) {
    precondition(activation.mixesChannels, "\(activation.cfgName) acts on single values")
    if activation == .normalizeChannels {
      guard let savedInput else { preconditionFailure("the slope of its sum needs the input") }
      for pixel in 0..<area {
        sharesBackward(dy + pixel, x: savedInput + pixel, channels: channels, area: area)
      }
      return
    }
    for pixel in 0..<area {
      let (dy, y) = (dy + pixel, output + pixel)
      var mean: Float = 0
      // The first of equal maxima, as `max` finds it.
      var largest = 0
      for c in 0..<channels {
        mean += y[c &* area] * dy[c &* area]
        if y[c &* area] > y[largest &* area] { largest = c }
      }
      for c in 0..<channels { dy[c &* area] = y[c &* area] * (dy[c &* area] - mean) }
      if activation == .normalizeChannelsSoftmaxMaxval {
        dy[largest &* area] -= epsilon * y[largest &* area] * mean
      }
    }
  }

  /// One pixel of `normalize_channels`: y is made again, as its rounding would spoil 1 - sum y.
  private static func sharesBackward(
    _ dy: UnsafeMutablePointer<Float>, x: UnsafePointer<Float>, channels: Int, area: Int
  ) {
    var (sum, product) = (epsilon, Float(0))
    for c in 0..<channels {
      let share = max(x[c &* area], 0)
      sum += share
      product += share * dy[c &* area]
    }
    let mean = product / sum
    for c in 0..<channels {
      dy[c &* area] = x[c &* area] > 0 ? (dy[c &* area] - mean) / sum : 0
    }
  }
}
