import DarknetImages
import DarknetKernels
import DarknetTestSupport
import Foundation
import Testing

/// `detector test` on the seven sample pictures with the published weights, against what the
/// reference programs printed and wrote.
///
/// The references decoded the JPEGs with another decoder, whose pixels differ by a level or two:
/// hence boxes within a pixel and probabilities within a point.
@Suite(.enabled(if: ProjectFolder.shared != nil && ProjectFolder.tinyWeights != nil))
struct DetectionGoldenTests {
  static let pictures = ["dog", "eagle", "giraffe", "horses", "kite", "person", "scream"]

  /// A line such as `dog: 81%\t(left_x:  124   top_y:  220   width:  258   height:  298)`.
  private struct Line {
    var name: String
    var percent: Int
    var box: [Int]

    init?(_ text: Substring) {
      guard let colon = text.firstIndex(of: ":"), let sign = text.firstIndex(of: "%"),
        let percent = Int(
          text[text.index(after: colon)..<sign].trimmingCharacters(in: .whitespaces))
      else { return nil }
      name = String(text[..<colon])
      self.percent = percent
      let words = text[sign...].split { !("0123456789-".contains($0)) }
      box = words.compactMap { Int($0) }
    }
  }

  private static func golden(_ path: String) -> URL {
    ProjectFolder.shared!.appendingPathComponent("golden/\(path)")
  }

  /// A folder with the pictures and a data file, as the recordings were made in.
  private static func folder() throws -> URL {
    let folder = try TemporaryFolder.make()
    for picture in pictures {
      try FileManager.default.copyItem(
        at: golden("pictures/\(picture).jpg"), to: folder.appendingPathComponent("\(picture).jpg"))
    }
    let names = ProjectFolder.root.appendingPathComponent("cfg/coco.names").path
    try Data("names = \(names)\n".utf8).write(to: folder.appendingPathComponent("coco.data"))
    return folder
  }

  private static func arguments(_ rest: [String]) -> [String] {
    let cfg = golden("tables/cfg/yolov3-tiny.cfg").path
    return ["detector", "test", "coco.data", cfg, ProjectFolder.tinyWeights!.path] + rest
  }

  private func compare(_ recorded: URL, _ output: String) throws {
    let expected = try String(contentsOf: recorded, encoding: .utf8).split(separator: "\n")
      .compactMap(Line.init)
    var found = output.split(separator: "\n").compactMap(Line.init)
    let name = recorded.lastPathComponent
    #expect(expected.count == found.count, "\(name): \(output)")
    for line in expected {
      let match = found.firstIndex { other in
        other.name == line.name && abs(other.percent - line.percent) <= 1
          && other.box.count == line.box.count
          && zip(other.box, line.box).allSatisfy { abs($0 - $1) <= 1 }
      }
      guard let match else {
        Issue.record("\(name): no line like \(line)\nours:\n\(output)")
        continue
      }
      found.remove(at: match)
    }
  }

  @Test(arguments: pictures, ["fastest", "exact"])
  func `AlexeyAB, stretched`(picture: String, kernels: String) throws {
    let run = try ProgramRun(
      Self.arguments(
        ["\(picture).jpg", "-dont_show", "-ext_output"] + (kernels == "exact" ? ["-exact"] : [])),
      in: try Self.folder())
    #expect(run.status == 0, "\(run.errors)")
    try compare(Self.golden("eval/test/alexeyab-\(picture).txt"), run.output)
  }

  @Test(arguments: pictures)
  func `AlexeyAB, letterboxed`(picture: String) throws {
    let run = try ProgramRun(
      Self.arguments(["\(picture).jpg", "-dont_show", "-ext_output", "-letter_box"]),
      in: try Self.folder())
    #expect(run.status == 0, "\(run.errors)")
    try compare(Self.golden("eval/test/alexeyab-letterbox-\(picture).txt"), run.output)
  }

  @Test(arguments: pictures)
  func `pjreddie`(picture: String) throws {
    let run = try ProgramRun(
      Self.arguments(["\(picture).jpg", "-dialect", "pjreddie"]), in: try Self.folder())
    #expect(run.status == 0, "\(run.errors)")
    try compare(Self.golden("eval/test/pjreddie-\(picture).txt"), run.output)
  }

  /// A list on standard input, with an unreadable file in it; JSON and label files.
  @Test func `lists, JSON and labels`() throws {
    let folder = try Self.folder()
    // The order in which the recording read them stands in its JSON.
    let recorded =
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: Self.golden("eval/test/result.json"))) as! [[String: Any]]
    let list = recorded.map { $0["filename"] as! String }
    let run = try ProgramRun(
      Self.arguments(["-dont_show", "-out", "result.json", "-save_labels"]), in: folder,
      input: (list[..<3] + ["missing.jpg"] + list[3...]).joined(separator: "\n") + "\n")
    #expect(run.status == 0)
    #expect(run.errors.contains("missing.jpg: expected a JPEG, PNG, BMP or PPM picture"))
    #expect(run.errors.hasSuffix("1 of 8 pictures were skipped\n"))
    #expect(run.output.components(separatedBy: "Enter Image Path: ").count == 10)

    // Equal but for digits.
    func shape(_ text: String) -> String { String(text.filter { !$0.isNumber }) }
    let json = folder.appendingPathComponent("result.json")
    let ours = try String(contentsOf: json, encoding: .utf8)
    #expect(
      shape(ours)
        == shape(try String(contentsOf: Self.golden("eval/test/result.json"), encoding: .utf8)))
    let found = try JSONSerialization.jsonObject(with: Data(ours.utf8)) as! [[String: Any]]
    for (a, b) in zip(recorded, found) {
      let objects = zip(a["objects"] as! [[String: Any]], b["objects"] as! [[String: Any]])
      for (x, y) in objects {
        #expect(x["class_id"] as! Int == y["class_id"] as! Int)
        #expect(abs((x["confidence"] as! Double) - (y["confidence"] as! Double)) < 0.01)
      }
    }
    for picture in Self.pictures {
      let theirs = try String(
        contentsOf: Self.golden("eval/test/labels/\(picture).txt"), encoding: .utf8)
      let labels = try String(
        contentsOf: folder.appendingPathComponent("\(picture).txt"), encoding: .utf8)
      #expect(shape(labels) == shape(theirs), "\(picture)")
    }
    let strict = try ProgramRun(
      Self.arguments(["-dont_show", "-strict"]), in: folder, input: "missing.jpg\ndog.jpg\n")
    #expect(strict.status == 1)
  }

  /// `partial … 15`: the recorded bytes.
  @Test func `partial gives the reference's bytes`() throws {
    let folder = try TemporaryFolder.make()
    let cfg = Self.golden("tables/cfg/yolov3-tiny.cfg").path
    for dialect in ["alexeyab", "pjreddie"] {
      let run = try ProgramRun(
        ["partial", cfg, ProjectFolder.tinyWeights!.path, "cut", "15", "-dialect", dialect],
        in: folder)
      #expect(run.status == 0, "\(run.errors)")
      let cut = try Data(contentsOf: folder.appendingPathComponent("cut"))
      let whole = try Data(contentsOf: ProjectFolder.tinyWeights!)
      #expect(cut.count == 30_973_396)
      let header: [Int32] = [0, 2, dialect == "alexeyab" ? 5 : 0, 0, 0]
      let expected = header.withUnsafeBytes { Data($0) }
      #expect(cut.prefix(20) == expected)
      #expect(cut.dropFirst(20) == whole[20..<30_973_396])
    }
  }

  @Test func `the real file comes back byte for byte`() throws {
    let folder = try TemporaryFolder.make()
    let cfg = Self.golden("tables/cfg/yolov3-tiny.cfg").path
    let run = try ProgramRun(
      ["average", cfg, "same.weights", ProjectFolder.tinyWeights!.path, "-dialect", "pjreddie"],
      in: folder)
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      try Data(contentsOf: folder.appendingPathComponent("same.weights"))
        == Data(contentsOf: ProjectFolder.tinyWeights!))
  }
}
