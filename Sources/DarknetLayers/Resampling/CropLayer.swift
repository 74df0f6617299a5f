import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[crop]`: a part of the map, brought from 0...1 to -1...1.
///
///     y[c, i, j] = 2 x[c, i + dy, j + dx] - 1       x [N, C, H, W], y [N, C, crop_height, crop_width]
///
/// The part is the middle one at inference. In training each mini-batch gets a random one, and with
/// `flip=1` every second one is mirrored. Options: `crop_height`, `crop_width` (default 1), `flip`,
/// `noadjust` (1: y = x, no change of scale); `angle`, `saturation`, `exposure`, `shift` act in
/// Darknet's GPU code only, and here nowhere. No parameters.
///
/// - Throws: `ConfigError` if the part is larger than the map.
package struct CropLayer: Layer {
  package static let sectionNames = ["crop"]

  package let flips: Bool
  package let isAdjusting: Bool
  package let inputShape: Shape
  package let outputShape: Shape
  let hasShift: Bool
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let x = site.inputShape
    let height = try options.size("crop_height", default: 1, loud: true)
    let width = try options.size("crop_width", default: 1, loud: true)
    flips = try options.flag("flip", loud: true)
    for (key, fallback) in [("angle", 0), ("saturation", 1), ("exposure", 1)]
      as [(String, Float)]
    {
      _ = try options.float(key, default: fallback, loud: true)
    }
    hasShift = try options.float("shift") != nil
    let reason = "only Darknet's GPU code uses it"
    options.readWithoutEffect("angle", "shift", because: reason)
    options.readWithoutEffect("saturation", "exposure", off: 1, because: reason)
    isAdjusting = try !options.flag("noadjust")
    for (key, side, limit) in [("crop_height", height, x.height), ("crop_width", width, x.width)] {
      guard side <= limit else {
        throw options.error(
          key, expected: "at most the input's \(limit)", found: "\(side)", fix: "change it")
      }
    }
    inputShape = x
    outputShape = Shape(channels: x.channels, height: height, width: width)
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }

  private struct Part {
    var top: Int
    var left: Int
    var isMirrored: Bool
  }

  private func part(_ pass: ForwardPass) -> Part {
    let (down, right) = (
      inputShape.height - outputShape.height, inputShape.width - outputShape.width
    )
    guard pass.isTraining else { return Part(top: down / 2, left: right / 2, isMirrored: false) }
    var random = Random(seed: pass.seed)
    let isMirrored = flips && random.below(2) == 1
    return Part(
      top: random.below(down + 1), left: random.below(right + 1), isMirrored: isMirrored)
  }

  /// Calls `body` with the first place of each row in the output, the place in the input from
  /// which it comes, and the step to its neighbours' (1 or -1).
  private func forEachRow(
    _ pass: ForwardPass, _ body: (_ output: Int, _ input: Int, _ step: Int) -> Void
  ) {
    let part = part(pass)
    let (x, y) = (inputShape, outputShape)
    for plane in 0..<pass.batch * x.channels {
      for row in 0..<y.height {
        let left = part.isMirrored ? x.width - part.left - 1 : part.left
        body(
          (plane * y.height + row) * y.width,
          (plane * x.height + row + part.top) * x.width + left, part.isMirrored ? -1 : 1)
      }
    }
  }

  package func forward(_ pass: ForwardPass) {
    let (scale, shift): (Float, Float) = isAdjusting ? (2, -1) : (1, 0)
    let (x, y) = (pass.input.pointer, pass.output.pointer)
    forEachRow(pass) { output, input, step in
      for j in 0..<outputShape.width {
        y[output &+ j] = scale * x[input &+ j &* step] + shift
      }
    }
  }

  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient?.pointer else { return }
    let scale: Float = isAdjusting ? 2 : 1
    let dy = pass.outputGradient.pointer
    forEachRow(pass.forward) { output, input, step in
      for j in 0..<outputShape.width { dx[input &+ j &* step] += scale * dy[output &+ j] }
    }
  }

  package var channelFlow: ChannelFlow { .channelwise(outputShape) }

  package var tableRow: TableRow {
    .crop(input: inputShape, output: outputShape, hasShift: hasShift)
  }
}
