import Darknet
import DarknetCommandLine

/// The JSON file of `detector test -out`: written as the pictures come, in place when closed.
final class ResultsJSON {
  private let file: AtomicFile
  private var isFirst = true

  init(_ path: String) throws {
    file = try AtomicFile(path, durable: false)
    try file.write("[\n")
  }

  /// Adds a picture with all detections that have a class, in their order. Boxes are cut at the
  /// picture's edges, and those wholly outside left out.
  func add(
    _ path: String, _ detections: DetectionSet, _ names: [String], frame: Int
  ) throws {
    var objects: [String] = []
    for detection in detections {
      guard let box = detection.box.written(decimals: 6) else { continue }
      for (index, probability) in detection.probabilities.enumerated() where probability > 0.005 {
        let name = index < names.count ? names[index] : "\(index)"
        if name.hasPrefix("dont_show") { continue }
        objects.append(
          "  {\"class_id\":\(index), \"name\":\(name.jsonQuoted), \"relative_coordinates\":"
            + "{\"center_x\":\(box.x), \"center_y\":\(box.y), \"width\":\(box.width), "
            + "\"height\":\(box.height)}, "
            + "\"confidence\":\(fixed(Double(probability), decimals: 6))}")
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
}
