/// A set of the ten IoU thresholds.
private typealias ThresholdSet = UInt16

/// The boxes of one category, matched picture by picture and ranked over all pictures.
struct CategoryMatches {
  /// Best score first.
  fileprivate var ranked: [Scored] = []
  /// Objects to find, per area range.
  fileprivate var objectCounts: SIMD4<Int> = .zero

  fileprivate struct Scored {
    var score: Double
    /// Place among the picture's boxes of this category.
    var rank: Int
    /// Per area range, the thresholds at which the box took an object.
    var matched: SIMD4<ThresholdSet> = .zero
    /// Per area range, the thresholds at which it does not count.
    var ignored: SIMD4<ThresholdSet> = .zero
  }

  /// - Parameters:
  ///   - objects: each with the index of its picture, ascending.
  ///   - boxes: likewise.
  init(
    objects: [(image: Int, object: CocoDataset.Object)],
    boxes: [(image: Int, box: CocoDetection)]
  ) {
    for (_, object) in objects where !object.isCrowd {
      for area in CocoEvaluation.AreaRange.allCases where area.bounds.contains(object.area) {
        objectCounts[area.rawValue] += 1
      }
    }
    var nextObject = 0
    var nextBox = 0
    while nextBox < boxes.count {
      let image = boxes[nextBox].image
      let firstBox = nextBox
      while nextBox < boxes.count, boxes[nextBox].image == image { nextBox += 1 }
      while nextObject < objects.count, objects[nextObject].image < image { nextObject += 1 }
      let firstObject = nextObject
      while nextObject < objects.count, objects[nextObject].image == image { nextObject += 1 }
      match(
        boxes[firstBox..<nextBox].map(\.box), with: objects[firstObject..<nextObject].map(\.object))
    }
    ranked = Self.byScore(ranked, \.score)
  }

  /// Matches the boxes of one picture.
  private mutating func match(_ boxes: [CocoDetection], with objects: [CocoDataset.Object]) {
    let limit = CocoEvaluation.detectionLimits.last!
    let best = Self.byScore(boxes, \.score).prefix(limit)
    let first = ranked.count
    // Nothing below the lowest threshold is ever taken.
    var candidates: [[(object: Int, iou: Double)]] = []
    for (rank, box) in best.enumerated() {
      candidates.append(
        objects.indices.compactMap { index in
          let object = objects[index]
          let iou = CocoBox.iou(box.box, object.box, isCrowd: object.isCrowd)
          return iou >= CocoEvaluation.iouThresholds[0] ? (index, iou) : nil
        })
      ranked.append(Scored(score: box.score, rank: rank))
    }
    for area in CocoEvaluation.AreaRange.allCases {
      let isIgnored = objects.map { $0.isCrowd || !area.bounds.contains($0.area) }
      var taken = [ThresholdSet](repeating: 0, count: objects.count)
      for (rank, box) in best.enumerated() {
        var matched: ThresholdSet = 0
        var ignored: ThresholdSet = area.bounds.contains(box.box.area) ? 0 : .max
        for (number, threshold) in CocoEvaluation.iouThresholds.enumerated() {
          let bit: ThresholdSet = 1 << number
          // Objects that count come first; ignored ones only get what they leave.
          func choice(ignored: Bool) -> Int? {
            var highest = min(threshold, 1 - 1e-10)
            var chosen: Int?
            for (object, iou) in candidates[rank] where isIgnored[object] == ignored {
              if taken[object] & bit != 0, !objects[object].isCrowd { continue }
              if iou >= highest {
                highest = iou
                chosen = object
              }
            }
            return chosen
          }
          guard let object = choice(ignored: false) ?? choice(ignored: true) else { continue }
          taken[object] |= bit
          matched |= bit
          if isIgnored[object] { ignored |= bit } else { ignored &= ~bit }
        }
        ranked[first + rank].matched[area.rawValue] = matched
        ranked[first + rank].ignored[area.rawValue] = ignored
      }
    }
  }

  /// Descending, ties in their order.
  private static func byScore<T>(_ items: [T], _ score: (T) -> Double) -> [T] {
    items.enumerated()
      .sorted { a, b in
        let (p, q) = (score(a.element), score(b.element))
        return p == q ? a.offset < b.offset : p > q
      }
      .map(\.element)
  }
}

/// Precision and recall of one category, read off its ranking.
struct CategoryTable {
  /// Per area range (nil without objects) [thresholds], the mean over the recall levels.
  var precision: [[Double]?] = []
  /// Per area range (nil without objects) [limits, thresholds].
  var recall: [[[Double]]?] = []

  init(_ matches: CategoryMatches) {
    let thresholds = CocoEvaluation.iouThresholds.indices
    for area in CocoEvaluation.AreaRange.allCases {
      let count = matches.objectCounts[area.rawValue]
      guard count > 0 else {
        precision.append(nil)
        recall.append(nil)
        continue
      }
      precision.append(
        thresholds.map { Self.precision(matches, area: area, threshold: $0, objects: count) })
      recall.append(
        CocoEvaluation.detectionLimits.map { limit in
          thresholds.map { threshold in
            let bit: ThresholdSet = 1 << threshold
            let found = matches.ranked.count {
              $0.rank < limit && $0.matched[area.rawValue] & ~$0.ignored[area.rawValue] & bit != 0
            }
            return Double(found) / Double(count)
          }
        })
    }
  }

  /// Mean over the recall levels of the highest precision at that recall or a higher one.
  private static func precision(
    _ matches: CategoryMatches, area: CocoEvaluation.AreaRange, threshold: Int, objects: Int
  ) -> Double {
    let bit: ThresholdSet = 1 << threshold
    var precision: [Double] = []
    var recall: [Double] = []
    var (found, wrong) = (0.0, 0.0)
    for box in matches.ranked where box.ignored[area.rawValue] & bit == 0 {
      if box.matched[area.rawValue] & bit != 0 { found += 1 } else { wrong += 1 }
      precision.append(found / (wrong + found + .ulpOfOne))
      recall.append(found / Double(objects))
    }
    for index in precision.indices.dropLast().reversed() {
      precision[index] = max(precision[index], precision[index + 1])
    }
    var sum = 0.0
    var index = 0
    for level in CocoEvaluation.recallLevels {
      while index < recall.count, recall[index] < level { index += 1 }
      guard index < recall.count else { break }
      sum += precision[index]
    }
    return sum / Double(CocoEvaluation.recallLevels.count)
  }
}
