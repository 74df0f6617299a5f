import DarknetGeometry

/// What objects of each class are taken for.
///
/// Every detection stands for its best class, if that is above the confidence threshold. Pairs of
/// a detection and an object, of whatever classes, whose IoU is above the threshold are paired
/// from the highest overlap down, each side once. What stays alone is paired with "nothing".
package struct ConfusionMatrix: Sendable {
  package let classCount: Int
  package var confidenceThreshold: Float
  package var iouThreshold: Float
  /// [classCount + 1, classCount + 1]: rows are what was said, columns what is there, both with
  /// "nothing" last.
  package private(set) var counts: [Int]

  package init(classCount: Int, confidenceThreshold: Float = 0.25, iouThreshold: Float = 0.45) {
    self.classCount = classCount
    self.confidenceThreshold = confidenceThreshold
    self.iouThreshold = iouThreshold
    counts = Array(repeating: 0, count: (classCount + 1) * (classCount + 1))
  }

  /// The index of "nothing".
  package var nothing: Int { classCount }

  /// How often `said` was said where `actual` is.
  package subscript(said: Int, actual: Int) -> Int {
    get { counts[said * (classCount + 1) + actual] }
    set { counts[said * (classCount + 1) + actual] = newValue }
  }

  /// Counts a picture in; objects of classes that the network does not have are left out.
  package mutating func add(_ detections: DetectionSet, truths: [GroundTruth]) {
    let said = detections.indices.compactMap { index -> (box: Box, class: Int)? in
      guard let best = detections.bestClass(index), best < classCount,
        detections.probability(index, class: best) > confidenceThreshold
      else { return nil }
      return (detections.boxes[index], best)
    }
    let actual = truths.filter { (0..<classCount).contains($0.classIndex) }
    var pairs: [(iou: Float, said: Int, actual: Int)] = []
    for (i, detection) in said.enumerated() {
      for (j, truth) in actual.enumerated() {
        let iou = Box.iou(detection.box, truth.box)
        if iou > iouThreshold { pairs.append((iou, i, j)) }
      }
    }
    pairs.sort { ($1.iou, $0.said, $0.actual) < ($0.iou, $1.said, $1.actual) }
    var isSaidFree = [Bool](repeating: true, count: said.count)
    var isActualFree = [Bool](repeating: true, count: actual.count)
    for pair in pairs where isSaidFree[pair.said] && isActualFree[pair.actual] {
      isSaidFree[pair.said] = false
      isActualFree[pair.actual] = false
      self[said[pair.said].class, actual[pair.actual].classIndex] += 1
    }
    for (index, detection) in said.enumerated() where isSaidFree[index] {
      self[detection.class, nothing] += 1
    }
    for (index, truth) in actual.enumerated() where isActualFree[index] {
      self[nothing, truth.classIndex] += 1
    }
  }
}
