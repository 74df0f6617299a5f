import DarknetAnalysis
import DarknetConfig
import DarknetNetwork
import DarknetTestSupport
import Foundation
import Testing

private func flow(_ cfg: String) throws -> GradientFlow {
  try GradientFlow(
    try NetworkBuilder(batch: 1).build(ConfigFile(text: Array(cfg.utf8), name: "net.cfg")))
}

private func figure(_ name: String) throws -> GradientFlow {
  let file = ProjectFolder.root.appendingPathComponent("docs/figures/\(name).cfg")
  return try flow(String(decoding: Data(contentsOf: file), as: UTF8.self))
}

/// A PRN of one stage: a convolution for each width, and behind each but the first a shortcut of
/// all channels that it has in common with the one before.
private func stage(_ widths: [Int]) -> String {
  var cfg = "[net]\nwidth=4\nheight=4\nchannels=3\n"
  for (number, width) in widths.enumerated() {
    cfg += "[convolutional]\nfilters=\(width)\nsize=3\npad=1\nactivation=leaky\n"
    if number > 0 { cfg += "[partial_shortcut]\nfrom=-2\n" }
  }
  return cfg
}

@Suite struct GradientFlowTests {
  /// Timestamps of every group of channels, layer by layer from the first, by hand after figure 5:
  /// that of the ResNet and the PRN are printed there; DenseNet and SparseNet follow from what
  /// their layers read.
  @Test(
    arguments: [
      ("resnet5", [[[1, 3, 5]], [[2, 4]], [[1, 3]], [[2]], [[1]]]),
      ("prn5", [[[1, 3, 5], [3, 5]], [[2, 4]], [[1, 3], [3]], [[2]], [[1]]]),
      ("densenet5", [[[1, 2, 3, 4, 5]], [[1, 2, 3, 4]], [[1, 2, 3]], [[1, 2]], [[1]]]),
      ("sparsenet5", [[[2, 3, 4, 5]], [[1, 2, 3, 4]], [[2, 3]], [[1, 2]], [[1]]]),
    ] as [(String, [[[Int]]])])
  func `routes of figure 5`(name: String, timestamps: [[[Int]]]) throws {
    let flow = try figure(name)
    // Layer 5 of the PRN learns from two slices at one time: groups of one sum are one here.
    let merged = flow.rows.map { row in
      row.groups.map(\.timestamps).reduce(into: [[Int]]()) { if $0.last != $1 { $0.append($1) } }
    }
    #expect(merged == timestamps)
    let sums = Set(timestamps.flatMap { $0 })
    #expect(Set(flow.timestampSums) == sums)
    #expect(flow.timestampCombinations == timestamps.reduce(0) { $0 + $1.count })
  }

  /// The paper prints 5 combinations for the ResNet and 7 for the PRN.
  @Test func `combinations that figure 5 counts`() throws {
    #expect(try figure("resnet5").timestampCombinations == 5)
    #expect(try figure("prn5").timestampCombinations == 7)
  }

  /// Figure 6: the gradient that leaves the loss goes as one to layers 1, 3, 5 of a ResNet; a PRN
  /// splits it; a concatenation has another part for each layer.
  @Test(
    arguments: [
      ("resnet5", [[0..<8], [], [0..<8], [], [0..<8]]),
      ("prn5", [[0..<4], [], [0..<4], [], [0..<4, 4..<8]]),
      ("densenet5", [[32..<40], [24..<32], [16..<24], [8..<16], [0..<8]]),
      ("sparsenet5", [[], [16..<24], [], [8..<16], [0..<8]]),
    ] as [(String, [[Range<Int>]])])
  func `sources of figure 6`(name: String, slices: [[Range<Int>]]) throws {
    let found = try figure(name).rows.map { row in
      Set(row.groups.flatMap(\.arrivals).filter { $0.timestamps.contains(1) }.map(\.slice))
        .sorted { $0.lowerBound < $1.lowerBound }
    }
    #expect(found == slices)
  }

  // MARK: Section 4.2

  @Test(arguments: 2...16)
  func `PRN-shrink has k(k+1)/2 timestamp and k(k+1)/2 source combinations`(k: Int) throws {
    let flow = try flow(stage((1...k).reversed().map { 3 * $0 }))
    #expect(flow.timestampCombinations == k * (k + 1) / 2)
    #expect(flow.sourceCombinations == k * (k + 1) / 2)
    #expect(flow.rows.map(\.timestampCombinations) == Array((1...k).reversed()))
  }

  @Test(arguments: 2...16)
  func `PRN-expand has k timestamp and k(k+1)/2 source combinations`(k: Int) throws {
    let flow = try flow(stage((1...k).map { 3 * $0 }))
    #expect(flow.timestampCombinations == k)
    #expect(flow.sourceCombinations == k * (k + 1) / 2)
    #expect(flow.rows.map(\.sourceCombinations) == Array(1...k))
  }

  /// The formula wants an even k: the way down and the way up mirror each other.
  @Test(arguments: Array(stride(from: 2, through: 16, by: 2)))
  func `PRN-bottleneck has (h(h+1)+k)/2 and h(h+1), with h = k/2`(k: Int) throws {
    let half = k / 2
    let flow = try flow(stage(((1...half).reversed() + (1...half)).map { 3 * $0 }))
    #expect(flow.timestampCombinations == ((1 + half) * half + k) / 2)
    #expect(flow.sourceCombinations == (1 + half) * half)
  }

  @Test(arguments: 2...16)
  func `a residual stage has one combination a layer`(k: Int) throws {
    let flow = try flow(stage([Int](repeating: 6, count: k)))
    #expect(flow.timestampCombinations == k)
    #expect(flow.sourceCombinations == k)
  }

  /// The 3x3 convolutions of each stage of the generated network, which are what its shortcuts
  /// join: a stage of n blocks has k = n + 1 of them.
  @Test(arguments: [Darknet53.Kind.shrink, .expand])
  func `stages of the generated Darknet-53-PRN`(kind: Darknet53.Kind) throws {
    let text = try Zoo.partial(.darknet53, kind, gamma: 0.5).text()
    let network = try NetworkBuilder(batch: 1).build(
      ConfigFile(text: Array(text.utf8), name: "x.cfg"))
    let rows = try Dictionary(
      uniqueKeysWithValues: GradientFlow(network).rows.map { ($0.layer, $0) })
    var first = 1
    for blocks in [1, 2, 8, 8, 4] {
      let layers = [first] + (1...blocks).map { first + 3 * $0 - 1 }
      let combinations = layers.reduce(0) { $0 + (rows[$1]?.timestampCombinations ?? 0) }
      let k = blocks + 1
      #expect(combinations == (kind == .shrink ? k * (k + 1) / 2 : k), "\(blocks) blocks")
      first += 1 + 3 * blocks
    }
  }

  // MARK: Other layers

  @Test func `grouped convolutions keep the halves of their channels apart`() throws {
    let flow = try flow(
      """
      [net]
      width=4
      height=4
      channels=3
      [convolutional]
      filters=8
      [convolutional]
      filters=8
      groups=2
      [convolutional]
      filters=8
      [route]
      layers=-2
      groups=2
      [shortcut]
      from=-2
      """)
    // The sum has the 4 channels of the slice; channels 4 to 7 of layer 1 reach nothing but
    // layer 2, which is added with its first 4.
    #expect(flow.rows[1].groups.map(\.channels) == [0..<4, 4..<8])
    #expect(flow.rows[1].groups.map(\.timestamps) == [[1, 2], [2]])
    #expect(flow.rows[0].groups.map(\.timestamps) == [[2, 3], [3]])
    #expect(flow.rows[2].groups.map(\.timestamps) == [[1], []])
  }

  @Test func `nothing goes behind stopbackward`() throws {
    let flow = try flow(
      """
      [net]
      width=4
      height=4
      channels=3
      [convolutional]
      filters=8
      [convolutional]
      filters=8
      stopbackward=1
      [convolutional]
      filters=8
      """)
    #expect(flow.rows.map(\.layer) == [1, 2])
    #expect(flow.rows.map { $0.groups.map(\.timestamps) } == [[[2]], [[1]]])
  }

  @Test func `yolov3 learns from three losses`() throws {
    let member = try #require(Zoo.member(named: "yolov3"))
    let network = try NetworkBuilder(batch: 1).build(
      ConfigFile(text: member.text().utf8, name: "yolov3.cfg"))
    let flow = try GradientFlow(network)
    #expect(flow.losses == [82, 94, 106])
    #expect(flow.rows.count == 75)
    #expect(flow.rows.last?.groups.map(\.timestamps) == [[1]])
  }

  /// Each route doubles the ways: 2^20 of them would take the memory of a machine.
  @Test func `routes that double are refused`() throws {
    let cfg =
      "[net]\nwidth=4\nheight=4\nchannels=3\n[convolutional]\n"
      + String(repeating: "[route]\nlayers=-1,-1\n", count: 20)
    let network = try NetworkBuilder(batch: 1).build(ConfigFile(text: cfg.utf8, name: "net.cfg"))
    #expect {
      try GradientFlow(network)
    } throws: {
      "\($0)".hasSuffix(
        "[route]: expected gradients that arrive in at most 4000 ways, found 4096; use fewer "
          + "routes that repeat a layer")
    }
  }
}
