import DarknetSystem
import DarknetText

extension DataSetCheck {
  /// What is not a fault, but often a mistake: one line each.
  package var notes: [String] {
    var notes = options.notes
    if turned.count > 0 {
      notes.append(
        counted(turned.count, "picture", "pictures")
          + " noted as turned by the camera (EXIF), first \(turned.picture): "
          + (options.dialect == .alexeyab
            ? "they are seen upright, and labels must be made for that"
            : "pjreddie's dialect sees them as they are stored"))
    }
    if boxes.reachingOut.count > 0 {
      notes.append(
        counted(boxes.reachingOut.count, "box", "boxes")
          + " with more than a tenth outside of the picture, first in the labels of "
          + "\(boxes.reachingOut.picture): are corners taken for centres?")
    }
    if let mean = boxes.meanBestIoU, mean < 0.4 {
      notes.append(
        "the anchors do not fit the objects (mean overlap \(fixed(Double(mean) * 100, decimals: 1)) "
          + "%); 'prn-darknet detector calc_anchors' finds some that do")
    }
    if !boxes.largerThanInput.isEmpty {
      let sizes = boxes.largerThanInput.map {
        "\(fixed(Double($0.width), decimals: 0))x\(fixed(Double($0.height), decimals: 0))"
      }
      notes.append(
        "anchors larger than the input of \(options.inputWidth)x\(options.inputHeight): "
          + sizes.joined(separator: ", "))
    }
    return notes
  }
}
