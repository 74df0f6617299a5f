import Darknet

/// Files around a detector: `.data`, names, labels.
enum DetectorFiles {
  /// - Throws: `UsageError` if a flag's file would take the place of one that the data file names.
  static func data(_ path: String, _ arguments: Arguments) throws -> DataFile {
    let data = try DataFile(path)
    try arguments.checkOutputs(spare: data.inputPaths)
    for message in data.messages { Console.show(message) }
    return data
  }

  /// For a cfg without a detection head.
  static func noHead(in cfg: String) -> ConfigError {
    ConfigError(
      file: cfg, expected: "a network with a [yolo], [region], [Gaussian_yolo] or [detection]",
      found: "none", fix: "name a detector's cfg")
  }

  /// A line on stderr if `classes=` of the data file is not the network's number. Darknet never
  /// compares them, so it is no error.
  static func compareClasses(_ data: DataFile, with classes: Int, of cfg: String) {
    guard let text = data.string("classes"), Number.int(text) != classes else { return }
    let error = data.error(
      "classes", expected: "\(classes), as in \(cfg)", found: "'\(text)'",
      fix: "the cfg's number counts; change the line")
    Console.error("warning: \(error)\n")
  }

  /// A line on stderr if there are classes without a name, for commands that go on all the same.
  static func compareNames(_ names: NamesFile, with classes: Int, of cfg: String) {
    guard names.count < classes else { return }
    let error = ConfigError(
      file: names.path, expected: "a name for each of the \(classes) classes of \(cfg)",
      found: "\(names.count)", fix: "classes without a name are shown by their number")
    Console.error("warning: \(error)\n")
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
