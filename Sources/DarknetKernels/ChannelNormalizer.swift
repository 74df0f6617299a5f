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
/// The backward formula is Darknet's, which is no derivative: with its delta (minus the gradient)
/// delta[c] becomes delta[c] sum(y[k] delta[k]), for `normalize_channels` only where y[c] > 0. In
/// terms of the gradient the sum changes sign.
public enum ChannelNormalizer {
  private static let epsilon: Float = 1e-4

  /// x = y for one image of `channels` planes of `area` values.
  public static func apply(
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

  /// Scales the gradient `dy` of one image in place; `output` is what `apply` gave.
  public static func scaleBySlope(
    _ activation: Activation, _ dy: UnsafeMutablePointer<Float>, output: UnsafePointer<Float>,
    channels: Int, area: Int
  ) {
    precondition(activation.mixesChannels, "\(activation.cfgName) acts on single values")
    for pixel in 0..<area {
      let (dy, y) = (dy + pixel, output + pixel)
      var sum: Float = 0
      for c in 0..<channels { sum += y[c &* area] * dy[c &* area] }
      for c in 0..<channels where activation != .normalizeChannels || y[c &* area] > 0 {
        dy[c &* area] *= -sum
      }
    }
  }
}
