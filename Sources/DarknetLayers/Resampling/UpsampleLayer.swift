import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[upsample]`: every value becomes a block, or every block a value.
///
///     stride s > 0:  y[c, i, j] = scale x[c, i / s, j / s]            x [N, C, H, W], y [N, C, sH, sW]
///     stride -s < 0: y[c, i, j] = scale (sum over the s x s block of x)    y [N, C, H / s, W / s]
///
/// A sum, not a mean, as in Darknet; rows and columns that fill no block are left out. Options:
/// `stride` (default 2), `scale` (default 1). No parameters.
///
/// - Throws: `ConfigError` if the stride is 0, or a map is smaller than the block.
package struct UpsampleLayer: Layer {
  package static let sectionNames = ["upsample"]

  /// Sides of a block.
  package let stride: Int
  package let isReducing: Bool
  package let scale: Float
  package let inputShape: Shape
  package let outputShape: Shape
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let x = site.inputShape
    let signed = try options.int("stride", default: 2, loud: true, in: -(1 << 28)...(1 << 28))
    scale = try options.float("scale", default: 1)
    isReducing = signed < 0
    stride = abs(signed)
    guard signed != 0 else {
      throw options.error(
        "stride", expected: "a whole number other than 0", found: "'0'",
        fix: "change it or drop the line")
    }
    guard !isReducing || stride <= min(x.width, x.height) else {
      throw options.error(
        "stride", expected: "blocks that fit into the map of \(x.width)x\(x.height)",
        found: "'\(signed)'", fix: "change it")
    }
    inputShape = x
    outputShape =
      isReducing
      ? Shape(channels: x.channels, height: x.height / stride, width: x.width / stride)
      : Shape(channels: x.channels, height: x.height * stride, width: x.width * stride)
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }

  package func lower(into lowering: inout LayerLowering) {
    if !isReducing { lowering.append(.upsample(factor: stride, scale: scale)) }
  }

  package func forward(_ pass: ForwardPass) {
    move(
      pass.input.pointer, to: pass.output.pointer, batch: pass.batch, isSumming: isReducing,
      isAdding: false, pass.context)
  }

  package var readsInputsInBackward: Bool { false }
  package var readsOutputInBackward: Bool { false }
  /// A map that is reduced may have rows that fill no block, which nobody would write.
  package var supportsOverwrite: Bool { !isReducing }

  /// The transpose: blocks are summed where values were copied, and the other way round.
  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    move(
      pass.outputGradient.pointer, to: dx.pointer, batch: pass.batch, isSumming: !isReducing,
      isAdding: !pass.replaces[0], pass.context)
  }

  /// Sums each block of the larger maps into a value of the smaller ones, or copies each value to
  /// its block.
  private func move(
    _ from: UnsafePointer<Float>, to: UnsafeMutablePointer<Float>, batch: Int, isSumming: Bool,
    isAdding: Bool, _ context: ComputeContext
  ) {
    let (small, large) = isReducing ? (outputShape, inputShape) : (inputShape, outputShape)
    context.run(batch * small.channels) { plane in
      let source = from + plane * (isSumming ? large : small).area
      let target = to + plane * (isSumming ? small : large).area
      for i in 0..<small.height * stride {
        let (wide, narrow) = (i &* large.width, i / stride &* small.width)
        if isSumming, !isAdding, i % stride == 0 {
          Vector.fill(target + narrow, with: 0, count: small.width)
        }
        for j in 0..<small.width {
          for k in j &* stride..<(j &+ 1) &* stride {
            if isSumming {
              target[narrow &+ j] += scale * source[wide &+ k]
            } else if isAdding {
              target[wide &+ k] += scale * source[narrow &+ j]
            } else {
              target[wide &+ k] = scale * source[narrow &+ j]
            }
          }
        }
      }
    }
  }

  package var channelFlow: ChannelFlow { .channelwise(outputShape) }

  package var tableRow: TableRow {
    .upsample(input: inputShape, output: outputShape, stride: stride, isReducing: isReducing)
  }
}
