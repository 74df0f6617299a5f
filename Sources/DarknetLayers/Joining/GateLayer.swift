import DarknetConfig
import DarknetTensors
import DarknetText

/// `[gate]`: a mean of the previous layer's output and an earlier one's, value by value, with
/// weights that a third layer computes (highway networks, Srivastava et al. 2015, eq. 3).
///
///     y = t h + (1 - t) x        t, h, x, y [N, C, H, W]
///
/// h is the previous layer's output. Options: `from`, the layer x, and `gate`, the layer t, as a
/// rule one with a logistic activation; both are required, as indices, negative to count back. No
/// parameters, so no bytes in a weights file.
///
/// - Throws: `ConfigError` at the option's line if a layer is not an earlier one or has another
///   shape.
package struct GateLayer: Layer {
  package static let sectionNames = ["gate"]

  /// h, x and t.
  package let sources: [Int]
  package let outputShape: Shape

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let x = try options.layerIndex("from", before: site)
    let t = try options.layerIndex("gate", before: site)
    outputShape = site.inputShape
    for (key, index) in [("from", x), ("gate", t)] where site.shape(of: index) != outputShape {
      throw options.error(
        key, expected: "a layer of \(outputShape), as the previous one",
        found: "layer \(index) of \(site.shape(of: index))",
        fix: "name a layer of that shape, or bring it there with [convolutional] first")
    }
    sources = [site.previousIndex, x, t]
  }

  package var readsOutputInBackward: Bool { false }

  package func forward(_ pass: ForwardPass) {
    let (h, x, t) = (pass.inputs[0].pointer, pass.inputs[1].pointer, pass.inputs[2].pointer)
    let y = pass.output.pointer
    for i in 0..<pass.output.count { y[i] = t[i] * h[i] + (1 - t[i]) * x[i] }
  }

  /// dh = dy t;  dx = dy (1 - t);  dt = dy (h - x).
  package func backward(_ pass: BackwardPass) {
    let inputs = pass.forward.inputs
    let (h, x, t) = (inputs[0].pointer, inputs[1].pointer, inputs[2].pointer)
    let (dy, count) = (pass.outputGradient.pointer, pass.outputGradient.count)
    if let dh = pass.inputGradients[0]?.pointer {
      for i in 0..<count { dh[i] += dy[i] * t[i] }
    }
    if let dx = pass.inputGradients[1]?.pointer {
      for i in 0..<count { dx[i] += dy[i] * (1 - t[i]) }
    }
    if let dt = pass.inputGradients[2]?.pointer {
      for i in 0..<count { dt[i] += dy[i] * (h[i] - x[i]) }
    }
  }

  package var channelFlow: ChannelFlow { .channelwise(outputShape, sources: 3) }

  package var tableRow: TableRow {
    .layer(
      title: "Gate", reads: "\(sources[1]) by \(sources[2])", output: outputShape,
      operations: operations)
  }

  /// Two products and a sum for each value, and 1 - t.
  package var operations: Double { 4 * Double(outputShape.count) }
}
