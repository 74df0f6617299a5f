import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[scale_channels]`: an earlier layer's channels, or pixels, times the previous layer's values
/// (squeeze and excitation, Hu et al. 2018).
///
///     z[n, c, i, j] = from[n, c, i, j] x[n, c]         x [N, C, 1, 1]
///     z[n, c, i, j] = from[n, c, i, j] x[n, i, j]      x [N, 1, H, W], with scale_wh=1
///     y             = activation(z)                    from, y [N, C, H, W]
///
/// Options: `from` (required), `scale_wh`, `activation` (default `linear`). No parameters.
///
/// - Throws: `ConfigError` if `from` is no earlier layer, or `x` has another shape.
package struct ScaleChannelsLayer: Layer {
  package static let sectionNames = ["scale_channels"]

  package let isPerPixel: Bool
  package let activation: Activation
  package let outputShape: Shape
  package let sources: [Int]

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let from = try options.layerIndex("from", before: site)
    isPerPixel = try options.flag("scale_wh")
    activation = try options.activation(default: .linear)
    sources = [site.previousIndex, from]
    outputShape = site.shape(of: from)
    let (x, y) = (site.inputShape, outputShape)
    let wanted =
      isPerPixel
      ? Shape(channels: 1, height: y.height, width: y.width) : Shape(vector: y.channels)
    guard x == wanted else {
      throw options.error(
        "from",
        expected: "a previous layer of \(wanted), as layer \(from) is \(y)"
          + (isPerPixel ? " and scale_wh=1" : ""),
        found: "\(x)",
        fix: isPerPixel
          ? "use filters=1 before it" : "use [avgpool] and filters=\(y.channels) before it")
    }
  }

  package func savedCount(batch: Int) -> Int { activation.savedCount(batch * outputShape.count) }

  package func lower(into lowering: inout LayerLowering) {
    guard !isPerPixel, !activation.mixesChannels else { return }
    var factors = lowering.inputs[0]
    factors.role = .factors
    lowering.append(.multiply(activation), [factors, lowering.inputs[1]])
  }

  package func forward(_ pass: ForwardPass) {
    let (x, from, y) = (pass.inputs[0], pass.inputs[1], pass.output)
    let area = outputShape.area
    Vector.copy(from.pointer, to: y.pointer, count: y.count)
    for n in 0..<y.batch {
      for c in 0..<outputShape.channels {
        let plane = y.channel(c, ofImage: n)
        if isPerPixel {
          Vector.multiply(plane, by: x.image(n), count: area)
        } else {
          Vector.scale(plane, by: x.image(n)[c], count: area)
        }
      }
    }
    activation.apply(
      to: y, keepingInputIn: pass.isTraining ? pass.saved : nil,
      context: pass.context)
  }

  /// dx = sum of dz from over the values that x scaled;  dfrom = dz x.
  package func backward(_ pass: BackwardPass) {
    let dz = pass.outputGradient
    let (x, from) = (pass.forward.inputs[0], pass.forward.inputs[1])
    let area = outputShape.area
    activation.scaleBySlope(
      dz, output: pass.output, savedInput: pass.forward.saved, context: pass.context)
    for n in 0..<dz.batch {
      for c in 0..<outputShape.channels {
        let (slope, values) = (dz.channel(c, ofImage: n), from.channel(c, ofImage: n))
        if let dx = pass.inputGradients[0]?.image(n) {
          if isPerPixel {
            for i in 0..<area { dx[i] += slope[i] * values[i] }
          } else {
            dx[c] += Float(Vector.dot(slope, values, count: area))
          }
        }
        guard let dfrom = pass.inputGradients[1]?.channel(c, ofImage: n) else { continue }
        if isPerPixel {
          let factors = x.image(n)
          for i in 0..<area { dfrom[i] += slope[i] * factors[i] }
        } else {
          Vector.axpy(x.image(n)[c], slope, to: dfrom, count: area)
        }
      }
    }
  }

  package var channelFlow: ChannelFlow {
    isPerPixel || activation.mixesChannels
      ? .mixes(groups: 1) : .channelwise(outputShape, sources: 2)
  }

  package var tableRow: TableRow { .scale(source: sources[1]) }
}
