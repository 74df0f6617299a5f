import DarknetConfig
import DarknetGeometry
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `[yolo]`: boxes at three scales, YOLOv3 and later (Redmon and Farhadi 2018).
///
/// The input [N, A (classes + 5), H, W] has for each of the A anchors of `mask` the planes x, y,
/// w, h, objectness and one a class; the output has the same shape. With σ the logistic:
///
///     x, y              s σ(t) - (s - 1) / 2          s = scale_x_y
///     objectness, class σ(t)
///     w, h              t
///
/// With `new_coords=1` the convolution before has applied σ to all of them. A prediction's box,
/// in parts of the network's input, for the cell in `column` and `row` and the anchor a:
///
///     ((column + x) / W, (row + y) / H, e^w aw / networkWidth, e^h ah / networkHeight)
///     new_coords: sizes 4 w^2 aw / networkWidth, ...
///
/// The loss is in `AnchorLoss`. No parameters. Options: see `docs/cfg-options.md`.
///
/// - Throws: `ConfigError` if the input's channels are not A (classes + 5), or at an option that is
///   wrong.
package struct YoloLayer: LossLayer, DetectionHead {
  package static let sectionNames = ["yolo"]

  package let options: YoloOptions
  package let sources: [Int]
  package let outputShape: Shape
  let index: Int
  let dialect: Dialect
  let coding: YoloCoding

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    self.options = try YoloOptions(&options, at: site, boxEntries: 5)
    sources = [site.previousIndex]
    outputShape = site.inputShape
    index = site.index
    dialect = site.dialect
    coding = YoloCoding(
      grid: AnchorGrid(
        width: site.inputShape.width, height: site.inputShape.height,
        entries: self.options.classes + 5, objectness: 4, boxStride: 1),
      options: self.options, inputWidth: Float(site.networkShape.width),
      inputHeight: Float(site.networkShape.height))
  }

  package var classes: Int { options.classes }
  package var boxesPerCell: Int? { options.mask.count }
  package var boxEntries: Int? { 5 }
  package var kindNumber: Int { 28 }
  package var countsRewrittenBoxes: Bool { true }
  package var training: HeadTrainingOptions { options.training }

  package func anchors(networkWidth: Int, networkHeight: Int) -> [Anchor] {
    options.mask.map { options.anchors[$0] }
  }

  package func suppression(threshold: Float) -> NonMaximumSuppression {
    options.suppression(threshold: threshold)
  }

  package func forward(_ pass: ForwardPass) {
    let y = pass.output
    let grid = coding.grid
    let (s, area) = (options.scaleXY, grid.area)
    let planes = options.mask.count * grid.entries
    // A plane a task: anchors are too few to share out evenly.
    pass.context.run(y.batch * planes) { index in
      let (image, plane) = index.quotientAndRemainder(dividingBy: planes)
      let (entry, values) = (plane % grid.entries, y.image(image) + plane * area)
      Vector.copy(pass.input.image(image) + plane * area, to: values, count: area)
      let isSize = entry == 2 || entry == 3
      if !options.usesNewCoordinates, !isSize {
        Activation.logistic.apply(values, area, pass.context.arithmetic)
      }
      if s != 1, entry < 2 { Vector.scale(values, by: s, adding: -0.5 * (s - 1), count: area) }
    }
  }

  /// dx += dy: the loss' gradient is that of the raw values already.
  package func backward(_ pass: BackwardPass) {
    pass.passOn(to: 0, channels: outputShape.channels)
  }

  package var readsInputsInBackward: Bool { false }
  package var readsOutputInBackward: Bool { false }
  package var supportsOverwrite: Bool { true }

  package func loss(_ pass: LossPass) -> LossReport? {
    AnchorLoss(coding: coding, dialect: dialect).report(pass) { tally in
      dialect == .pjreddie ? .originalYolo(tally) : .yolo(tally, options)
    }
  }

  package func decode(
    _ output: UnsafePointer<Float>, networkWidth: Int, networkHeight: Int, threshold: Float,
    hierarchyThreshold: Float, into detections: inout DetectionSet
  ) {
    var coding = coding
    coding.inputWidth = Float(networkWidth)
    coding.inputHeight = Float(networkHeight)
    coding.decode(output, threshold: threshold, into: &detections)
  }

  package var channelFlow: ChannelFlow { .channelwise(outputShape) }

  package var tableRow: TableRow { .yolo(options) }
}

/// The arithmetic of a `[yolo]` prediction.
struct YoloCoding: AnchorBoxCoding {
  let grid: AnchorGrid
  let options: YoloOptions
  var inputWidth: Float
  var inputHeight: Float

  func box(_ values: UnsafePointer<Float>, at cell: AnchorCell) -> Box {
    let area = grid.area
    let (w, h) = (values[2 &* area], values[3 &* area])
    let (scaleX, scaleY) = (cell.anchor.width / inputWidth, cell.anchor.height / inputHeight)
    return Box(
      x: (Float(cell.column) + values[0]) / Float(grid.width),
      y: (Float(cell.row) + values[area]) / Float(grid.height),
      width: (options.usesNewCoordinates ? w * w * 4 : exp(w)) * scaleX,
      height: (options.usesNewCoordinates ? h * h * 4 : exp(h)) * scaleY)
  }

  func referencePoint(of box: Box) -> (x: Float, y: Float) { (box.x, box.y) }

  func addBoxGradient(
    _ values: UnsafePointer<Float>, at cell: AnchorCell, truth: Box, weight: Float,
    to gradient: UnsafeMutablePointer<Float>
  ) -> Box {
    let predicted = box(values, at: cell)
    let area = grid.area
    var slope = SIMD4<Float>.zero
    if options.boxLoss == .mse {
      let scale = (2 - truth.width * truth.height) * weight
      let value = SIMD4(values[0], values[area], values[2 &* area], values[3 &* area])
      slope = scale * (value - target(truth, at: cell))
    } else {
      slope = -overlapSlope(of: predicted, truth: truth, weight: weight)
      if !options.usesNewCoordinates {
        slope[2] *= exp(values[2 &* area])
        slope[3] *= exp(values[3 &* area])
      }
      slope = limited(slope)
    }
    for entry in 0..<4 { gradient[entry &* area] += slope[entry] }
    return predicted
  }

  /// The values that would predict `truth`.
  private func target(_ truth: Box, at cell: AnchorCell) -> SIMD4<Float> {
    let w = truth.width * inputWidth / cell.anchor.width
    let h = truth.height * inputHeight / cell.anchor.height
    return SIMD4(
      truth.x * Float(grid.width) - Float(cell.column),
      truth.y * Float(grid.height) - Float(cell.row),
      options.usesNewCoordinates ? (w / 4).squareRoot() : log(w),
      options.usesNewCoordinates ? (h / 4).squareRoot() : log(h))
  }
}

extension AnchorBoxCoding {
  /// Slope of the overlap by x, y, width and height of the predicted box.
  func overlapSlope(of predicted: Box, truth: Box, weight: Float) -> SIMD4<Float> {
    var predicted = predicted
    if predicted.width == 0 { predicted.width = 1 }
    if predicted.height == 0 { predicted.height = 1 }
    let slope = OverlapSlope(of: options.boxLoss, predicted: predicted, truth: truth)
    return weight * SIMD4(slope.x, slope.y, slope.width, slope.height)
  }

  /// Without what is not a number, and within `max_delta`.
  func limited(_ slope: SIMD4<Float>) -> SIMD4<Float> {
    var slope = slope
    for i in 0..<4 where !slope[i].isFinite { slope[i] = 0 }
    return slope.clamped(
      lowerBound: SIMD4(repeating: -abs(options.maximumGradient)),
      upperBound: SIMD4(repeating: abs(options.maximumGradient)))
  }

  /// Appends the boxes of one image whose objectness is above `threshold`, cell by cell.
  func decode(
    _ output: UnsafePointer<Float>, threshold: Float, into detections: inout DetectionSet
  ) {
    let area = grid.area
    let anchors = options.mask.map { options.anchors[$0] }
    let classes = min(options.classes, detections.classCount)
    for cell in 0..<area {
      for (number, anchor) in anchors.enumerated() {
        let values = output + grid.base(anchor: number, cell: cell)
        let objectness = values[grid.objectness &* area]
        guard objectness > threshold else { continue }
        let place = AnchorCell(column: cell % grid.width, row: cell / grid.width, anchor: anchor)
        let certainty = certainty(values)
        detections.append(box(values, at: place), objectness: objectness) { row in
          for c in 0..<classes {
            let probability = objectness * values[grid.classPlane(c) &* area] * certainty
            row[c] = probability > threshold ? probability : 0
          }
        }
      }
    }
  }
}
