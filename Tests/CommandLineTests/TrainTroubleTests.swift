import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// Trainings on bad data, with bad options, from the wrong weights.
@Suite struct TrainTroubleTests {
  @Test func `bad labels and pictures are reported once, listed, and left out`() throws {
    let folder = try TrainingFolder(net: "max_batches=20", trainCount: 6)
    let list = try folder.text("shapes/train.txt").split(separator: "\n").map(String.init)
    let labels = list.map { String($0.dropLast(3)) + "txt" }
    try folder.write(
      "9 .5 .5 .2 .2\n0 .5 .5 nan .2\n0 .5 .5 .2\n0 .5 .5 0 .2\n1 1.5 .5 .2 .2\n0 .5 .5 .2 .2 .9\n",
      to: labels[0])
    try folder.write("no picture at all", to: list[1])
    try FileManager.default.removeItem(at: folder.url.appendingPathComponent(labels[2]))
    let run = try folder.train()
    #expect(run.status == 0, "\(run.errors.suffix(300))")
    #expect(run.output.contains("\n 20: "))
    let expected = [
      "\(labels[0]):1: expected a class in 0...3, found 9; the object is left out",
      "\(labels[0]):2: expected a finite number as width, found 'nan'; the object is left out",
      "\(labels[0]):3: expected 'class x y width height', found 4 numbers; the object is left out",
      "\(labels[0]):4: expected a width and height above 0, found 0.0 and 0.2; the object is left out",
      "\(labels[0]):5: expected a centre with x and y in 0...1, found 1.5 and 0.5; the object is "
        + "left out",
      "\(labels[0]):6: expected 'class x y width height', found a sixth number; it is taken for a "
        + "confidence and dropped, here and in other files",
      "\(labels[2]): expected the labels of '\(list[2])', found no such file; write an empty file "
        + "if the picture shows no objects, as is assumed",
    ]
    for line in expected {
      #expect(run.errors.components(separatedBy: line + "\n").count == 2, "\(line)")
    }
    #expect(run.errors.components(separatedBy: "\(list[1]): ").count == 2)
    #expect(run.errors.contains("5 objects left out\n"))
    #expect(run.errors.contains("1 unreadable picture\n"))
    let bad = try folder.text("bad.list").split(separator: "\n").map(String.init)
    #expect(bad.sorted() == [labels[2], list[1]].sorted())
    #expect(try folder.text("bad_label.list").split(separator: "\n").count == 5)
  }

  @Test func `a list of nothing that can be read`() throws {
    let folder = try TrainingFolder()
    try folder.write("a.jpg\nb.jpg\n", to: "shapes/train.txt")
    let run = try folder.train()
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "shapes/train.txt:1: expected a picture that can be read among 2, found none ('a.jpg': no "
          + "readable file (No such file or directory)); check the paths, which start at the "
          + "current folder\n"))
    #expect(!folder.exists("backup"))
  }

  /// Labels of the first and of all pictures, and what is said before the first iteration.
  static let useless: [(String?, String)] = [
    (nil, "none (L: expected the labels of 'P', found no such file)"),
    ("", "empty label files only"),
    (
      "1,0.5,0.5,0.2,0.2",
      "none (L:1: expected 'class x y width height', found commas between the numbers)"
    ),
    ("15 .5 .5 .2 .2", "none (L:1: expected a class in 0...3, found 15)"),
  ]

  @Test(arguments: useless.indices, ["train", "-map"])
  func `a list without an object is refused before anything is trained`(
    index: Int, what: String
  ) throws {
    let (labels, found) = Self.useless[index]
    let folder = try TrainingFolder(trainCount: 4)
    let name = what == "train" ? "shapes/train.txt" : "shapes/valid.txt"
    let pictures = try folder.text(name).split(separator: "\n").map(String.init)
    let files = pictures.map { String($0.dropLast(3)) + "txt" }
    for file in files {
      if let labels {
        try folder.write(labels, to: file)
      } else {
        try FileManager.default.removeItem(at: folder.url.appendingPathComponent(file))
      }
    }
    let run = try what == "train" ? folder.train() : folder.train("-map")
    #expect(run.status == 3)
    let words = found.replacingOccurrences(of: "L:", with: files[0] + ":")
      .replacingOccurrences(of: "'P'", with: "'\(pictures[0])'")
    let purpose = what == "train" ? "to train on" : "to measure"
    #expect(
      run.errors.contains(
        "\(name): expected a labelled object \(purpose) in 4 pictures, found \(words); "),
      "\(run.errors.suffix(400))")
    #expect(!folder.exists("backup/x_final.weights"))
    let check = try ProgramRun(["detector", "check", "x.data", "x.cfg"], in: folder.url)
    #expect(check.status == 3)
    #expect(check.output.contains("\(name): expected a labelled object, found none in 4 pictures"))
  }

  @Test func `names that are missing or too few are said at the start`() throws {
    let folder = try TrainingFolder(net: "max_batches=1", trainCount: 4)
    try folder.write("circle\n", to: "shapes/shapes.names")
    let few = try folder.train()
    #expect(few.status == 0)
    #expect(
      few.errors.contains(
        "warning: shapes/shapes.names: expected a name for each of the 4 classes of x.cfg, found "
          + "1; classes without a name are shown by their number\n"))
    let data = try folder.text("x.data")
    try folder.write(
      data.replacingOccurrences(of: "shapes.names", with: "none.names"), to: "x.data")
    let none = try folder.train()
    #expect(none.status == 0)
    #expect(
      none.errors.contains(
        "warning: x.data:4: names: expected a file of class names, found no file "
          + "'shapes/none.names'; "))
  }

  @Test func `without valid= -map says what it measures on`() throws {
    let folder = try TrainingFolder(net: "max_batches=1", trainCount: 4)
    let data = try folder.text("x.data")
    try folder.write(
      data.replacingOccurrences(of: "valid=shapes/valid.txt\n", with: ""), to: "x.data")
    let run = try folder.train("-map")
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      run.errors.contains(
        "x.data: valid= is missing: -map measures on the training list 'shapes/train.txt', so "
          + "its figures are too good\n"))
    #expect(try !folder.train().errors.contains("valid= is missing"))
  }

  @Test func `a file that is not there any more, and -strict`() throws {
    let folder = try TrainingFolder(net: "max_batches=3", trainCount: 4)
    #expect(try folder.train("-strict", "-clear").status == 0)
    let list = try folder.text("shapes/train.txt").split(separator: "\n").map(String.init)
    try folder.write("no picture", to: list[1])
    #expect(try folder.train("-strict").status == 1)
    #expect(try folder.train().status == 0)
  }

  /// Neither may be waited for: the one has no writer, the other no end.
  @Test func `pipes and devices in lists are said, and the list continues`() throws {
    let folder = try TrainingFolder(net: "max_batches=4", trainCount: 4)
    mkfifo(folder.url.appendingPathComponent("pipe").path, 0o600)
    let list = try folder.text("shapes/train.txt")
    try folder.write("pipe\n/dev/zero\n" + list, to: "shapes/train.txt")
    let run = try RunningProgram(
      ["detector", "train", "x.data", "x.cfg", "-seed", "7", "-dont_show"], in: folder.url)
    #expect(try run.finish(within: 60) == 0)
    #expect(
      run.errors.contains(
        "pipe: expected a JPEG, PNG, BMP or PPM picture, found a named pipe; name a file; another "
          + "picture takes its place\n"), "\(run.errors)")
    #expect(run.errors.contains("/dev/zero: expected a JPEG, PNG, BMP or PPM picture, found zero"))
    let data = try folder.text("x.data")
    for (path, words) in [("pipe", "a named pipe"), ("/dev/zero", "a device")] {
      try folder.write(
        data.replacingOccurrences(of: "shapes/train.txt", with: path), to: "x.data")
      let refused = try RunningProgram(["detector", "train", "x.data", "x.cfg"], in: folder.url)
      #expect(try refused.finish(within: 30) == 3)
      #expect(
        refused.errors.contains(
          "\(path): expected a text file, found \(words); write the text to a file and name that\n"
        ), "\(refused.errors)")
    }
  }

  @Test func `a file that -chart names by mistake stays as it is`() throws {
    let folder = try TrainingFolder()
    let names = try folder.bytes("shapes/shapes.names")
    let run = try folder.train("-chart", "shapes/shapes.names")
    #expect(run.status == 2)
    #expect(run.errors.hasPrefix("-chart: expected a chart to continue, found that "))
    #expect(try folder.bytes("shapes/shapes.names") == names)
    #expect(try folder.train("-chart", "shapes").status == 3)
  }

  @Test func `updates that are not as the cfg says are told`() throws {
    let folder = try TrainingFolder()
    let cfg = TrainingFolder.cfg("").replacingOccurrences(
      of: "subdivisions=2", with: "subdivisions=3")
    try folder.write(cfg, to: "x.cfg")
    let run = try folder.train()
    #expect(run.status == 0)
    #expect(
      run.errors.contains(
        "x.cfg: batch=8 is not a multiple of subdivisions=3: an update takes 6 images\n"))
    #expect(
      run.errors.contains(
        "x.cfg:1: [net] max_batches: nothing is trained without max_batches= above 0; set it"))
  }

  /// Without batch norm and with a rate beyond all measure the weights are no numbers soon.
  @Test func `a loss that diverges stops the run`() throws {
    let layers = TrainingFolder.layers.replacingOccurrences(of: "batch_normalize=1\n", with: "")
    let folder = try TrainingFolder(
      net: "max_batches=100\npolicy=steps\nsteps=4\nscales=1e20", layers: layers, data: "savelast=2"
    )
    let run = try folder.train()
    #expect(run.status == 5, "\(run.errors.suffix(300))")
    let line = run.errors.split(separator: "\n").last.map(String.init) ?? ""
    #expect(line.hasPrefix("x.cfg: iteration "), "\(line)")
    #expect(line.contains("expected a loss that falls, found "))
    #expect(line.contains(", first in the "))
    #expect(line.contains("lower learning_rate (it was 1e+17)"))
    #expect(line.hasSuffix("the last good weights are in backup/x_last.weights"))
    let iteration = line.dropFirst("x.cfg: iteration ".count).prefix { $0.isNumber }
    #expect((5...8).contains(Int(iteration) ?? 0))
    let seen = try WeightsFile(folder.url.path + "/backup/x_last.weights").header.seen
    // Those after the fourth update are finite, but no weights any more.
    #expect(seen == 16)
    let check = try ProgramRun(["statistics", "x.cfg", "backup/x_last.weights"], in: folder.url)
    #expect(check.status == 0)
  }

  @Test func `the figure of -map is that of detector map`() throws {
    let folder = try TrainingFolder(net: "max_batches=40\nlearning_rate=0.01")
    let run = try folder.train("-map", "-thresh", "0.1")
    #expect(run.status == 0)
    let map = try ProgramRun(
      ["detector", "map", "x.data", "x.cfg", "backup/x_final.weights", "-thresh", "0.1"],
      in: folder.url)
    #expect(map.status == 0, "\(map.errors)")
    let marker = "\n detections_count = "
    let table = map.output.components(separatedBy: marker).last ?? ""
    #expect(table.contains("mean average precision (mAP@0.50) = "))
    #expect(run.output.components(separatedBy: marker).last?.hasPrefix(table) ?? false)
    // The best file is that of the only evaluation, at the end.
    #expect(try folder.bytes("backup/x_best.weights") == folder.bytes("backup/x_final.weights"))
  }

  // MARK: Weights of another cfg

  private static let cfgs = ProjectFolder.root.appendingPathComponent("cfg").path

  /// The published weights, cut before layer `cut`.
  private func cut(_ cut: Int, in folder: TrainingFolder) throws -> String? {
    guard let weights = ProjectFolder.tinyWeights else { return nil }
    let name = "yolov3-tiny.conv.\(cut)"
    let run = try ProgramRun(
      ["partial", "\(Self.cfgs)/yolov3-tiny.cfg", weights.path, name, "\(cut)"], in: folder.url)
    #expect(run.status == 0, "\(run.errors)")
    return name
  }

  @Test func `the cut of another network is refused, and the right one named`() throws {
    let folder = try TrainingFolder()
    let prn = "\(Self.cfgs)/v3-tiny-prn.cfg"
    guard let name = try cut(15, in: folder) else { return }
    for words in [["detector", "train", "x.data", prn, name], ["statistics", prn, name]] {
      let run = try ProgramRun(words, in: folder.url)
      #expect(run.status == 3)
      #expect(
        run.errors.hasSuffix(
          "the file may fit it up to layer 10: to start a training from these layers, cut it with "
            + "'prn-darknet partial \(prn) \(name) yolov3-tiny.conv.11 11'; -force takes the file "
            + "as it is\n"),
        "\(run.errors.suffix(400))")
    }
    // What it says works, and is the cut of the whole file.
    let partial = try ProgramRun(["partial", prn, name, "mine", "11"], in: folder.url)
    #expect(partial.status == 0, "\(partial.errors)")
    let right = try cut(11, in: folder) ?? ""
    #expect(try folder.bytes("mine") == folder.bytes(right))
    for (cfg, weights) in [(prn, right), ("\(Self.cfgs)/yolov3-tiny.cfg", name)] {
      let run = try ProgramRun(["statistics", cfg, weights], in: folder.url)
      #expect(run.status == 0, "\(run.errors.suffix(400))")
    }
    let forced = try ProgramRun(["statistics", prn, name, "-force"], in: folder.url)
    #expect(forced.status == 0, "\(forced.errors.suffix(400))")
  }

  /// A file whose end is on a boundary by chance: only its numbers tell.
  @Test func `numbers that are none of this layer`() throws {
    let folder = try TrainingFolder()
    #expect(try folder.train().status == 0)
    let good = try folder.bytes("backup/x_final.weights")
    // Layer 0: 8 biases, scales, means, variances, 216 weights; layer 1: 16 biases behind them.
    func changed(_ body: (inout [Float]) -> Void) throws {
      var floats = good.dropFirst(20).withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
      }
      body(&floats)
      try (good.prefix(20) + floats.withUnsafeBytes { Data($0) })
        .write(to: folder.url.appendingPathComponent("w"))
    }
    func line() throws -> String {
      let run = try ProgramRun(["statistics", "x.cfg", "w"], in: folder.url)
      let forced = try ProgramRun(["statistics", "x.cfg", "w", "-force"], in: folder.url)
      #expect(forced.status == 0, "\(forced.errors.suffix(200))")
      return run.status == 3 ? run.errors.split(separator: "\n").last.map(String.init) ?? "" : ""
    }
    try changed { _ in }
    #expect(try line() == "")
    try changed { $0[31] = -0.5 }
    #expect(
      try line().hasPrefix(
        "w: byte 116: layer 0 [convolutional] rolling_variance: expected variances of at least 0, "
          + "found 12 % below; the file belongs to another cfg than x.cfg"))
    let second = 248 + 16 * 3 + 5
    try changed { $0[second] = -1e-3 }
    // A network this small has no layers worth cutting off.
    #expect(try line().hasPrefix("w: byte ") && !line().contains("cut it there"))
    try changed { $0[240] = .nan }
    #expect(
      try line()
        == "w: byte 148: layer 0 [convolutional] weights: expected finite numbers, found NaN or "
        + "infinity; the file is damaged, or its training diverged; take an earlier one (-force "
        + "loads it)")
    try changed { $0[240] = 1e20 }
    #expect(try line().contains("expected numbers of at most 1e15, found one of 1e+20"))
    try changed { for i in $0.indices { $0[i] = 0 } }
    #expect(try line().contains("layer 0 [convolutional] weights: expected weights, found zeros"))
    // Noise of the right length.
    var random = Random(seed: 3)
    try changed { for i in $0.indices { $0[i] = Float(random.normal()) } }
    #expect(try line().contains("below; the file belongs to another cfg"))
    try changed { for i in $0.indices { $0[i] = Float(bitPattern: UInt32(random.below(1 << 32))) } }
    #expect(try line() != "")
    // A network that was never trained: variances of 0.
    try changed { for i in 24..<32 { $0[i] = 0 } }
    #expect(try line() == "")
  }
}
