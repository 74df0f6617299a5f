import DarknetTestSupport
import Foundation
import Testing

/// `detector map`, `valid` and `recall` on lists with everything that goes wrong in real ones: a
/// line and a count each, the figures those of the rest.
@Suite struct EvaluationCommandTests {
  /// Six pictures, two of them good, and the small detector of `OutsideBytesTests` with weights
  /// that are not 0.
  private func folder() throws -> URL {
    let folder = try TemporaryFolder.make()
    func write(_ data: Data, _ name: String) throws {
      try data.write(to: folder.appendingPathComponent(name))
    }
    func picture(_ seed: Int) -> Data {
      Data("P6\n32 32\n255\n".utf8)
        + Data((0..<32 * 32 * 3).map { UInt8(truncatingIfNeeded: $0 &* seed &+ $0 / 96) })
    }
    try write(Data(OutsideBytesTests.cfg.utf8), "x.cfg")
    var weights = Data([0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0] + [UInt8](repeating: 0, count: 8))
    for index in 0..<28 {
      let value = Float(index % 5) * 0.3 - 0.4
      withUnsafeBytes(of: value.bitPattern.littleEndian) { weights.append(contentsOf: $0) }
    }
    try write(weights, "x.weights")
    for (number, name) in ["good1", "good2", "nolabel", "badlabel"].enumerated() {
      try write(picture(number + 3), "\(name).ppm")
    }
    try write(picture(1).prefix(200), "cut.ppm")
    try write(Data("0 .5 .5 .4 .4\n1 .25 .25 .2 .2\n".utf8), "good1.txt")
    try write(Data("1 .5 .5 .3 .3\n".utf8), "good2.txt")
    try write(Data("0 .5 .5 .4 .4\n".utf8), "cut.txt")
    try write(Data("7 .5 .5 .4 .4\n0 .5 .5\nx 1 2 3 4\n1 .5 .5 .4 .4\n".utf8), "badlabel.txt")
    try write(Data("cat\ndog\n".utf8), "x.names")
    try write(Data("good1.ppm\ngood2.ppm\nbadlabel.ppm\nnolabel.ppm\n".utf8), "readable.list")
    try write(
      Data("good1.ppm\n\ncut.ppm\ngood2.ppm\nmissing.ppm\nbadlabel.ppm\nnolabel.ppm\n".utf8),
      "all.list")
    try write(Data("\n\n".utf8), "empty.list")
    try write(Data("cut.ppm\n".utf8), "cut.list")
    for list in ["readable", "all", "empty", "cut", "none"] {
      try write(
        Data("names=x.names\nvalid=\(list).list\nresults=\(list)\n".utf8), "\(list).data")
    }
    return folder
  }

  private func run(
    _ command: String, _ list: String, _ flags: [String] = [], in folder: URL
  ) throws -> ProgramRun {
    try ProgramRun(
      ["detector", command, "\(list).data", "x.cfg", "x.weights"] + flags, in: folder)
  }

  private func summary(_ output: String) throws -> Substring {
    output[try #require(output.range(of: " detections_count")).lowerBound...]
  }

  @Test func `map goes on without what is broken`() throws {
    let folder = try folder()
    let all = try run("map", "all", in: folder)
    #expect(all.status == 0, "\(all.errors)")
    for line in [
      "all.list: expected one path per line, found an empty line; it is ignored",
      "badlabel.txt:1: expected a class in 0...1, found 7; the object is left out",
      "badlabel.txt:2: expected 'class x y width height', found 3 numbers; the object is left out",
      "badlabel.txt:3: expected a whole number as class, found 'x'; the object is left out",
      "2 of 6 pictures were skipped", "1 picture without label file", "3 objects left out",
      "1 list with empty lines",
    ] {
      #expect(all.errors.contains(line + "\n"), "\(line): \(all.errors)")
    }
    #expect(all.errors.contains("\ncut.ppm: ") && all.errors.contains("\nmissing.ppm: "))
    // Two good ones and the one that is left of the bad file.
    #expect(all.output.contains("unique_truth_count = 4  \n"))
    let readable = try run("map", "readable", in: folder)
    #expect(try summary(all.output) == summary(readable.output))
    #expect(try run("map", "all", ["-strict"], in: folder).status == 1)
    #expect(try run("map", "readable", ["-strict"], in: folder).status == 0)
  }

  @Test(arguments: ["map", "valid", "recall"])
  func `nothing to evaluate is an error`(command: String) throws {
    let folder = try folder()
    for (list, line) in [
      (
        "empty",
        "empty.list: expected one picture path per line, found empty lines only; "
          + "list the pictures, for instance with 'ls -1 folder/*.jpg'\n"
      ),
      (
        "cut",
        "cut.list:1: expected a picture that can be read, found none ('cut.ppm': one that is cut "
          + "short (its 200 bytes end too early)); get or save the file again\n"
      ),
      (
        "none",
        "none.data:2: valid: expected a list of pictures, found no file 'none.list'; "
          + "correct the path, which starts at the current folder\n"
      ),
    ] {
      let run = try run(command, list, in: folder)
      #expect(run.status == 3)
      #expect(run.errors.hasSuffix(line), "\(list): \(run.errors)")
    }
  }

  @Test func `names have to agree with the classes`() throws {
    let folder = try folder()
    try Data("cat\n".utf8).write(to: folder.appendingPathComponent("x.names"))
    let map = try run("map", "readable", in: folder)
    #expect(map.status == 3)
    #expect(
      map.output.contains(
        "\n Error: in the file x.names number of names 1 that isn't equal to classes=2 in the "
          + "file x.cfg \n"))
    #expect(
      map.errors.hasSuffix(
        "x.names: expected a name for each of the 2 classes of x.cfg, found 1; "
          + "make names and classes agree\n"))
    // Files of results need no names but for their own.
    #expect(try run("valid", "readable", in: folder).status == 0)
  }

  @Test func `json and plots`() throws {
    let folder = try folder()
    let map = try run(
      "map", "readable", ["-json", "out/m.json", "-plots", "plots", "-coco", "-best"], in: folder)
    #expect(map.status == 0, "\(map.errors)")
    let json = try jsonObject(folder.appendingPathComponent("out/m.json"))
    #expect(json["truths"] as? Int == 4)
    #expect((json["classes"] as? [Any])?.count == 2)
    #expect((json["coco"] as? [String: Any])?.keys.contains("AP") == true)
    let plots = try FileManager.default.contentsOfDirectory(
      atPath: folder.appendingPathComponent("plots").path)
    for name in [
      "precision-recall.png", "f1.png", "confusion.png", "labels.png", "best-thresholds.txt",
    ] {
      #expect(plots.contains(name))
    }
    #expect(plots.contains { $0.hasPrefix("false-positive-") || $0.hasPrefix("miss-") })
  }
}
