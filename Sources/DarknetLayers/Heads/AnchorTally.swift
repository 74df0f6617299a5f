import DarknetGeometry
import DarknetKernels
import DarknetText

/// What the loss of a head with anchors found, for the cost and the line that Darknet prints.
struct AnchorTally: Sendable {
  var batch = 0
  /// Predictions of the whole mini-batch.
  var predictions = 0
  /// Objects that taught a prediction.
  var count = 0
  var iou = 0.0
  var giou = 0.0
  var objectness = 0.0
  var anyObjectness = 0.0
  var probability = 0.0
  var above50 = 0
  var above75 = 0
  var boxes = 0
  var rewrittenBoxes = 0
  /// Sums of squared gradients: of the boxes, of their uncertainties, of the rest.
  var boxSquares = 0.0
  var uncertaintySquares = 0.0
  var otherSquares = 0.0
  var notices: [String] = []

  mutating func add(_ other: AnchorTally) {
    count += other.count
    iou += other.iou
    giou += other.giou
    objectness += other.objectness
    anyObjectness += other.anyObjectness
    probability += other.probability
    above50 += other.above50
    above75 += other.above75
    boxes += other.boxes
    rewrittenBoxes += other.rewrittenBoxes
    boxSquares += other.boxSquares
    uncertaintySquares += other.uncertaintySquares
    otherSquares += other.otherSquares
    for notice in other.notices where !notices.contains(notice) { notices.append(notice) }
  }

  mutating func addObject(iou: Float, giou: Float, objectness: Float, probability: Float) {
    count += 1
    boxes += 1
    self.iou += Double(iou)
    self.giou += Double(giou)
    self.objectness += Double(objectness)
    self.probability += Double(probability)
    if iou > 0.5 { above50 += 1 }
    if iou > 0.75 { above75 += 1 }
  }

  mutating func addSquares(
    of gradient: UnsafePointer<Float>, _ grid: AnchorGrid, anchors: Int
  ) {
    let area = grid.area
    func squares(_ start: Int, _ planes: Int) -> Double {
      Vector.dot(gradient + start, gradient + start, count: planes * area)
    }
    for anchor in 0..<anchors {
      let base = grid.base(anchor: anchor, cell: 0)
      for entry in 0..<4 {
        let plane = base + entry * grid.boxStride * area
        boxSquares += squares(plane, 1)
        if grid.boxStride == 2 { uncertaintySquares += squares(plane + area, 1) }
      }
      otherSquares += squares(base + grid.objectness * area, grid.entries - grid.objectness)
    }
  }

  // MARK: Cost

  private var allSquares: Double { boxSquares + uncertaintySquares + otherSquares }

  /// What AlexeyAB calls class loss: objectness and classes.
  private func classLoss(_ options: YoloOptions) -> Double {
    Double(options.objectnessNormalizer) * otherSquares
  }

  /// Darknet's cost: the sum of squares; with an IoU loss the mean of 1 - overlap instead of the
  /// boxes' part (diou and ciou are counted by plain IoU).
  func cost(_ options: YoloOptions) -> Double {
    guard options.boxLoss != .mse, options.showsDetails else { return allSquares }
    let overlap = options.boxLoss == .giou ? giou : iou
    let mean = count > 0 ? (Double(count) - overlap) / Double(count) : 0
    return Double(options.iouNormalizer) * mean + classLoss(options)
  }

  // MARK: Lines

  private func six(_ value: Double) -> String { fixed(value, decimals: 6) }
  private func two(_ value: Double) -> String { fixed(value, decimals: 2) }

  /// AlexeyAB's line for `[yolo]`.
  func yoloLine(layer: Int, _ options: YoloOptions) -> String {
    let name =
      switch options.boxLoss {
      case .mse: "mse"
      case .giou: "giou"
      case .iou, .diou, .ciou: "iou"
      }
    let images = Double(max(batch, 1))
    let head =
      "v3 (\(name) loss, Normalizer: (iou: \(two(Double(options.iouNormalizer))), "
      + "obj: \(two(Double(options.objectnessNormalizer))), "
      + "cls: \(two(Double(options.classNormalizer)))) "
      + "Region \(layer) Avg (IOU: \(six(iou / Double(max(count, 1))))), count: \(count), "
    let total = "total_loss = \(six(allSquares / images)) "
    guard options.showsDetails else { return head + total }
    let classes = classLoss(options)
    return head + "class_loss = \(six(classes / images)), "
      + "iou_loss = \(six((allSquares - classes) / images)), " + total
  }

  /// pjreddie's line for `[yolo]`, which AlexeyAB's `[Gaussian_yolo]` begins with.
  func originalLine(layer: Int) -> String {
    let means = [
      printedMean(iou, of: count), printedMean(probability, of: count),
      printedMean(objectness, of: count), printedMean(anyObjectness, of: predictions),
      printedMean(Double(above50), of: count), printedMean(Double(above75), of: count),
    ]
    return "Region \(layer) Avg IOU: \(means[0]), Class: \(means[1]), Obj: \(means[2]), "
      + "No Obj: \(means[3]), .5R: \(means[4]), .75R: \(means[5]),  count: \(count)"
  }

  /// AlexeyAB's line for `[Gaussian_yolo]`.
  func gaussianLine(layer: Int, _ options: YoloOptions) -> String {
    let images = Double(max(batch, 1))
    let classes = classLoss(options)
    let boxes = boxSquares + otherSquares - classes
    return originalLine(layer: layer)
      + ", class_loss = \(two(classes / images)), iou_loss = \(two(boxes / images)), "
      + "uc_loss = \(two(uncertaintySquares / images)), "
      + "total_loss = \(two(allSquares / images)) "
  }
}
