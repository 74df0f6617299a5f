import DarknetText

/// Average precision and recall as the COCO challenge measures boxes, to the digits of its own
/// program (pycocotools).
///
/// For each category, picture and area range the 100 best scored boxes take, best first, the free
/// object that they overlap most, at ten IoU thresholds from 0.50 to 0.95. Crowds, and objects
/// outside the area range, are ignored: taking one counts neither way, and a crowd can be taken
/// again and again. Unmatched boxes outside the area range are ignored too. Then all boxes of the
/// category are ranked over all pictures, ties in the order of pictures' identities and of the
/// list, and precision is read off at 101 recalls. A mean leaves out categories without objects.
///
/// One difference is meant: pycocotools takes an object of annotation identity 0 for none.
package struct CocoEvaluation: Sendable {
  /// 0.50, 0.55 … 0.95, with the rounding of numpy's `linspace`, since overlaps are compared.
  package static let iouThresholds = evenly(from: 0.5, to: 0.95, count: 10)
  /// 0, 0.01 … 1, likewise.
  package static let recallLevels = evenly(from: 0, to: 1, count: 101)
  /// Boxes that a picture may have of a category.
  package static let detectionLimits = [1, 10, 100]

  /// Sizes of objects, by area in pixels.
  package enum AreaRange: Int, CaseIterable, Sendable {
    case all, small, medium, large

    /// Both ends belong to the range.
    package var bounds: ClosedRange<Double> {
      switch self {
      case .all: 0...1e10
      case .small: 0...1024
      case .medium: 1024...9216
      case .large: 9216...1e10
      }
    }
  }

  /// The twelve figures; nil where there are no objects to find.
  package struct Figures: Hashable, Sendable {
    package var ap: Double?
    package var ap50: Double?
    package var ap75: Double?
    package var apSmall: Double?
    package var apMedium: Double?
    package var apLarge: Double?
    package var ar1: Double?
    package var ar10: Double?
    package var ar100: Double?
    package var arSmall: Double?
    package var arMedium: Double?
    package var arLarge: Double?
  }

  package let overall: Figures
  /// Category identities, ascending, and their own figures.
  package let categories: [(identity: Int, figures: Figures)]
  /// Boxes of pictures or categories that the truth does not have; they were left out.
  package let foreignDetections: Int

  package init(truth: CocoDataset, detections: [CocoDetection]) {
    let images = Array(Set(truth.images)).sorted()
    let identities = Array(Set(truth.categories)).sorted()
    let imageIndex = Dictionary(uniqueKeysWithValues: zip(images, images.indices))
    let categoryIndex = Dictionary(uniqueKeysWithValues: zip(identities, identities.indices))

    /// Positions in a list, by category, in the order of pictures and then of the list.
    func grouped(_ keys: some Sequence<(image: Int, category: Int)>) -> [[Member]] {
      var groups = [[Member]](repeating: [], count: identities.count)
      for (position, key) in keys.enumerated() {
        guard let image = imageIndex[key.image], let category = categoryIndex[key.category] else {
          continue
        }
        groups[category].append(Member(image: image, position: position))
      }
      return groups.map { $0.sorted { ($0.image, $0.position) < ($1.image, $1.position) } }
    }
    let objects = grouped(truth.objects.lazy.map { ($0.image, $0.category) })
    let boxes = grouped(detections.lazy.map { ($0.image, $0.category) })
    foreignDetections = detections.count - boxes.reduce(0) { $0 + $1.count }

    let tables = identities.indices.map { index in
      CategoryTable(
        CategoryMatches(
          objects: objects[index].map { ($0.image, truth.objects[$0.position]) },
          boxes: boxes[index].map { ($0.image, detections[$0.position]) }))
    }
    overall = Self.figures(tables)
    categories = zip(identities, tables).map { ($0, Self.figures([$1])) }
  }

  private struct Member {
    var image: Int
    var position: Int
  }

  private static func evenly(from first: Double, to last: Double, count: Int) -> [Double] {
    let step = (last - first) / Double(count - 1)
    return (0..<count).map { $0 == count - 1 ? last : Double($0) * step + first }
  }

  private static func figures(_ tables: [CategoryTable]) -> Figures {
    func precision(_ area: AreaRange, threshold: Int? = nil) -> Double? {
      mean(
        tables.compactMap { $0.precision[area.rawValue] }
          .flatMap { rows in threshold.map { [rows[$0]] } ?? rows })
    }
    func recall(_ area: AreaRange, limit: Int) -> Double? {
      mean(tables.compactMap { $0.recall[area.rawValue]?[limit] }.flatMap { $0 })
    }
    // 0.75 is threshold 5, and the limits are 1, 10 and 100.
    return Figures(
      ap: precision(.all), ap50: precision(.all, threshold: 0),
      ap75: precision(.all, threshold: 5), apSmall: precision(.small),
      apMedium: precision(.medium), apLarge: precision(.large), ar1: recall(.all, limit: 0),
      ar10: recall(.all, limit: 1), ar100: recall(.all, limit: 2),
      arSmall: recall(.small, limit: 2), arMedium: recall(.medium, limit: 2),
      arLarge: recall(.large, limit: 2))
  }

  private static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}

extension CocoEvaluation.Figures {
  /// The table that pycocotools prints, -1 where there is nothing to find.
  package var summary: String {
    let rows: [(isPrecision: Bool, iou: String, area: String, limit: Int, value: Double?)] = [
      (true, "0.50:0.95", "all", 100, ap), (true, "0.50", "all", 100, ap50),
      (true, "0.75", "all", 100, ap75), (true, "0.50:0.95", "small", 100, apSmall),
      (true, "0.50:0.95", "medium", 100, apMedium), (true, "0.50:0.95", "large", 100, apLarge),
      (false, "0.50:0.95", "all", 1, ar1), (false, "0.50:0.95", "all", 10, ar10),
      (false, "0.50:0.95", "all", 100, ar100), (false, "0.50:0.95", "small", 100, arSmall),
      (false, "0.50:0.95", "medium", 100, arMedium), (false, "0.50:0.95", "large", 100, arLarge),
    ]
    var text = TextBuffer()
    for row in rows {
      text.append(row.isPrecision ? " Average Precision  (AP)" : " Average Recall     (AR)")
      text.append(" @[ IoU=")
      text.append(row.iou + String(repeating: " ", count: 9 - row.iou.count))
      text.append(" | area=")
      text.append(String(repeating: " ", count: 6 - row.area.count) + row.area)
      text.append(" | maxDets=")
      text.append(String(repeating: " ", count: 3 - "\(row.limit)".count) + "\(row.limit)")
      text.append(" ] = ")
      text.append(row.value ?? -1, decimals: 3)
      text.append("\n")
    }
    return text.string
  }
}
