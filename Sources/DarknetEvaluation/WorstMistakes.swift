import DarknetGeometry

/// The most instructive mistakes of a network: its surest false positives and the largest objects
/// that it misses.
package struct WorstMistakes: Sendable {
  package struct Mistake: Hashable, Sendable {
    /// Index of the picture in the list.
    package var picture: Int
    package var classIndex: Int
    package var box: Box
    /// Probability of a false positive, area of a miss: the higher, the worse.
    package var weight: Float
  }

  /// How many of each kind are kept.
  package let limit: Int
  private var positives: [Mistake] = []
  private var misses: [Mistake] = []

  package init(limit: Int) {
    precondition(limit >= 0, "a limit cannot be negative")
    self.limit = limit
  }

  /// Worst first.
  package var falsePositives: [Mistake] { Self.worst(positives, limit) }
  package var missedObjects: [Mistake] { Self.worst(misses, limit) }

  /// Looks at a picture.
  ///
  /// - Parameter threshold: the probability that makes a detection.
  package mutating func add(
    _ matches: PictureMatches, detections: DetectionSet, picture: Int, threshold: Float
  ) {
    positives += matches.falsePositives(above: threshold).prefix(limit).map {
      Mistake(
        picture: picture, classIndex: $0.classIndex, box: detections.boxes[$0.detection],
        weight: $0.probability)
    }
    misses += matches.misses(above: threshold).map {
      let truth = matches.truths[$0]
      return Mistake(
        picture: picture, classIndex: truth.classIndex, box: truth.box, weight: truth.box.area)
    }
    // Memory for as many pictures as there may be, without sorting after each.
    if positives.count > 1000 + 2 * limit { positives = falsePositives }
    if misses.count > 1000 + 2 * limit { misses = missedObjects }
  }

  /// The heaviest, ties in the order of pictures.
  private static func worst(_ mistakes: [Mistake], _ limit: Int) -> [Mistake] {
    let order = mistakes.indices.sorted {
      (mistakes[$1].weight, $0) < (mistakes[$0].weight, $1)
    }
    return order.prefix(limit).map { mistakes[$0] }
  }
}
