import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `[normalization]` or `[lrn]`: each value is damped by its neighbours in other channels
/// (Krizhevsky et al. 2012, section 3.3).
///
///     y[c] = x[c] s[c]^-beta,   s[c] = kappa + alpha (sum of x[k]^2 over the window of c)
///
/// x, y [N, C, H, W], at each pixel. The window is c - (size - 1) / 2 ... c + size / 2, as far as
/// there are channels. Where s is 0, so is y. Darknet makes the sums by a recursion that never adds
/// channel size / 2 but takes it away later, so that s can fall below 0 and y is no number; and its
/// gradient leaves out what reaches x[k] through other channels.
///
/// Options: `alpha` (default 0.0001), `beta` (0.75), `kappa` (1), `size` (5). No parameters.
///
/// - Throws: `ConfigError` if `alpha` or `kappa` is below 0.
package struct LocalResponseNormalizationLayer: Layer {
  package static let sectionNames = ["normalization", "lrn"]

  package let alpha: Float
  package let beta: Float
  package let kappa: Float
  package let size: Int
  package let outputShape: Shape
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    alpha = try options.float("alpha", default: 0.0001, loud: true)
    beta = try options.float("beta", default: 0.75, loud: true)
    kappa = try options.float("kappa", default: 1, loud: true)
    size = try options.size("size", default: 5, loud: true)
    for (key, value) in [("alpha", alpha), ("kappa", kappa)] where value < 0 {
      throw options.error(
        key, expected: "a number of at least 0", found: "'\(general(Double(value)))'",
        fix: "change it or drop the line")
    }
    outputShape = site.inputShape
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }

  /// s of every value.
  package func savedCount(batch: Int) -> Int { batch * outputShape.count }

  /// A plane of s, or of sums of t.
  package func workspaceCount(batch: Int, isTraining: Bool, context: ComputeContext) -> Int {
    outputShape.area
  }

  /// The channels whose squares are in s[c].
  private func window(of c: Int) -> Range<Int> {
    max(c - (size - 1) / 2, 0)..<min(c + size / 2 + 1, outputShape.channels)
  }

  /// The channels c in whose s[c] the square of x[k] is.
  private func windows(with k: Int) -> Range<Int> {
    max(k - size / 2, 0)..<min(k + (size - 1) / 2 + 1, outputShape.channels)
  }

  private func damping(_ s: Float) -> Float { s > 0 ? powf(s, -beta) : 0 }

  /// Each window is summed up by itself: a running sum would keep the rounding of what left it.
  package func forward(_ pass: ForwardPass) {
    let (channels, area) = (outputShape.channels, outputShape.area)
    for n in 0..<pass.batch {
      for c in 0..<channels {
        let s = pass.isTraining ? pass.saved + (n * channels + c) * area : pass.workspace
        Vector.fill(s, with: 0, count: area)
        for k in window(of: c) {
          let x = pass.input.channel(k, ofImage: n)
          for i in 0..<area { s[i] += x[i] * x[i] }
        }
        let (x, y) = (pass.input.channel(c, ofImage: n), pass.output.channel(c, ofImage: n))
        for i in 0..<area {
          s[i] = kappa + alpha * s[i]
          y[i] = x[i] * damping(s[i])
        }
      }
    }
  }

  /// dx[k] = dy[k] s[k]^-beta - 2 alpha beta x[k] sum of t[c] over the windows that k is in, where
  /// t[c] = dy[c] x[c] s[c]^(-beta - 1).
  package func backward(_ pass: BackwardPass) {
    guard let gradient = pass.inputGradient else { return }
    let (channels, area) = (outputShape.channels, outputShape.area)
    let sum = pass.forward.workspace
    for n in 0..<pass.batch {
      let saved = pass.forward.saved + n * channels * area
      for c in 0..<channels {
        let s = saved + c * area
        let dy = pass.outputGradient.channel(c, ofImage: n)
        let (x, dx) = (pass.input.channel(c, ofImage: n), gradient.channel(c, ofImage: n))
        for i in 0..<area {
          let damping = damping(s[i])
          dx[i] += dy[i] * damping
          // dy becomes t.
          dy[i] *= s[i] > 0 ? x[i] * damping / s[i] : 0
        }
      }
      for k in 0..<channels {
        Vector.fill(sum, with: 0, count: area)
        for c in windows(with: k) {
          Vector.add(pass.outputGradient.channel(c, ofImage: n), to: sum, count: area)
        }
        let (x, dx) = (pass.input.channel(k, ofImage: n), gradient.channel(k, ofImage: n))
        let factor = -2 * alpha * beta
        for i in 0..<area { dx[i] += factor * x[i] * sum[i] }
      }
    }
  }

  package var tableRow: TableRow { .localResponseNormalization(outputShape, size: size) }
}
