/// What a loss found in one mini-batch beside its cost, as sums and counts: a program makes Darknet's
/// line of them.
package enum LossStatistics: Sendable {
  /// Of `[yolo]` in AlexeyAB's dialect.
  case yolo(AnchorTally, YoloOptions)
  /// Of `[yolo]` in pjreddie's dialect.
  case originalYolo(AnchorTally)
  case gaussianYolo(AnchorTally, YoloOptions)
  /// - Parameter predictions: of the whole mini-batch.
  case region(RegionTally, predictions: Int)
  /// - Parameters:
  ///   - classes: of the head.
  ///   - predictions: of the whole mini-batch.
  case detection(DetectionTally, classes: Int, predictions: Int)
  /// - Parameters:
  ///   - compared: objects that are in another picture, too.
  ///   - good: of these the ones whose nearest neighbour is the same object.
  case contrastive(compared: Int, good: Int, cost: Double)
}
