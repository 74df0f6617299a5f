import DarknetGeometry
import DarknetTestSupport
import DarknetTranscript
import Testing

/// One cell, one anchor, two values a description: layer 0 passes the input on as description,
/// layer 4 is the one under test.
@Suite struct ContrastiveLayerTests {
  private static func cfg(
    _ options: String = "", yolo: String = "embedding_layer=0", net: String = "batch=3"
  ) -> String {
    """
    [net]
    \(net)
    width=1
    height=1
    channels=2
    [convolutional]
    filters=2
    activation=linear
    [convolutional]
    filters=7
    activation=linear
    [yolo]
    classes=2
    num=1
    anchors=1,1
    \(yolo)
    [route]
    layers=0
    [contrastive]
    yolo_layer=2
    \(options)
    """
  }

  private func object(_ track: Int, class classIndex: Int = 0) -> [GroundTruth] {
    [
      GroundTruth(
        box: Box(x: 0.5, y: 0.5, width: 1, height: 1), classIndex: classIndex, trackID: track)
    ]
  }

  /// Cost, printed line and gradient of the descriptions.
  private func run(
    _ cfg: String, _ descriptions: [Float], _ labels: [[GroundTruth]]
  ) throws -> (cost: Float, line: String?, gradient: [Float]) {
    let fixture = try NetworkFixture(cfg)
    _ = fixture.parameters.buffers[0][0].values.update(fromContentsOf: [0, 0])
    _ = fixture.parameters.buffers[0][1].values.update(fromContentsOf: [1, 0, 0, 1])
    let executor = fixture.executor(isTraining: true)
    executor.keepsGradients = true
    descriptions.withUnsafeBufferPointer { executor.forward($0) }
    #expect(executor.output(4).values.allSatisfy { $0 == 0 })
    let report = try #require(
      executor.computeLoss(.boxes(labels)).reports.first { $0.layer == 4 }
    ).report
    executor.backward()
    let gradient = Array(try #require(executor.outputGradient(4)).values)
    // The route before it gets the same.
    let handedBack = Array(try #require(executor.outputGradient(3)).values)
    #expect(handedBack == gradient)
    return (report.cost, report.statistics?.line(layer: 1), gradient)
  }

  @Test func `other tracks are pushed away`() throws {
    // s_12 = 1, p_12 = e / 1 above 1, so 0.9999; s_13 = s_23 = 0, p = 1 / e^0 ... of the pair
    // (2, 3) alone, which is 1: dz_1 = z_3. The third object has no positive.
    let found = try run(
      Self.cfg(), [1, 0, 1, 0, 0, 1], [object(1), object(1), object(2)])
    #expect(deviation(found.gradient, from: [0, 1, 0, 1, 0, 0]) < 1e-6)
    #expect(abs(found.cost - 2) < 1e-5)
    #expect(
      found.line == " Contrast accuracy = 100.000000 %, all = 2, good = 2, same = 2, diff = 2 \n"
        + " contrastive loss = 2.000000 \n")
  }

  @Test func `the same track is drawn together`() throws {
    // Two alone, nobody else to compare with: p = 0.9999, dz_1 = -z_2 / 2 * 1e-4 as |z_1| = 2.
    let found = try run(
      Self.cfg(net: "batch=2"), [2, 0, 0, 1], [object(5), object(5)])
    #expect(deviation(found.gradient, from: [0, -0.5e-4, -2e-4, 0]) < 1e-7)
    #expect(found.line?.hasPrefix(" Contrast accuracy = -1.000000 %, all = 0,") == true)
  }

  @Test func `temperature sharpens`() throws {
    // T = 1/2: both p are e^0 / e^0 = 1 again, and 1 / T doubles the gradient.
    let found = try run(
      Self.cfg("temperature=0.5"), [1, 0, 1, 0, 0, 1], [object(1), object(1), object(2)])
    #expect(deviation(found.gradient, from: [0, 2, 0, 2, 0, 0]) < 1e-6)
  }

  @Test func `the gradient is scaled and limited`() throws {
    let labels = [object(1), object(1), object(2)]
    let scaled = try run(Self.cfg("cls_normalizer=0.5"), [1, 0, 1, 0, 0, 1], labels)
    #expect(deviation(scaled.gradient, from: [0, 0.5, 0, 0.5, 0, 0]) < 1e-6)
    let limited = try run(Self.cfg("max_delta=0.25"), [1, 0, 1, 0, 0, 1], labels)
    #expect(deviation(limited.gradient, from: [0, 0.25, 0, 0.25, 0, 0]) < 1e-6)
  }

  @Test func `only the first negatives count`() throws {
    // Images 3 and 4 are both negatives of 1 and 2. p_13 = 1 / (e^0 + e^-1) with z_4 = -z_3.
    let labels = [object(1), object(1), object(2), object(3)]
    let p: Float = 1 / (1 + 0.36787945)
    let one = try run(
      Self.cfg("contrastive_neg_max=1", net: "batch=4"), [1, 0, 1, 0, 0, 1, 0, -1], labels)
    #expect(deviation(Array(one.gradient.prefix(4)), from: [0, p, 0, p]) < 1e-6)
    // With both the two pushes cancel.
    let both = try run(Self.cfg(net: "batch=4"), [1, 0, 1, 0, 0, 1, 0, -1], labels)
    #expect(deviation(Array(both.gradient.prefix(4)), from: [0, 0, 0, 0]) < 1e-6)
  }

  @Test func `other classes and time steps are not compared`() throws {
    let classes = try run(
      Self.cfg(), [1, 0, 1, 0, 0, 1], [object(1), object(1), object(2, class: 1)])
    #expect(deviation(classes.gradient, from: [0, 0, 0, 0, 0, 0]) < 1e-6)
    // Two streams of two steps: image 3 belongs to the second step.
    let steps = try run(
      Self.cfg(net: "batch=4\nsubdivisions=2\ntime_steps=2"), [1, 0, 1, 0, 0, 1, 0, 1],
      [object(1), object(1), object(2), object(2)])
    #expect(deviation(steps.gradient, from: [Float](repeating: 0, count: 8)) < 1e-6)
  }

  @Test func `a description of length 0 learns nothing`() throws {
    let found = try run(
      Self.cfg(), [0, 0, 1, 0, 0, 1], [object(1), object(1), object(2)])
    #expect(!found.gradient.contains { !$0.isFinite })
    #expect(Array(found.gradient.prefix(2)) == [0, 0])
  }

  @Test func `prints Darknet's row`() throws {
    let network = try NetworkFixture(Self.cfg("classes=1")).network
    #expect(
      network.nodes[4].layer.tableRow.text(.alexeyab)
        == "contrastive    1 x   1 x   1 x emb_size    2 x batch:    3  classes =    2, "
        + "step =    3 \ndetection \n")
  }

  @Test(arguments: [
    (
      cfg().replacing("yolo_layer=2", with: ""),
      "net.cfg:19: [contrastive] yolo_layer: expected 'yolo_layer=' with the index of a [yolo] "
        + "layer, found no such option; add it; without one there are no objects to compare"
    ),
    (
      cfg().replacing("yolo_layer=2", with: "yolo_layer=-1"),
      "net.cfg:20: [contrastive] yolo_layer: expected a [yolo] layer, found layer 3 [route]; name "
        + "another"
    ),
    (
      cfg(yolo: ""),
      "net.cfg:20: [contrastive] yolo_layer: expected a [yolo] layer whose embedding_layer has 2 "
        + "values a prediction, found none; set embedding_layer= there to the layer that this one "
        + "reads"
    ),
    (
      cfg(yolo: "embedding_layer=-1"),
      "net.cfg:20: [contrastive] yolo_layer: expected a [yolo] layer whose embedding_layer has 2 "
        + "values a prediction, found layer 1 with 7; set embedding_layer= there to the layer "
        + "that this one reads"
    ),
    (
      cfg("temperature=0"),
      "net.cfg:21: [contrastive] temperature: expected a number above 0, found 0; change it or "
        + "drop the line"
    ),
  ])
  func `refuses what cannot be compared`(cfg: String, text: String) {
    #expect(buildError(cfg) == text)
  }
}
