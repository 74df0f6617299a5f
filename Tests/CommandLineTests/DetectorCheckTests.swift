import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// `detector check` on sound and on broken data sets.
@Suite struct DetectorCheckTests {
  private struct Report {
    let run: ProgramRun
    let json: [String: Any]

    init(_ arguments: [String], in folder: URL) throws {
      let file = try TemporaryFolder.make().appendingPathComponent("check.json")
      run = try ProgramRun(["detector", "check"] + arguments + ["-json", file.path], in: folder)
      json = try jsonObject(file)
    }

    func part(_ name: String) -> [String: Any] { json[name] as? [String: Any] ?? [:] }

    func count(_ part: String, _ key: String) -> Int { self.part(part)[key] as? Int ?? -1 }

    func objectsOfClass(_ part: String) -> [Int] {
      (self.part(part)["classes"] as? [[String: Any]] ?? []).map { $0["objects"] as? Int ?? -1 }
    }

    func problems(_ part: String) -> [String] {
      (self.part(part)["problems"] as? [[String: Any]] ?? []).map { $0["text"] as? String ?? "" }
    }
  }

  /// A folder with four pictures of 64x48, their labels, lists, names and `x.data`.
  private func folder(
    labels: [String: String] = [:], train: String = "a.png\nb.png\n",
    valid: String = "c.png\nd.png\n", data: String = "", names: String = "ball\nbox\n"
  ) throws -> URL {
    let folder = try TemporaryFolder.make()
    for (index, name) in ["a", "b", "c", "d"].enumerated() {
      let color = Color(UInt32(0x203040 * (index + 1)))
      try ImageFile.save(
        Canvas(width: 64, height: 48, background: color).bitmap,
        to: folder.appendingPathComponent("\(name).png").path, durable: false)
      try write(labels[name] ?? "0 0.5 0.5 0.25 0.5\n", "\(name).txt", folder)
    }
    try write(train, "train.txt", folder)
    try write(valid, "valid.txt", folder)
    try write(names, "x.names", folder)
    try write("train=train.txt\nvalid=valid.txt\nnames=x.names\n" + data, "x.data", folder)
    return folder
  }

  private func write(_ text: String, _ name: String, _ folder: URL) throws {
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
  }

  private static let cfg = """
    [net]
    width=64
    height=64
    channels=3
    [convolutional]
    filters=14
    size=1
    stride=32
    activation=linear
    [yolo]
    mask=0,1
    anchors=16,32, 60,60
    classes=2
    num=2

    """

  @Test func `a sound set`() throws {
    let folder = try folder(data: "classes=2\n")
    try write(Self.cfg, "x.cfg", folder)
    let report = try Report(["x.data", "x.cfg"], in: folder)
    #expect(report.run.status == 0, "\(report.run.output)")
    #expect(report.run.output.hasSuffix("No problems found.\n"))
    // The cfg says nothing about the length of the training, which is no fault of the data.
    #expect(report.run.errors.hasPrefix("x.cfg:1: [net] max_batches: "))
    #expect(report.run.errors.split(separator: "\n").count == 1, "\(report.run.errors)")
    #expect(report.json["clean"] as? Bool == true)
    #expect(report.count("train", "objects") == 2)
    // 16x24 of 64x48 is stretched to 16x32, which the first anchor is.
    #expect(report.run.output.contains("anchors (mean overlap of the best 100.0 %)\n"))
    #expect(report.run.output.contains("  16x32: 2 objects, overlap 100.0 %\n"))
    #expect(report.run.output.contains("  60x60: 0 objects"))
    // Nothing is written beside the file that was asked for.
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(files.count == 4 * 2 + 5)
  }

  /// Labels of the first picture, and the line that must come.
  static let badLabels = [
    ("2 0.5 0.5 0.1 0.1", "expected a class in 0...1, found 2; the object is left out"),
    ("-1 0.5 0.5 0.1 0.1", "expected a class in 0...1, found -1; the object is left out"),
    ("0 0.5 0.5 0.1", "expected 'class x y width height', found 4 numbers; the object is left out"),
    ("0 0.5 nan 0.1 0.1", "expected a finite number as y, found 'nan'; the object is left out"),
    (
      "0 0.5 0.5 0 0.1",
      "expected a width and height above 0, found 0.0 and 0.1; the object is left out"
    ),
    (
      "0 1.5 0.5 0.1 0.1",
      "expected a centre with x and y in 0...1, found 1.5 and 0.5; the object is left out"
    ),
    (
      "0 0.5 0.5 1.5 0.1",
      "expected a width and height of at most 1, found 1.5 and 0.1; the object is cut to the picture"
    ),
    (
      "ball 0.5 0.5 0.1 0.1",
      "expected a whole number as class, found 'ball'; the object is left out"
    ),
    (
      "0 0,5 0.5 0.1 0.1",
      "expected a number as x, found '0,5'; write decimals with a point; the object is left out"
    ),
    (
      "0 0.1 0.1 0.2 0.2 0.3 0.3",
      "expected 'class x y width height', found 7 numbers; outlines and key points are not read; "
        + "the object is left out"
    ),
  ]

  @Test(arguments: badLabels.indices)
  func `bad labels have file and line`(index: Int) throws {
    let (label, words) = Self.badLabels[index]
    let line = "a.txt:2: \(words)"
    let report = try Report(
      ["x.data"], in: folder(labels: ["a": "0 0.5 0.5 0.25 0.5\n\(label)\n1 0.5 0.5 0.5 0.5\n"]))
    #expect(report.run.status == 3)
    #expect(report.run.output.contains("    \(line)\n"), "\(report.run.output)")
    #expect(report.problems("train") == [line])
    #expect(report.run.output.hasSuffix("Fix the above, or train without it.\n"))
    let isKept = line.hasSuffix("cut to the picture")
    #expect(report.count("train", "objects") == (isKept ? 4 : 3))
  }

  @Test func `a sixth number is one notice and no fault`() throws {
    let line = "0 0.5 0.5 0.25 0.5 0.9\n"
    let report = try Report(["x.data"], in: folder(labels: ["a": line + line, "b": line]))
    #expect(report.run.status == 0)
    #expect(report.problems("train").count == 1)
    #expect(report.run.output.contains("  labels corrected: 1\n    a.txt:1: "))
    #expect(report.count("train", "objects") == 3)
  }

  @Test func `missing labels, pictures that are none, paths that are listed twice`() throws {
    let folder = try folder(train: "a.png\n\nb.png\na.png\ngone.png\n")
    try FileManager.default.removeItem(at: folder.appendingPathComponent("a.txt"))
    try write("no picture", "b.png", folder)
    let report = try Report(["x.data"], in: folder)
    #expect(report.run.status == 3)
    for part in [
      "train.txt:4: a.png is in line 1 already\n", "pictures without label file: 1\n",
      "unreadable pictures: 2\n", "a.txt: expected the labels of 'a.png', found no such file; ",
      "gone.png: expected a JPEG, PNG, BMP or PPM picture, found no readable file",
      "train.txt: expected one path per line, found an empty line; it is ignored\n",
    ] {
      #expect(report.run.output.contains(part), "\(part) in \(report.run.output)")
    }
    #expect(report.count("train", "pictures") == 4)
    #expect(report.count("train", "readable") == 2)
  }

  @Test func `one of a kind is told in the singular`() throws {
    let folder = try folder(train: "a.png\n", data: "classes=2\n")
    try write(Self.cfg, "x.cfg", folder)
    let report = try Report(["x.data", "x.cfg"], in: folder)
    #expect(report.run.output.contains("  objects              1 in 1 picture\n"))
    #expect(report.run.output.contains("  objects              2 in 2 pictures\n"))
    #expect(report.run.output.contains("  16x32: 1 object, overlap 100.0 %\n"))
  }

  @Test func `pictures and copies in both lists`() throws {
    let folder = try folder(valid: "b.png\nc.png\n")
    try FileManager.default.removeItem(at: folder.appendingPathComponent("c.png"))
    try FileManager.default.copyItem(
      at: folder.appendingPathComponent("a.png"), to: folder.appendingPathComponent("c.png"))
    let report = try Report(["x.data"], in: folder)
    #expect(report.run.status == 3)
    #expect(report.json["in_both_lists"] as? [String] == ["b.png"])
    #expect(
      report.run.output.contains(
        "copies across the lists, which makes every figure too good: 1\n  a.png = c.png\n"))
    let same = try self.folder(data: "")
    try write("train=train.txt\nvalid=train.txt\nnames=x.names\n", "x.data", same)
    let whole = try Report(["x.data"], in: same)
    #expect(whole.run.status == 3)
    #expect(whole.run.output.hasPrefix("x.data: 'valid' is the training list"))
  }

  @Test func `numbers of classes that disagree`() throws {
    let folder = try folder(data: "classes=3\n", names: "ball\n")
    try write(Self.cfg, "x.cfg", folder)
    let report = try Report(["x.data", "x.cfg"], in: folder)
    #expect(report.run.status == 3)
    #expect(
      report.run.output.contains(
        "the numbers of classes disagree\n    classes= of x.data: 3\n    names in x.names: 1\n"
          + "    x.cfg, layer 1 [yolo]: 2\n"))
  }

  @Test func `files that are missing are findings, and the rest is read`() throws {
    let folder = try folder()
    try write("train=train.txt\nvalid=no.txt\nnames=no.names\n", "x.data", folder)
    let report = try Report(["x.data", "no.cfg"], in: folder)
    #expect(report.run.status == 3)
    #expect((report.json["findings"] as? [String])?.count == 3)
    #expect(
      report.run.output.contains(
        "x.data:2: valid: expected a list of pictures, found no file 'no.txt'"))
    #expect(report.count("train", "objects") == 2)
    let nothing = try ProgramRun(["detector", "check", "no.data"], in: folder)
    #expect(nothing.status == 3)
    #expect(nothing.errors.hasPrefix("no.data: cannot open the file"))
  }

  @Test func `notes: boxes that reach out, anchors that do not fit, fit in or are not used`() throws
  {
    let folder = try folder(labels: ["a": "0 0.98 0.98 0.5 0.5\n0 0.5 0.5 1 1\n"])
    try write(
      Self.cfg.replacingOccurrences(
        of: "anchors=16,32, 60,60", with: "anchors=1,1, 2,2, 70,3, 5,5"
      ).replacingOccurrences(of: "num=2", with: "num=3"), "x.cfg", folder)
    let report = try Report(["x.data", "x.cfg"], in: folder)
    #expect(report.run.status == 0, "\(report.run.output)")
    #expect(report.run.output.hasSuffix("No problems found, apart from the notes.\n"))
    let notes = report.json["notes"] as? [String] ?? []
    #expect(notes.count == 4, "\(notes)")
    #expect(
      notes.first == "x.cfg:12: 8 numbers in anchors=, of which num=3 takes the first 6")
    #expect(notes.contains("x.cfg: anchors that no mask= uses: 2"))
    #expect(
      notes.contains(
        "1 box with more than a tenth outside of the picture, first in the labels of a.png: are "
          + "corners taken for centres?"))
    #expect(notes.contains { $0.hasPrefix("the anchors do not fit the objects (mean overlap ") })
    for note in notes { #expect(report.run.output.contains("  \(note)\n")) }
    // An anchor of the mask that the input cannot hold.
    try write(Self.cfg.replacingOccurrences(of: "60,60", with: "60,70"), "x.cfg", folder)
    let large = try Report(["x.data", "x.cfg"], in: folder)
    #expect(
      (large.json["notes"] as? [String])?.contains("anchors larger than the input of 64x64: 60x70")
        == true)
  }

  @Test func `a data file without valid= is a note`() throws {
    let folder = try folder()
    try write("train=train.txt\nnames=x.names\n", "x.data", folder)
    let report = try Report(["x.data"], in: folder)
    #expect(report.run.status == 0)
    #expect(
      report.run.output.contains(
        "notes: 1\n  x.data: valid= is missing, so there is nothing to measure with\n"))
  }

  @Test func `copies within a list name it`() throws {
    let folder = try folder(train: "a.png\nb.png\ne.png\n")
    for ending in ["png", "txt"] {
      try FileManager.default.copyItem(
        at: folder.appendingPathComponent("a.\(ending)"),
        to: folder.appendingPathComponent("e.\(ending)"))
    }
    let report = try Report(["x.data"], in: folder)
    #expect(report.run.status == 0)
    #expect(
      report.run.output.contains(
        "\ncopies under other names within train.txt: 1\n  a.png = e.png\n")
    )
  }

  /// A cfg of eighty classes for a data set of two: its own classes are counted.
  @Test func `classes are those of the data set if the cfg disagrees`() throws {
    let folder = try folder(data: "classes=2\n")
    try write(
      Self.cfg.replacingOccurrences(of: "classes=2", with: "classes=80")
        .replacingOccurrences(of: "filters=14", with: "filters=170"), "x.cfg", folder)
    let report = try Report(["x.data", "x.cfg"], in: folder)
    #expect(report.run.status == 3)
    #expect(report.objectsOfClass("train") == [2, 0])
    #expect(report.run.output.contains("    x.cfg, layer 1 [yolo]: 80\n"))
  }

  @Test func `all heads with wrong filters are in one message`() throws {
    let head = """
      [convolutional]
      filters=14
      size=1
      activation=linear
      [yolo]
      mask=0
      anchors=16,32, 60,60
      classes=2
      num=2

      """
    let folder = try folder()
    try write(
      Self.cfg.replacingOccurrences(of: "filters=14", with: "filters=255") + head, "x.cfg", folder)
    let run = try ProgramRun(["ops", "x.cfg"], in: folder)
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "set filters=14 in line 6, [convolutional], layer 0, and filters=7 in line 16 for [yolo] of "
          + "line 19, or change this section's classes= and mask=\n"), "\(run.errors)")
  }

  // MARK: Anchors

  @Test func `calc_anchors takes num= of the cfg and gives masks of one length`() throws {
    let folder = try folder(
      labels: ["a": "0 .5 .5 .1 .1\n0 .5 .5 .2 .2\n", "b": "0 .5 .5 .5 .5\n0 .5 .5 .9 .9\n"])
    let tiny = ProjectFolder.root.appendingPathComponent("cfg/yolov3-tiny.cfg").path
    let run = try ProgramRun(["detector", "calc_anchors", "x.data", tiny], in: folder)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("\n num_of_clusters = 6, width = 416, height = 416 \n"))
    #expect(
      run.output.hasSuffix(
        "\nSuggested masks, the coarsest head with the largest anchors:\n"
          + " head of stride 32: mask = 3,4,5   filters = 255\n"
          + " head of stride 16: mask = 0,1,2   filters = 255\n"), "\(run.output.suffix(400))")
    #expect(
      run.errors.hasSuffix("train.txt: 4 objects for 6 anchors: some are equal; use fewer\n"))
    let odd = try ProgramRun(
      ["detector", "calc_anchors", "x.data", tiny, "-num_of_clusters", "3"], in: folder)
    #expect(
      odd.output.hasSuffix(
        " head of stride 32: mask = 1,2   filters = 170\n"
          + " head of stride 16: mask = 0   filters = 85\n"
          + " 3 anchors for 2 heads: with -num_of_clusters 4 all masks have one length\n"),
      "\(odd.output.suffix(400))")
    let one = try ProgramRun(
      ["detector", "calc_anchors", "x.data", tiny, "-num_of_clusters", "1"], in: folder)
    #expect(one.status == 2)
    #expect(one.errors.contains("expected an anchor for each of the 2 heads"))
  }

  // MARK: Data sets whose counts are known

  private func temporary(_ text: String) throws -> String {
    let file = try TemporaryFolder.make().appendingPathComponent("x.data")
    try Data(text.utf8).write(to: file)
    return file.path
  }

  /// 364 pictures; RBC 4153, WBC 372, Platelets 361.
  @Test(.enabled(if: ProjectFolder.shared != nil))
  func `blood cells`() throws {
    let folder = ProjectFolder.shared!.appendingPathComponent("datasets/bccd")
    let data = try temporary("classes=3\ntrain=trainval.txt\nvalid=test.txt\nnames=bccd.names\n")
    let report = try Report([data], in: folder)
    #expect(report.count("train", "pictures") == 292)
    #expect(report.count("valid", "pictures") == 72)
    #expect(report.count("train", "readable") + report.count("valid", "readable") == 364)
    let classes = zip(report.objectsOfClass("train"), report.objectsOfClass("valid")).map(+)
    #expect(classes == [4153, 372, 361])
    #expect(report.count("train", "objects") + report.count("valid", "objects") == 4886)
    #expect(report.problems("train").isEmpty && report.problems("valid").isEmpty)
    #expect((report.json["in_both_lists"] as? [String])?.isEmpty == true)
  }

  /// 50 and 50 pictures with 465 and 377 objects; three pictures have none.
  @Test(.enabled(if: ProjectFolder.shared != nil))
  func `a hundred pictures of COCO`() throws {
    let folder = ProjectFolder.shared!.appendingPathComponent("datasets/tiny-coco")
    let cfg = ProjectFolder.root.appendingPathComponent("cfg/yolov3-tiny.cfg").path
    let report = try Report(["tiny-coco.data", cfg], in: folder)
    #expect(report.run.status == 0, "\(report.run.output)")
    #expect(report.count("train", "pictures") == 50)
    #expect(report.count("valid", "pictures") == 50)
    #expect(report.count("train", "objects") == 465)
    #expect(report.count("valid", "objects") == 377)
    #expect(
      report.count("train", "without_objects") + report.count("valid", "without_objects") == 3)
    #expect(report.objectsOfClass("train").count == 80)
  }
}
