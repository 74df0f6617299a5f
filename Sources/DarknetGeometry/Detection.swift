/// One box that a network proposes, with the probability of each class.
package struct Detection: Sendable {
  package var box: Box
  /// How sure the network is that there is something at all.
  package var objectness: Float
  /// A number a class, objectness already multiplied in; 0 where the threshold was not passed.
  package var probabilities: [Float]

  package init(box: Box, objectness: Float, probabilities: [Float]) {
    self.box = box
    self.objectness = objectness
    self.probabilities = probabilities
  }

  /// The first class of the highest probability, or nil if none is above 0.
  package var bestClass: Int? {
    probabilities.withUnsafeBufferPointer { DetectionSet.bestClass(of: $0) }
  }
}

/// The detections of one picture, in order.
///
/// The order is a result: it is what JSON files, `valid` and pjreddie's text show. Heads append
/// cell by cell (row by row), within a cell anchor by anchor of the mask, head after head as they
/// stand in the cfg; suppression then reorders (see `NonMaximumSuppression`).
///
/// Columns instead of structs, since a picture has thousands of boxes of 80 classes, most of them
/// 0: `probabilities` is one array of `count` rows of `classCount` numbers.
package struct DetectionSet: Sendable {
  package let classCount: Int
  package private(set) var boxes: [Box] = []
  package private(set) var objectness: [Float] = []
  /// [count, classCount], row by row.
  package private(set) var probabilities: [Float] = []

  /// An empty set.
  package init(classCount: Int) {
    precondition(classCount >= 0, "a number of classes cannot be negative")
    self.classCount = classCount
  }

  package mutating func reserveCapacity(_ count: Int) {
    boxes.reserveCapacity(count)
    objectness.reserveCapacity(count)
    probabilities.reserveCapacity(count * classCount)
  }

  /// Adds a detection whose probabilities `fill` writes; they are 0 before.
  package mutating func append(
    _ box: Box, objectness: Float, fill: (UnsafeMutableBufferPointer<Float>) -> Void
  ) {
    boxes.append(box)
    self.objectness.append(objectness)
    let start = probabilities.count
    probabilities.append(contentsOf: repeatElement(0, count: classCount))
    probabilities.withUnsafeMutableBufferPointer {
      fill(UnsafeMutableBufferPointer(rebasing: $0[start...]))
    }
  }

  /// - Precondition: `detection` has `classCount` probabilities.
  package mutating func append(_ detection: Detection) {
    precondition(
      detection.probabilities.count == classCount,
      "\(detection.probabilities.count) probabilities in a set of \(classCount) classes")
    boxes.append(detection.box)
    objectness.append(detection.objectness)
    probabilities.append(contentsOf: detection.probabilities)
  }

  package mutating func append(contentsOf other: DetectionSet) {
    precondition(other.classCount == classCount, "sets of different numbers of classes")
    boxes.append(contentsOf: other.boxes)
    objectness.append(contentsOf: other.objectness)
    probabilities.append(contentsOf: other.probabilities)
  }

  /// The probability that detection `index` is of class `class`.
  @inline(__always)
  package func probability(_ index: Int, class: Int) -> Float {
    probabilities[index * classCount + `class`]
  }

  /// The first class of the highest probability of detection `index`; nil if none is above 0.
  package func bestClass(_ index: Int) -> Int? {
    withProbabilities(index) { Self.bestClass(of: $0) }
  }

  /// Calls `body` with the row of detection `index`, without a copy.
  package func withProbabilities<R>(_ index: Int, _ body: (UnsafeBufferPointer<Float>) -> R) -> R {
    probabilities.withUnsafeBufferPointer {
      body(UnsafeBufferPointer(rebasing: $0[index * classCount..<(index + 1) * classCount]))
    }
  }

  /// Replaces every box, as `LetterboxTransform` does to go from the network's input to the picture.
  package mutating func mapBoxes(_ transform: (Box) -> Box) {
    for index in boxes.indices { boxes[index] = transform(boxes[index]) }
  }

  /// Takes out what no object can be: boxes with a number that is not finite, and those more than
  /// `limit` pictures wide or high, in parts of the picture. Probabilities that are not finite
  /// become 0.
  ///
  /// - Returns: how many boxes with a probability were taken out.
  package mutating func removeImpossible(limit: Float) -> Int {
    for index in probabilities.indices where !probabilities[index].isFinite {
      probabilities[index] = 0
    }
    let kept = boxes.indices.filter {
      boxes[$0].isFinite && boxes[$0].width <= limit && boxes[$0].height <= limit
    }
    guard kept.count < count else { return 0 }
    let all = indices.count { bestClass($0) != nil }
    reorder(kept)
    return all - indices.count { bestClass($0) != nil }
  }

  /// Keeps the detections of `order`, in that order; each at most once.
  package mutating func reorder(_ order: [Int]) {
    var rows: [Float] = []
    rows.reserveCapacity(order.count * classCount)
    for index in order {
      rows.append(contentsOf: probabilities[index * classCount..<(index + 1) * classCount])
    }
    boxes = order.map { boxes[$0] }
    objectness = order.map { objectness[$0] }
    probabilities = rows
  }

  /// Gives `body` the two columns that suppression changes, for changes in place.
  package mutating func withScores<R>(
    _ body: (
      _ objectness: inout UnsafeMutableBufferPointer<Float>,
      _ probabilities: inout UnsafeMutableBufferPointer<Float>
    ) -> R
  ) -> R {
    objectness.withUnsafeMutableBufferPointer { objectness in
      probabilities.withUnsafeMutableBufferPointer { body(&objectness, &$0) }
    }
  }

  static func bestClass(of row: UnsafeBufferPointer<Float>) -> Int? {
    var best: Int?
    var highest: Float = 0
    for index in row.indices where row[index] > highest {
      highest = row[index]
      best = index
    }
    return best
  }
}

extension DetectionSet: RandomAccessCollection {
  package var startIndex: Int { 0 }
  package var endIndex: Int { boxes.count }

  /// A copy of detection `index`.
  package subscript(index: Int) -> Detection {
    Detection(
      box: boxes[index], objectness: objectness[index],
      probabilities: Array(probabilities[index * classCount..<(index + 1) * classCount]))
  }
}
