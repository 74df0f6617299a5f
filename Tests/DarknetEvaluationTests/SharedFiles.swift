import DarknetGeometry
import DarknetTestSupport
import Foundation
import Testing

/// Files of the folder of reference outputs.
enum SharedFiles {
  static let folder = URL(fileURLWithPath: sharedFolder ?? "/nowhere")
  static let arePresent = sharedFolder != nil

  static func data(_ path: String) throws -> Data {
    try Data(contentsOf: folder.appendingPathComponent(path))
  }

  static func text(_ path: String) throws -> String {
    String(decoding: try data(path), as: UTF8.self)
  }

  /// The content of a .gz file.
  static func unzipped(_ path: String) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/gzip")
    process.arguments = ["-dc", folder.appendingPathComponent(path).path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return data
  }

  static func lines(_ text: String) -> [Substring] {
    text.split(whereSeparator: \.isNewline)
  }

  /// Objects of a picture of a data set, from the label file beside it.
  static func labels(ofPicture name: String, in set: String) throws -> [GroundTruth] {
    let path = "datasets/\(set)/" + name.replacing(".jpg", with: ".txt")
    return try lines(text(path)).map { line in
      let row = line.split(separator: " ").compactMap { Float($0) }
      try #require(row.count == 5)
      return GroundTruth(
        box: Box(x: row[1], y: row[2], width: row[3], height: row[4]), classIndex: Int(row[0]))
    }
  }
}
