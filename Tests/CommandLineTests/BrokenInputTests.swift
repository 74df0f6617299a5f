import DarknetData
import DarknetImages
import DarknetTestSupport
import Foundation
import Testing

/// Bad cfgs, weights and files: one clear line, the exit status that `docs/commands.md` gives, never
/// a crash.
@Suite struct BrokenInputTests {
  private func folder(_ files: [String: String]) throws -> URL {
    let folder = try TemporaryFolder.make()
    for (name, text) in files {
      try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }
    return folder
  }

  private static let net = "[net]\nwidth=32\nheight=32\nchannels=3\nbatch=1\n"
  private static let conv =
    "[convolutional]\nfilters=4\nsize=3\nstride=1\npad=1\nactivation=leaky\n"

  /// A cfg and the line that must come.
  static let broken: [(String, String)] = [
    (
      "",
      "x.cfg: expected sections such as [net] and [convolutional], found none (Config file has no sections); check that this is a cfg file"
    ),
    (
      "filters=3\n[net]\n",
      "x.cfg:1: expected [net] before the first option, found 'filters'; begin the file with [net]"
    ),
    (
      conv,
      "x.cfg:1: expected [net] (First section must be [net] or [network]), found [convolutional]; begin the file with [net]"
    ),
    (net, "x.cfg: expected layers after [net], found none; add sections such as [convolutional]"),
    (
      net + "[convolutionel]\n",
      "x.cfg:6: expected a layer's section, found [convolutionel] (Type not recognized: [convolutionel]); did you mean [convolutional]?"
    ),
    (
      net + "[convolutional]\nfilters=many\n",
      "x.cfg:7: [convolutional] filters: expected a whole number of at least 1, found 'many'; change it or drop the line"
    ),
    (
      net + "[convolutional]\nfilters=0\n",
      "x.cfg:7: [convolutional] filters: expected a whole number of at least 1, found '0'; change it or drop the line"
    ),
    (
      net + "[convolutional]\nfilters=99999999999999999999\n",
      "x.cfg:7: [convolutional] filters: expected a whole number of at least 1, found '99999999999999999999'; change it or drop the line"
    ),
    (
      net + "[convolutional]\nfilters=268435456\nsize=31\n",
      "x.cfg:7: [convolutional] filters: expected less than 2^31 weights, found 268435456 filters of 31x31x3; use fewer or smaller filters"
    ),
    (
      net + "[convolutional]\nactivation=leeky\n",
      "x.cfg:7: [convolutional] activation: expected an activation, found 'leeky'; did you mean 'leaky'?"
    ),
    (
      net + conv + "[shortcut]\nfrom=-3\n",
      "x.cfg:13: [shortcut] from: expected a layer before this one, layer 1, found -3 (layer -2); use -1...-1 or 0...0"
    ),
    (
      net + conv + "[shortcut]\nfrom=1\n",
      "x.cfg:13: [shortcut] from: expected a layer before this one, layer 1, found 1; use -1...-1 or 0...0"
    ),
    (
      net + conv + "[route]\n",
      "x.cfg:12: [route] layers: expected 'layers=' with the index of an earlier layer, found no such option; add it; -1 is the layer before this one"
    ),
    (
      net + conv + "[partial_shortcut]\nfrom=-1\nchannels=5\n",
      "x.cfg:14: [partial_shortcut] channels: expected a whole number in 0...4, found '5'; change it or drop the line"
    ),
    (
      net + conv + "[partial_shortcut]\nfrom=-1\nsparsity=1.5\n",
      "x.cfg:14: [partial_shortcut] sparsity: expected a number in 0...1, found '1.5'; change it or drop the line"
    ),
    (
      net + conv + "[partial_shortcut]\nfrom=-1\nsparsity=.5\nchannels=2\n",
      "x.cfg:14: [partial_shortcut] sparsity: expected one of 'channels' and 'sparsity', found both; drop one"
    ),
    (
      "[net]\nwidth=32\nheight=32\nchannels=3\nbatch=0\n" + conv,
      "x.cfg:5: [net] batch: expected a whole number of at least 1, found '0'; change it or drop the line"
    ),
    (
      net + "resize_step=0\n" + conv,
      "x.cfg:6: [net] resize_step: expected a number in 1.0...4096.0, found '0'; change it or drop the line"
    ),
    (
      net + conv + "[dropout]\ndropblock=1\ndropblock_size_abs=-1\n",
      "x.cfg:14: [dropout] dropblock_size_abs: expected a whole number in 0...65536, found '-1'; change it or drop the line"
    ),
    (
      "[net]\nbatch=1\n[convolutional]\n",
      "x.cfg:1: [net]: expected width, height and channels, or inputs, found none (No input parameters supplied); add them, for instance width=416, height=416, channels=3"
    ),
    (
      "[net]\nwidth=60000\nheight=60000\nchannels=3\n[convolutional]\n",
      "x.cfg:2: [net] width: expected an input of less than 2^31 values, found 60000x60000x3; choose a smaller input"
    ),
    (
      net + "[convolutional\n",
      "x.cfg:6: expected a section such as [convolutional], found '[convolutional'; close the bracket"
    ),
    (
      net + "[convolutional]\nsize=99\n",
      "x.cfg:7: [convolutional] size: expected at most the input's 32x32 with padding 0, found 99; use a smaller kernel or a larger input"
    ),
    (
      net + "[convolutional]\nfilters=4\ngroups=3\n",
      "x.cfg:8: [convolutional] groups: expected a divisor of the 3 input channels and the 4 filters, found 3; change it"
    ),
  ]

  @Test(arguments: broken.indices)
  func `broken cfgs`(index: Int) throws {
    let (text, line) = Self.broken[index]
    let run = try ProgramRun(["ops", "x.cfg"], in: try folder(["x.cfg": text]))
    #expect(!run.wasKilled)
    #expect(run.status == 3)
    #expect(run.errors.hasSuffix(line + "\n"), "found: \(run.errors)")
  }

  /// Before any picture is looked at.
  @Test(arguments: [
    ["detector", "test", "x.data", "x.cfg", "x.weights", "a.png"],
    ["detector", "map", "x.data", "x.cfg", "x.weights"],
    ["detector", "valid", "x.data", "x.cfg", "x.weights"],
    ["detector", "recall", "x.data", "x.cfg", "x.weights"],
    ["detector", "train", "x.data", "x.cfg"],
    ["classifier", "predict", "x.data", "x.cfg", "x.weights", "a.png"],
    ["classifier", "train", "x.data", "x.cfg"],
    ["classifier", "valid", "x.data", "x.cfg", "x.weights"],
  ])
  func `inputs that no picture has`(words: [String]) throws {
    let channels = "[net]\nwidth=8\nheight=8\nchannels=4\nbatch=8\n" + Self.conv
    let folder = try folder([
      "x.data": "classes=2\ntrain=l.txt\nvalid=l.txt\nnames=x.names\nlabels=x.names\n",
      "x.names": "a\nb\n", "l.txt": "a.png\n", "x.cfg": channels,
    ])
    let run = try ProgramRun(words, in: folder)
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "x.cfg:4: [net] channels: expected 3 for RGB or 1 for grey pictures, found 4; pictures have "
          + "no others; 'dump' runs a network on raw values\n"), "found: \(run.errors)")
  }

  @Test func `a cfg that never ends`() throws {
    let run = try ProgramRun(["ops", "/dev/zero"], in: try folder([:]))
    #expect(run.status == 3)
    #expect(
      run.errors
        == "/dev/zero: cannot read the file: File too large; check that the right file was named\n")
  }

  /// The same network in every dress that a text file comes in.
  @Test(arguments: ["plain", "crlf", "bom", "blanks", "remarks"])
  func `texts as they come`(dress: String) throws {
    let plain = Self.net + Self.conv
    let text =
      switch dress {
      case "crlf": plain.replacingOccurrences(of: "\n", with: "\r\n")
      case "bom": "\u{FEFF}" + plain
      case "blanks": plain.replacingOccurrences(of: "=", with: " \t= ")
      case "remarks":
        "# a remark\n; another\n\n"
          + plain.replacingOccurrences(of: "filters=4", with: "filters=4 # four")
      default: plain
      }
    let run = try ProgramRun(["ops", "x.cfg"], in: try folder(["x.cfg": text]))
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("Floating Point Operations: 221184\n"))
  }

  @Test func `paths with blanks, quotes, unicode and line ends`() throws {
    for name in [
      "a b.cfg", "it's.cfg", "gr\u{00FC}\u{00DF}e \u{1F603}.cfg", "two\nlines.cfg",
      "$(touch pwned).cfg",
    ] {
      let folder = try folder([name: Self.net + Self.conv])
      let run = try ProgramRun(["ops", name], in: folder)
      #expect(run.status == 0, "\(name): \(run.errors)")
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(files.count == 1)
    }
  }

  @Test func `unknown options are reported in Darknet's words`() throws {
    let run = try ProgramRun(
      ["ops", "x.cfg"], in: try folder(["x.cfg": Self.net + Self.conv + "colour=blue\n"]))
    #expect(run.status == 0)
    #expect(run.errors.contains("Unused field: 'colour = blue'\n"))
  }

  // MARK: Weights

  /// Header of version 0.2.5 and so many floats of a quarter; the last bytes are zeros.
  private func weights(_ count: Int, extraBytes: Int = 0) -> Data {
    var data = Data()
    for value: Int32 in [0, 2, 5, 0, 0] {
      withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
    }
    for _ in 0..<count {
      withUnsafeBytes(of: Float(0.25)) { data.append(contentsOf: $0) }
    }
    return data + Data(count: extraBytes)
  }

  /// The layer has 4 biases and 108 weights.
  @Test(arguments: [
    (
      0, 0,
      "x.weights: byte 0: expected a header of 16 or 20 bytes, found 7 bytes; the file is empty or cut short; get it again"
    ),
    (
      2, 0,
      "x.weights: byte 20: layer 0 [convolutional] biases: expected 4 floats, found 2; the file is cut short or belongs to another cfg than x.cfg"
    ),
    (
      50, 2,
      "x.weights: byte 36: layer 0 [convolutional] weights: expected 108 floats, found 46; the file is cut short or belongs to another cfg than x.cfg"
    ),
    (
      113, 0,
      "x.weights: byte 468: after the last layer: expected the file's end, found 4 more bytes; the file belongs to another cfg than x.cfg"
    ),
  ])
  func `weights that do not fit`(floats: Int, extra: Int, line: String) throws {
    let folder = try folder(["x.cfg": Self.net + Self.conv])
    let data = floats == 0 ? Data(count: 7) : weights(floats, extraBytes: extra)
    try data.write(to: folder.appendingPathComponent("x.weights"))
    let run = try ProgramRun(["statistics", "x.cfg", "x.weights"], in: folder)
    #expect(run.status == 3)
    #expect(run.errors.hasSuffix(line + "\n"), "found: \(run.errors)")
    if floats > 0 {
      let forced = try ProgramRun(["statistics", "x.cfg", "x.weights", "-force"], in: folder)
      #expect(forced.status == 0, "\(forced.errors)")
    }
  }

  @Test func `a full disk is an error of its own, and the old file stays`() throws {
    guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
    let folder = try folder(["x.cfg": Self.net + Self.conv])
    try weights(112).write(to: folder.appendingPathComponent("x.weights"))
    let run = try ProgramRun(["partial", "x.cfg", "x.weights", "/dev/full", "1"], in: folder)
    #expect(run.status == 4)
    #expect(run.errors.contains("/dev/full: cannot write the file: No space left on device"))
    let missing = try ProgramRun(["partial", "x.cfg", "x.weights", "no/such/x", "1"], in: folder)
    #expect(missing.status == 4)
    #expect(missing.errors.contains("no/such/x: cannot create the file: No such file or directory"))
  }

  @Test func `partial with more layers than there are writes all`() throws {
    let folder = try folder(["x.cfg": Self.net + Self.conv])
    try weights(112).write(to: folder.appendingPathComponent("x.weights"))
    let run = try ProgramRun(["partial", "x.cfg", "x.weights", "y.weights", "9"], in: folder)
    #expect(run.status == 0)
    #expect(run.errors.contains("N: x.cfg has 1 layer, not 9; all of them are written\n"))
    #expect(try Data(contentsOf: folder.appendingPathComponent("y.weights")) == weights(112))
  }

  @Test func `a whole file comes back byte for byte`() throws {
    let folder = try folder(["x.cfg": Self.net + Self.conv])
    var data = weights(112)
    for i in 20..<data.count where i % 4 != 3 { data[i] = UInt8(truncatingIfNeeded: i &* 31) }
    try data.write(to: folder.appendingPathComponent("x.weights"))
    let run = try ProgramRun(["partial", "x.cfg", "x.weights", "y.weights", "1"], in: folder)
    #expect(run.status == 0, "\(run.errors)")
    #expect(try Data(contentsOf: folder.appendingPathComponent("y.weights")) == data)
  }

  // MARK: Outputs

  /// Commands whose result would take the place of the file `lost`; `link` is a link to x.weights.
  @Test(arguments: [
    (["partial", "x.cfg", "x.weights", "x.weights", "1"], "x.weights", ""),
    (["partial", "x.cfg", "x.weights", "./x.cfg", "1"], "./x.cfg", "the same file as 'x.cfg', "),
    (["partial", "x.cfg", "x.weights", "link", "1"], "link", "the same file as 'x.weights', "),
    (["average", "x.cfg", "y.weights", "x.weights", "y.weights"], "y.weights", ""),
    (["average", "x.cfg", "x.cfg", "x.weights"], "x.cfg", ""),
    (["reset", "x.cfg", "x.weights", "x.cfg"], "x.cfg", ""),
    (["transplant", "x.cfg", "x.weights", "y.cfg", "y.cfg"], "y.cfg", ""),
    (["transplant", "x.cfg", "x.weights", "y.cfg", "x.weights"], "x.weights", ""),
    (["memory", "x.cfg", "-svg", "x.cfg"], "x.cfg", ""),
    (["gradients", "x.cfg", "--svg", "./x.cfg"], "./x.cfg", "the same file as 'x.cfg', "),
    (["benchmark", "x.cfg", "x.weights", "-sizes", "32", "-out", "x.weights"], "x.weights", ""),
    (["detector", "check", "x.data", "-json", "list.txt"], "list.txt", ""),
    (["detector", "map", "x.data", "x.cfg", "x.weights", "-json", "x.names"], "x.names", ""),
  ])
  func `inputs are not written over`(words: [String], output: String, found: String) throws {
    let folder = try folder([
      "x.cfg": Self.net + Self.conv, "y.cfg": Self.net + Self.conv,
      "x.data": "train=list.txt\nvalid=list.txt\nnames=x.names\n", "list.txt": "a.jpg\n",
      "x.names": "a\n",
    ])
    for name in ["x.weights", "y.weights"] {
      try weights(112).write(to: folder.appendingPathComponent(name))
    }
    try FileManager.default.createSymbolicLink(
      atPath: folder.appendingPathComponent("link").path, withDestinationPath: "x.weights")
    let before = try Data(contentsOf: folder.appendingPathComponent(output))
    let run = try ProgramRun(words, in: folder)
    #expect(run.status == 2)
    #expect(
      run.errors.contains(
        ": expected a file of its own, found '\(output)', \(found)which is read and would be lost; "
          + "name another file\n"), "\(run.errors)")
    #expect(try Data(contentsOf: folder.appendingPathComponent(output)) == before)
  }

  /// Maps of 26000x26000 in blocks of 16 channels are 43 GB each, which few machines have.
  @Test func `no memory is a line, too`() throws {
    let conv = "[convolutional]\nfilters=3\n"
    let folder = try folder([
      "x.cfg": "[net]\nwidth=26000\nheight=26000\nchannels=3\n" + conv + conv
    ])
    let run = try ProgramRun(["memory", "x.cfg"], in: folder)
    let isTold =
      run.status == 4 && run.errors.contains("memory: expected ")
      || run.status == 3 && run.errors.contains("a network that fits in")
    #expect(isTold || run.status == 0, "\(run.errors.suffix(300))")
  }

  @Test func `weights may be changed in place`() throws {
    let folder = try folder(["x.cfg": Self.net + Self.conv])
    var data = weights(112)
    for i in 20..<data.count where i % 4 == 2 { data[i] = UInt8(truncatingIfNeeded: i) }
    try data.write(to: folder.appendingPathComponent("x.weights"))
    for output in ["y.weights", "x.weights"] {
      let run = try ProgramRun(["rgbgr", "x.cfg", "x.weights", output], in: folder)
      #expect(run.status == 0, "\(run.errors)")
    }
    let files = try ["x.weights", "y.weights"].map {
      try Data(contentsOf: folder.appendingPathComponent($0))
    }
    #expect(files[0] == files[1] && files[0] != data)
  }
}
