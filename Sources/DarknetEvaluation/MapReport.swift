import DarknetText

extension MeanAveragePrecision.Result {
  /// Every figure as JSON, for programs: `detector map … -json FILE`. Numbers have all their
  /// digits; what is 0 / 0 is null.
  ///
  /// - Parameters:
  ///   - names: a name a class.
  ///   - coco: COCO's figures of the same detections, if they were asked for.
  package func json(names: [String], coco: CocoEvaluation.Figures? = nil) -> String {
    let counts = counts
    var points = 0
    if case .points(let count) = options.area { points = count }
    var rows: [(String, JSONText)] = [
      ("iou_threshold", .number(Double(options.iouThreshold.description))),
      ("confidence_threshold", .number(Double(options.confidenceThreshold.description))),
      ("points", .whole(points)),
      ("pictures", .whole(pictureCount)),
      ("detections", .whole(detectionCount)),
      ("truths_of_unknown_classes", .whole(unknownTruths)),
      ("map", .number(meanAveragePrecision)),
    ]
    rows += Self.rows(counts)
    rows.append(
      (
        "classes",
        .list(
          classes.map { row in
            let best = row.curve.best
            var fields: [(String, JSONText)] = [
              ("class_id", .whole(row.classIndex)),
              (
                "name",
                .text(
                  names.indices.contains(row.classIndex)
                    ? names[row.classIndex] : "\(row.classIndex)")
              ),
              ("ap", .number(row.averagePrecision)),
            ]
            fields += Self.rows(row.counts)
            fields += [
              ("best_threshold", .number(best.flatMap { Double($0.threshold.description) })),
              ("best_f1", .number(best?.f1)),
              ("best_precision", .number(best?.precision)),
              ("best_recall", .number(best?.recall)),
            ]
            return .object(fields)
          })
      ))
    if let coco {
      rows.append(
        (
          "coco",
          .object([
            ("AP", .number(coco.ap)), ("AP50", .number(coco.ap50)), ("AP75", .number(coco.ap75)),
            ("AP_small", .number(coco.apSmall)), ("AP_medium", .number(coco.apMedium)),
            ("AP_large", .number(coco.apLarge)), ("AR1", .number(coco.ar1)),
            ("AR10", .number(coco.ar10)), ("AR100", .number(coco.ar100)),
            ("AR_small", .number(coco.arSmall)), ("AR_medium", .number(coco.arMedium)),
            ("AR_large", .number(coco.arLarge)),
          ])
        ))
    }
    return JSONText.object(rows).text() + "\n"
  }

  private static func rows(_ counts: MeanAveragePrecision.Counts) -> [(String, JSONText)] {
    [
      ("truths", .whole(counts.truths)), ("tp", .whole(counts.truePositives)),
      ("fp", .whole(counts.falsePositives)), ("fn", .whole(counts.falseNegatives)),
      ("precision", .number(counts.precision)), ("recall", .number(counts.recall)),
      ("f1", .number(counts.f1)), ("average_iou", .number(counts.averageIoU)),
    ]
  }
}
