import DarknetAnalysis
import DarknetConfig
import DarknetNetwork
import DarknetTestSupport
import Testing

/// Convolutions with batch norm, as the zoo's.
private func conv(_ filters: Int, _ size: Int, groups: Int = 1, linear: Bool = false) -> String {
  "[convolutional]\nfilters=\(filters)\nsize=\(size)\npad=1\n"
    + (groups > 1 ? "groups=\(groups)\n" : "")
    + (linear ? "activation=linear\n" : "batch_normalize=1\nactivation=leaky\n")
}

private func net(_ size: Int = 16) -> String {
  "[net]\nwidth=\(size)\nheight=\(size)\nchannels=3\n"
}

private func head(classes: Int) -> String {
  conv(3 * (5 + classes), 1, linear: true)
    + "[yolo]\nmask=0,1,2\nanchors=1,1,2,2,3,3\nnum=3\nclasses=\(classes)\n"
}

/// A residual stage, a pool, a way back up and a route, with the given widths.
private func detector(
  _ widths: [Int], shortcut: String = "[shortcut]\nfrom=-3\n", classes: Int = 3
) -> String {
  net() + conv(widths[0], 3) + conv(widths[1], 1) + conv(widths[2], 3) + shortcut
    + conv(widths[3], 1) + conv(widths[4], 3) + shortcut + "[maxpool]\nsize=2\nstride=2\n"
    + conv(widths[5], 3) + conv(widths[6], 1) + "[upsample]\nstride=2\n"
    + "[route]\nlayers=-1,6\n" + conv(widths[7], 3) + head(classes: classes)
}

extension NetworkFixture {
  /// Makes channels of a layer 0, whatever it reads.
  fileprivate func silence(_ layer: Int, _ channels: [Int]) {
    let node = network.nodes[layer]
    for (parameter, buffer) in zip(node.layer.parameters, parameters.buffers[layer]) {
      let columns = buffer.count / node.outputShape.channels
      for channel in channels {
        for i in 0..<columns where parameter.role != .rollingVariance {
          buffer.pointer[channel * columns + i] = 0
        }
      }
    }
  }

  fileprivate func transplanted(
    to other: NetworkFixture, map: [(from: Int, to: Int)] = [],
    selection: Transplant.Selection = .l1
  ) throws -> Transplant {
    try Transplant(
      from: network, parameters, to: other.network, other.parameters, map: map,
      selection: selection)
  }
}

@Suite struct TransplantTests {
  // MARK: Pairs

  @Test func `YOLOv3-tiny to its PRN`() throws {
    func network(_ name: String) throws -> Network {
      let text = try #require(Zoo.member(named: name)).text()
      return try NetworkBuilder(batch: 1).build(ConfigFile(text: text.utf8, name: name))
    }
    let (a, b) = (try network("yolov3-tiny"), try network("v3-tiny-prn"))
    let transplant = try Transplant(
      from: a, Parameters(of: a, seed: 1), to: b, Parameters(of: b, seed: 2))
    let pairs = transplant.entries.map { [$0.layer, $0.from ?? -1] }
    // Layer 20 reads the 3x3 convolution before the head, that of YOLOv3-tiny the 1x1 before it.
    #expect(
      pairs == [
        [0, 0], [2, 2], [4, 4], [6, 6], [8, 8], [10, 10], [12, 12], [14, 13], [15, 14], [17, 15],
        [20, -1], [23, 21], [26, 22],
      ])
    let byLayer = Dictionary(uniqueKeysWithValues: transplant.entries.map { ($0.layer, $0) })
    #expect(byLayer[10]?.values == byLayer[10]?.valueCount)
    #expect(byLayer[12].map { [$0.filters, $0.inputs] } == [512, 512])
    #expect(byLayer[20]?.note == "everything that it reads is new")
    // Layer 23 reads layer 8's channels through a shortcut, YOLOv3-tiny's through a route.
    #expect(byLayer[23].map { [$0.filters, $0.inputs] } == [128, 128])
  }

  @Test func `YOLOv3 to YOLOv3-PRN pairs all 75 layers in order`() throws {
    func profiles(_ name: String) throws -> [LayerMatching.Profile] {
      let text = try #require(Zoo.member(named: name)).text()
      let network = try NetworkBuilder(batch: 1).build(ConfigFile(text: text.utf8, name: name))
      return LayerMatching.profiles(network, .all(of: network))
    }
    let (a, b) = (try profiles("yolov3"), try profiles("yolov3-prn"))
    let pairs = LayerMatching(a, b).pairs
    #expect(pairs.count == 75)
    #expect(pairs.allSatisfy { $0 == $1 })
  }

  // MARK: Numbers

  @Test func `into the same network everything goes over`() throws {
    let cfg = detector([16, 8, 16, 8, 16, 24, 8, 12])
    let (a, b) = (try NetworkFixture(cfg, seed: 1), try NetworkFixture(cfg, seed: 2))
    let transplant = try a.transplanted(to: b)
    #expect(transplant.carriedCount == transplant.valueCount)
    for (x, y) in zip(a.parameters.buffers, b.parameters.buffers) {
      #expect(x.map(\.array) == y.map(\.array))
    }
  }

  /// A's other channels are dead; so B, which has none of them, must compute what A computes: all
  /// kept filters and all channels that they read are the right ones. Sums of fewer terms differ in
  /// the last bits of float32.
  @Test(arguments: [Transplant.Selection.l1, .first], [false, true])
  func `a narrower network computes the same if only dead channels went`(
    selection: Transplant.Selection, isPartial: Bool
  ) throws {
    let a = try NetworkFixture(detector([16, 16, 16, 12, 16, 24, 8, 12]), batch: 1)
    let alive =
      selection == .first ? Array(0..<7) : [1, 3, 4, 8, 10, 11, 14]
    func dead(_ count: Int) -> [Int] { (0..<count).filter { !alive.contains($0) } }
    for layer in [0, 2, 5] { a.silence(layer, dead(16)) }
    a.silence(1, dead(16))
    a.silence(4, dead(12))
    a.silence(8, dead(24))
    a.silence(9, selection == .first ? [6, 7] : [0, 5])
    a.silence(12, dead(12))
    let shortcut = isPartial ? "[partial_shortcut]\nfrom=-3\n" : "[shortcut]\nfrom=-3\n"
    // The stage shrinks: 12, 10 and 7 channels, the last of which are the living ones.
    let b = try NetworkFixture(
      detector([12, 9, 10, 7, 7, 8, 6, 7], shortcut: shortcut), batch: 1, seed: 5)
    let transplant = try a.transplanted(to: b, selection: selection)
    #expect(transplant.entries.allSatisfy { $0.from == $0.layer })
    let input = a.randomInput()
    let (x, y) = (a.forward(input).last!, b.forward(input).last!)
    #expect(x.count == y.count)
    #expect(zip(x, y).allSatisfy { abs($0 - $1) <= 1e-4 * max(1, abs($0)) })
  }

  @Test func `depthwise convolutions follow the channels that they read`() throws {
    func cfg(_ width: Int) -> String {
      net() + conv(width, 3) + conv(width, 3, groups: width) + conv(6, 1)
    }
    let (a, b) = (
      try NetworkFixture(cfg(12), batch: 1), try NetworkFixture(cfg(7), batch: 1, seed: 5)
    )
    for layer in 0...1 { a.silence(layer, [0, 2, 5, 6, 11]) }
    _ = try a.transplanted(to: b)
    let input = a.randomInput()
    let (x, y) = (a.forward(input).last!, b.forward(input).last!)
    #expect(zip(x, y).allSatisfy { abs($0 - $1) <= 1e-4 * max(1, abs($0)) })
  }

  @Test func `the largest filters stay`() throws {
    let a = try NetworkFixture(net() + conv(4, 1))
    let weights = a.parameters.buffers[0].last!
    let values: [Float] = [1, 1, 1, -9, 0, 0, 2, 2, 2, 0, 0, 8]
    for (i, value) in values.enumerated() {
      weights.pointer[i] = value
    }
    let b = try NetworkFixture(net() + conv(2, 1))
    _ = try a.transplanted(to: b)
    #expect(b.parameters.buffers[0].last!.array == [-9, 0, 0, 0, 0, 8])
    let c = try NetworkFixture(net() + conv(2, 1))
    _ = try a.transplanted(to: c, selection: .first)
    #expect(c.parameters.buffers[0].last!.array == [1, 1, 1, -9, 0, 0])
  }

  @Test func `heads for other classes keep boxes and objectness`() throws {
    let widths = [8, 8, 8, 8, 8, 8, 8, 8]
    let (a, b) = (
      try NetworkFixture(detector(widths)),
      try NetworkFixture(detector(widths, classes: 2), seed: 9)
    )
    let fresh = b.parameters.buffers[13].map(\.array)
    let transplant = try a.transplanted(to: b)
    let (old, new) = (a.parameters.buffers[13].map(\.array), b.parameters.buffers[13].map(\.array))
    for row in 0..<21 {
      let (anchor, place) = row.quotientAndRemainder(dividingBy: 7)
      let expected = place < 5 ? old : fresh
      let source = place < 5 ? anchor * 8 + place : row
      #expect(new[0][row] == expected[0][source])
      #expect(new[1][row * 8..<row * 8 + 8] == expected[1][source * 8..<source * 8 + 8])
    }
    let entry = try #require(transplant.entries.first { $0.layer == 13 })
    #expect(entry.filters == 15)
    #expect(entry.note == "boxes and objectness; 2 classes start fresh")
  }

  @Test func `a classifier for other classes starts its last layer fresh`() throws {
    func cfg(_ classes: Int) -> String {
      net() + conv(8, 3) + "[avgpool]\n" + conv(classes, 1, linear: true) + "[softmax]\n"
    }
    let (a, b) = (try NetworkFixture(cfg(10)), try NetworkFixture(cfg(4), seed: 9))
    let before = b.parameters.buffers[2].map(\.array)
    let transplant = try a.transplanted(to: b)
    #expect(transplant.entries.map(\.from) == [0, nil])
    #expect(b.parameters.buffers[2].map(\.array) == before)
  }

  @Test func `inputs that A does not have start at zero`() throws {
    let a = try NetworkFixture(net() + conv(4, 1) + conv(4, 1))
    let b = try NetworkFixture(net() + conv(6, 1) + conv(4, 1), seed: 9)
    let transplant = try a.transplanted(to: b)
    #expect(transplant.entries.map(\.filters) == [4, 4])
    let (old, new) = (a.parameters.buffers[1].last!.array, b.parameters.buffers[1].last!.array)
    for row in 0..<4 {
      #expect(Array(new[row * 6..<row * 6 + 6]) == Array(old[row * 4..<row * 4 + 4]) + [0, 0])
    }
  }

  // MARK: Maps of the user

  @Test func `a map names the pairs`() throws {
    let a = try NetworkFixture(net() + conv(4, 3) + conv(4, 3))
    let b = try NetworkFixture(net() + conv(4, 3), seed: 9)
    let transplant = try a.transplanted(to: b, map: [(from: 0, to: 0)])
    #expect(transplant.entries.map(\.from) == [0])
    #expect(b.parameters.buffers[0].last!.array == a.parameters.buffers[0].last!.array)
  }

  @Test(arguments: [
    (0, 1, "3x3/1 and 1x1/1"), (1, 0, "layer 1 of net.cfg has no weights to give"),
    (0, 9, "layer 9 of net.cfg takes no weights"),
  ])
  func `a map of layers that do not go together`(from: Int, to: Int, found: String) throws {
    let a = try NetworkFixture(net() + conv(4, 3) + "[maxpool]\nsize=2\nstride=2\n")
    let b = try NetworkFixture(net() + conv(4, 3) + conv(4, 1))
    #expect {
      _ = try a.transplanted(to: b, map: [(from: from, to: to)])
    } throws: {
      "\($0)" == "layer \(from) for layer \(to): expected two layers with weights of one kind, "
        + "kernel and stride, found \(found)"
    }
  }
}
