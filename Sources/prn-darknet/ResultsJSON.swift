import Darknet

/// The JSON file of `detector test -out`: written as the pictures come, in place when closed.
final class ResultsJSON {
  private let file: AtomicFile
  private var isFirst = true

  init(_ path: String) throws {
    file = try AtomicFile(path, durable: false)
    try file.write("[\n")
  }

  /// Adds a picture with all detections that have a class, in their order.
  func add(
    _ path: String, _ detections: DetectionSet, _ names: [String], frame: Int
  ) throws {
    var objects: [String] = []
    for detection in detections {
      for (index, probability) in detection.probabilities.enumerated() where probability > 0.005 {
        let name = index < names.count ? names[index] : "\(index)"
        if name.hasPrefix("dont_show") { continue }
        objects.append(
          "  {\"class_id\":\(index), \"name\":\(name.jsonQuoted), \"relative_coordinates\":"
            + "{\"center_x\":\(number(detection.box.x)), \"center_y\":\(number(detection.box.y)), "
            + "\"width\":\(number(detection.box.width)), "
            + "\"height\":\(number(detection.box.height))}, \"confidence\":\(number(probability))}")
      }
    }
    let separator = isFirst ? "" : ", \n"
    isFirst = false
    try file.write(
      "\(separator){\n \"frame_id\":\(frame), \n \"filename\":\(path.jsonQuoted), \n"
        + " \"objects\": [ \n\(objects.joined(separator: ", \n"))\n ] \n}")
  }

  func close() throws {
    try file.write("\n]")
    try file.commit()
  }

  private func number(_ value: Float) -> String { fixed(Double(value), decimals: 6) }
}
