import DarknetGeometry
import DarknetText

/// How many objects have any box on them, whatever its class: `detector recall`.
package struct DetectorRecall: Sendable {
  /// Objectness that a box must exceed to be a proposal.
  package var threshold: Float
  /// Overlap that the best proposal on an object must exceed.
  package var iouThreshold: Float
  package private(set) var pictures = 0
  package private(set) var proposals = 0
  package private(set) var truths = 0
  package private(set) var correct = 0
  /// Sum over the objects of the overlap with their best proposal.
  package private(set) var iouSum = 0.0

  /// The thresholds that Darknet has built in.
  package init(threshold: Float = 0.001, iouThreshold: Float = 0.5) {
    self.threshold = threshold
    self.iouThreshold = iouThreshold
  }

  /// Counts a picture in, after `NonMaximumSuppression.applyByObjectness`.
  package mutating func add(_ detections: DetectionSet, truths boxes: [GroundTruth]) {
    let proposed = detections.indices.filter { detections.objectness[$0] > threshold }
    pictures += 1
    proposals += proposed.count
    truths += boxes.count
    for truth in boxes {
      var best: Float = 0
      for index in proposed { best = max(best, Box.iou(detections.boxes[index], truth.box)) }
      iouSum += Double(best)
      if best > iouThreshold { correct += 1 }
    }
  }

  /// The line that Darknet prints after each picture, with the figures so far.
  package var line: String {
    func padded(_ number: Int) -> String {
      let text = "\(number)"
      return String(repeating: " ", count: max(0, 5 - text.count)) + text
    }
    var text = TextBuffer()
    text.append("\(padded(pictures - 1)) \(padded(correct)) \(padded(truths))\tRPs/Img: ")
    text.append(Double(proposals) / Double(pictures), decimals: 2)
    text.append("\tIOU: ")
    text.append(iouSum * 100 / Double(truths), decimals: 2)
    text.append("%\tRecall:")
    text.append(100 * Double(correct) / Double(truths), decimals: 2)
    text.append("%\n")
    return text.string
  }
}
