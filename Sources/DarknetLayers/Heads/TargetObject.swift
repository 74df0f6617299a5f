import DarknetGeometry

/// An object that a head can learn, with the head's own class number.
struct TargetObject: Sendable {
  var box: Box
  var classIndex: Int
  /// Identity across pictures.
  var trackID = 0

  /// The labels of an image that can be learned: up to the first without a place (x = 0, as
  /// Darknet ends its lists), without boxes that lie outside or have no size.
  ///
  /// - Parameters:
  ///   - maximum: labels past this many are ignored.
  ///   - classes: of the head, for the notice.
  ///   - headClass: the head's class for a label's class, nil if it has none: that is noticed.
  static func read(
    _ labels: [GroundTruth], maximum: Int, classes: Int, notices: inout [String],
    headClass: (Int) -> Int?
  ) -> [TargetObject] {
    var objects: [TargetObject] = []
    for label in labels.prefix(maximum) {
      let box = label.box
      if box.x == 0 { break }
      guard let classIndex = headClass(label.classIndex) else {
        notices.append(
          "Warning: in txt-labels class_id=\(label.classIndex) >= classes=\(classes) in "
            + "cfg-file. In txt-labels class_id should be [from 0 to \(classes - 1)]")
        continue
      }
      guard (0...1).contains(box.x), (0...1).contains(box.y), box.width > 0, box.height > 0,
        box.width.isFinite, box.height.isFinite
      else { continue }
      objects.append(TargetObject(box: box, classIndex: classIndex, trackID: label.trackID))
    }
    return objects
  }
}
