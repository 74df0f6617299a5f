import DarknetGeometry
import DarknetKernels

/// What the loss of a head with anchors found, for the cost and for those who report it.
package struct AnchorTally: Sendable {
  package internal(set) var batch = 0
  /// Predictions of the whole mini-batch.
  package internal(set) var predictions = 0
  /// Objects that taught a prediction.
  package internal(set) var count = 0
  package internal(set) var iou = 0.0
  package internal(set) var giou = 0.0
  package internal(set) var objectness = 0.0
  package internal(set) var anyObjectness = 0.0
  package internal(set) var probability = 0.0
  package internal(set) var above50 = 0
  package internal(set) var above75 = 0
  var boxes = 0
  var rewrittenBoxes = 0
  /// Sums of squared gradients: of the boxes, of their uncertainties, of the rest.
  package internal(set) var boxSquares = 0.0
  package internal(set) var uncertaintySquares = 0.0
  package internal(set) var otherSquares = 0.0
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

  package var allSquares: Double { boxSquares + uncertaintySquares + otherSquares }

  /// What AlexeyAB calls class loss: objectness and classes.
  package func classLoss(_ options: YoloOptions) -> Double {
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
}
