import DarknetConfig
import DarknetGeometry
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[detection]`: the head of YOLOv1 (Redmon et al. 2016).
///
/// The picture is a grid of S x S cells (`side`), each with n boxes (`num`) and one class. The
/// input, a vector for each image, holds one after another
///
///     S S classes               class scores, cell by cell; a softmax a cell with softmax=1
///     S S n                     objectness of each box
///     S S n 4                   x, y in the cell, w, h in the picture (their roots with sqrt=1)
///
/// and a box is ((column + x) / S, (row + y) / S, w, h), or w^2, h^2. All S S n boxes are
/// detections. The loss is in `DetectionLoss`. No parameters. Options: see `docs/cfg-options.md`.
///
/// - Throws: `ConfigError` if the input has not S S (classes + n (1 + coords)) values, or at an
///   option that is wrong.
package struct DetectionLayer: LossLayer, DetectionHead {
  package static let sectionNames = ["detection"]

  package let options: DetectionOptions
  package let sources: [Int]
  package let outputShape: Shape

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    self.options = try DetectionOptions(&options, at: site)
    sources = [site.previousIndex]
    outputShape = Shape(vector: site.inputShape.count)
  }

  package var classes: Int { options.classes }
  package var kindNumber: Int { 6 }
  package var training: HeadTrainingOptions { options.training }

  package func anchors(networkWidth: Int, networkHeight: Int) -> [Anchor] { [] }

  package func suppression(threshold: Float) -> NonMaximumSuppression {
    NonMaximumSuppression(threshold: threshold)
  }

  package func forward(_ pass: ForwardPass) {
    let y = pass.output
    Vector.copy(pass.input.pointer, to: y.pointer, count: y.count)
    guard options.hasSoftmax else { return }
    for n in 0..<y.batch {
      for cell in 0..<options.cells {
        let scores = y.image(n) + cell * classes
        Softmax.apply(scores, to: scores, count: classes)
      }
    }
  }

  /// dx += dy: the loss' gradient is that of the raw values already.
  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    Vector.add(pass.outputGradient.pointer, to: dx.pointer, count: dx.count)
  }

  package var truthCount: Int? { DetectionLoss(options: options).truthCount }

  package func loss(_ pass: LossPass) -> LossReport? {
    DetectionLoss(options: options).report(pass)
  }

  package func decode(
    _ output: UnsafePointer<Float>, networkWidth: Int, networkHeight: Int, threshold: Float,
    hierarchyThreshold: Float, into detections: inout DetectionSet
  ) {
    let scale = 1 / Float(options.side)
    for cell in 0..<options.cells {
      for number in 0..<options.boxes {
        let objectness = output[options.objectnessIndex(cell, number)]
        var box = options.box(output, cell, number)
        box.x = (box.x + Float(cell % options.side)) * scale
        box.y = (box.y + Float(cell / options.side)) * scale
        detections.append(box, objectness: objectness) { row in
          for c in 0..<min(classes, row.count) {
            let probability = objectness * output[cell * classes + c]
            row[c] = probability > threshold ? probability : 0
          }
        }
      }
    }
  }

  package var averageOutputs: AverageOutputs { .always }

  package var tableRow: TableRow { .detection }
}

/// What `[detection]` reads, and where its values stand.
package struct DetectionOptions: Sendable {
  package let classes: Int
  /// Boxes a cell.
  package let boxes: Int
  /// S: cells of a row and of a column.
  package let side: Int
  package private(set) var training: HeadTrainingOptions
  package let hasSoftmax: Bool
  /// Sizes are predicted by their square roots.
  package let hasRoots: Bool
  /// Objectness learns the IoU instead of 1.
  package let rescores: Bool
  /// Small objects are taught to the second box of a cell, others to the first.
  package let isForced: Bool
  /// During the first 64000 images objects are taught to any box of the cell.
  package let isRandom: Bool
  let coordinateScale: Float
  let objectScale: Float
  let noObjectScale: Float
  let classScale: Float

  init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let isOriginal = site.dialect == .pjreddie
    let coordinates = try options.int("coords", default: 1, loud: true)
    guard coordinates == 4 else {
      throw options.error(
        "coords", expected: "4, as x, y, width and height", found: "\(coordinates)",
        fix: "write coords=4")
    }
    classes = try options.size("classes", default: 1, loud: true)
    rescores = try options.flag("rescore", loud: true)
    boxes = try options.int("num", default: 1, loud: true, in: 1...65_536)
    side = try options.int("side", default: 7, loud: true, in: 1...65_536)
    try Self.checkInput(options, at: site, side: side, boxes: boxes, classes: classes)
    options.markRow()
    hasSoftmax = try options.flag("softmax", loud: true)
    hasRoots = try options.flag("sqrt", loud: true)
    training = HeadTrainingOptions(
      maximumBoxes: try options.size("max", default: isOriginal ? 90 : 200))
    training.places = options.places("jitter", "resize")
    coordinateScale = try options.float("coord_scale", default: 1, loud: true)
    isForced = try options.flag("forced", loud: true)
    objectScale = try options.float("object_scale", default: 1, loud: true)
    noObjectScale = try options.float("noobject_scale", default: 1, loud: true)
    classScale = try options.float("class_scale", default: 1, loud: true)
    training.jitter = try options.float("jitter", default: 0.2, loud: true)
    if !isOriginal { training.resize = try options.float("resize", default: 1) }
    isRandom = try options.float("random", default: 0) != 0
    options.readWithoutEffect("reorg", because: "Darknet reads it but does not use it")
  }

  private static func checkInput(
    _ options: OptionReader, at site: LayerSite, side: Int, boxes: Int, classes: Int
  ) throws(ConfigError) {
    // side and num are at most 2^16, classes at most 2^28: the products stay below 2^63.
    let needed = side * side * (5 * boxes + classes)
    let found = site.inputShape.count
    guard found != needed else { return }
    let previous = site.previous.last.map { "[\(type(of: $0).name)], layer \(site.index - 1)" }
    throw options.error(
      nil,
      expected: "an input of \(needed) values, side \(side)^2 * (classes \(classes) "
        + "+ 5 * num \(boxes))",
      found: "\(found)",
      fix: "let \(previous ?? "the layer before it") have \(needed) outputs, or change side=, "
        + "num= and classes=")
  }

  // MARK: Places

  var cells: Int { side * side }

  func objectnessIndex(_ cell: Int, _ number: Int) -> Int {
    cells * classes + cell * boxes + number
  }

  func boxIndex(_ cell: Int, _ number: Int) -> Int {
    cells * (classes + boxes) + (cell * boxes + number) * 4
  }

  /// A predicted box: its centre in the cell, its size in the picture.
  func box(_ output: UnsafePointer<Float>, _ cell: Int, _ number: Int) -> Box {
    let values = output + boxIndex(cell, number)
    return Box(
      x: values[0], y: values[1], width: hasRoots ? values[2] * values[2] : values[2],
      height: hasRoots ? values[3] * values[3] : values[3])
  }
}
