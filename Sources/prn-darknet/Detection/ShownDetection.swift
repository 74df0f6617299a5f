import Darknet
import DarknetCommandLine

/// A detection above the threshold, ready to be printed and drawn.
struct ShownDetection {
  var box: Box
  var bestClass: Int
  var best: Float
  /// Classes above the threshold: the best one first, the others in class order (AlexeyAB), or
  /// all in class order (pjreddie).
  var labels: [(name: String, percent: String)]

  private init?(_ detection: Detection, _ names: [String], _ threshold: Float, bestFirst: Bool) {
    func isHidden(_ name: String) -> Bool { name.hasPrefix("dont_show") }
    func name(_ index: Int) -> String { index < names.count ? names[index] : "\(index)" }
    var classes = detection.probabilities.indices.filter {
      detection.probabilities[$0] > threshold && !isHidden(name($0))
    }
    guard let best = classes.max(by: { detection.probabilities[$0] < detection.probabilities[$1] })
    else { return nil }
    let bestProbability = detection.probabilities[best]
    // The first of equals, as Darknet scans upwards.
    bestClass = classes.first { detection.probabilities[$0] == bestProbability } ?? best
    if bestFirst { classes = [bestClass] + classes.filter { [bestClass] in $0 != bestClass } }
    box = detection.box
    self.best = bestProbability
    labels = classes.map {
      (name($0), fixed(Double(detection.probabilities[$0] * 100), decimals: 0))
    }
  }

  static func inOrder(
    _ detections: DetectionSet, _ names: [String], _ threshold: Float
  ) -> [ShownDetection] {
    detections.compactMap { ShownDetection($0, names, threshold, bestFirst: false) }
  }

  static func fromLeftToRight(
    _ detections: DetectionSet, _ names: [String], _ threshold: Float
  ) -> [ShownDetection] {
    detections.compactMap { ShownDetection($0, names, threshold, bestFirst: true) }
      .enumerated().sorted { a, b in
        (a.element.box.left, a.offset) < (b.element.box.left, b.offset)
      }.map(\.element)
  }

  /// A line a class, with coordinates in pixels of the picture if asked.
  func text(_ picture: Bitmap, extended: Bool) -> String {
    labels.map { label in
      var line = "\(label.name): \(label.percent)%"
      if extended {
        let (w, h) = (Float(picture.width), Float(picture.height))
        func pixels(_ value: Float) -> String {
          // Plus 0, as -0 is not a place.
          fixed(Double(value.rounded() + 0), decimals: 0, width: 4)
        }
        line += "\t(left_x: \(pixels(box.left * w))   top_y: \(pixels(box.top * h))   "
        line += "width: \(pixels(box.width * w))   height: \(pixels(box.height * h)))"
      }
      return line + "\n"
    }.joined()
  }
}
