import DarknetData
import DarknetImages
import DarknetSystem
import DarknetTestSupport
import Foundation
import Testing

/// Command lines of other people's scripts, with flags and words that Darknet passes over: each
/// ends with 0 and gives what the line without them gives.
@Suite struct LenientCommandLineTests {
  private static let test = ["detector", "test", "d.data", "c.cfg", "w.weights", "p.ppm"]
  private static let map = ["detector", "map", "d.data", "c.cfg", "w.weights"]
  private static let anchors = [
    "detector", "calc_anchors", "d.data", "-num_of_clusters", "2", "-width", "32", "-height", "32",
  ]
  private static let train = ["detector", "train", "d.data", "c.cfg"]

  /// A small detector with random weights, which finds much above .2, and its pictures.
  private func folder() throws -> URL {
    let folder = try TemporaryFolder.make()
    let files = [
      "c.cfg": """
      [net]
      width=32
      height=32
      channels=3
      batch=2
      subdivisions=1
      max_batches=1
      [convolutional]
      filters=18
      size=3
      stride=8
      pad=1
      activation=linear
      [yolo]
      mask=0,1,2
      anchors=10,13,16,30,33,23
      classes=1
      num=3
      """,
      "d.data": "classes=1\nnames=n.names\ntrain=l.txt\nvalid=l.txt\nbackup=backup\n",
      "n.names": "thing\n", "l.txt": "p.ppm\nq.ppm\n",
      "p.txt": "0 .5 .5 .2 .2\n", "q.txt": "0 .4 .6 .3 .1\n0 .5 .5 .1 .1\n",
    ]
    for (name, text) in files {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    for (seed, name) in ["p.ppm", "q.ppm"].enumerated() {
      let pixels = (0..<40 * 30 * 3).map { UInt8(truncatingIfNeeded: $0 * (7 + seed) + $0 / 90) }
      try Data(Array("P6\n40 30\n255\n".utf8) + pixels)
        .write(to: folder.appendingPathComponent(name))
    }
    let made = try ProgramRun(
      ["benchmark", "c.cfg", "-runs", "1", "-write_weights", "w.weights"], in: folder)
    try #require(made.status == 0, "\(made.errors)")
    return folder
  }

  /// Standard output without what differs from run to run.
  private func text(_ run: ProgramRun) -> String {
    run.output.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.contains("milli-seconds") ? "p.ppm: Predicted" : String($0) }
      .joined(separator: "\n")
  }

  private func expectSame(
    _ words: [String], as plain: [String], says line: String? = nil, input: String = ""
  ) throws {
    let folder = try folder()
    let wanted = try ProgramRun(plain, in: folder)
    try #require(wanted.status == 0, "\(wanted.errors)")
    let run = try ProgramRun(words, in: folder, input: input)
    #expect(run.status == 0, "\(run.errors)")
    #expect(text(run) == text(wanted))
    if let line {
      #expect(run.errors.hasPrefix(line + "\n"), "\(run.errors)")
    } else {
      #expect(run.errors.components(separatedBy: "\n").first?.contains("gnored") == false)
    }
  }

  @Test(arguments: [
    ("-showpause", "-showpause: unknown to 'detector test', ignored"),
    ("-gpu 0", "-gpu: unknown to 'detector test', ignored with its value '0'; did you mean -gpus?"),
    ("-quantized", "-quantized: unknown to 'detector test', ignored"),
    ("-letterbox", "-letterbox: unknown to 'detector test', ignored; did you mean -letter_box?"),
    ("-thresh=0.5", "-thresh=0.5: ignored, as in Darknet; write '-thresh 0.5'"),
    ("-gpus", "-gpus: no value after it, so it is ignored, as in Darknet"),
    ("-out", "-out: no value after it, so it is ignored, as in Darknet"),
    ("<", "'<' came as a word, not from a shell; it is ignored, there is nothing to do for it"),
    ("-thresh .25 -thresh .9", "-thresh: given twice; the first value counts, as in Darknet"),
    ("-dont_show 0", "-dont_show: takes no value; it is on, and '0' is ignored"),
  ])
  func `what is unknown is a line and ignored`(more: String, line: String) throws {
    try expectSame(
      Self.test + more.split(separator: " ").map(String.init), as: Self.test, says: line)
  }

  @Test(arguments: [
    "-dont_show 1", "-dont-show", "-dontshow", "--dont-show", "-verbose", "-log run.log",
    "-i 0", "-gpus 0,1", "-nogpu", "-avgframes 3", "-map", "-points 101", "-time_limit_sec 3",
    "-benchmark_layers", "-mjpeg_port 8090",
  ])
  func `flags of Darknet's without effect here are taken silently`(more: String) throws {
    try expectSame(Self.test + more.split(separator: " ").map(String.init), as: Self.test)
  }

  @Test func `flags may be anywhere`() throws {
    try expectSame(
      ["-i", "0", "detector", "-dont_show", "test", "-thresh", ".2", "d.data", "--ext_output"]
        + ["c.cfg", "-hier", ".5", "w.weights", "p.ppm"],
      as: Self.test + ["-thresh", ".2", "-ext_output"])
  }

  @Test func `data, cfg and weights may come in any order`() throws {
    try expectSame(
      ["detector", "test", "w.weights", "p.ppm", "d.data", "c.cfg"], as: Self.test)
    try expectSame(["detector", "map", "c.cfg", "d.data", "w.weights"], as: Self.map)
  }

  @Test func `a number up to the first other letter`() throws {
    try expectSame(
      Self.test + ["-thresh", "0.2,"], as: Self.test + ["-thresh", "0.2"],
      says: "-thresh: '0.2,' is read as 0.2")
  }

  @Test func `a list after a redirection that no shell saw`() throws {
    let folder = try folder()
    let words = ["detector", "test", "d.data", "c.cfg", "w.weights", "-dont_show"]
    let wanted = try ProgramRun(words, in: folder, input: "p.ppm\nq.ppm\n")
    let run = try ProgramRun(words + ["<", "l.txt"], in: folder)
    #expect(run.status == 0)
    #expect(text(run) == text(wanted))
    #expect(run.output.contains("q.ppm") || run.output.contains("Enter Image Path: "))
  }

  @Test func `a number after -save_labels is nobody's`() throws {
    let folder = try folder()
    // Without labels by hand beside it.
    try FileManager.default.removeItem(atPath: folder.path + "/p.txt")
    let run = try ProgramRun(Self.test + ["-save_labels", "1"], in: folder)
    #expect(run.status == 0, "\(run.errors)")
    #expect(FileManager.default.fileExists(atPath: folder.path + "/p.txt"))
  }

  @Test(arguments: [
    ("q.ppm", "unexpected argument 'q.ppm' is ignored, as in Darknet"),
    ("anything", "unexpected argument 'anything' is ignored, as in Darknet"),
    (
      "-point 0",
      "-point: unknown to 'detector map', ignored with its value '0'; did you mean -points?"
    ),
    (
      "-iou_threshold .5",
      "-iou_threshold: unknown to 'detector map', ignored with its value '.5'; "
        + "did you mean -iou_thresh?"
    ),
    (
      "-iou .5",
      "-iou: unknown to 'detector map', ignored with its value '.5'; did you mean -iou_thresh?"
    ),
    (
      "-conf .1",
      "-conf: unknown to 'detector map', ignored with its value '.1'; did you mean -thresh?"
    ),
  ])
  func `unknown flags of map name the nearest of its own, more words are ignored`(
    more: String, line: String
  ) throws {
    try expectSame(Self.map + more.split(separator: " ").map(String.init), as: Self.map, says: line)
  }

  @Test func `flags of other commands of ours are unknown`() throws {
    let folder = try folder()
    let run = try ProgramRun(Self.map + ["-count", "3"], in: folder)
    #expect(run.status == 0)
    #expect(
      run.errors.hasPrefix("-count: unknown to 'detector map', ignored with its value '3'"))
  }

  @Test(arguments: ["-show", "-show 0", "-show 1", "-heigh 416", "-final_width 13"])
  func `calc_anchors with numbers that are no CFG`(more: String) throws {
    let folder = try folder()
    _ = try ProgramRun(Self.anchors, in: folder)
    let file = folder.appendingPathComponent("anchors.txt")
    let wanted = try Data(contentsOf: file)
    try FileManager.default.removeItem(at: file)
    let run = try ProgramRun(
      Self.anchors + more.split(separator: " ").map(String.init), in: folder)
    #expect(run.status == 0, "\(run.errors)")
    #expect(try Data(contentsOf: file) == wanted)
  }

  @Test(arguments: [
    "-clear 1", "-gputs 0,1", "--map -dont_show", "-batch 3", "-epochs 3", "-clear w.weights",
    "-topk 5 -gpus",
  ])
  func `trainings with flags that are nobody's`(more: String) throws {
    let folder = try folder()
    let run = try ProgramRun(
      Self.train + ["-seed", "1"] + more.split(separator: " ").map(String.init), in: folder)
    #expect(run.status == 0, "\(run.errors)")
    #expect(FileManager.default.fileExists(atPath: folder.path + "/backup/c_final.weights"))
    // With two dashes it is the same flag.
    #expect(run.output.contains("mean_average_precision") == more.contains("map"))
    let loads = run.errors.contains("Loading weights from w.weights")
    #expect(loads == more.contains("w.weights"))
  }

  @Test(arguments: ["-showpause", "-clear 1 extra", "-thresh=0.5", "more.jpg"])
  func `-strict makes it an error`(more: String) throws {
    let run = try ProgramRun(
      Self.map + ["-strict"] + more.split(separator: " ").map(String.init), in: try folder())
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains("usage: prn-darknet detector map"))
  }

  @Test(
    arguments: ["-thresh", "-iou_thresh", "-nms", "-hier"],
    ["-1", "2", "1e39", "nan", "0,5", "50", "50%"])
  func `thresholds outside 0 to 1 are errors`(flag: String, value: String) throws {
    // Before any file is read.
    let run = try ProgramRun(Self.map + [flag, value], in: try TemporaryFolder.make())
    #expect(run.status == 2)
    let line = run.errors.split(separator: "\n").first {
      $0.hasPrefix("\(flag): expected a number")
    }
    #expect(line?.contains("in 0...1, found '\(value.prefix(2))") == true)
    if value.hasPrefix("50") { #expect(line?.hasSuffix("; for 50 % write 0.5") == true) }
  }
}
