import DarknetConfig
import DarknetTensors
import DarknetText

/// `[reorg3d]`: space to depth, or back.
///
///     y[k, j, i] = x[k mod C, j s + (k / C) / s, i s + (k / C) mod s]
///
/// x [N, C, H, W], y [N, C s^2, H / s, W / s]. With `reverse=1`, y [N, C / s^2, H s, W s], the
/// reference runs that map over flat data of the output's sizes: x is read as [C / s^2, H s, W s],
/// y written as [C / s^4, H s^2, W s^2], which is not a clean depth to space (that is
/// `[reorg] reverse=1`). Options: `stride`, which is s (default 1), `reverse`. No parameters.
///
/// - Throws: `ConfigError` if the stride does not divide width and height, or, reversed, its
///   fourth power not the channels.
package struct Reorg3DLayer: Layer {
  package static let sectionNames = ["reorg3d"]

  package let isReversed: Bool
  package let inputShape: Shape
  private let blocks: SpaceToDepth
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let stride = try options.size("stride", default: 1, loud: true)
    isReversed = try options.flag("reverse")
    let x = site.inputShape
    inputShape = x
    try options.checkBlocks(
      stride, sides: isReversed ? nil : x,
      channels: isReversed ? (count: x.channels, power: 4) : nil)
    blocks = SpaceToDepth(
      stride: stride,
      deep: isReversed
        ? SpaceToDepth(stride: stride, deep: x).wideShape
        : SpaceToDepth.deepShape(x, stride: stride))
    source = site.previousIndex
  }

  package var stride: Int { blocks.stride }
  package var sources: [Int] { [source] }
  package var outputShape: Shape { blocks.deep }

  package func forward(_ pass: ForwardPass) {
    for n in 0..<pass.batch {
      let (x, y) = (pass.input.image(n), pass.output.image(n))
      blocks.forEachRow { deep, wide, count in
        for i in 0..<count {
          let other = wide &+ i &* stride
          if isReversed { y[other] = x[deep &+ i] } else { y[deep &+ i] = x[other] }
        }
      }
    }
  }

  package func backward(_ pass: BackwardPass) {
    guard let gradient = pass.inputGradient else { return }
    for n in 0..<pass.batch {
      let (dx, dy) = (gradient.image(n), pass.outputGradient.image(n))
      blocks.forEachRow { deep, wide, count in
        for i in 0..<count {
          let other = wide &+ i &* stride
          if isReversed { dx[deep &+ i] += dy[other] } else { dx[other] += dy[deep &+ i] }
        }
      }
    }
  }

  package var tableRow: TableRow {
    .reorg3D(input: inputShape, output: outputShape, stride: stride)
  }
}
