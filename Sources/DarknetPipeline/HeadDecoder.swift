import DarknetGeometry
import DarknetInference
import DarknetLayers
import DarknetText

/// Detections from the heads of a plan that was run.
///
/// `Detector` does all of it from a picture on; this is for those who fill a plan's input on their
/// own, as runs over lists do.
package struct HeadDecoder {
  /// What is run; its batch is the number of images whose detections can be asked for.
  package let plan: InferencePlan
  /// The heads, in cfg order.
  package let heads: [(index: Int, head: any DetectionHead)]

  /// Finds the heads of the plan's network, which may be none.
  package init(_ plan: InferencePlan) {
    self.plan = plan
    heads = plan.network.nodes.compactMap { node in
      (node.layer as? any DetectionHead).map { (node.index, $0) }
    }
  }

  /// Classes of the last head; 0 for networks without one.
  package var classes: Int { heads.last?.head.classes ?? 0 }

  /// Heads of another number of classes than the last one, whose boxes are left out.
  package var leftOutHeads: [(index: Int, name: String, classes: Int)] {
    heads.filter { $0.head.classes != classes }.map {
      ($0.index, plan.network.nodes[$0.index].name, $0.head.classes)
    }
  }

  /// For a cfg without a detection head.
  package static func noHead(in cfg: String) -> ConfigError {
    ConfigError(
      file: cfg, expected: "a network with a [yolo], [region], [Gaussian_yolo] or [detection]",
      found: "none", fix: "name a detector's cfg")
  }

  /// The boxes of one image of the last run, relative to the picture that `frame` describes.
  ///
  /// - Parameters:
  ///   - image: 0..<batch.
  ///   - threshold: probabilities up to it become 0.
  ///   - hierarchyThreshold: the same inside class trees.
  ///   - overlap: threshold of the suppression that the last head asks for; nil for none.
  package func detections(
    image: Int = 0, threshold: Float, hierarchyThreshold: Float = 0.5, overlap: Float?,
    frame: LetterboxTransform
  ) -> DetectionSet {
    var detections = DetectionSet(classCount: classes)
    for (index, head) in heads where head.classes == classes {
      head.decode(
        plan.output(index).image(image), networkWidth: plan.network.inputShape.width,
        networkHeight: plan.network.inputShape.height, threshold: threshold,
        hierarchyThreshold: hierarchyThreshold, into: &detections)
    }
    detections.undo(frame)
    if let overlap, let last = heads.last {
      last.head.suppression(threshold: overlap).apply(to: &detections)
    }
    return detections
  }
}
