import Darknet

/// Files around a detector: `.data`, names, labels.
enum DetectorFiles {
  /// The class names that a `.data` file leads to.
  static func names(of path: String) throws -> NamesFile {
    try data(path).names()
  }

  static func data(_ path: String) throws -> DataFile {
    let data = try DataFile(path)
    for message in data.messages { Console.show(message) }
    return data
  }

  /// Writes the label file of a picture: a line a detection above `threshold`, with its best
  /// class; an empty file if there is none.
  static func saveLabels(
    of picture: String, _ detections: DetectionSet, _ threshold: Float, dialect: Dialect
  ) throws {
    // pjreddie's rule leaves some names as they are: the picture itself must not be overwritten.
    guard let path = LabelPath.candidates(for: picture, dialect: dialect).first, path != picture
    else {
      Console.error(
        "Failed to infer label file name (check image extension is supported): \(picture) \n")
      return
    }
    var lines = ""
    for detection in detections {
      guard let best = detection.bestClass, detection.probabilities[best] > threshold else {
        continue
      }
      func number(_ value: Float) -> String { fixed(Double(value), decimals: 4) }
      let box = detection.box
      lines += "\(best) \(number(box.x)) \(number(box.y)) \(number(box.width)) "
      lines += "\(number(box.height))\n"
    }
    try AtomicFile.write(to: path, durable: false, lines)
  }
}
