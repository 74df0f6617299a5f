import DarknetBoxes
import DarknetTensors

/// A layer whose output is boxes: `[yolo]`, `[Gaussian_yolo]`, `[region]`, `[detection]`.
public protocol DetectionHead: Layer {
  var classes: Int { get }

  /// How overlapping boxes are thinned out; the network's last head decides for all.
  func suppression(threshold: Float) -> NonMaximumSuppression

  /// Appends the boxes of one image whose scores are above `threshold`.
  ///
  /// Boxes are relative to the network's input, 0...1; probabilities have the objectness
  /// multiplied in and are 0 where they do not pass the threshold.
  ///
  /// - Parameters:
  ///   - output: the layer's output for one image.
  ///   - networkWidth, networkHeight: the network's input size in pixels.
  ///   - hierarchyThreshold: for heads with a class tree.
  func decode(
    _ output: UnsafePointer<Float>, networkWidth: Int, networkHeight: Int, threshold: Float,
    hierarchyThreshold: Float, into detections: inout DetectionSet)
}
