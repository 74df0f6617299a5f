import DarknetConfig
import DarknetGraph
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

/// `[logistic]`: probabilities of independent classes, with their cross entropy as a loss.
///
///     y = 1 / (1 + e^-x)      cost = -sum of t ln y + (1 - t) ln(1 - y)      x, y [N, C, H, W]
///
/// The gradient y - t is one of the cost before the function; what comes from later layers is
/// taken as such, too, as pjreddie's program does. For a function without a loss there is
/// `[activation]`. No options, no parameters.
package struct LogisticLayer: LossLayer {
  package static let sectionNames = ["logistic"]

  package let outputShape: Shape
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    outputShape = site.inputShape
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }

  package func forward(_ pass: ForwardPass) {
    Vector.copy(pass.input.pointer, to: pass.output.pointer, count: pass.output.count)
    Activation.logistic.apply(to: pass.output, keepingInputIn: nil, context: pass.context)
  }

  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    Vector.add(pass.outputGradient.pointer, to: dx.pointer, count: dx.count)
  }

  package func loss(_ pass: LossPass) -> LossReport? {
    guard case .values(let truth, _) = pass.truth else { return nil }
    let count = pass.output.count
    if let problem = missingTruth(truth, count) { return problem }
    var cost = 0.0
    for i in 0..<count {
      let (y, t) = (pass.output.pointer[i], truth[i])
      pass.gradient.pointer[i] = y - t
      // A probability of 0 would cost infinitely much.
      let least = Float.leastNormalMagnitude
      cost -= Double(t * logf(max(y, least)) + (1 - t) * logf(max(1 - y, least)))
    }
    return LossReport(cost: Float(cost))
  }

  package var channelFlow: ChannelFlow { .channelwise(outputShape) }

  package var tableRow: TableRow { .values(.logistic, count: outputShape.count) }
}
