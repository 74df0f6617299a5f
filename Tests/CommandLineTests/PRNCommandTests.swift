import DarknetData
import DarknetLayers
import DarknetTestSupport
import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// `transplant`, `memory`, `gradients` and `generate` on real files.
@Suite struct PRNCommandTests {
  private func cfg(_ name: String) -> String {
    ProjectFolder.root.appendingPathComponent("cfg/\(name).cfg").path
  }

  private func figure(_ name: String) -> String {
    ProjectFolder.root.appendingPathComponent("docs/figures/\(name).cfg").path
  }

  // MARK: transplant

  @Test(.enabled(if: ProjectFolder.tinyWeights != nil, "there is no yolov3-tiny.weights"))
  func `YOLOv3-tiny's weights start its PRN`() throws {
    let folder = try TemporaryFolder.make()
    let weights = try #require(ProjectFolder.tinyWeights).path
    let run = try ProgramRun(
      ["transplant", cfg("yolov3-tiny"), weights, cfg("v3-tiny-prn"), "prn.weights"], in: folder)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.errors.hasSuffix("Saving weights to prn.weights\n"))
    let rows = run.output.split(separator: "\n")
    #expect(rows.contains { $0.hasPrefix("   10 convolutional       10    512/512    256/256") })
    #expect(rows.contains { $0.hasSuffix("-  fresh: everything that it reads is new") })
    let file = try Data(contentsOf: folder.appendingPathComponent("prn.weights"))
    // 4.94 million values and a header of 20 bytes that says no images were seen.
    #expect(file.count == 20 + 4 * 4_939_758)
    #expect(file[12..<20].allSatisfy { $0 == 0 })
    // What both begin with is the same, byte for byte: layers 0 to 10.
    let old = try Data(contentsOf: URL(fileURLWithPath: weights))
    let common = 4 * 1_575_792
    #expect(old[20..<20 + common] == file[20..<20 + common])
    // The program reads it as a whole file of that cfg.
    let check = try ProgramRun(
      ["statistics", cfg("v3-tiny-prn"), "prn.weights"], in: folder)
    #expect(check.status == 0)
  }

  @Test(arguments: [
    (["--map", "0:1"], "-map 0:1: expected two layers with weights of one kind, kernel and "),
    (["-map", "0:1"], "; look both up with 'ops'\n"),
    (["--map", "3"], "-map: expected I:J, two layers as 7:9, found '3'"),
    (["-select", "best"], "-select: expected l1 or first, found 'best'"),
  ])
  func `wrong flags of transplant`(flags: [String], text: String) throws {
    let folder = try TemporaryFolder.make()
    // A cut file is enough: layers without weights start fresh.
    let header: [UInt8] = [0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
    try Data(header).write(to: folder.appendingPathComponent("a.weights"))
    let run = try ProgramRun(
      ["transplant", figure("prn5"), "a.weights", figure("resnet5"), "b.weights"] + flags,
      in: folder)
    #expect(run.status == 2)
    #expect(run.errors.contains(text), "\(run.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/b.weights"))
  }

  // MARK: memory

  @Test func `memory prints what waits for shortcuts, and draws it`() throws {
    let folder = try TemporaryFolder.make()
    let run = try ProgramRun(["memory", cfg("v3-tiny-prn"), "-svg", "memory.svg"], in: folder)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.hasPrefix("layer                        output      MiB     live"))
    // Layer 12 by hand: maps of 512 channels at 13x13 are its input, its output and layer 10, which
    // waits; so do 128 channels at 26x26 of layer 8.
    let row = try #require(run.output.split(separator: "\n").first { $0.hasPrefix("   12 ") })
    let numbers = row.split(separator: " ").suffix(4).map(String.init)
    #expect(numbers == ["0.33", "1.32", "0.66", "1.32"])
    let svg = try String(contentsOf: folder.appendingPathComponent("memory.svg"), encoding: .utf8)
    #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
    #expect(try XMLCheck.elements(of: svg, named: "rect") >= 27)
  }

  /// A control character, one that no XML may hold, a byte of Latin-1, and markup.
  @Test(arguments: ["memory", "gradients"])
  func `pictures of files with odd names are XML`(command: String) throws {
    let folder = try TemporaryFolder.make()
    try FileManager.default.copyItem(
      atPath: figure("prn5"), toPath: folder.appendingPathComponent("x.cfg").path)
    let script = #"""
      f=$(printf 'a\1b\357\277\277<\351>&".cfg'); mv x.cfg "$f"; "$P" "$C" "$f" -svg o.svg
      """#
    let run = try ProgramRun(
      ["-c", script], in: folder, program: URL(fileURLWithPath: "/bin/sh"),
      environment: ["P": ProgramRun.program.path, "C": command])
    #expect(run.status == 0, "\(run.errors)")
    let data = try Data(contentsOf: folder.appendingPathComponent("o.svg"))
    let svg = try #require(String(validating: data, as: UTF8.self))
    #expect(svg.contains(">ab&lt;\u{FFFD}&gt;&amp;&quot;.cfg"))
    #expect(try XMLCheck.elements(of: svg, named: "svg") == 1)
  }

  // MARK: gradients

  @Test func `gradients of the paper's five-layer PRN`() throws {
    let folder = try TemporaryFolder.make()
    let run = try ProgramRun(["gradients", figure("prn5"), "-svg", "prn5.svg"], in: folder)
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      run.output == """
        layer                 channels  timestamps and sources
            0 convolutional        0-3  G1+G3+G5  from loss 6 [0-3], 4 [0-3], 1 [0-7]
                                   4-7  G3+G5  from 1 [0-7]
            1 convolutional        0-7  G2+G4  from 2 [0-7]
            2 convolutional        0-3  G1+G3  from loss 6 [0-3], 4 [0-3]
                                   4-7  G3  from 4 [4-7]
            4 convolutional        0-7  G2  from 5 [0-7]
            5 convolutional        0-3  G1  from loss 6 [0-3]
                                   4-7  G1  from loss 6 [4-7]
        timestamp combinations: 7
        source combinations: 8
        sums of timestamps: 7 {G1, G1+G3, G1+G3+G5, G2, G2+G4, G3, G3+G5}

        """)
    let svg = try String(contentsOf: folder.appendingPathComponent("prn5.svg"), encoding: .utf8)
    #expect(try XMLCheck.elements(of: svg, named: "text") > 20)
  }

  @Test func `gradients as JSON`() throws {
    let folder = try TemporaryFolder.make()
    let run = try ProgramRun(["gradients", figure("prn5"), "--json"], in: folder)
    #expect(run.status == 0)
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
    #expect(object["timestamp_combinations"] as? Int == 7)
    let layers = try #require(object["layers"] as? [[String: Any]])
    #expect(layers.compactMap { $0["layer"] as? Int } == [0, 1, 2, 4, 5])
    let groups = try #require(layers[0]["groups"] as? [[String: Any]])
    #expect(groups.compactMap { $0["timestamps"] as? [Int] } == [[1, 3, 5], [3, 5]])
    #expect(groups.compactMap { $0["channels"] as? [Int] } == [[0, 4], [4, 8]])
  }

  // MARK: generate

  @Test func `generate makes networks that ops reads`() throws {
    let folder = try TemporaryFolder.make()
    for arguments in [
      ["prn", "--base", "darknet53", "--kind", "shrink", "--gamma", "0.5"],
      ["fprn", cfg("yolov3"), "--sparsity", "0.5"],
    ] {
      let run = try ProgramRun(["generate"] + arguments, in: folder)
      #expect(run.status == 0)
      try Data(run.output.utf8).write(to: folder.appendingPathComponent("x.cfg"))
      let table = try ProgramRun(["ops", "x.cfg"], in: folder)
      #expect(table.status == 0)
      #expect(table.errors.contains("Partial Shortcut Layer: "))
      // Convolutions 65.864, as published, and the additions of half of the shortcuts' channels.
      #expect(table.errors.contains("Total BFLOPS \(arguments[0] == "fprn" ? "65.871" : "9.840")"))
    }
  }

  @Test func `generate fprn says if there is nothing to change`() throws {
    let run = try ProgramRun(["generate", "fprn", cfg("yolov3-tiny")], in: TemporaryFolder.make())
    #expect(run.status == 0)
    #expect(run.errors.hasSuffix("yolov3-tiny.cfg: has no [shortcut]; it is written as it is\n"))
  }

  @Test func `generate shapes spares what a folder has`() throws {
    let folder = try TemporaryFolder.make()
    let first = try ProgramRun(["generate", "shapes", "set", "-count", "1"], in: folder)
    #expect(first.status == 0)
    let label = folder.appendingPathComponent("set/train/0000.txt")
    try Data("mended by hand".utf8).write(to: label)
    let again = try ProgramRun(["generate", "shapes", "set", "-count", "1"], in: folder)
    #expect(again.status == 2)
    #expect(
      again.errors.hasPrefix(
        "DIR: expected a new or an empty folder, found files in 'set'; name another one, or "
          + "overwrite them with -force\n"))
    #expect(try Data(contentsOf: label) == Data("mended by hand".utf8))
    let forced = try ProgramRun(
      ["generate", "shapes", "set", "-count", "1", "-force"], in: folder)
    #expect(forced.status == 0)
    #expect(try Data(contentsOf: label) != Data("mended by hand".utf8))
  }

  @Test func `generate fprn names the line of the file that it was given`() throws {
    let folder = try TemporaryFolder.make()
    let conv = "[convolutional]\nfilters=4\n"
    let cfg =
      "[net]\nwidth=8\nheight=8\nchannels=3\n" + conv + conv + "[shortcut]\nfrom=-2\n"
      + "[maxpool]\nsize=2\nstride=2\n[shortcut]\nfrom=-2\n"
    try Data(cfg.utf8).write(to: folder.appendingPathComponent("a.cfg"))
    let run = try ProgramRun(["generate", "fprn", "a.cfg"], in: folder)
    #expect(run.status == 3)
    #expect(run.output.isEmpty)
    #expect(run.errors.hasPrefix("a.cfg:15: [shortcut] from: expected a layer of 4x4, found layer"))
  }
}

/// Whether a text is well-formed XML, and how many elements of a name it has.
private final class XMLCheck: NSObject, XMLParserDelegate {
  private let name: String
  private var count = 0

  private init(_ name: String) { self.name = name }

  static func elements(of text: String, named name: String) throws -> Int {
    let parser = XMLParser(data: Data(text.utf8))
    let check = XMLCheck(name)
    parser.delegate = check
    try #require(parser.parse(), "\(String(describing: parser.parserError))")
    return check.count
  }

  func parser(
    _ parser: XMLParser, didStartElement element: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    if element == name { count += 1 }
  }
}
