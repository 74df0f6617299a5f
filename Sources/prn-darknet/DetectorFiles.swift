import Darknet

/// Files around a detector: `.data`, names, labels.
enum DetectorFiles {
  /// The class names that a `.data` file leads to.
  static func names(of data: String) throws -> (path: String, names: [String]) {
    let config = try Load.config(data)
    let path = config.preamble.first { $0.key == "names" }?.value ?? "data/names.list"
    let bytes = try FileBytes.read(path)
    let lines = String(decoding: bytes, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    return (path, lines.dropLast(lines.last == "" ? 1 : 0).map { String($0).trimmingBlanks() })
  }

  /// A label file beside the picture: a line a detection, with its best class.
  static func saveLabels(of picture: String, _ detections: DetectionSet, _ threshold: Float) throws {
    var lines = ""
    for detection in detections {
      guard let best = detection.bestClass, detection.probabilities[best] > threshold else {
        continue
      }
      func number(_ value: Float) -> String { fixed(Double(value), decimals: 4, width: 2) }
      let box = detection.box
      lines += "\(best) \(number(box.x)) \(number(box.y)) \(number(box.width)) "
        + "\(number(box.height))\n"
    }
    guard let dot = picture.lastIndex(of: ".") else { return }
    try AtomicFile.write(to: picture[..<dot] + ".txt", durable: false, lines)
  }
}
