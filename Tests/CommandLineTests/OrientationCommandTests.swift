import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// Commands see a picture whose camera was turned as they see its upright copy.
@Suite struct OrientationCommandTests {
  /// `turned.jpg`, a quarter turn off, and `upright.png` with the same pixels upright, with labels
  /// for what is seen upright; a detector that finds something.
  private func folder() throws -> URL {
    let folder = try TemporaryFolder.make()
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    func write(_ data: Data, _ name: String) throws {
      try data.write(to: folder.appendingPathComponent(name))
    }
    let stored = Bitmap(width: 48, height: 24)
    for i in 0..<stored.count { stored.bytes[i] = UInt8(truncatingIfNeeded: i / 5 &* 3) }
    let file = ImageFile.encode(stored, as: .jpeg).array
    // EXIF data: a directory of one short number, the orientation 6.
    let note: [UInt8] = [
      0xFF, 0xE1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, 0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0,
      0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
    ]
    try write(Data(Array(file[..<2]) + note + file[2...]), "turned.jpg")
    try write(Data(file), "stored.jpg")
    let seen = try ImageFile.loadBitmap(path("stored.jpg"))
    let upright = Bitmap(width: 24, height: 48)
    for y in 0..<48 {
      for x in 0..<24 {
        for c in 0..<3 {
          upright.bytes[(y * 24 + x) * 3 + c] = seen.bytes[((23 - x) * 48 + y) * 3 + c]
        }
      }
    }
    try ImageFile.save(upright, to: path("upright.png"), durable: false)
    for name in ["turned", "upright", "stored"] {
      try write(Data("0 .5 .25 .4 .3\n1 .25 .75 .2 .2\n".utf8), "\(name).txt")
      try write(Data("\(name).\(name == "upright" ? "png" : "jpg")\n".utf8), "\(name).list")
      try write(
        Data("names=x.names\nvalid=\(name).list\nresults=\(name)\n".utf8), "\(name).data")
    }
    try write(Data("cat\ndog\n".utf8), "x.names")
    try write(Data(OutsideBytesTests.cfg.utf8), "x.cfg")
    var weights = Data([0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0] + [UInt8](repeating: 0, count: 8))
    for index in 0..<28 {
      let value = Float(index % 5) * 0.3 - 0.4
      withUnsafeBytes(of: value.bitPattern.littleEndian) { weights.append(contentsOf: $0) }
    }
    try write(weights, "x.weights")
    return folder
  }

  private func detections(_ picture: String, _ flags: [String], in folder: URL) throws -> String {
    let run = try ProgramRun(
      [
        "detector", "test", "upright.data", "x.cfg", "x.weights", picture, "-thresh", "0.05",
        "-ext_output", "-out", "found.json",
      ] + flags, in: folder)
    #expect(run.status == 0, "\(run.errors)")
    let text = try String(contentsOf: folder.appendingPathComponent("found.json"), encoding: .utf8)
    #expect(text.contains("relative_coordinates"))
    return text.replacingOccurrences(of: picture, with: "PICTURE")
  }

  @Test func `detector test`() throws {
    let folder = try folder()
    let upright = try detections("upright.png", [], in: folder)
    #expect(try detections("turned.jpg", [], in: folder) == upright)
    let drawn = try ImageFile.loadBitmap(
      folder.appendingPathComponent("predictions.jpg").path)
    #expect(drawn.width == 24 && drawn.height == 48)
    #expect(try detections("stored.jpg", [], in: folder) != upright)
    let flags = ["-dialect", "pjreddie"]
    let stored = try detections("stored.jpg", flags, in: folder)
    #expect(try detections("turned.jpg", flags, in: folder) == stored)
  }

  @Test(arguments: ["map", "valid"])
  func `lists`(command: String) throws {
    let folder = try folder()
    func result(_ name: String) throws -> String {
      let run = try ProgramRun(
        ["detector", command, "\(name).data", "x.cfg", "x.weights"], in: folder)
      #expect(run.status == 0, "\(run.errors)")
      if command == "map" {
        return String(
          run.output[try #require(run.output.range(of: " detections_count")).lowerBound...])
      }
      let results = folder.appendingPathComponent(name)
      return try ["cat", "dog"].map {
        try String(
          contentsOf: results.appendingPathComponent("comp4_det_test_\($0).txt"), encoding: .utf8
        ).replacingOccurrences(of: name, with: "PICTURE")
      }.joined()
    }
    let upright = try result("upright")
    #expect(try result("turned") == upright)
    #expect(try result("stored") != upright)
  }

  @Test func `detector check counts turned pictures`() throws {
    let folder = try folder()
    try Data("classes=2\nnames=x.names\ntrain=turned.list\n".utf8).write(
      to: folder.appendingPathComponent("check.data"))
    let run = try ProgramRun(["detector", "check", "check.data"], in: folder)
    #expect(
      run.output.contains(
        "1 picture noted as turned by the camera (EXIF), first turned.jpg: they are seen upright, "
          + "and labels must be made for that"), "\(run.output)")
  }
}
