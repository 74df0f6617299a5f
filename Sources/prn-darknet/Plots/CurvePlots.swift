import Darknet
import DarknetCommandLine

/// Precision, recall and F1 as curves.
struct CurvePlots {
  private let result: MeanAveragePrecision.Result
  private let names: NamesFile
  /// Classes that have objects, the only ones with a curve.
  private let classes: [MeanAveragePrecision.ClassResult]
  private var hasFewClasses: Bool { classes.count <= Chart.palette.count }

  private static let mean = Color(0x12355B)
  private static let faint = Color(0x1F77B4, alpha: 0.3)

  init(_ result: MeanAveragePrecision.Result, names: NamesFile) {
    self.result = result
    self.names = names
    classes = result.classes.filter { $0.counts.truths > 0 }
  }

  /// Precision over recall: a line a class, and their mean.
  func precisionRecall() -> Chart {
    let threshold = fixed(Double(result.options.iouThreshold), decimals: 2)
    let percent = fixed(result.meanAveragePrecision * 100, decimals: 2)
    var chart = Chart(
      title: "Precision and recall, mAP@\(threshold) = \(percent) %", xLabel: "recall",
      yLabel: "precision", xRange: 0...1, yRange: 0...1.02)
    for (index, row) in classes.enumerated() {
      addClass(
        to: &chart, index, "\(shortName(row)) \(fixed(row.averagePrecision, decimals: 3))",
        Self.staircase(row.curve))
    }
    let mean = Self.mean(of: classes.map(\.curve))
    chart.add(
      Chart.Series(mean, color: Self.mean, style: .line(width: 3.5), name: "mean of classes"))
    return chart
  }

  /// F1 over the confidence threshold: a line a class, and precision, recall and F1 of all objects
  /// together.
  func thresholds() -> Chart {
    let all = Self.pooled(classes.map(\.curve))
    let best = all.best
    var title = "F1 over the confidence threshold"
    if let best {
      title +=
        ", best \(fixed(best.f1, decimals: 3)) at "
        + fixed(Double(best.threshold), decimals: 3)
    }
    var chart = Chart(
      title: title, xLabel: "confidence threshold", yLabel: "F1, precision, recall", xRange: 0...1,
      yRange: 0...1.02)
    for (index, row) in classes.enumerated() {
      let label = row.curve.best.map { " \(fixed($0.f1, decimals: 3))" } ?? ""
      addClass(
        to: &chart, index, shortName(row) + label, Self.points(row.curve, row.curve.f1))
    }
    let series: [(String, Color, Float, [Double])] = [
      ("precision of all", Color(0x555555), 2, all.precision),
      ("recall of all", Color(0xABABAB), 2, all.recall), ("F1 of all", Self.mean, 3.5, all.f1),
    ]
    for (name, color, width, values) in series {
      chart.add(
        Chart.Series(
          Self.points(all, values), color: color, style: .line(width: width), name: name))
    }
    if let best {
      chart.add(
        Chart.Series(
          [Point(best.threshold, Float(best.f1))], color: Self.mean, style: .points(radius: 6)))
    }
    return chart
  }

  private func addClass(to chart: inout Chart, _ index: Int, _ name: String, _ points: [Point]) {
    if hasFewClasses {
      chart.add(
        Chart.Series(points, color: Chart.palette[index], style: .line(width: 1.6), name: name))
    } else {
      chart.add(
        Chart.Series(
          points, color: Self.faint, style: .line(width: 1.2),
          name: index == 0 ? "each of \(classes.count) classes" : nil))
    }
  }

  private func shortName(_ row: MeanAveragePrecision.ClassResult) -> String {
    let name = names[row.classIndex]
    return name.count > 18 ? name.prefix(16) + "..." : name
  }

  /// The envelope as the area below it is measured: flat to the left of each point.
  private static func staircase(_ curve: PrecisionRecallCurve) -> [Point] {
    var points: [Point] = []
    var before = 0.0
    for (recall, precision) in zip(curve.recall, curve.envelope) where recall > before {
      points.append(Point(Float(before), Float(precision)))
      points.append(Point(Float(recall), Float(precision)))
      before = recall
    }
    return points + [Point(Float(before), 0), Point(1, 0)]
  }

  /// The mean of the classes' envelopes, as a staircase.
  private static func mean(of curves: [PrecisionRecallCurve]) -> [Point] {
    // Where the envelope of a class falls, and by how much.
    var steps: [(recall: Double, fall: Double)] = []
    var sum = 0.0
    for curve in curves where !curve.isEmpty {
      let envelope = curve.envelope
      sum += envelope[0]
      for index in envelope.indices {
        let next = index + 1 < envelope.count ? envelope[index + 1] : 0
        if next < envelope[index] { steps.append((curve.recall[index], envelope[index] - next)) }
      }
    }
    let count = Double(max(1, curves.count))
    var points = [Point(0, Float(sum / count))]
    for step in steps.sorted(by: { $0.recall < $1.recall }) {
      let x = Float(step.recall)
      if points[points.count - 1].x < x { points.append(Point(x, Float(sum / count))) }
      sum -= step.fall
      let last = Point(x, Float(max(0, sum) / count))
      // Several classes may fall at the same recall.
      if points.count > 1, points[points.count - 2].x == x {
        points[points.count - 1] = last
      } else {
        points.append(last)
      }
    }
    return points
  }

  /// Values over the threshold that accepts so much, from 0 to 1.
  private static func points(_ curve: PrecisionRecallCurve, _ values: [Double]) -> [Point] {
    var points: [Point] = []
    for index in curve.scores.indices.reversed() {
      // Equal scores are accepted together.
      if index + 1 < curve.scores.count, curve.scores[index + 1] == curve.scores[index] {
        continue
      }
      let value = Float(values[index])
      points.append(Point(points.isEmpty ? 0 : points[points.count - 1].x, value))
      points.append(Point(curve.scores[index], value))
    }
    return points
  }

  /// One ranking of the detections of all classes.
  private static func pooled(_ curves: [PrecisionRecallCurve]) -> PrecisionRecallCurve {
    let all = curves.flatMap { Array(zip($0.scores, $0.isTruePositive)) }.enumerated().sorted {
      ($1.element.0, $0.offset) < ($0.element.0, $1.offset)
    }.map(\.element)
    return PrecisionRecallCurve(
      scores: all.map(\.0), isTruePositive: all.map(\.1),
      truthCount: curves.reduce(0) { $0 + $1.truthCount })
  }
}
