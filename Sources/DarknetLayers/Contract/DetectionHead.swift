import DarknetConfig
import DarknetGeometry

/// A layer whose output is boxes: `[yolo]`, `[Gaussian_yolo]`, `[region]`, `[detection]`.
package protocol DetectionHead: Layer {
  var classes: Int { get }

  /// Boxes that each cell of the output predicts, if the channels of the input are these times
  /// what a box and its classes need; nil for heads that are not maps.
  var boxesPerCell: Int? { get }

  /// Numbers of a prediction beside its classes: the box' and the objectness; nil for heads that are
  /// not maps of predictions.
  var boxEntries: Int? { get }

  /// Values that true answers for an image have, as `Truth.values`; nil for heads that learn from
  /// boxes alone.
  var truthCount: Int? { get }

  /// The number of its kind in Darknet's program, which prints it for each head.
  var kindNumber: Int { get }

  /// Whether AlexeyAB's program counts the boxes of its loss that overwrite one another.
  var countsRewrittenBoxes: Bool { get }

  /// What the head asks of the loader of training pictures; the last head decides for all.
  var training: HeadTrainingOptions { get }

  /// The shapes that the head's boxes start from, in pixels of the network's input; none for heads
  /// without anchors.
  func anchors(networkWidth: Int, networkHeight: Int) -> [Anchor]

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

extension DetectionHead {
  package var boxesPerCell: Int? { nil }
  package var boxEntries: Int? { nil }
  package var truthCount: Int? { nil }
  package var countsRewrittenBoxes: Bool { false }
}

/// Options of a head that concern the loader of its training pictures.
package struct HeadTrainingOptions: Hashable, Sendable {
  /// Objects that one picture may have; more are left out. cfg option `max`.
  package var maximumBoxes: Int
  /// Crop and translation, as a part of the picture's sides.
  package var jitter: Float
  /// Largest zoom factor, 1 for none; AlexeyAB's dialect.
  package var resize: Float
  /// Whether the network's size changes during training: 0 no, 1 by up to 1.4, else by this factor.
  package var random: Float
  /// Where they are in the cfg.
  package var places = OptionPlaces()

  package init(maximumBoxes: Int, jitter: Float = 0.2, resize: Float = 1, random: Float = 0) {
    self.maximumBoxes = maximumBoxes
    self.jitter = jitter
    self.resize = resize
    self.random = random
  }
}
