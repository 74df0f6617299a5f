import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[cost]`: a loss that compares the previous layer's output p with true values t.
///
///     type     cost                          gradient      (d = p - t)
///     sse      d^2                           d             half of the slope, as in Darknet
///     masked   d^2, 0 where t is -1234       d, 0
///     smooth   d^2 if |d| < 1, else 2|d| - 1 d, sign d     half of the slope
///     L1       |d|                           sign d
///     seg      as sse                        d, times `noobj` where t is 0
///     wgan     -p if t is not 0, else p      -1 if t > 0, else 1
///
/// each summed over the mini-batch. p, y [N, C, H, W]; y = p. Options: `type` (default `sse`),
/// `scale` (default 1) multiplies the gradient on its way back, `ratio` keeps only that share of
/// the largest gradients (0: all), `thresh` drops gradients below thresh / C H W, `noobj` (default
/// 1). seg, wgan, ratio and thresh follow pjreddie's GPU code. No parameters.
///
/// - Throws: `ConfigError` for an unknown type (Darknet continues with sse).
package struct CostLayer: LossLayer {
  package static let sectionNames = ["cost"]
  package var learnsClasses: Bool { true }
  package var onlyCompares: Bool { true }
  package var hasOutputForEachClass: Bool { true }
  package var averageOutputs: AverageOutputs { .never }

  package enum Kind: String, CaseIterable, Sendable {
    case sse, masked, smooth
    case l1 = "L1"
    case seg, wgan
  }

  /// A true value that stands for "not compared".
  package static let leftOut: Float = -1234

  package let kind: Kind
  package let scale: Float
  package let ratio: Float
  package let threshold: Float
  package let noObjectScale: Float
  package let outputShape: Shape
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let name = try options.string("type", default: "sse", loud: true)
    guard let kind = Kind(rawValue: name) else {
      let names = Kind.allCases.map(\.rawValue)
      throw options.error(
        "type", expected: "one of \(names.joined(separator: ", "))", found: "'\(name)'",
        fix: nearestName(to: name, among: names).map { "did you mean '\($0)'?" }
          ?? "choose one of these")
    }
    self.kind = kind
    scale = try options.float("scale", default: 1)
    ratio = try options.float("ratio", default: 0)
    guard (0...1).contains(ratio) else {
      throw options.error(
        "ratio", expected: "a number in 0...1", found: "'\(general(Double(ratio)))'",
        fix: "change it or drop the line")
    }
    threshold = try options.float("thresh", default: 0)
    noObjectScale = try options.float("noobj", default: 1)
    outputShape = Shape(vector: site.inputShape.count)
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }
  package var isIdentityAtInference: Bool { true }

  package func forward(_ pass: ForwardPass) {
    Vector.copy(pass.input.pointer, to: pass.output.pointer, count: pass.output.count)
  }

  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    Vector.axpy(scale, pass.outputGradient.pointer, to: dx.pointer, count: dx.count)
  }

  /// The true values are taken one after another from the array's start, as Darknet does: where
  /// two costs of different sizes share it, both begin at its first value.
  package func loss(_ pass: LossPass) -> LossReport? {
    guard case .values(let truth, _) = pass.truth else { return nil }
    let count = pass.output.count
    if let problem = missingTruth(truth, count) { return problem }
    let (p, gradient) = (pass.output.pointer, pass.gradient.pointer)
    var cost = 0.0
    for i in 0..<count {
      let (value, slope) = compare(p[i], with: truth[i])
      cost += Double(value)
      gradient[i] = slope
    }
    suppressSmall(gradient, count: count)
    return LossReport(cost: Float(cost))
  }

  private func compare(_ p: Float, with t: Float) -> (cost: Float, gradient: Float) {
    let d = p - t
    switch kind {
    case .masked where t == Self.leftOut: return (0, 0)
    case .sse, .masked: return (d * d, d)
    case .smooth: return abs(d) < 1 ? (d * d, d) : (2 * abs(d) - 1, d > 0 ? 1 : -1)
    case .l1: return (abs(d), d > 0 ? 1 : d < 0 ? -1 : 0)
    case .seg: return (d * d, t == 0 ? d * noObjectScale : d)
    case .wgan: return (t != 0 ? -p : p, t > 0 ? -1 : 1)
    }
  }

  private func suppressSmall(_ gradient: UnsafeMutablePointer<Float>, count: Int) {
    var limit = threshold / Float(outputShape.count)
    if ratio > 0 {
      let sizes = (0..<count).map { abs(gradient[$0]) }.sorted()
      limit = max(limit, sizes[min(Int((1 - ratio) * Float(count)), count - 1)])
    }
    guard limit > 0 else { return }
    for i in 0..<count where abs(gradient[i]) < limit { gradient[i] = 0 }
  }

  package var channelFlow: ChannelFlow { .channelwise(outputShape) }

  package var tableRow: TableRow { .values(.cost, count: outputShape.count) }
}
