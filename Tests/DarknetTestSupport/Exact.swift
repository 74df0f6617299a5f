import DarknetGraph
import DarknetKernels
import DarknetSystem
import DarknetTensors
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Formulas that several layers share, in double and written for reading.
package enum Exact {
  // MARK: Activations

  /// f(x), for the functions that act on single values.
  package static func activate(_ activation: Activation, _ x: Double) -> Double {
    let logistic = 1 / (1 + exp(-x))
    switch activation {
    case .linear: return x
    case .logistic: return logistic
    case .loggy: return 2 * logistic - 1
    case .relu: return max(x, 0)
    case .relu6: return min(max(x, 0), 6)
    case .elu: return x >= 0 ? x : exp(x) - 1
    case .selu: return x >= 0 ? 1.0507 * x : 1.0507 * 1.6732 * (exp(x) - 1)
    case .gelu: return 0.5 * x * (1 + tanh(0.797885 * x + 0.035677 * x * x * x))
    case .relie: return x > 0 ? x : 0.01 * x
    case .leaky, .revleaky: return x > 0 ? x : 0.1 * x
    case .ramp: return max(x, 0) + 0.1 * x
    case .tanh: return tanh(x)
    case .plse:
      return x < -4 ? 0.01 * (x + 4) : x > 4 ? 0.01 * (x - 4) + 1 : 0.125 * x + 0.5
    case .stair:
      let n = floor(x)
      return n.truncatingRemainder(dividingBy: 2) == 0 ? floor(x / 2) : (x - n) + floor(x / 2)
    case .hardtan: return min(max(x, -1), 1)
    case .lhtan: return x < 0 ? 0.001 * x : x > 1 ? 0.001 * (x - 1) + 1 : x
    case .swish: return x * logistic
    case .mish: return x * tanh(x > 20 ? x : log1p(exp(x)))
    case .hardMish: return x > 0 ? x : x > -2 ? x * x / 2 + x : 0
    case .normalizeChannels, .normalizeChannelsSoftmax, .normalizeChannelsSoftmaxMaxval:
      preconditionFailure("acts on pixels")
    }
  }

  /// f of every value, or of every pixel's channels.
  package static func activate(_ activation: Activation, _ x: Maps) -> Maps {
    guard activation.mixesChannels else { return x.map { activate(activation, $0) } }
    let channels = 0..<x.shape.channels
    return Maps(x.shape, batch: x.batch) { n, c, i, j in
      let pixel = channels.map { x[n, $0, i, j] }
      let shares: [Double]
      switch activation {
      case .normalizeChannels: shares = pixel.map { max($0, 0) }
      case .normalizeChannelsSoftmax: shares = pixel.map { exp($0) }
      default: shares = pixel.map { exp($0 - (pixel.max() ?? 0)) }
      }
      return shares[c] / (1e-4 + shares.reduce(0, +))
    }
  }

  // MARK: Convolutions

  /// z = the convolution of x with weights [F, C / groups, size, size], a map of `output`'s size.
  /// Tap k of output i is at i stride - padding dilation + k dilation.
  package static func convolve(
    _ x: Maps, _ weights: [Double], to output: Shape, size: Int, strideX: Int = 1,
    strideY: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1, outside: Double = 0
  ) -> Maps {
    let (inputs, filters) = (x.shape.channels / groups, output.channels / groups)
    return Maps(output, batch: x.batch) { n, f, i, j in
      var sum = 0.0
      for c in 0..<inputs {
        for ky in 0..<size {
          for kx in 0..<size {
            let value = x.inside(
              n, f / filters * inputs + c, i * strideY + (ky - padding) * dilation,
              j * strideX + (kx - padding) * dilation)
            sum += (value ?? outside) * weights[((f * inputs + c) * size + ky) * size + kx]
          }
        }
      }
      return sum
    }
  }

  /// The fixed blur of `antialiasing`: 3x3 binomial with a border of 1 (kind 1), or 2x2 mean.
  package static func blur(
    _ x: Maps, kind: Int, to output: Shape, strideX: Int, strideY: Int
  ) -> Maps {
    let kernel: [Double] =
      kind == 2 ? [0.25, 0.25, 0.25, 0.25] : [1, 2, 1, 2, 4, 2, 1, 2, 1].map { $0 / 16 }
    return convolve(
      x, (0..<x.shape.channels).flatMap { _ in kernel }, to: output, size: kind == 2 ? 2 : 3,
      strideX: strideX, strideY: strideY, padding: kind == 2 ? 0 : 1, groups: x.shape.channels)
  }

  /// x + bias, a channel at a time.
  package static func addBias(_ x: Maps, _ bias: [Double]) -> Maps {
    Maps(x.shape, batch: x.batch) { n, c, i, j in x[n, c, i, j] + bias[c] }
  }

  // MARK: Batch normalisation

  /// Batch normalisation as Darknet trains it.
  ///
  ///     y = (x - mean) / sqrt(v + 1e-5) scale + bias,   v = sum (x - mean)^2 / (M - 1)
  ///
  /// Darknet's gradient divides by M where the derivative of v has M - 1. That is the derivative
  /// for a v of which only (M - 1) / M moves: v0 + (v - v0) (M - 1) / M, with v0 the variance
  /// where the slope is taken. So finite differences of this reference judge Darknet's rule, and
  /// nothing else is left out of the comparison. The first call is the one at that place.
  package final class BatchNorm {
    private var base: [Double]?
    private let isExact: Bool

    /// - Parameter isExact: the derivative itself, which recurrent layers take.
    package init(isExact: Bool = false) { self.isExact = isExact }

    package func callAsFunction(_ x: Maps, scale: [Double], bias: [Double]) -> Maps {
      let count = Double(x.batch * x.shape.area)
      var (means, variances): ([Double], [Double]) = ([], [])
      for c in 0..<x.shape.channels {
        var values: [Double] = []
        for n in 0..<x.batch {
          for i in 0..<x.shape.height {
            for j in 0..<x.shape.width { values.append(x[n, c, i, j]) }
          }
        }
        let mean = values.reduce(0, +) / count
        means.append(mean)
        variances.append(values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1))
      }
      let fixed = base ?? variances
      base = fixed
      if !isExact {
        variances = zip(fixed, variances).map { $0 + ($1 - $0) * (count - 1) / count }
      }
      return Maps(x.shape, batch: x.batch) { n, c, i, j in
        (x[n, c, i, j] - means[c]) / (variances[c] + 1e-5).squareRoot() * scale[c] + bias[c]
      }
    }
  }
}
