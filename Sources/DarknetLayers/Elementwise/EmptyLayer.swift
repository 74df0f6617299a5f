import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[empty]` or `[silence]`: y = x [N, C, H, W]. No options, no parameters.
package struct EmptyLayer: Layer {
  package static let sectionNames = ["empty", "silence"]

  package let outputShape: Shape
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    outputShape = site.inputShape
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }
  package var isIdentityAtInference: Bool { true }

  package func forward(_ pass: ForwardPass) {
    Vector.copy(pass.input.pointer, to: pass.output.pointer, count: pass.output.count)
  }

  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    Vector.add(pass.outputGradient.pointer, to: dx.pointer, count: dx.count)
  }

  package var channelFlow: ChannelFlow { .channelwise(outputShape) }

  package var tableRow: TableRow { .empty }
}
