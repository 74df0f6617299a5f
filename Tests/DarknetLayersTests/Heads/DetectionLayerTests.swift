import DarknetConfig
import DarknetGeometry
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

/// A side of one cell with two boxes and two classes: two scores, two objectnesses, two boxes.
@Suite struct DetectionLayerTests {
  private func head(
    _ options: String = "", dialect: Dialect = .alexeyab
  ) throws -> LayerFixture<DetectionLayer> {
    try LayerFixture<DetectionLayer>(
      "[detection]\ncoords=4\nclasses=2\nnum=2\nside=1\n" + options, inputs: [shape(12, 1, 1)],
      dialect: dialect)
  }

  private static let values: [Float] = [
    0.6, 0.4, 0.5, 0.25, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.5, 0.25,
  ]

  @Test func `the output is the input, or a softmax a cell`() throws {
    #expect(try head().forward(Self.values) == Self.values)
    var values = Self.values
    (values[0], values[1]) = (1.0986123, 0)
    #expect(isClose(Array(try head("softmax=1").forward(values).prefix(2)), [0.75, 0.25]))
  }

  @Test func `boxes by hand`() throws {
    let set = boxes(try head().layer, Self.values, network: (10, 10), threshold: 0.15)
    #expect(
      set.boxes == [
        Box(x: 0.5, y: 0.5, width: 0.5, height: 0.5),
        Box(x: 0.25, y: 0.25, width: 0.5, height: 0.25),
      ])
    #expect(set.objectness == [0.5, 0.25])
    #expect(isClose(set.probabilities, [0.3, 0.2, 0, 0]))
    let roots = boxes(try head("sqrt=1").layer, Self.values, network: (10, 10), threshold: 0.15)
    #expect(roots.boxes[1] == Box(x: 0.25, y: 0.25, width: 0.25, height: 0.0625))
  }

  @Test func `cells are parts of the picture`() throws {
    let run = try LayerFixture<DetectionLayer>(
      "[detection]\ncoords=4\nclasses=1\nnum=1\nside=2", inputs: [shape(24, 1, 1)])
    var values = [Float](repeating: 0.5, count: 24)
    values[20] = 0.2
    let set = boxes(run.layer, values, network: (10, 10), threshold: 0)
    #expect(set.boxes.map(\.x) == [0.25, 0.75, 0.25, 0.6])
    #expect(set.boxes.map(\.y) == [0.25, 0.25, 0.75, 0.75])
  }

  /// The truth (0.25, 0.25, 0.5, 0.5) of class 1: IoU 0.0625 / 0.4375 with the first box, 0.5 with
  /// the second.
  private static let cell: [Float] = [1, 0, 1, 0.25, 0.25, 0.5, 0.5]

  @Test func `squared errors by hand`() throws {
    let found = try #require(
      head("noobject_scale=.5\ncoord_scale=5\nclass_scale=2").loss(
        Self.values, truth: .values(Self.cell, perImage: 7)))
    #expect(
      isClose(
        found.gradient, [1.2, -1.2, 0.25, -0.75, 0, 0, 0, 0, 0, 0, 0, -1.25]))
    #expect(
      found.report.statistics?.line(layer: 1)
        == "Detection Avg IOU: 0.500000, Pos Cat: 0.400000, All Cat: 0.500000, "
        + "Pos Obj: 0.250000, Any Obj: 0.375000, count: 1")
    let squares: Float = 2 * 1.44 + 0.0625 + 0.5625 + 1.5625
    #expect(abs(found.report.cost - squares) < 1e-5)
  }

  @Test func `rescore teaches the IoU, sqrt the root of sizes`() throws {
    let found = try #require(
      head("rescore=1").loss(Self.values, truth: .values(Self.cell, perImage: 7)))
    #expect(found.gradient[3] == -0.25)
    var values = Self.values
    (values[10], values[11]) = (0.7, 0.5)
    let roots = try #require(
      head("sqrt=1").loss(values, truth: .values(Self.cell, perImage: 7)))
    #expect(isClose(Array(roots.gradient.suffix(2)), [0.7 - 0.7071068, 0.5 - 0.7071068]))
  }

  @Test(arguments: [(Float(0.1), 1), (0.5, 0)])
  func `forced chooses by area`(size: Float, box: Int) throws {
    let truth: [Float] = [1, 0, 1, 0.25, 0.25, size, size]
    let found = try #require(
      head("forced=1").loss(Self.values, truth: .values(truth, perImage: 7)))
    #expect((found.gradient[2] < 0, found.gradient[3] < 0) == (box == 0, box == 1))
  }

  @Test func `without overlap the nearest box learns`() throws {
    let truth: [Float] = [1, 0, 1, 0.95, 0.95, 0.05, 0.05]
    let found = try #require(
      head().loss(Self.values, truth: .values(truth, perImage: 7)))
    #expect(found.gradient[2] < 0)
    #expect(found.gradient[3] > 0)
  }

  @Test func `boxes of labels become cells`() throws {
    let fromBoxes = try #require(
      head().loss(
        Self.values,
        truth: .boxes([[object(0.25, 0.25, 0.5, 0.5, 1), object(0.5, 0.5, 0.2, 0.2, 0)]])))
    let fromCells = try #require(
      head().loss(Self.values, truth: .values(Self.cell, perImage: 7)))
    #expect(fromBoxes.gradient == fromCells.gradient)
  }

  @Test func `a truth of another size has no loss`() throws {
    #expect(try head().loss(Self.values, truth: .values([1, 2], perImage: 2)) == nil)
    #expect(try head().loss(Self.values, truth: .none) == nil)
  }

  @Test(arguments: [
    object(1, 1, 0.5, 0.5), object(.nan, 0.5, 0.5, 0.5), object(0.5, .infinity, 0.5, 0.5),
    object(-1, 0.5, 0.5, 0.5), object(0.5, 0.5, .nan, 0.5), object(0.5, 0.5, 0.5, 0.5, 99),
  ])
  func `labels at the border and beyond do not trap`(label: GroundTruth) throws {
    let found = try #require(head().loss(Self.values, truth: .boxes([[label]])))
    let isFinite = found.gradient.allSatisfy(\.isFinite)
    #expect(isFinite)
  }

  @Test func `values that are no numbers do not trap`() throws {
    for value in [Float.nan, .infinity, -.infinity, 1e38] {
      let values = [Float](repeating: value, count: 12)
      _ = boxes(try head().layer, values, network: (10, 10), threshold: 0.2)
      _ = try head("sqrt=1").loss(values, truth: .values(Self.cell, perImage: 7))
    }
  }

  @Test func `random boxes learn while the network is young`() throws {
    let run = try head("random=1")
    var chosen: Set<Int> = []
    for seed in 0..<20 {
      run.drawSeed = UInt64(seed)
      let found = try #require(
        run.loss(Self.values, truth: .values(Self.cell, perImage: 7)))
      chosen.insert(found.gradient[2] < 0 ? 0 : 1)
    }
    #expect(chosen == [0, 1])
  }

  @Test func `defaults that are announced`() throws {
    let run = try LayerFixture<DetectionLayer>(
      "[detection]\ncoords=4\nclasses=2", inputs: [shape(343, 1, 1)])
    #expect(
      run.messages.map(\.text) == [
        "rescore: Using default '0'\n", "num: Using default '1'\n", "side: Using default '7'\n",
        "softmax: Using default '0'\n", "sqrt: Using default '0'\n",
        "coord_scale: Using default '1.000000'\n", "forced: Using default '0'\n",
        "object_scale: Using default '1.000000'\n", "noobject_scale: Using default '1.000000'\n",
        "class_scale: Using default '1.000000'\n", "jitter: Using default '0.200000'\n",
      ])
    #expect(run.layer.tableRow.text(.pjreddie) == "Detection Layer\n")
  }

  @Test(arguments: [
    (
      "side=2",
      "net.cfg:1: [detection]: expected an input of 28 values, side 2^2 * (classes 2 + 5 * num 1), "
        + "found 7; let [given], layer 0 have 28 outputs, or change side=, num= and classes="
    ),
    (
      "coords=3",
      "net.cfg:2: [detection] coords: expected 4, as x, y, width and height, found 3; write "
        + "coords=4"
    ),
  ])
  func `errors`(option: String, text: String) {
    #expect {
      _ = try LayerFixture<DetectionLayer>(
        "[detection]\n\(option)\ncoords=4\nclasses=2\nnum=1", inputs: [shape(7, 1, 1)])
    } throws: { "\($0)" == text }
  }
}
