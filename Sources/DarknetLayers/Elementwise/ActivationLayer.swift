import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[activation]`: y = f(x), value by value.
///
/// x, y [N, C, H, W]. Option: `activation`, which is f (default `linear`). No parameters.
///
/// - Throws: `ConfigError` for an unknown activation.
package struct ActivationLayer: Layer {
  package static let sectionNames = ["activation"]

  package let activation: Activation
  package let outputShape: Shape
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    activation = try options.activation(default: .linear, loud: true)
    outputShape = site.inputShape
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }
  package var isIdentityAtInference: Bool { activation == .linear }

  package func lower(into lowering: inout LayerLowering) {
    if !activation.mixesChannels { lowering.append(.activate(activation)) }
  }

  package func savedCount(batch: Int) -> Int { activation.savedCount(batch * outputShape.count) }

  package func forward(_ pass: ForwardPass) {
    Vector.copy(pass.input.pointer, to: pass.output.pointer, count: pass.output.count)
    activation.apply(
      to: pass.output, keepingInputIn: pass.isTraining ? pass.saved : nil,
      context: pass.context)
  }

  package func backward(_ pass: BackwardPass) {
    activation.scaleBySlope(
      pass.outputGradient, output: pass.output, savedInput: pass.forward.saved,
      context: pass.context)
    guard let dx = pass.inputGradient else { return }
    Vector.add(pass.outputGradient.pointer, to: dx.pointer, count: dx.count)
  }

  package var channelFlow: ChannelFlow {
    activation.mixesChannels ? .mixes(groups: 1) : .channelwise(outputShape)
  }

  package var averageOutputs: AverageOutputs { .never }

  package var tableRow: TableRow { .activation(count: outputShape.count) }
}
