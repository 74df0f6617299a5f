import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[sam]`: the previous layer's output times an earlier one's, value by value (the spatial
/// attention of Woo et al. 2018, as YOLO v4 has it).
///
///     y = activation(x from)        x, from, y [N, C, H, W]
///
/// Options: `from` (required), `activation` (default `linear`). No parameters.
///
/// - Throws: `ConfigError` if `from` is no earlier layer or has another shape.
package struct SpatialAttentionLayer: Layer {
  package static let sectionNames = ["sam"]

  package let activation: Activation
  package let outputShape: Shape
  package let sources: [Int]

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let from = try options.layerIndex("from", before: site)
    activation = try options.activation(default: .linear)
    sources = [site.previousIndex, from]
    outputShape = site.shape(of: from)
    guard site.inputShape == outputShape else {
      throw options.error(
        "from", expected: "a layer of \(site.inputShape), as the previous one is",
        found: "layer \(from) of \(outputShape)",
        fix: site.inputShape.channels == outputShape.channels
          ? site.sizeFix(otherwise: "name another or change the layer before")
          : "name another or change the layer before")
    }
  }

  package func savedCount(batch: Int) -> Int { activation.savedCount(batch * outputShape.count) }

  package func forward(_ pass: ForwardPass) {
    let y = pass.output
    Vector.copy(pass.inputs[0].pointer, to: y.pointer, count: y.count)
    Vector.multiply(y.pointer, by: pass.inputs[1].pointer, count: y.count)
    activation.apply(
      to: y, keepingInputIn: pass.isTraining ? pass.saved : nil,
      context: pass.context)
  }

  /// dx = dz from, dfrom = dz x. (AlexeyAB overwrites the gradient of `from`.)
  package func backward(_ pass: BackwardPass) {
    let dz = pass.outputGradient
    activation.scaleBySlope(
      dz, output: pass.output, savedInput: pass.forward.saved, context: pass.context)
    let inputs = pass.forward.inputs
    for (gradient, other) in [
      (pass.inputGradients[0], inputs[1]), (pass.inputGradients[1], inputs[0]),
    ] {
      guard let gradient else { continue }
      for i in 0..<dz.count { gradient.pointer[i] += dz.pointer[i] * other.pointer[i] }
    }
  }

  package var channelFlow: ChannelFlow {
    activation.mixesChannels ? .mixes(groups: 1) : .channelwise(outputShape, sources: 2)
  }

  package var tableRow: TableRow { .scale(source: sources[1]) }
}
