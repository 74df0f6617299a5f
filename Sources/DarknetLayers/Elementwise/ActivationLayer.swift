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
public struct ActivationLayer: Layer {
  public static let sectionNames = ["activation"]

  public let activation: Activation
  public let outputShape: Shape
  let source: Int

  public init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    activation = try options.activation(default: .linear, loud: true)
    outputShape = site.inputShape
    source = site.previousIndex
  }

  public var sources: [Int] { [source] }
  public var isIdentityAtInference: Bool { activation == .linear }

  public func lower(into lowering: inout LayerLowering) {
    if !activation.mixesChannels { lowering.append(.activate(activation)) }
  }

  public func savedCount(batch: Int) -> Int { activation.savedCount(batch * outputShape.count) }

  public func forward(_ pass: ForwardPass) {
    Vector.copy(pass.input.pointer, to: pass.output.pointer, count: pass.output.count)
    activation.apply(to: pass.output, keepingInputIn: pass.isTraining ? pass.saved : nil)
  }

  public func backward(_ pass: BackwardPass) {
    activation.scaleBySlope(
      pass.outputGradient, output: pass.output, savedInput: pass.forward.saved)
    guard let dx = pass.inputGradient else { return }
    Vector.add(pass.outputGradient.pointer, to: dx.pointer, count: dx.count)
  }

  public var channelFlow: ChannelFlow {
    activation.mixesChannels ? .mixes(groups: 1) : .channelwise(outputShape)
  }

  public func tableText(_ dialect: Dialect) -> String {
    "Activation Layer: \(outputShape.count) inputs\n"
  }
}
