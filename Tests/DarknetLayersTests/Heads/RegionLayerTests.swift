import DarknetConfig
import DarknetGeometry
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct RegionLayerTests {
  private static let ln3: Float = 1.0986123
  /// Images enough for the first 12800 to be over.
  private static let old = TrainingProgress(seen: 20_000)

  private func head(
    _ options: String = "softmax=1", classes: Int = 2, anchors: String = "1,1", num: Int = 1,
    cells: (height: Int, width: Int) = (1, 1), dialect: Dialect = .alexeyab,
    readFile: @escaping @Sendable (String) -> [UInt8]? = { _ in nil }
  ) throws -> LayerFixture<RegionLayer> {
    try LayerFixture<RegionLayer>(
      "[region]\ncoords=4\nclasses=\(classes)\nnum=\(num)\nanchors=\(anchors)\n" + options,
      inputs: [shape(num * (classes + 5), cells.height, cells.width)], dialect: dialect,
      networkShape: shape(3, 32, 32), readFile: readFile)
  }

  // MARK: Forward

  /// Two cells; x is 0 and ln 3, objectness -ln 3 and 0, classes (ln 3, 0) and (0, 0).
  private static let twoCells: [Float] = [
    0, ln3, ln3, 0, 1, 2, 3, 4, -ln3, 0, ln3, 0, 0, 0,
  ]

  @Test func `AlexeyAB's order is location by location, x and y raw`() throws {
    let ln3 = Self.ln3
    #expect(
      isClose(
        try head(cells: (1, 2)).forward(Self.twoCells),
        [0, ln3, 1, 3, 0.25, 0.75, 0.25, ln3, 0, 2, 4, 0.5, 0.5, 0.5]))
  }

  @Test func `pjreddie's order is planes, x and y through the logistic`() throws {
    #expect(
      isClose(
        try head(cells: (1, 2), dialect: .pjreddie).forward(Self.twoCells),
        [0.5, 0.75, 0.75, 0.5, 1, 2, 3, 4, 0.25, 0.5, 0.75, 0.5, 0.25, 0.5]))
  }

  @Test func `classes without softmax`() throws {
    let values: [Float] = [0, 0, 0, 0, 0, Self.ln3, -Self.ln3]
    #expect(isClose(try head("").forward(values), [0, 0, 0, 0, 0.5, Self.ln3, -Self.ln3]))
    #expect(
      isClose(
        try head("", dialect: .pjreddie).forward(values), [0.5, 0.5, 0, 0, 0.5, 0.75, 0.25]))
  }

  @Test func `background is one more class`() throws {
    let run = try head("softmax=1\nbackground=1", dialect: .pjreddie)
    #expect(
      isClose(
        run.forward([0, 0, 0, 0, 0.6931472, 0, 0]), [0.5, 0.5, 0, 0, 0.5, 0.25, 0.25]))
  }

  /// Roots 0 and 1, the children of 0 are 2 and 3.
  private static let tree = Array("a -1\nb -1\nc 0\nd 0\n".utf8)

  private func treeHead(_ dialect: Dialect) throws -> LayerFixture<RegionLayer> {
    try head("tree=t", classes: 4, dialect: dialect) { $0 == "t" ? Self.tree : nil }
  }

  @Test func `a tree is a softmax a group`() throws {
    let ln3 = Self.ln3
    for dialect in Dialect.allCases {
      let output = try treeHead(dialect).forward([0, 0, 0, 0, 0, ln3, 0, 0, ln3])
      #expect(isClose(Array(output.suffix(4)), [0.75, 0.25, 0.25, 0.75]))
    }
  }

  // MARK: Backward

  @Test func `gradients pass, in pjreddie's dialect by the logistic's slope`() throws {
    let ones = [Float](repeating: 1, count: 7)
    let values = [Float](repeating: 0, count: 7)
    let new = try head().backward(values, outputGradient: ones)
    #expect(new.inputs[0] == ones)
    let old = try head(dialect: .pjreddie).backward(values, outputGradient: ones)
    #expect(old.inputs[0] == [0.25, 0.25, 1, 1, 0.25, 1, 1])
  }

  // MARK: Boxes

  @Test func `the dialects' outputs give the same boxes`() throws {
    for dialect in Dialect.allCases {
      let run = try head(anchors: "1,1, 2,0.5", num: 2, cells: (2, 2), dialect: dialect)
      let output = run.forward(Values.random(56, seed: 3))
      let set = boxes(run.layer, output, network: (32, 32), threshold: 0.1)
      #expect(set.count == 8)
      let other = try head(
        anchors: "1,1, 2,0.5", num: 2, cells: (2, 2),
        dialect: dialect == .alexeyab ? .pjreddie : .alexeyab)
      let others = boxes(
        other.layer, other.forward(Values.random(56, seed: 3)), network: (32, 32), threshold: 0.1)
      for (index, box) in set.boxes.enumerated() {
        let twin = others.boxes.firstIndex {
          isClose([$0.x, $0.y, $0.width, $0.height], [box.x, box.y, box.width, box.height])
        }
        let found = try #require(twin)
        #expect(isClose(set[index].probabilities, others[found].probabilities))
      }
    }
  }

  @Test func `boxes by hand, in both orders`() throws {
    let output: [Float] = [0, Self.ln3, 0.6931472, 0, 0.5, 0.75, 0.25]
    let new = boxes(try head().layer, output, network: (32, 32), threshold: 0.2)
    #expect(
      isClose(
        new.boxes.flatMap { [$0.x, $0.y, $0.width, $0.height] }, [0.5, 0.75, 2, 1]))
    #expect(new.objectness == [1])
    #expect(isClose(new.probabilities, [0.375, 0]))
    let old = boxes(
      try head(dialect: .pjreddie).layer, [0.5, 0.75, 0.6931472, 0, 0.5, 0.75, 0.25],
      network: (32, 32), threshold: 0.2)
    #expect(old.objectness == [0.5])
    #expect(isClose(old.probabilities, [0.375, 0]))
    let weak = boxes(
      try head(dialect: .pjreddie).layer, [0.5, 0.75, 0.6931472, 0, 0.1, 0.75, 0.25],
      network: (32, 32), threshold: 0.2)
    #expect(weak.objectness == [0])
  }

  /// Absolute probabilities 0.9, 0.1, 0.18, 0.72: the last above 0.5 is d; the likeliest path from
  /// the root goes to d, too.
  @Test func `a tree names one class`() throws {
    let output: [Float] = [0, 0, 0, 0, 0.8, 0.9, 0.1, 0.2, 0.8]
    let new = boxes(try treeHead(.alexeyab).layer, output, network: (32, 32), threshold: 0.2)
    #expect(isClose(new.probabilities, [0, 0, 0, 0.72]))
    let old = boxes(try treeHead(.pjreddie).layer, output, network: (32, 32), threshold: 0.2)
    #expect(isClose(old.probabilities, [0, 0, 0, 0.8]))
    let unsure = boxes(
      try treeHead(.alexeyab).layer, [0, 0, 0, 0, 0.8, 0.9, 0.1, 0.5, 0.5], network: (32, 32),
      threshold: 0.2)
    #expect(isClose(unsure.probabilities, [0.9, 0, 0, 0]))
    let weak = boxes(
      try treeHead(.alexeyab).layer, [0, 0, 0, 0, 0.1, 0.9, 0.1, 0.2, 0.8], network: (32, 32),
      threshold: 0.2)
    #expect(weak.probabilities == [0, 0, 0, 0])
  }

  @Test func `values that are no numbers do not trap`() throws {
    for dialect in Dialect.allCases {
      for value in [Float.nan, .infinity, -.infinity, 1e38] {
        let run = try treeHead(dialect)
        let values = [Float](repeating: value, count: 9)
        _ = boxes(run.layer, values, network: (32, 32), threshold: 0.2)
        _ = run.loss(values, truth: .boxes([[object(0.5, 0.5, 0.5, 0.5, 3)]]))
      }
    }
  }

  // MARK: Loss

  /// All inputs 0: o = 0.5, box (0.5, 0.5, 1, 1), classes 0.5. The truth (0.25, 0.75, 0.5, 0.5)
  /// has IoU 0.25 with it.
  private static let zeros = [Float](repeating: 0, count: 7)
  private static let truth = Truth.boxes([[object(0.25, 0.75, 0.5, 0.5, 1)]])

  @Test func `squared errors times the logistic's slope`() throws {
    let found = try #require(
      head("softmax=1\nobject_scale=5\ncoord_scale=2").loss(
        Self.zeros, truth: Self.truth, progress: Self.old))
    // x: 2 (0.5 - 0.25) 0.25; w: 2 (0 - ln 0.5); o: 5 (0.5 - 1) 0.25.
    #expect(
      isClose(found.gradient, [0.125, -0.125, 1.3862944, 1.3862944, -0.625, 0.5, -0.5]))
    #expect(
      found.report.statistics?.line(layer: 1)
        == "Region Avg IOU: 0.250000, Class: 0.500000, Obj: 0.500000, No Obj: "
        + "0.500000, Avg Recall: 0.000000,  count: 1")
  }

  @Test func `pjreddie's dialect leaves the slope to the backward pass`() throws {
    let found = try #require(
      head("softmax=1\nobject_scale=5\ncoord_scale=2", dialect: .pjreddie).loss(
        Self.zeros, truth: Self.truth, progress: Self.old))
    // Coordinates times 2 - 0.25.
    #expect(
      isClose(found.gradient, [0.875, -0.875, 2.4260151, 2.4260151, -2.5, 0.5, -0.5]))
  }

  @Test func `rescore teaches the IoU`() throws {
    let found = try #require(
      head("softmax=1\nrescore=1").loss(Self.zeros, truth: Self.truth, progress: Self.old))
    #expect(abs(found.gradient[4] - 0.25 * 0.25) < 1e-6)
  }

  @Test func `background, unless a box covers an object`() throws {
    let none = try #require(
      head("softmax=1\nnoobject_scale=2").loss(
        Self.zeros, truth: .boxes([[]]), progress: Self.old))
    #expect(isClose(none.gradient, [0, 0, 0, 0, 0.25, 0, 0]))
    #expect(
      none.report.statistics?.line(layer: 1)
        == "Region Avg IOU: -nan, Class: -nan, Obj: -nan, No Obj: 0.500000, "
        + "Avg Recall: -nan,  count: 0")
    // Two anchors: the first one's box covers the object, the second one's shape fits better.
    let two = try #require(
      head(anchors: "1,1, 1,0.9", num: 2, dialect: .alexeyab).loss(
        [Float](repeating: 0, count: 14), truth: .boxes([[object(0.5, 0.5, 1, 0.9)]]),
        progress: Self.old))
    #expect(two.gradient[4] == 0)
    #expect(two.gradient[11] < 0)
  }

  @Test func `young networks learn their anchors`() throws {
    var values = Self.zeros
    values[0] = Self.ln3
    values[2] = 2
    let found = try #require(head().loss(values, truth: .boxes([[]])))
    // 0.01 (0.75 - 0.5) 0.75 0.25, 0.01 2.
    #expect(isClose(found.gradient, [0.00046875, 0, 0.02, 0, 0.125, 0, 0]))
    let later = try #require(
      head().loss(values, truth: .boxes([[]]), progress: TrainingProgress(seen: 12_799)))
    #expect(later.gradient[2] == 0)
  }

  /// With bias_match the second anchor fits by its own shape, without it the first one, whose
  /// prediction is e^-1.2 = 0.3 of its anchor.
  @Test(arguments: [("bias_match=1", 1), ("", 0)])
  func `objects choose an anchor`(option: String, anchor: Int) throws {
    var values = [Float](repeating: 0, count: 14)
    (values[2], values[3]) = (-1.2, -1.2)
    let found = try #require(
      head("softmax=1\n" + option, anchors: "1,1, 0.4,0.4", num: 2).loss(
        values, truth: .boxes([[object(0.5, 0.5, 0.31, 0.31)]]), progress: Self.old))
    #expect(found.gradient[4 + 7 * anchor] == -0.125)
  }

  @Test func `classfix teaches classes to all that cover an object`() throws {
    let truth = Truth.boxes([[object(0.5, 0.5, 1, 0.9, 1)]])
    let zeros = [Float](repeating: 0, count: 14)
    for (value, slope) in [(0, Float(0)), (1, -0.5), (2, -0.25)] {
      let found = try #require(
        head("softmax=1\nclassfix=\(value)", anchors: "1,1, 1,0.9", num: 2).loss(
          zeros, truth: truth, progress: Self.old))
      #expect(found.gradient[6] == slope)
    }
    let found = try #require(
      head("softmax=1\nclassfix=-1", anchors: "1,1, 1,0.9", num: 2).loss(
        zeros, truth: truth, progress: Self.old))
    #expect(abs(found.gradient[4] - 0.25 * (0.5 - 0.9)) < 1e-6)
  }

  @Test func `trees teach the path to a class`() throws {
    let found = try #require(
      treeHead(.alexeyab).loss(
        [Float](repeating: 0, count: 9), truth: .boxes([[object(0.5, 0.5, 1, 1, 3)]]),
        progress: Self.old))
    #expect(Array(found.gradient.suffix(4)) == [-0.5, 0.5, 0.5, -0.5])
    let root = try #require(
      treeHead(.alexeyab).loss(
        [Float](repeating: 0, count: 9), truth: .boxes([[object(0.5, 0.5, 1, 1, 1)]]),
        progress: Self.old))
    #expect(Array(root.gradient.suffix(4)) == [0.5, -0.5, 0, 0])
  }

  @Test func `a label without a place teaches the surest prediction its class only`() throws {
    let run = try head("tree=t", classes: 4, cells: (1, 2)) { $0 == "t" ? Self.tree : nil }
    var values = [Float](repeating: 0, count: 18)
    values[9] = 1  // objectness of the second cell
    let found = try #require(
      run.loss(
        values, truth: .boxes([[object(999_999, 999_999, 0.1, 0.1, 1)]]), progress: Self.old))
    #expect(
      isClose(
        found.gradient,
        [Float](repeating: 0, count: 10) + [0, 0.5, 0, -0.5, 0, 0, 0, 0]))
  }

  @Test func `pjreddie's dialect reads thirty objects at most`() throws {
    let objects = (0..<40).map { _ in object(0.5, 0.5, 1, 1) }
    for (dialect, count) in [(Dialect.alexeyab, 40), (.pjreddie, 30)] {
      let found = try #require(
        head("softmax=1\nmax=100", dialect: dialect).loss(
          Self.zeros, truth: .boxes([objects]), progress: Self.old))
      #expect(found.report.statistics?.line(layer: 1).hasSuffix("count: \(count)") == true)
    }
  }

  // MARK: Options

  @Test func `defaults that are announced`() throws {
    let run = try LayerFixture<RegionLayer>(
      "[region]\nclasses=2\nanchors=1,1\nmax=3", inputs: [shape(7, 1, 1)])
    #expect(
      run.messages.map(\.text) == [
        "coords: Using default '4'\n", "num: Using default '1'\n",
        "softmax: Using default '0'\n", "jitter: Using default '0.200000'\n",
        "thresh: Using default '0.500000'\n", "coord_scale: Using default '1.000000'\n",
        "object_scale: Using default '1.000000'\n", "noobject_scale: Using default '1.000000'\n",
        "mask_scale: Using default '1.000000'\n", "class_scale: Using default '1.000000'\n",
      ])
    #expect(run.layer.tableRow.text(.alexeyab) == "detection\n")
    let (given, defaults) = (run.layer.training, HeadTrainingOptions(maximumBoxes: 3))
    #expect(given.maximumBoxes == 3 && given.jitter == defaults.jitter)
    #expect(given.resize == defaults.resize && given.random == defaults.random)
  }

  @Test(arguments: [
    (
      "coords=5",
      "net.cfg:2: [region] coords: expected 4, as x, y, width and height, found 5; change it or "
        + "drop the line"
    ),
    (
      "classes=3",
      "net.cfg:1: [region]: expected an input of 8 channels, (classes 3 + 5) * num 1, found 7 "
        + "(filters= in the [convolutional]-layer doesn't correspond to classes= or mask= in "
        + "[region]-layer); give the layer before it 8 channels, or change this section's "
        + "classes= and mask="
    ),
    (
      "classes=2\ntree=t",
      "net.cfg:3: [region] tree: expected a tree of 2 classes, found one of 4; name the right "
        + "file or change classes="
    ),
    (
      "classes=2\nmap=t",
      "net.cfg:3: [region] map: expected a class in 0...1 in line 1 of 't', found 'a -1'; fix "
        + "that file or change classes="
    ),
  ])
  func `errors`(options: String, text: String) {
    #expect {
      _ = try LayerFixture<RegionLayer>(
        "[region]\n" + options, inputs: [shape(7, 1, 1)], readFile: { _ in Self.tree })
    } throws: { "\($0)" == text }
  }
}
