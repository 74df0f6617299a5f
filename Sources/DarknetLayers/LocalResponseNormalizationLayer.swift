import DarknetConfig
import DarknetKernels
import DarknetTensors

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
/// x, y [N, C, H, W], at each pixel. The window is c - (size - 1) / 2 ... c + size / 2, made by a
/// recursion that both forks share and that old weights were trained with: it starts with the
/// channels below size / 2, and goes from c - 1 to c by adding channel c + size / 2 and taking
/// channel c - (size - 1) / 2 - 1 away. Channel size / 2 itself is thus never added, but taken
/// away when its turn comes.
///
/// Options: `alpha` (default 0.0001), `beta` (0.75), `kappa` (1), `size` (5). No parameters. The
/// gradient is that of the formula; Darknet leaves out what reaches x[k] through other channels.
public struct LocalResponseNormalizationLayer: Layer {
  public static let sectionNames = ["normalization", "lrn"]

  public let alpha: Float
  public let beta: Float
  public let kappa: Float
  public let size: Int
  public let outputShape: Shape
  let source: Int

  public init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    alpha = try options.float("alpha", default: 0.0001, loud: true)
    beta = try options.float("beta", default: 0.75, loud: true)
    kappa = try options.float("kappa", default: 1, loud: true)
    size = try options.size("size", default: 5, loud: true)
    outputShape = site.inputShape
    source = site.previousIndex
  }

  public var sources: [Int] { [source] }

  /// s of every value.
  public func savedCount(batch: Int) -> Int { batch * outputShape.count }

  /// A plane of s, or of its gradient.
  public func workspaceCount(batch: Int, isTraining: Bool) -> Int { outputShape.area }

  /// The channel that joins the window at `c` (behind the first), and the one that leaves it.
  private func change(at c: Int) -> (added: Int?, removed: Int?) {
    let (next, last) = (c + size / 2, c - (size - 1) / 2 - 1)
    return (next < outputShape.channels ? next : nil, last >= 0 ? last : nil)
  }

  public func forward(_ pass: ForwardPass) {
    let (channels, area) = (outputShape.channels, outputShape.area)
    let s = pass.workspace
    for n in 0..<pass.batch {
      func square(_ k: Int, times factor: Float) {
        let x = pass.input.channel(k, ofImage: n)
        for i in 0..<area { s[i] += factor * x[i] * x[i] }
      }
      Vector.fill(s, with: kappa, count: area)
      for k in 0..<min(size / 2, channels) { square(k, times: alpha) }
      for c in 0..<channels {
        if c > 0 {
          let (added, removed) = change(at: c)
          if let removed { square(removed, times: -alpha) }
          if let added { square(added, times: alpha) }
        }
        let (x, y) = (pass.input.channel(c, ofImage: n), pass.output.channel(c, ofImage: n))
        for i in 0..<area { y[i] = x[i] * powf(s[i], -beta) }
        if pass.isTraining {
          Vector.copy(s, to: pass.saved + (n * channels + c) * area, count: area)
        }
      }
    }
  }

  /// dx[k] = dy[k] s[k]^-beta - 2 alpha beta x[k] sum over c of a[c, k] t[c], where
  /// t[c] = dy[c] x[c] s[c]^(-beta - 1) and a[c, k] is how often x[k]^2 is in s[c]: 1, 0 or -1.
  public func backward(_ pass: BackwardPass) {
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
          let damping = powf(s[i], -beta)
          dx[i] += dy[i] * damping
          // dy becomes t.
          dy[i] *= x[i] * damping / s[i]
        }
      }
      for k in 0..<channels {
        let (range, sign) = windows(with: k)
        Vector.fill(sum, with: 0, count: area)
        for c in range {
          Vector.add(pass.outputGradient.channel(c, ofImage: n), to: sum, count: area)
        }
        let (x, dx) = (pass.input.channel(k, ofImage: n), gradient.channel(k, ofImage: n))
        let factor = -2 * alpha * beta * sign
        for i in 0..<area { dx[i] += factor * x[i] * sum[i] }
      }
    }
  }

  /// The channels in whose sums x[k]^2 is, and with which sign.
  private func windows(with k: Int) -> (Range<Int>, Float) {
    let channels = outputShape.channels
    let end = min(k + (size - 1) / 2 + 1, channels)
    // Never added, taken away at `end`.
    if k == size / 2 { return (end..<channels, -1) }
    let start = max(k - size / 2, 0)
    return (start..<max(end, start), 1)
  }

  public func tableText(_ dialect: Dialect) -> String {
    let x = outputShape
    return "Local Response Normalization Layer: \(x.width) x \(x.height) x \(x.channels) image, "
      + "\(size) size\n"
  }
}
