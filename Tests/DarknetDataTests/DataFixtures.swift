import DarknetGeometry
import DarknetImages
import DarknetSystem
import Foundation

/// A folder of its own for `body`, removed with all that is in it.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder =
    FileManager.default.temporaryDirectory.path
    + "/prn-darknet-\(getpid())-\(UInt64.random(in: 0...(.max)))"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}

func makeFolder(_ path: String) throws {
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
}

func write(_ text: String, to path: String) throws {
  try AtomicFile.write(to: path, durable: false, text)
}

/// The text of a file, or nil if there is none.
func text(of path: String) -> String? {
  FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
}

extension PlaneTarget {
  /// All of an image.
  init(_ image: Image) {
    self.init(image.pointer, width: image.width, height: image.height)
  }
}
