import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[avgpool]`: the mean of each channel.
///
///     y[n, c] = sum over i, j of x[n, c, i, j] / (H W)        x [N, C, H, W], y [N, C, 1, 1]
///
/// No options, no parameters.
package struct AveragePoolLayer: Layer {
  package static let sectionNames = ["avgpool", "avg"]

  package let inputShape: Shape
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    inputShape = site.inputShape
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }
  package var outputShape: Shape { Shape(vector: inputShape.channels) }

  package func lower(into lowering: inout LayerLowering) { lowering.append(.averageMap) }

  package func forward(_ pass: ForwardPass) {
    let area = inputShape.area
    for i in 0..<pass.output.count {
      let sum = Vector.sum(pass.input.pointer + i * area, count: area)
      pass.output.pointer[i] = Float(sum / Double(area))
    }
  }

  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    let area = inputShape.area
    for i in 0..<pass.outputGradient.count {
      Vector.scale(
        dx.pointer + i * area, by: 1, adding: pass.outputGradient.pointer[i] / Float(area),
        count: area)
    }
  }

  package var channelFlow: ChannelFlow { .channelwise(outputShape) }

  package var tableRow: TableRow { .averagePool(input: inputShape) }
}
