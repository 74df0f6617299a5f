/// What the loss of `[region]` found, for the line that both dialects print.
struct RegionTally: Sendable {
  var count = 0
  var classCount = 0
  var iou = 0.0
  var probability = 0.0
  var objectness = 0.0
  var anyObjectness = 0.0
  var recall = 0
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

  func line(predictions: Int) -> String {
    let means = [
      printedMean(iou, of: count), printedMean(probability, of: classCount),
      printedMean(objectness, of: count), printedMean(anyObjectness, of: predictions),
      printedMean(Double(recall), of: count),
    ]
    return "Region Avg IOU: \(means[0]), Class: \(means[1]), Obj: \(means[2]), "
      + "No Obj: \(means[3]), Avg Recall: \(means[4]),  count: \(count)"
  }
}
