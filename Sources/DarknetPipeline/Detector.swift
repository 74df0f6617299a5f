import DarknetGeometry
import DarknetInference
import DarknetLayers

/// Detections from the heads of a plan that was run.
public struct Detector {
  public let plan: InferencePlan
  /// The heads, in cfg order.
  private let heads: [(index: Int, head: any DetectionHead)]

  public init(_ plan: InferencePlan) {
    self.plan = plan
    heads = plan.network.nodes.compactMap { node in
      (node.layer as? any DetectionHead).map { (node.index, $0) }
    }
  }

  /// Classes of the last head; 0 for networks without one.
  public var classes: Int { heads.last?.head.classes ?? 0 }

  /// Index and cfg name of each head.
  public var headNames: [(index: Int, name: String)] {
    heads.map { ($0.index, plan.network.nodes[$0.index].name) }
  }

  /// Heads of another number of classes than the last one, whose boxes are left out.
  public var leftOutHeads: [(index: Int, name: String, classes: Int)] {
    heads.filter { $0.head.classes != classes }.map {
      ($0.index, plan.network.nodes[$0.index].name, $0.head.classes)
    }
  }

  /// The boxes of one image of the last run, relative to the picture that `frame` describes.
  ///
  /// - Parameters:
  ///   - overlap: threshold of the suppression that the last head asks for; nil for none.
  public func detections(
    image: Int = 0, threshold: Float, hierarchyThreshold: Float = 0.5, overlap: Float?,
    frame: PictureFrame
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
