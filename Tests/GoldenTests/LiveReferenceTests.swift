import DarknetData
import DarknetTestSupport
import Foundation
import Testing

private let debianProgram = URL(fileURLWithPath: "/usr/bin/darknet")

private let debianProgramIsThere: Bool = {
  let isThere =
    FileManager.default.isExecutableFile(atPath: debianProgram.path)
    && ProjectFolder.tinyWeights != nil
  if !isThere { print("skipped: Debian's package darknet is not installed, or no weights") }
  return isThere
}()

/// The original program, run beside ours on the same pictures where Debian's package `darknet` is
/// installed.
///
/// It decodes JPEGs with OpenCV, ours with libjpeg: pixels differ by a level or two, hence a
/// tolerance of two points.
@Suite(.enabled(if: debianProgramIsThere)) struct LiveReferenceTests {
  static let reference = debianProgram
  static let data = URL(fileURLWithPath: "/usr/share/darknet")

  static let pictures = ["dog", "eagle", "giraffe", "horses", "kite"]

  /// `name: percent` lines.
  private func scores(_ output: String) -> [(name: String, percent: Int)] {
    output.split(separator: "\n").compactMap { line in
      guard line.hasSuffix("%"), let colon = line.lastIndex(of: ":"),
        let percent = Int(line[line.index(after: colon)...].dropLast().drop { $0 == " " })
      else { return nil }
      return (String(line[..<colon]), percent)
    }
  }

  @Test(arguments: pictures)
  func `detector test agrees`(picture: String) throws {
    let folder = try TemporaryFolder.make()
    let names = Self.data.appendingPathComponent("data/coco.names").path
    try Data("names = \(names)\n".utf8).write(to: folder.appendingPathComponent("coco.data"))
    let arguments = [
      "detector", "test", "coco.data", Self.data.appendingPathComponent("cfg/yolov3-tiny.cfg").path,
      ProjectFolder.tinyWeights!.path,
      Self.data.appendingPathComponent("data/\(picture).jpg").path, "-thresh", "0.3",
    ]
    let theirs = try ProgramRun(
      arguments + ["-out", "theirs"], in: folder, program: Self.reference,
      environment: ["QT_QPA_PLATFORM": "offscreen"])
    let ours = try ProgramRun(arguments + ["-out", "ours", "-dialect", "pjreddie"], in: folder)
    #expect(ours.status == 0, "\(ours.errors)")
    var found = scores(ours.output)
    let expected = scores(theirs.output)
    #expect(!expected.isEmpty)
    for line in expected {
      let match = found.firstIndex { $0.name == line.name && abs($0.percent - line.percent) <= 2 }
      // A score at the threshold may fall on either side.
      if match == nil, line.percent <= 32 { continue }
      #expect(match != nil, "\(picture): \(line) is not in \(found)")
      if let match { found.remove(at: match) }
    }
    #expect(found.allSatisfy { $0.percent <= 32 }, "\(picture): too many: \(found)")
    #expect(
      FileManager.default.fileExists(atPath: folder.appendingPathComponent("ours.jpg").path))
  }

  /// Every cfg that the package ships: the same layers and the same counts of operations.
  @Test func `all cfgs give the same tables`() throws {
    let folder = Self.data.appendingPathComponent("cfg")
    let cfgs = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil
    ).filter { $0.pathExtension == "cfg" }.sorted { $0.path < $1.path }
    #expect(cfgs.count > 40)
    for cfg in cfgs {
      let work = try TemporaryFolder.make()
      let theirs = try ProgramRun(
        ["ops", cfg.path], in: work, program: Self.reference,
        environment: ["QT_QPA_PLATFORM": "offscreen"])
      let ours = try ProgramRun(["ops", cfg.path, "-dialect", "pjreddie"], in: work)
      // Debian's program ends with 0 whatever happens; its table tells whether it could.
      if theirs.wasKilled || theirs.errors.isEmpty { continue }
      #expect(ours.status == 0, "\(cfg.lastPathComponent): \(ours.errors.suffix(200))")
      let name = cfg.lastPathComponent
      for (a, b) in zip(theirs.errors.split(separator: "\n"), ours.errors.split(separator: "\n"))
      where a != b {
        Issue.record("\(name):\n  theirs '\(a)'\n  ours   '\(b)'")
        break
      }
    }
  }
}
