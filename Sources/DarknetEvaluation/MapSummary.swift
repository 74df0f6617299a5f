import DarknetText

extension MeanAveragePrecision.Result {
  /// The text that `detector map` prints after the pictures, byte for byte AlexeyAB's without its
  /// progress counter: scripts search it for `mAP` and `class_id`.
  ///
  /// - Parameter names: a name a class; a class without one is called by its number.
  public func summary(names: [String]) -> String {
    var text = TextBuffer()
    let counts = counts
    text.append("\n detections_count = ")
    text.append(detectionCount)
    text.append(", unique_truth_count = ")
    text.append(counts.truths)
    text.append("  \n")
    for row in classes {
      let number = row.classIndex
      text.append("class_id = ")
      text.append(number)
      text.append(", name = ")
      text.append(names.indices.contains(number) ? names[number] : "\(number)")
      text.append(", ap = ")
      text.append(row.averagePrecision * 100, decimals: 2)
      text.append("%   \t (TP = ")
      text.append(row.counts.truePositives)
      text.append(", FP = ")
      text.append(row.counts.falsePositives)
      text.append(") \n")
    }
    append(counts, to: &text)

    let threshold = Double(options.iouThreshold)
    let percent = Double(options.iouThreshold * 100)
    text.append(percent < 9.5 ? "\n IoU threshold =  " : "\n IoU threshold = ")
    text.append(percent, decimals: 0)
    switch options.area {
    case .exact:
      text.append(" %, used Area-Under-Curve for each unique Recall \n")
    case .points(let count):
      text.append(" %, used ")
      text.append(count)
      text.append(" Recall-points \n")
    }
    text.append(" mean average precision (mAP@")
    text.append(threshold, decimals: 2)
    text.append(") = ")
    text.append(meanAveragePrecision, decimals: 6)
    text.append(", or ")
    text.append(meanAveragePrecision * 100, decimals: 2)
    text.append(" % \n")
    return text.string
  }

  /// The two lines for the confidence threshold. Ratios are taken in float32, as the last digit
  /// of a tie depends on it.
  private func append(_ counts: MeanAveragePrecision.Counts, to text: inout TextBuffer) {
    let found = Float(counts.truePositives)
    let precision = found / (found + Float(counts.falsePositives))
    let recall = found / (found + Float(counts.falseNegatives))
    let f1 = 2 * precision * recall / (precision + recall)
    let threshold = Double(options.confidenceThreshold)
    text.append("\n for conf_thresh = ")
    text.append(threshold, decimals: 2)
    text.append(", precision = ")
    text.append(Double(precision), decimals: 2)
    text.append(", recall = ")
    text.append(Double(recall), decimals: 2)
    text.append(", F1-score = ")
    text.append(Double(f1), decimals: 2)
    text.append(" \n for conf_thresh = ")
    text.append(threshold, decimals: 2)
    text.append(", TP = ")
    text.append(counts.truePositives)
    text.append(", FP = ")
    text.append(counts.falsePositives)
    text.append(", FN = ")
    text.append(counts.falseNegatives)
    text.append(", average IoU = ")
    text.append(Double(Float(counts.averageIoU) * 100), decimals: 2)
    text.append(" % \n")
  }

  /// The reminder that ends `detector map`.
  public static var pointsReminder: String {
    """

    Set -points flag:
     `-points 101` for MS COCO 
     `-points 11` for PascalVOC 2007 (uncomment `difficult` in voc.data) 
     `-points 0` (AUC) for ImageNet, PascalVOC 2010-2012, your custom dataset

    """
  }
}
