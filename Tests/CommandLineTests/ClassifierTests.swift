import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// `classifier predict`, `valid`, `test`, `label` and `classify`, on a network whose three
/// probabilities are the softmax of a picture's mean red, green and blue.
@Suite struct ClassifierTests {
  private static let cfg = "[net]\nwidth=8\nheight=8\nchannels=3\nbatch=2\n[avgpool]\n[softmax]\n"
  /// Of the colour itself, and of each other one, in a picture of red, green or blue.
  private static let own = exp(1.0) / (exp(1.0) + 2)
  private static let other = 1 / (exp(1.0) + 2)

  /// A folder with `red.png`, `green.png`, `blue.png`, `bands.png` and all that belongs to them.
  private func folder(_ cfg: String = cfg, data: String = "top=2\n") throws -> URL {
    let folder = try TemporaryFolder.make()
    let colors: [UInt32] = [0xFF0000, 0x00FF00, 0x0000FF]
    for (name, color) in zip(["red", "green", "blue"], colors) {
      let picture = Canvas(width: 8, height: 8, background: Color(color)).bitmap
      try ImageFile.save(
        picture, to: folder.appendingPathComponent("\(name).png").path, durable: false)
    }
    // Red, green and blue side by side.
    let bands = Canvas(width: 24, height: 8, background: Color(colors[0])).bitmap
    for y in 0..<8 {
      for x in 8..<24 {
        let pixel = bands.bytes + (y * 24 + x) * 3
        (pixel[0], pixel[x < 16 ? 1 : 2]) = (0, 255)
      }
    }
    try ImageFile.save(
      bands, to: folder.appendingPathComponent("bands.png").path, durable: false)
    var header = Data()
    for value: Int32 in [0, 2, 5, 0, 0] {
      withUnsafeBytes(of: value.littleEndian) { header.append(contentsOf: $0) }
    }
    try header.write(to: folder.appendingPathComponent("x.weights"))
    for (name, text) in [
      ("x.cfg", cfg), ("x.names", "rot\ngruen\nblau\n"), ("x.labels", "red.\ngreen.\nblue.\n"),
      ("list.txt", "red.png\ngreen.png\nbands.png\nblue.png\n"),
      (
        "x.data",
        "classes=3\nnames=x.names\nlabels=x.labels\nvalid=list.txt\ntest=list.txt\n" + data
      ),
    ] {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    return folder
  }

  private func run(
    _ words: String..., in folder: URL, input: String = ""
  ) throws -> ProgramRun {
    try ProgramRun(words, in: folder, input: input)
  }

  private func six(_ value: Double) -> String { String(format: "%f", value) }

  /// The output behind Darknet's lines about the network, with N for the milliseconds.
  private func results(_ run: ProgramRun) -> String {
    let start = run.output.range(of: "(0 Kilo-batches_64) \n")!.upperBound
    return String(run.output[start...]).replacing(/in [0-9.]+ milli/) { _ in "in N milli" }
  }

  // MARK: predict

  @Test func `the best classes of one picture`() throws {
    let folder = try folder()
    let one = try run(
      "classifier", "predict", "x.data", "x.cfg", "x.weights", "blue.png", in: folder)
    #expect(one.status == 0)
    #expect(
      results(one) == " classes = 3, output in cfg = 3 \n8 8\n"
        + "blue.png: Predicted in N milli-seconds.\nblau: \(six(Self.own))\nrot: \(six(Self.other))\n"
    )
    let three = try run(
      "classifier", "predict", "x.data", "x.cfg", "x.weights", "green.png", "-t", "7", in: folder)
    #expect(
      three.output.hasSuffix(
        "gruen: \(six(Self.own))\nrot: \(six(Self.other))\nblau: \(six(Self.other))\n"))
  }

  @Test func `the middle of the picture is looked at`() throws {
    let bands = try run(
      "classifier", "predict", "x.data", "x.cfg", "x.weights", "bands.png", in: folder())
    #expect(bands.output.hasSuffix("\ngruen: \(six(Self.own))\nrot: \(six(Self.other))\n"))
  }

  @Test func `pictures from standard input`() throws {
    let folder = try folder()
    let input = "red.png\ngone.png\r\n\nblue.png\r\n"
    let list = try run(
      "classifier", "predict", "x.data", "x.cfg", "x.weights", "-t", "1", in: folder, input: input)
    #expect(list.status == 0)
    let prompt = "Enter Image Path: "
    #expect(
      results(list) == " classes = 3, output in cfg = 3 \n\(prompt)8 8\n"
        + "red.png: Predicted in N milli-seconds.\nrot: \(six(Self.own))\n\(prompt)\(prompt)\(prompt)"
        + "8 8\nblue.png: Predicted in N milli-seconds.\nblau: \(six(Self.own))\n\(prompt)")
    #expect(
      list.errors.contains(
        "gone.png: expected a JPEG, PNG, BMP or PPM picture, found no readable file"))
    #expect(list.errors.hasSuffix("1 of 3 pictures were skipped\n"))
    let strict = try run(
      "classifier", "predict", "x.data", "x.cfg", "x.weights", "-strict", in: folder, input: input)
    #expect(strict.status == 1)
  }

  @Test func `the original's words`() throws {
    let one = try run(
      "classifier", "predict", "x.data", "x.cfg", "x.weights", "red.png", "-dialect", "pjreddie",
      in: folder())
    let (own, other) = (Self.own * 100, Self.other * 100)
    #expect(
      one.output == String(format: "%5.2f%%: rot\n%5.2f%%: gruen\n", own, other))
    #expect(one.errors.contains(/red.png: Predicted in [0-9.]+ seconds.\n/))
  }

  /// Colours, of which red and green are one group.
  @Test func `a tree of classes`() throws {
    let folder = try folder(
      Self.cfg.replacing("[softmax]\n", with: "[softmax]\ntree=x.tree\n"), data: "top=3\n")
    try Data("any -1\nwarm 0\ncold 0\n".utf8).write(to: folder.appendingPathComponent("x.tree"))
    let (yes, no) = (exp(1.0) / (exp(1.0) + 1), 1 / (exp(1.0) + 1))
    let one = try run(
      "classifier", "predict", "x.data", "x.cfg", "x.weights", "green.png", in: folder)
    #expect(
      one.output.hasSuffix(
        "\n0, rot: 1.000000, parent: Root \n1, gruen: \(six(yes)), parent: rot \n"
          + "2, blau: \(six(no)), parent: rot \n"), "\(one.output)")
    // Inner classes count for nothing when accuracy is measured, unless they are called leaves.
    let valid = try run("classifier", "valid", "x.data", "x.cfg", "x.weights", in: folder)
    #expect(valid.output.hasSuffix("3: top 1: 0.500000, top 3: 0.750000"))
    try Data("any\n".utf8).write(to: folder.appendingPathComponent("x.leaves"))
    let data = try String(contentsOf: folder.appendingPathComponent("x.data"), encoding: .utf8)
    try Data((data + "leaves=x.leaves\n").utf8).write(to: folder.appendingPathComponent("x.data"))
    let leaves = try run("classifier", "valid", "x.data", "x.cfg", "x.weights", in: folder)
    #expect(leaves.output.hasSuffix("3: top 1: 0.250000, top 3: 0.750000"))
  }

  @Test func `classify takes its data file from the current folder`() throws {
    let folder = try folder()
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("cfg"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: folder.appendingPathComponent("x.data"),
      to: folder.appendingPathComponent("cfg/imagenet1k.data"))
    let one = try run("classify", "x.cfg", "x.weights", "blue.png", in: folder)
    #expect(one.status == 0)
    #expect(one.output.hasSuffix("rot: \(six(Self.other))\ngruen: \(six(Self.other))\n"))
  }

  // MARK: Lists

  @Test func `accuracy`() throws {
    let valid = try run("classifier", "valid", "x.data", "x.cfg", "x.weights", in: folder())
    #expect(valid.status == 0)
    // Bands are of no class. Of equal probabilities the first class goes first.
    #expect(
      results(valid) == " TOP calculation...\n\n0: top 1: 1.000000, top 2: 1.000000"
        + "\n1: top 1: 1.000000, top 2: 1.000000\n2: top 1: 0.666667, top 2: 0.666667"
        + "\n3: top 1: 0.750000, top 2: 0.750000")
    #expect(valid.errors.contains("bands.png: expected one label as part of the path, found none"))
  }

  @Test func `accuracy in the original's words`() throws {
    let valid = try run(
      "classifier", "valid", "x.data", "x.cfg", "x.weights", "-dialect", "pjreddie", in: folder())
    let (own, other) = (six(Self.own), six(Self.other))
    #expect(
      valid.output.hasPrefix(
        "red.png, 0, \(own), \(other), \n0: top 1: 1.000000, top 2: 1.000000\n"
          + "green.png, 1, \(other), \(own), \n1: top 1: 1.000000, top 2: 1.000000\n"
          + "bands.png, -1, \(other), \(own), \n"))
  }

  @Test func `all probabilities of all pictures, the last ones too`() throws {
    let folder = try folder()
    let test = try run("classifier", "test", "x.data", "x.cfg", "x.weights", in: folder)
    #expect(test.status == 0)
    func line(_ name: String, _ values: Double...) -> String {
      name + values.map { "\t" + String(format: "%g", $0) }.joined() + "\n"
    }
    let (own, other) = (Self.own, Self.other)
    // Eight columns of 24, the first and the last ones kept: 0, 3.3, 6.6 are red, 9.9, 13.1 green.
    let sum = 2 * exp(3.0 / 8) + exp(2.0 / 8)
    let (edge, middle) = (exp(3.0 / 8) / sum, exp(2.0 / 8) / sum)
    #expect(
      test.output.hasSuffix(
        line("red.png", own, other, other) + line("green.png", other, own, other)
          + line("bands.png", edge, middle, edge) + line("blue.png", other, other, own)))
  }

  @Test func `labels`() throws {
    let folder = try folder()
    try Data("blue.png\ngone.png\nred.png\n".utf8).write(
      to: folder.appendingPathComponent("list.txt"))
    let label = try run("classifier", "label", "x.data", "x.cfg", "x.weights", in: folder)
    #expect(label.status == 0)
    #expect(results(label) == "blau\n\nrot\n")
    #expect(label.errors.contains("1 of 3 pictures were skipped\n"))
  }

  // MARK: Several images of a picture

  /// The network sees the mean colour only, and of red, green and blue every window's is the same.
  @Test(arguments: ["valid10", "validfull", "validmulti"])
  func `accuracy by several images of each picture`(command: String) throws {
    let run = try run("classifier", command, "x.data", "x.cfg", "x.weights", in: folder())
    #expect(run.status == 0)
    #expect(
      results(run) == "0: top 1: 1.000000, top 2: 1.000000\n1: top 1: 1.000000, top 2: 1.000000\n"
        + "2: top 1: 0.666667, top 2: 0.666667\n3: top 1: 0.750000, top 2: 0.750000\n")
    #expect(run.errors.contains("bands.png: expected one label as part of the path, found none"))
  }

  @Test(arguments: ["validfull", "validmulti"])
  func `a picture far longer than wide is skipped`(command: String) throws {
    let folder = try folder()
    try ImageFile.save(
      Bitmap(width: 1, height: 20_000), to: folder.appendingPathComponent("red-line.png").path)
    try Data("red-line.png\nred.png\n".utf8).write(to: folder.appendingPathComponent("list.txt"))
    let run = try run("classifier", command, "x.data", "x.cfg", "x.weights", in: folder)
    #expect(run.status == 0)
    #expect(results(run) == "0: top 1: 1.000000, top 2: 1.000000\n")
    #expect(
      run.errors.contains(
        "red-line.png: expected a picture whose proportions suit the network, found "
          + "1x20000 (over 64 to 1); crop it"), "\(run.errors)")
  }

  /// Red left, green in the middle and blue right, each as wide as the input.
  private func bandsOfClass(_ label: String, _ command: String) throws -> ProgramRun {
    let folder = try folder()
    try Data("bands.png\n".utf8).write(to: folder.appendingPathComponent("list.txt"))
    let labels = ["red", "green", "blue"].map { $0 == label ? "bands" : "none of it" }
    try Data(labels.joined(separator: "\n").utf8).write(
      to: folder.appendingPathComponent("x.labels"))
    return try run("classifier", command, "x.data", "x.cfg", "x.weights", in: folder)
  }

  @Test func `the middle alone is green, the windows are red and blue`() throws {
    #expect(
      try bandsOfClass("green", "valid").output.hasSuffix("0: top 1: 1.000000, top 2: 1.000000"))
    // Of 40 pixels windows begin at -32, which is the border, 0 and 32; in the mirror image, too.
    for (label, share) in [("red", 1.0), ("green", 0), ("blue", 1)] {
      #expect(
        try bandsOfClass(label, "valid10").output.hasSuffix(", top 2: \(six(share))\n"), "\(label)")
    }
  }

  @Test func `pictures stretched to the input, in one part`() throws {
    let run = try run("classifier", "validcrop", "x.data", "x.cfg", "x.weights", in: folder())
    #expect(run.status == 0)
    #expect(
      results(run).replacing(/[0-9.]+ seconds/, with: "N seconds")
        == "Loaded: 4 images in N seconds\n"
        + "1: top 1: 0.750000, top 2: 0.750000, N seconds, 4 images\n")
  }

  @Test func `pictures that cannot be read are told and left out`() throws {
    let folder = try folder()
    try Data("gone.png\nblue.png\n".utf8).write(to: folder.appendingPathComponent("list.txt"))
    let run = try run(
      "classifier", "valid10", "x.data", "x.cfg", "x.weights", "-strict", in: folder)
    #expect(run.status == 1)
    #expect(results(run) == "0: top 1: 1.000000, top 2: 1.000000\n")
    #expect(run.errors.contains("1 of 2 pictures were skipped\n"))
  }

  @Test func `a network that works at one size only`() throws {
    let folder = try folder(Self.cfg.replacing("[avgpool]", with: "[maxpool]\nsize=4\nstride=8"))
    try Data("classes=3\nlabels=x.labels\nvalid=list.txt\n".utf8).write(
      to: folder.appendingPathComponent("x.data"))
    let run = try run("classifier", "validmulti", "x.data", "x.cfg", "x.weights", in: folder)
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "x.cfg: expected 3 outputs at any input size, found 2352 at 224x224; use 'classifier valid', "
          + "which keeps the size, or end the cfg with [avgpool]\n"), "\(run.errors)")
  }

  /// Its longer side becomes 224 pixels, its shorter one 4, of which 6 cannot be cut out.
  @Test func `a picture whose proportions the network does not take is skipped`() throws {
    let crop = "[crop]\ncrop_width=6\ncrop_height=6\nnoadjust=1\n[avgpool]"
    let folder = try folder(Self.cfg.replacing("[avgpool]", with: crop))
    try ImageFile.save(
      Bitmap(width: 500, height: 10), to: folder.appendingPathComponent("red-line.png").path)
    try Data("red-line.png\nred.png\n".utf8).write(to: folder.appendingPathComponent("list.txt"))
    let run = try run(
      "classifier", "validmulti", "x.data", "x.cfg", "x.weights", "-dialect", "pjreddie",
      in: folder)
    #expect(run.status == 0)
    #expect(run.output.hasSuffix("0: top 1: 1.000000, top 2: 1.000000\n"))
    #expect(!run.output.contains("\n1: "))
    #expect(
      run.errors.contains(
        "red-line.png: expected a picture whose proportions suit the network, found another "
          + "(x.cfg:8: [crop] crop_height: expected at most the input's 4, found 6); "
          + "crop it, or use a command that keeps the network's size"), "\(run.errors)")
  }

  @Test(arguments: ["valid", "valid10", "validmulti", "validfull", "validcrop"])
  func `pictures of which none has a label`(command: String) throws {
    let folder = try folder()
    try Data("bands.png\n".utf8).write(to: folder.appendingPathComponent("list.txt"))
    let run = try run("classifier", command, "x.data", "x.cfg", "x.weights", in: folder)
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "list.txt: expected pictures whose path contains a label of x.labels, found none among 1; "
          + "check 'labels' of x.data, or rename the pictures' folders\n"), "\(run.errors)")
  }

  @Test func `fewer names than classes`() throws {
    let folder = try folder()
    try Data("rot\ngruen\n".utf8).write(to: folder.appendingPathComponent("x.names"))
    let run = try run(
      "classifier", "predict", "x.data", "x.cfg", "x.weights", "blue.png", in: folder)
    #expect(run.status == 0)
    #expect(run.output.hasSuffix("2: \(six(Self.own))\nrot: \(six(Self.other))\n"))
    #expect(
      run.errors.contains(
        "warning: x.names: expected a name for each of the 3 classes of x.data, found 2; classes "
          + "without a name are shown by their number\n"), "\(run.errors)")
  }

  @Test func `what a layer makes of a picture`() throws {
    let folder = try folder()
    let run = try run(
      "classifier", "try", "x.data", "x.cfg", "x.weights", "red.png", "0", in: folder)
    #expect(run.status == 0)
    // (1 or 0, less ImageNet's mean) over its deviation.
    let values = [(1 - 0.482633) / 0.225903, -0.452302 / 0.221209, -0.400991 / 0.221040]
    let sum = values.map { exp($0) }.reduce(0, +)
    let lines = results(run).split(separator: "\n")
    let numbers =
      lines.prefix(3).map { Double($0)! }
      + lines.suffix(2).map { line in
        Double(line.split(separator: " ").last!)!
      }
    let expected = values + [exp(values[0]) / sum, exp(values[2]) / sum]
    for (found, wanted) in zip(numbers, expected) { #expect(abs(found - wanted) < 2e-5) }
    #expect(lines.suffix(2).map { $0.prefix { $0 != ":" } } == ["rot", "blau"])
    #expect(String(lines[3]).contains(/^red.png: Predicted in [0-9.]+ seconds.$/))

    let wrong = try self.run(
      "classifier", "try", "x.data", "x.cfg", "x.weights", "red.png", "2", in: folder)
    #expect(wrong.status == 2)
    #expect(wrong.errors.contains("LAYER: expected a layer of x.cfg, 0...1, found '2'\n"))
  }

  // MARK: Errors

  @Test func `classes that are not the network's`() throws {
    let folder = try folder()
    try Data("classes=4\nnames=x.names\nlabels=x.labels\nvalid=list.txt\n".utf8).write(
      to: folder.appendingPathComponent("x.data"))
    for command in ["predict", "valid"] {
      let run = try run("classifier", command, "x.data", "x.cfg", "x.weights", in: folder)
      #expect(run.status == 3)
      #expect(
        run.output.contains(" in the last conv-layer in cfg-file doesn't match to classes = 4"))
      #expect(
        run.errors.hasSuffix(
          "x.data:1: classes: expected 3, as x.cfg has outputs, found 4; make both agree\n"))
    }
  }

  @Test(arguments: ["predict", "valid", "valid10", "validcrop", "test", "label"])
  func `a detector's cfg`(command: String) throws {
    let folder = try folder(
      "[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=24\n"
        + "[yolo]\nclasses=3\nnum=3\nmask=0,1,2\nanchors=1,1, 2,2, 3,3\n")
    let run = try run("classifier", command, "x.data", "x.cfg", in: folder)
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "x.cfg: expected a classifier, found a network that finds boxes; name a classifier's cfg, "
          + "or use the 'detector' commands\n"))
  }

  @Test func `too few labels`() throws {
    let folder = try folder()
    try Data("red\n".utf8).write(to: folder.appendingPathComponent("x.labels"))
    let run = try run("classifier", "valid", "x.data", "x.cfg", "x.weights", in: folder)
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "x.labels: expected a label for each of the 3 classes of x.data, found 1; make labels and "
          + "classes agree\n"))
  }
}
