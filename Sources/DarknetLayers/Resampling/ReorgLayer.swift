import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[reorg]`: YOLO v2's space to depth, in the order that its weights were trained with.
///
///     y [N, C s^2, H / s, W / s]       (reverse: y [N, C / s^2, H s, W s])
///
/// Darknet runs the index map of a depth-to-space over the flat input as if its sizes were the
/// output's: with `deep` the flat data read as [C, H, W] and `wide` the same data read as
/// [C / s^2, H s, W s],
///
///     y in deep order = x in wide order      (reverse: y in wide order = x in deep order)
///
/// where deep (k, j, i) goes with wide (k mod C', j s + (k / C') / s, i s + (k / C') mod s),
/// C' = C / s^2. The reverse is thus a clean depth to space, the forward direction is scrambled;
/// `[reorg3d]` is the clean one. pjreddie's dialect has two more: `flatten=1` makes [N, H W, C] of
/// [N, C, H W] (reverse: back), `extra=k` appends k zeros. Options: `stride` (default 1),
/// `reverse`. No parameters.
///
/// - Throws: `ConfigError` if the stride does not divide width and height, or its square not the
///   channels.
package struct ReorgLayer: Layer {
  package static let sectionNames = ["reorg"]

  private enum Order: Sendable {
    case blocks(SpaceToDepth)
    case flat, appended
  }

  package let stride: Int
  package let isReversed: Bool
  package let inputShape: Shape
  package let outputShape: Shape
  private let order: Order
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let x = site.inputShape
    let stride = try options.size("stride", default: 1, loud: true)
    let isReversed = try options.flag("reverse")
    let isOriginal = site.dialect == .pjreddie
    let isFlat = isOriginal ? try options.flag("flatten") : false
    let extra = isOriginal ? try options.int("extra", default: 0, in: 0...(1 << 28)) : 0
    (self.stride, self.isReversed) = (stride, isReversed)
    inputShape = x
    source = site.previousIndex
    if extra > 0 {
      order = .appended
      outputShape = Shape(vector: x.count + extra)
    } else {
      try options.checkBlocks(
        stride, sides: isReversed ? nil : x, channels: (count: x.channels, power: 2))
      let blocks = SpaceToDepth(stride: stride, deep: x)
      order = isFlat ? .flat : .blocks(blocks)
      outputShape = isReversed ? blocks.wideShape : SpaceToDepth.deepShape(x, stride: stride)
    }
    if !isOriginal { options.note(.oldReorganization) }
  }

  package var sources: [Int] { [source] }

  package func forward(_ pass: ForwardPass) {
    if case .appended = order {
      Vector.fill(pass.output.pointer, with: 0, count: pass.output.count)
    }
    for n in 0..<pass.batch {
      let (x, y) = (pass.input.image(n), pass.output.image(n))
      forEachRun { from, fromStride, to, toStride, count in
        for i in 0..<count { y[to &+ i &* toStride] = x[from &+ i &* fromStride] }
      }
    }
  }

  package func backward(_ pass: BackwardPass) {
    guard let gradient = pass.inputGradient else { return }
    for n in 0..<pass.batch {
      let (dx, dy) = (gradient.image(n), pass.outputGradient.image(n))
      forEachRun { from, fromStride, to, toStride, count in
        for i in 0..<count { dx[from &+ i &* fromStride] += dy[to &+ i &* toStride] }
      }
    }
  }

  /// Calls `body` with runs of positions in one image of the input and one of the output.
  private func forEachRun(
    _ body: (_ from: Int, _ fromStride: Int, _ to: Int, _ toStride: Int, _ count: Int) -> Void
  ) {
    switch order {
    case .appended: body(0, 1, 0, 1, inputShape.count)
    case .flat:
      let (channels, area) = (inputShape.channels, inputShape.area)
      for c in 0..<channels {
        if isReversed {
          body(c, channels, c * area, 1, area)
        } else {
          body(c * area, 1, c, channels, area)
        }
      }
    case .blocks(let blocks):
      blocks.forEachRow { deep, wide, count in
        if isReversed {
          body(deep, 1, wide, stride, count)
        } else {
          body(wide, stride, deep, 1, count)
        }
      }
    }
  }

  package var tableRow: TableRow {
    var isAppended = false
    if case .appended = order { isAppended = true }
    return .reorg(
      input: inputShape, output: outputShape, stride: stride, isAppended: isAppended)
  }
}

/// Which cells of a map [C s^2, H, W] and of one [C, H s, W s] belong together.
struct SpaceToDepth: Hashable, Sendable {
  let stride: Int
  /// The map with many channels: [C s^2, H, W].
  let deep: Shape

  static func deepShape(_ wide: Shape, stride: Int) -> Shape {
    Shape(
      channels: wide.channels * stride * stride, height: wide.height / stride,
      width: wide.width / stride)
  }

  var wideShape: Shape {
    Shape(
      channels: deep.channels / (stride * stride), height: deep.height * stride,
      width: deep.width * stride)
  }

  /// Calls `body` for each row of the deep map: its start, the place of its first value in the
  /// wide map (the others follow `stride` apart), and its length.
  func forEachRow(_ body: (_ deep: Int, _ wide: Int, _ count: Int) -> Void) {
    let wide = wideShape
    for k in 0..<deep.channels {
      let (offset, channel) = k.quotientAndRemainder(dividingBy: wide.channels)
      let (down, right) = offset.quotientAndRemainder(dividingBy: stride)
      for j in 0..<deep.height {
        body(
          (k * deep.height + j) * deep.width,
          (channel * wide.height + j * stride + down) * wide.width + right, deep.width)
      }
    }
  }
}

extension OptionReader {
  /// - Throws: `ConfigError` at `stride` if it divides not both `sides`, or its power not the
  ///   channels.
  func checkBlocks(
    _ stride: Int, sides: Shape?, channels: (count: Int, power: Int)?
  ) throws(ConfigError) {
    var wanted: [String] = []
    var fits = true
    if let sides {
      wanted.append("that divides \(sides.width) and \(sides.height)")
      fits = sides.width % stride == 0 && sides.height % stride == 0
    }
    if let (count, power) = channels {
      wanted.append("\(power == 2 ? "whose square" : "whose fourth power") divides \(count)")
      var rest = count
      for _ in 0..<power where fits {
        fits = rest % stride == 0
        rest /= stride
      }
    }
    guard fits else {
      throw error(
        "stride", expected: "a number \(wanted.joined(separator: " and "))",
        found: "\(stride)", fix: "change it or the layer before")
    }
  }
}
