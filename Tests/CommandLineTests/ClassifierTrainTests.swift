import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// `classifier train` on pictures of one shape each.
@Suite struct ClassifierTrainTests {
  private struct Folder {
    let url: URL

    init(count: Int = 16, net: String, layers: String = Folder.layers) throws {
      url = try TemporaryFolder.make()
      var shapes = SyntheticShapes.single
      (shapes.width, shapes.height) = (48, 48)
      (shapes.trainCount, shapes.validCount) = (count, max(4, count / 4))
      _ = try shapes.writeClasses(to: url.appendingPathComponent("set").path)
      let text = """
        [net]
        width=32
        height=32
        channels=3
        subdivisions=1
        momentum=0.9
        decay=0.0005
        min_crop=32
        max_crop=40
        \(net)
        \(layers)
        [avgpool]
        [softmax]

        """
      try Data(text.utf8).write(to: url.appendingPathComponent("x.cfg"))
    }

    /// Convolutions of so many filters, each but the last with batch norm and pooling.
    static func convolutions(_ filters: Int...) -> String {
      filters.map { count in
        "[convolutional]\nbatch_normalize=1\nfilters=\(count)\nsize=3\nstride=1\npad=1\n"
          + "activation=leaky\n[maxpool]\nsize=2\nstride=2\n"
      }.joined() + "[convolutional]\nfilters=4\nsize=1\nstride=1\npad=1\nactivation=linear"
    }

    static let layers = convolutions(8)

    func run(_ command: String, _ arguments: String...) throws -> ProgramRun {
      try ProgramRun(
        ["classifier", command, "set/shapes.data", "x.cfg", "-threads", "2"] + arguments, in: url)
    }

    func files() throws -> [String] {
      try FileManager.default.contentsOfDirectory(
        atPath: url.appendingPathComponent("set/backup").path
      ).sorted()
    }

    func bytes(_ name: String) throws -> Data {
      try Data(contentsOf: url.appendingPathComponent("set/backup/\(name)"))
    }
  }

  /// Numbers become `#`.
  private static func shape(_ text: some StringProtocol) -> String {
    String(text).replacing(/-?[0-9]+(\.[0-9]+)?/, with: "#")
  }

  @Test func `Darknet's lines and files`() throws {
    let folder = try Folder(net: "batch=4\nlearning_rate=0.01\nmax_batches=102")
    let run = try folder.run("train", "-seed", "3")
    #expect(run.status == 0, "\(run.errors)")
    let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0] == "x" && lines[1] == "1")
    #expect(
      run.output.contains(
        "\nLearning Rate: 0.01, Momentum: 0.9, Decay: 0.0005\n16\nLoaded: "))
    let iterations = lines.filter { $0.contains(" avg, ") }
    #expect(iterations.count == 102)
    #expect(
      iterations.allSatisfy {
        Self.shape($0) == "#, #: #, # avg, # rate, # seconds, # images, # hours left"
      })
    #expect(iterations[1].hasPrefix("2, 0.500: "))
    #expect(iterations[101].hasSuffix(" seconds, 408 images, 0.000000 hours left"))
    #expect(
      try folder.files() == ["x_final.weights", "x_last.state", "x_last.weights"])
    #expect(
      try WeightsFile(folder.url.path + "/set/backup/x_final.weights").header.seen == 408)
  }

  @Test func `the original's lines and names`() throws {
    let folder = try Folder(net: "batch=4\nlearning_rate=0.01\nmax_batches=3")
    let run = try folder.run("train", "-dialect", "pjreddie")
    #expect(run.status == 0, "\(run.errors)")
    let iterations = run.output.split(separator: "\n").filter { $0.contains(" avg, ") }
    #expect(
      iterations.map(Self.shape)
        == Array(repeating: "#, #: #, # avg, # rate, # seconds, # images", count: 3))
    #expect(try folder.files() == ["x.weights"])
  }

  @Test func `a run that was stopped goes on as if it had not been`() throws {
    let whole = try Folder(net: "batch=4\nlearning_rate=0.01\nmax_batches=104")
    #expect(try whole.run("train", "-seed", "5").status == 0)
    let parts = try Folder(net: "batch=4\nlearning_rate=0.01\nmax_batches=100")
    #expect(try parts.run("train", "-seed", "5").status == 0)
    let cfg = parts.url.appendingPathComponent("x.cfg")
    let text = try String(contentsOf: cfg, encoding: .utf8)
    try Data(text.replacing("max_batches=100", with: "max_batches=104").utf8).write(to: cfg)
    let second = try parts.run("train", "set/backup/x_last.weights")
    #expect(second.status == 0)
    #expect(second.errors.contains("resuming after iteration 100, with saved momentum"))
    #expect(second.output.contains("\n101, "))
    #expect(try parts.bytes("x_final.weights") == whole.bytes("x_final.weights"))
  }

  /// As a user would: drawn pictures, whose colours tell nothing, and a network that has to find
  /// their shapes. Chance is 0.25.
  @Test func `a classifier learns to tell shapes`() throws {
    let url = try TemporaryFolder.make()
    let drawn = try ProgramRun(
      ["generate", "shapes", "set", "-kind", "classes", "-count", "1400", "-seed", "5"], in: url)
    #expect(drawn.status == 0, "\(drawn.errors)")
    // The rate ends near zero, so that the rolling statistics are those of the final weights.
    try Data(
      """
      [net]
      width=32
      height=32
      channels=3
      batch=32
      min_crop=32
      max_crop=40
      adam=1
      learning_rate=0.005
      decay=0.0005
      policy=poly
      power=2
      max_batches=550
      \(Folder.convolutions(16, 32, 64, 128))
      [avgpool]
      [softmax]

      """.utf8
    ).write(to: url.appendingPathComponent("x.cfg"))
    let train = try ProgramRun(
      ["classifier", "train", "set/shapes.data", "x.cfg", "-threads", "2", "-seed", "1"], in: url)
    #expect(train.status == 0, "\(train.errors)")
    let valid = try ProgramRun(
      ["classifier", "valid", "set/shapes.data", "x.cfg", "set/backup/x_final.weights"], in: url)
    let last = try #require(valid.output.split(separator: "\n").last)
    let top = try #require(last.firstMatch(of: #/^349: top 1: ([0-9.]+), /#)?.1)
    #expect(try #require(Double(top)) >= 0.9, "\(last)")
  }

  @Test func `labels that are in no path`() throws {
    let folder = try Folder(net: "batch=4\nmax_batches=3")
    try Data("zz1z\nzz2z\nzz3z\nzz4z\n".utf8).write(
      to: folder.url.appendingPathComponent("set/labels.txt"))
    let run = try folder.run("train")
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "set/train.txt: expected paths that have a label in them, found none among 16; rename the "
          + "pictures' folders or the labels\n"))
  }

  @Test func `a network that learns nothing`() throws {
    let folder = try Folder(net: "batch=4\nmax_batches=3")
    let cfg = folder.url.appendingPathComponent("x.cfg")
    let text = try String(contentsOf: cfg, encoding: .utf8)
    try Data(text.replacing("[softmax]", with: "[softmax]\nnoloss=1").utf8).write(to: cfg)
    let run = try folder.run("train")
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "x.cfg: expected a [softmax] or [cost] that learns classes, found none; end the cfg with "
          + "[softmax]\n"))
  }
}
