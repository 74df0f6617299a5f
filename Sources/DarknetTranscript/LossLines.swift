import DarknetLayers
import DarknetText

extension LossStatistics {
  /// What Darknet prints for each mini-batch, without line end.
  ///
  /// - Parameter layer: its index in the network.
  package func line(layer: Int) -> String {
    switch self {
    case .yolo(let tally, let options): Self.yolo(layer, tally, options)
    case .originalYolo(let tally): Self.original(layer, tally)
    case .gaussianYolo(let tally, let options): Self.gaussian(layer, tally, options)
    case .region(let tally, let predictions):
      "Region Avg IOU: \(mean(tally.iou, tally.count)), "
        + "Class: \(mean(tally.probability, tally.classCount)), "
        + "Obj: \(mean(tally.objectness, tally.count)), "
        + "No Obj: \(mean(tally.anyObjectness, predictions)), "
        + "Avg Recall: \(mean(Double(tally.recall), tally.count)),  count: \(tally.count)"
    case .detection(let tally, let classes, let predictions):
      "Detection Avg IOU: \(mean(tally.iou, tally.count)), "
        + "Pos Cat: \(mean(tally.probability, tally.count)), "
        + "All Cat: \(mean(tally.allProbabilities, tally.count * classes)), "
        + "Pos Obj: \(mean(tally.objectness, tally.count)), "
        + "Any Obj: \(mean(tally.anyObjectness, predictions)), count: \(tally.count)"
    case .contrastive(let compared, let good, let cost):
      " Contrast accuracy = \(six(compared > 0 ? Double(100 * good / compared) : -1)) %, "
        + "all = \(compared), good = \(good), same = \(compared), diff = \(compared)"
        + " \n contrastive loss = \(six(cost)) \n"
    }
  }

  /// AlexeyAB's line for `[yolo]`.
  private static func yolo(_ layer: Int, _ tally: AnchorTally, _ options: YoloOptions) -> String {
    let name =
      switch options.boxLoss {
      case .mse: "mse"
      case .giou: "giou"
      case .iou, .diou, .ciou: "iou"
      }
    let images = Double(max(tally.batch, 1))
    let head =
      "v3 (\(name) loss, Normalizer: (iou: \(two(Double(options.iouNormalizer))), "
      + "obj: \(two(Double(options.objectnessNormalizer))), "
      + "cls: \(two(Double(options.classNormalizer)))) "
      + "Region \(layer) Avg (IOU: \(six(tally.iou / Double(max(tally.count, 1))))), "
      + "count: \(tally.count), "
    let total = "total_loss = \(six(tally.allSquares / images)) "
    guard options.showsDetails else { return head + total }
    let classes = tally.classLoss(options)
    return head + "class_loss = \(six(classes / images)), "
      + "iou_loss = \(six((tally.allSquares - classes) / images)), " + total
  }

  /// pjreddie's line for `[yolo]`, with which AlexeyAB's for `[Gaussian_yolo]` begins.
  private static func original(_ layer: Int, _ tally: AnchorTally) -> String {
    "Region \(layer) Avg IOU: \(mean(tally.iou, tally.count)), "
      + "Class: \(mean(tally.probability, tally.count)), "
      + "Obj: \(mean(tally.objectness, tally.count)), "
      + "No Obj: \(mean(tally.anyObjectness, tally.predictions)), "
      + ".5R: \(mean(Double(tally.above50), tally.count)), "
      + ".75R: \(mean(Double(tally.above75), tally.count)),  count: \(tally.count)"
  }

  /// AlexeyAB's line for `[Gaussian_yolo]`.
  private static func gaussian(
    _ layer: Int, _ tally: AnchorTally, _ options: YoloOptions
  ) -> String {
    let images = Double(max(tally.batch, 1))
    let classes = tally.classLoss(options)
    let boxes = tally.boxSquares + tally.otherSquares - classes
    return original(layer, tally)
      + ", class_loss = \(two(classes / images)), iou_loss = \(two(boxes / images)), "
      + "uc_loss = \(two(tally.uncertaintySquares / images)), "
      + "total_loss = \(two(tally.allSquares / images)) "
  }
}

/// `%f` of a mean; of nothing it is what C makes of 0 / 0.
private func mean(_ sum: Double, _ count: Int) -> String {
  count == 0 ? "-nan" : six(sum / Double(count))
}
