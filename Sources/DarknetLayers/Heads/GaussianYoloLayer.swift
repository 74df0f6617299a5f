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

/// `[Gaussian_yolo]`: a `[yolo]` head that also predicts how uncertain each number of a box is
/// (Choi et al. 2019, Gaussian YOLOv3). AlexeyAB's dialect only.
///
/// The input [N, A (classes + 9), H, W] has for each anchor of `mask` the planes x, σx, y, σy, w,
/// σw, h, σh, objectness and one a class; all but w and h go through the logistic, x and y are
/// stretched by `scale_x_y` as in `[yolo]`. Boxes are those of `[yolo]`, their centres moved by
/// half a size where `yolo_point` says that offsets mean a corner; their probabilities are
/// multiplied by 1 - (σx + σy + σw + σh) / 4.
///
/// - Throws: `ConfigError` if the input's channels are not A (classes + 9), or at an option that is
///   wrong.
package struct GaussianYoloLayer: LossLayer, DetectionHead {
  package static let sectionNames = ["Gaussian_yolo"]

  package let options: YoloOptions
  package let sources: [Int]
  package let outputShape: Shape
  let coding: GaussianCoding

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    self.options = try YoloOptions(&options, at: site, boxEntries: 9)
    sources = [site.previousIndex]
    outputShape = site.inputShape
    coding = GaussianCoding(
      grid: AnchorGrid(
        width: site.inputShape.width, height: site.inputShape.height,
        entries: self.options.classes + 9, objectness: 8, boxStride: 2),
      options: self.options, inputWidth: Float(site.networkShape.width),
      inputHeight: Float(site.networkShape.height))
  }

  package var classes: Int { options.classes }
  package var boxesPerCell: Int? { options.mask.count }
  package var boxEntries: Int? { 9 }
  package var kindNumber: Int { 29 }
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
    Vector.copy(pass.input.pointer, to: y.pointer, count: y.count)
    let grid = coding.grid
    let (s, area) = (options.scaleXY, grid.area)
    let anchors = options.mask.count
    pass.context.run(y.batch * anchors) { index in
      let planes = y.image(index / anchors) + grid.base(anchor: index % anchors, cell: 0)
      Activation.logistic.apply(planes, 4 * area, pass.context.arithmetic)
      Activation.logistic.apply(planes + 5 * area, area, pass.context.arithmetic)
      Activation.logistic.apply(planes + 7 * area, (2 + classes) * area, pass.context.arithmetic)
      if s != 1 {
        Vector.scale(planes, by: s, adding: -0.5 * (s - 1), count: area)
        Vector.scale(planes + 2 * area, by: s, adding: -0.5 * (s - 1), count: area)
      }
    }
  }

  /// dx += dy: the loss' gradient is that of the raw values already.
  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    Vector.add(pass.outputGradient.pointer, to: dx.pointer, count: dx.count)
  }

  package func loss(_ pass: LossPass) -> LossReport? {
    AnchorLoss(coding: coding, dialect: .alexeyab).report(pass) { .gaussianYolo($0, options) }
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

  package var tableRow: TableRow { .gaussianYolo(options) }
}

/// The arithmetic of a `[Gaussian_yolo]` prediction.
struct GaussianCoding: AnchorBoxCoding {
  let grid: AnchorGrid
  let options: YoloOptions
  var inputWidth: Float
  var inputHeight: Float

  /// From a box' centre to the point that its offsets mean, in sizes.
  private var shift: Float {
    switch options.reference {
    case .center: 0
    case .leftTop: -0.5
    case .rightBottom: 0.5
    }
  }

  func box(_ values: UnsafePointer<Float>, at cell: AnchorCell) -> Box {
    let area = grid.area
    let width = exp(values[4 &* area]) * cell.anchor.width / inputWidth
    let height = exp(values[6 &* area]) * cell.anchor.height / inputHeight
    return Box(
      x: (Float(cell.column) + values[0]) / Float(grid.width) - shift * width,
      y: (Float(cell.row) + values[2 &* area]) / Float(grid.height) - shift * height,
      width: width, height: height)
  }

  func certainty(_ values: UnsafePointer<Float>) -> Float {
    let area = grid.area
    return 1 - (values[area] + values[3 &* area] + values[5 &* area] + values[7 &* area]) / 4
  }

  func referencePoint(of box: Box) -> (x: Float, y: Float) {
    (box.x + shift * box.width, box.y + shift * box.height)
  }

  /// Each number v of the box is a normal distribution around its target t with deviation u = σ.
  /// With z = (t - v) / u, N its density with u + 0.3 for u, and k = N / (N + 1e-9) / 2 (2 - w h),
  /// the slopes of -ln N are, times iou_norm and uc_norm:
  ///
  ///     v   -k z / u,      σ   -k (z^2 / u - 1 / (u + 0.3))
  ///
  /// With an IoU loss the slopes of v are those of `[yolo]`.
  func addBoxGradient(
    _ values: UnsafePointer<Float>, at cell: AnchorCell, truth: Box, weight: Float,
    to gradient: UnsafeMutablePointer<Float>
  ) -> Box {
    let predicted = box(values, at: cell)
    let area = grid.area
    let scale = 2 - truth.width * truth.height
    let target = target(truth, at: cell)
    var slope = SIMD4<Float>.zero
    var uncertainty = SIMD4<Float>.zero
    for entry in 0..<4 {
      let deviation = values[(2 &* entry &+ 1) &* area]
      let z = (target[entry] - values[2 &* entry &* area]) / deviation
      let wide = deviation + 0.3
      let density = exp(-z * z / 2) / ((2 * Float.pi).squareRoot() * wide)
      let k = density / (density + 1e-9) / 2 * scale
      slope[entry] = -k * z / deviation * weight
      uncertainty[entry] = -k * (z * z / deviation - 1 / wide) * options.uncertaintyNormalizer
    }
    if options.boxLoss != .mse {
      slope = -overlapSlope(of: predicted, truth: truth, weight: weight)
      slope[2] *= exp(values[4 &* area])
      slope[3] *= exp(values[6 &* area])
    }
    slope = limited(slope)
    uncertainty = limited(uncertainty)
    for entry in 0..<4 {
      gradient[2 &* entry &* area] += slope[entry]
      gradient[(2 &* entry &+ 1) &* area] += uncertainty[entry]
    }
    return predicted
  }

  /// The values that would predict `truth`.
  private func target(_ truth: Box, at cell: AnchorCell) -> SIMD4<Float> {
    let point = referencePoint(of: truth)
    return SIMD4(
      point.x * Float(grid.width) - Float(cell.column),
      point.y * Float(grid.height) - Float(cell.row),
      log(truth.width * inputWidth / cell.anchor.width),
      log(truth.height * inputHeight / cell.anchor.height))
  }
}
