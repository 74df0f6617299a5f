/// What the loss of `[region]` found.
package struct RegionTally: Sendable {
  package internal(set) var count = 0
  package internal(set) var classCount = 0
  package internal(set) var iou = 0.0
  package internal(set) var probability = 0.0
  package internal(set) var objectness = 0.0
  package internal(set) var anyObjectness = 0.0
  package internal(set) var recall = 0
  var squares = 0.0
  var notices: [String] = []

  mutating func add(_ other: RegionTally) {
    count += other.count
    classCount += other.classCount
    iou += other.iou
    probability += other.probability
    objectness += other.objectness
    anyObjectness += other.anyObjectness
    recall += other.recall
    squares += other.squares
    for notice in other.notices where !notices.contains(notice) { notices.append(notice) }
  }
}
