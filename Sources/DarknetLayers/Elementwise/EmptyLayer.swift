import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[empty]` or `[silence]`: y = x [N, C, H, W]. No options, no parameters.
public struct EmptyLayer: Layer {
  public static let sectionNames = ["empty", "silence"]

  public let outputShape: Shape
  let source: Int

  public init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    outputShape = site.inputShape
    source = site.previousIndex
  }

  public var sources: [Int] { [source] }
  public var isIdentityAtInference: Bool { true }

  public func forward(_ pass: ForwardPass) {
    Vector.copy(pass.input.pointer, to: pass.output.pointer, count: pass.output.count)
  }

  public func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    Vector.add(pass.outputGradient.pointer, to: dx.pointer, count: dx.count)
  }

  public var channelFlow: ChannelFlow { .channelwise(outputShape) }

  public func tableText(_ dialect: Dialect) -> String { "empty \n" }
}
