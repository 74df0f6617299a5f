import DarknetGeometry

/// The detections of one picture laid beside its marked objects, as `detector map` does it.
///
/// Each pair of a box and a class with a probability above 0 is a claim. In the order of the set,
/// class by class within a box, a claim takes the object of its class that it overlaps most, if
/// that IoU is above the threshold; several claims may take the same object, and the ranking of
/// `MeanAveragePrecision` decides among them. A claim that takes none, but overlaps an object
/// marked as difficult, is not ranked.
package struct PictureMatches: Sendable {
  package struct Claim: Hashable, Sendable {
    /// Index of the detection in its set.
    package var detection: Int
    package var classIndex: Int
    package var probability: Float
    /// Index of the object in the picture's list, or nil.
    package var truth: Int?
    /// Overlap with that object, 0 without one.
    package var iou: Float
    /// An earlier claim of this picture, of whatever probability, took the same object.
    package var isRepeat: Bool
    /// Only a difficult object is there.
    package var isDifficult: Bool
  }

  package let claims: [Claim]
  package let truths: [GroundTruth]

  /// Pure, so pictures can be matched by several threads and added in their order afterwards.
  ///
  /// - Parameters:
  ///   - detections: boxes in the same units as `truths`, after suppression.
  ///   - truths: objects; those of classes that the set does not have match nothing.
  ///   - difficult: objects that count neither as found nor as missed.
  ///   - iouThreshold: the overlap that has to be exceeded.
  package init(
    _ detections: DetectionSet, truths: [GroundTruth], difficult: [GroundTruth] = [],
    iouThreshold: Float
  ) {
    var claims: [Claim] = []
    var isTaken = [Bool](repeating: false, count: truths.count)
    for (index, box) in detections.boxes.enumerated() {
      detections.withProbabilities(index) { row in
        for number in row.indices where row[number] > 0 {
          var claim = Claim(
            detection: index, classIndex: number, probability: row[number], truth: nil, iou: 0,
            isRepeat: false, isDifficult: false)
          for (position, truth) in truths.enumerated() where truth.classIndex == number {
            let iou = Box.iou(box, truth.box)
            if iou > iouThreshold, iou > claim.iou {
              claim.iou = iou
              claim.truth = position
            }
          }
          if let truth = claim.truth {
            claim.isRepeat = isTaken[truth]
            isTaken[truth] = true
          } else {
            claim.isDifficult = difficult.contains {
              $0.classIndex == number && Box.iou(box, $0.box) > iouThreshold
            }
          }
          claims.append(claim)
        }
      }
    }
    self.claims = claims
    self.truths = truths
  }

  /// The claims above `threshold` that found nothing new, most probable first.
  package func falsePositives(above threshold: Float) -> [Claim] {
    claims.filter {
      $0.probability > threshold && !$0.isDifficult && ($0.truth == nil || $0.isRepeat)
    }
    .sorted { ($0.probability, $1.detection) > ($1.probability, $0.detection) }
  }

  /// Indices of the objects that no claim above `threshold` takes.
  package func misses(above threshold: Float) -> [Int] {
    let found = Set(claims.filter { $0.probability > threshold }.compactMap(\.truth))
    return truths.indices.filter { !found.contains($0) }
  }
}
