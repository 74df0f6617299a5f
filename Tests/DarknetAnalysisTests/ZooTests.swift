import DarknetAnalysis
import DarknetConfig
import DarknetNetwork
import DarknetSystem
import DarknetTestSupport
import DarknetText
import DarknetTranscript
import Testing

/// The folder of the package: Tests/DarknetNetworkTests/ZooTests.swift stands two folders below.
private let package =
  "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

private func network(_ name: String, size: Int? = nil) throws -> Network {
  let member = try #require(Zoo.member(named: name))
  let config = try ConfigFile(text: try member.text().utf8, name: name + ".cfg")
  return try NetworkBuilder(batch: 1, inputSize: size.map { ($0, $0) }).build(config)
}

/// Operations of the convolutions alone, which the papers and older tables count.
private func convolutionOperations(_ network: Network) -> Double {
  network.nodes.reduce(0) { $1.name == "convolutional" ? $0 + $1.layer.operations : $0 } / 1e9
}

@Suite struct ZooTests {
  @Test(arguments: Zoo.members.map(\.name))
  func `cfg files are what the generator writes`(name: String) throws {
    let member = try #require(Zoo.member(named: name))
    let file = try FileBytes.read("\(package)/cfg/\(name).cfg")
    #expect(String(decoding: file, as: UTF8.self) == (try member.text()))
  }

  /// What the authors, or AlexeyAB's layer table, published; half a unit of the last digit is the
  /// tolerance, as the figures are rounded. Some count additions and pooling, some do not: one of
  /// the two counts must meet the figure.
  @Test(arguments: [
    ("yolov3", 416, 65.864, 0.0005), ("yolov3", 320, 38.973, 0.0005),
    ("yolov3-fprn", 416, 65.864, 0.0005), ("yolov3-fprn", 320, 38.973, 0.0005),
    // The authors' schedule is not published: within 0.3 %.
    ("yolov3-prn", 416, 42.43, 0.003 * 42.43), ("yolov3-prn", 320, 25.11, 0.003 * 25.11),
    ("yolov3-tiny", 416, 5.571, 0.0005), ("v3-tiny-prn", 416, 3.467, 0.0005),
    ("pelee-prn", 320, 2.39, 0.005), ("pelee-prn", 416, 4.04, 0.005),
    // The published 3.98 at 320 is 2.98: 5.03 at 416 cannot be 3.98 at 320.
    ("pelee-prn-3l", 416, 5.03, 0.005), ("pelee-prn-3l", 320, 2.98, 0.005),
    ("pelee-yolov3", 320, 2.99, 0.005), ("pelee-yolov3", 416, 5.06, 0.005),
    ("enet-b0-prn", 320, 2.208, 0.0005), ("enet-b0-prn", 416, 3.730, 0.0005),
    ("darknet53", 256, 18.57, 0.005),
  ])
  func `operations are the published ones`(
    name: String, size: Int, published: Double, tolerance: Double
  ) throws {
    let network = try network(name, size: size)
    let counts = [network.operations / 1e9, convolutionOperations(network)]
    #expect(counts.contains { abs($0 - published) <= tolerance }, "counted \(counts)")
  }

  @Test(arguments: [
    ("yolov3-tiny", 8.86, 0.005),
    // Published as 4.95; the published cfg counts 4.94.
    ("v3-tiny-prn", 4.94, 0.005), ("pelee-prn", 3.16, 0.005),
    ("pelee-prn-3l", 3.36, 0.005), ("pelee-yolov3", 3.91, 0.005),
  ])
  func `parameters are the published ones, in millions`(
    name: String, published: Double, tolerance: Double
  ) throws {
    #expect(abs(Double(try network(name).parameterCount) / 1e6 - published) <= tolerance)
  }

  /// The published yolov3.weights has 248007048 bytes: a header of 20 and 62001757 floats.
  @Test func `partial shortcuts leave the parameters as they are`() throws {
    #expect(try network("yolov3").parameterCount == 62_001_757)
    #expect(try network("yolov3-fprn").parameterCount == 62_001_757)
    #expect(
      try network("darknet53").parameterCount == network("darknet53-fprn").parameterCount)
  }

  /// Rows of AlexeyAB's program for the published cfgs: shapes and operations of each layer.
  @Test(
    .enabled(if: sharedFolder != nil, "there is no folder of reference outputs"),
    arguments: [
      ("yolov3", "yolov3"), ("yolov3-tiny", "yolov3-tiny"), ("v3-tiny-prn", "yolov3-tiny-prn"),
      ("enet-b0-prn", "enet-coco"), ("darknet53", "darknet53"),
    ])
  func `layer tables are the reference program's`(name: String, reference: String) throws {
    let path = "\(try #require(sharedFolder))/golden/tables/\(reference).alexeyab.txt"
    let text = String(decoding: try FileBytes.read(path), as: UTF8.self)
    let network = try network(name)
    var index = 0
    for line in text.split(separator: "\n") {
      guard index < network.nodes.count,
        line.drop(while: { $0 == " " }).hasPrefix("\(index) ")
      else { continue }
      let node = network.nodes[index]
      // A partial shortcut has words of its own in front of the shape.
      let row = node.layer.tableRow.text(.alexeyab).split(separator: "\n")[0]
      if node.name == "partial_shortcut" {
        #expect(row.suffix(25) == line.suffix(25), "layer \(index)")
      } else {
        #expect(row == line.dropFirst(5), "layer \(index)")
      }
      index += 1
    }
    #expect(index == network.nodes.count)
  }

  // MARK: By rule

  /// A stage of base 64 and four blocks at gamma 0.5, by hand.
  @Test(arguments: [
    (Darknet53.Kind.shrink, [64, 56, 48, 40, 32]),
    (.expand, [32, 40, 48, 56, 64]),
    (.bottleneck, [64, 48, 32, 48, 64]),
  ])
  func `widths of a stage`(kind: Darknet53.Kind, widths: [Int]) {
    let network = Darknet53(widths: .varying(kind, gamma: 0.5))
    #expect(network.stageWidths(base: 64, blocks: 4) == widths)
  }

  /// The rule of the issue for block i of n: b - (b / 2)(i + 1) / n.
  @Test func `the stages of yolov3-prn fall to half`() throws {
    let filters = try network("yolov3-prn").nodes.filter { $0.name == "partial_shortcut" }
      .map(\.outputShape.channels)
    let rule = [(64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)].flatMap { base, blocks in
      (0..<blocks).map { base - base / 2 * ($0 + 1) / blocks }
    }
    #expect(filters == rule)
  }

  @Test func `converting yolov3 gives yolov3-fprn`() throws {
    let text = try #require(Zoo.member(named: "yolov3")).text()
    let converted = try Zoo.makingShortcutsPartial(
      Array(text.utf8), name: "yolov3.cfg", sparsity: 0.5)
    let ours = try ConfigFile(
      text: try #require(Zoo.member(named: "yolov3-fprn")).text().utf8, name: "yolov3-fprn.cfg")
    let theirs = try ConfigFile(text: converted, name: "yolov3.cfg")
    func contents(_ file: ConfigFile) -> [[String: String?]] {
      file.sections.map { section in
        Dictionary(
          section.options.map { ($0.key, $0.value) } + [("section", section.name)],
          uniquingKeysWith: { first, _ in first })
      }
    }
    #expect(contents(ours) == contents(theirs))
  }

  @Test func `converting keeps line ends and comments, and touches nothing else`() throws {
    let text = "[net]\r\n# [shortcut]\r\n[shortcut]\r\nfrom=-2\r\n\r\n[route]\r\nlayers=-1"
    let converted = try Zoo.makingShortcutsPartial(Array(text.utf8), name: "a.cfg", sparsity: 0.25)
    #expect(
      String(decoding: converted, as: UTF8.self)
        == "[net]\r\n# [shortcut]\r\n[partial_shortcut]\r\nsparsity=0.25\r\nfrom=-2\r\n\r\n"
        + "[route]\r\nlayers=-1")
  }

  @Test func `a weighted shortcut cannot be converted`() {
    let text = "[net]\n[shortcut]\nfrom=-2\nweights_type=per_feature\n"
    #expect {
      try Zoo.makingShortcutsPartial(Array(text.utf8), name: "a.cfg", sparsity: 0.5)
    } throws: {
      "\($0)" == "a.cfg:4: [shortcut] weights_type: expected a shortcut that only adds, found "
        + "'per_feature'; drop the option first: a [partial_shortcut] has no weights"
    }
  }

  @Test func `generated networks of any kind build`() throws {
    for kind in Darknet53.Kind.allCases {
      let member = Zoo.partial(.yolov3, kind, gamma: 0.3, sparsity: 0.25)
      let config = try ConfigFile(text: try member.text().utf8, name: "x.cfg")
      #expect(try NetworkBuilder(batch: 1).build(config).nodes.count == 107)
    }
  }
}
