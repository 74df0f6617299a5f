import DarknetGeometry
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

/// One cell, one anchor of 5x5, one class, a network of 10x10.
@Suite struct GaussianYoloLayerTests {
  private static let ln3: Float = 1.0986123

  private func head(_ options: String = "") throws -> LayerFixture<GaussianYoloLayer> {
    try LayerFixture<GaussianYoloLayer>(
      "[Gaussian_yolo]\nclasses=1\nnum=1\nanchors=5,5\n" + options, inputs: [shape(10, 1, 1)],
      networkShape: shape(3, 10, 10))
  }

  @Test func `logistic of all but the sizes`() throws {
    let ln3 = Self.ln3
    #expect(
      isClose(
        try head().forward([0, ln3, ln3, 0, 7, -ln3, -8, ln3, ln3, 0]),
        [0.5, 0.75, 0.75, 0.5, 7, 0.25, -8, 0.75, 0.75, 0.5]))
  }

  @Test func `scale_x_y stretches offsets, not their uncertainties`() throws {
    let ln3 = Self.ln3
    let output = try head("scale_x_y=2").forward([ln3, ln3, 0, ln3, 0, 0, 0, 0, 0, 0])
    #expect(isClose(output, [1, 0.75, 0.5, 0.75, 0, 0.5, 0, 0.5, 0.5, 0.5]))
  }

  /// Mean of the uncertainties 0.25, so probability 0.8 * 0.5 * 0.75.
  @Test(arguments: [("center", 0.5), ("left_top", 0.75), ("right_bottom", 0.25)])
  func `boxes and their probabilities`(point: String, centre: Float) throws {
    let output: [Float] = [0.5, 0.1, 0.5, 0.2, 0, 0.3, 0, 0.4, 0.8, 0.5]
    let set = boxes(
      try head("yolo_point=\(point)").layer, output, network: (10, 10), threshold: 0.2)
    #expect(set.boxes == [Box(x: centre, y: centre, width: 0.5, height: 0.5)])
    #expect(isClose(set.probabilities, [0.3]))
    #expect(set.objectness == [0.8])
  }

  /// All inputs 0: predicted (0.5, 0.5, 0.5, 0.5), all uncertainties 0.5. The truth is 0.25, -0.25,
  /// ln 2, ln 0.5 away, scale 2 - 0.25; k = 1.75 / 2 (1 - 1e-9 / N).
  @Test func `loss by hand`() throws {
    let zeros = [Float](repeating: 0, count: 10)
    let found = try #require(
      head("iou_normalizer=1").loss(zeros, truth: .boxes([[object(0.25, 0.75, 1, 0.25)]])))
    #expect(
      isClose(
        found.gradient,
        [
          0.875, 0.6562500, -0.875, 0.6562500, -2.4260151, -2.2694211, 2.4260151, -2.2694211, -0.5,
          -0.5,
        ]))
    #expect(
      found.report.statistics?.line(layer: 1)
        == "Region 1 Avg IOU: 0.142857, Class: 0.500000, Obj: 0.500000, No Obj: 0.500000, "
        + ".5R: 0.000000, .75R: 0.000000,  count: 1, class_loss = 0.50, iou_loss = 13.30, "
        + "uc_loss = 11.16, total_loss = 24.96 ")
  }

  @Test func `uc_normalizer weighs the uncertainties`() throws {
    let zeros = [Float](repeating: 0, count: 10)
    let truth = Truth.boxes([[object(0.25, 0.75, 1, 0.25)]])
    let found = try #require(head("iou_normalizer=1\nuc_normalizer=0.5").loss(zeros, truth: truth))
    #expect(abs(found.gradient[1] - 0.328125) < 1e-6)
    #expect(abs(found.gradient[0] - 0.875) < 1e-6)
  }

  @Test func `IoU losses replace the slopes of the box`() throws {
    let zeros = [Float](repeating: 0, count: 10)
    let box = object(0.25, 0.75, 1, 0.25)
    let found = try #require(
      head("iou_normalizer=1\niou_loss=giou").loss(zeros, truth: .boxes([[box]])))
    let slope = OverlapSlope(
      of: .giou, predicted: Box(x: 0.5, y: 0.5, width: 0.5, height: 0.5), truth: box.box)
    #expect(
      isClose(
        [found.gradient[0], found.gradient[2], found.gradient[4], found.gradient[6]],
        [-slope.x, -slope.y, -slope.width, -slope.height]))
    #expect(abs(found.gradient[1] - 0.65625) < 1e-6)
  }

  @Test func `a corner is predicted by the cell that it lies in`() throws {
    let run = try LayerFixture<GaussianYoloLayer>(
      "[Gaussian_yolo]\nclasses=1\nnum=1\nanchors=5,5\nyolo_point=left_top",
      inputs: [shape(10, 1, 2)], networkShape: shape(3, 10, 10))
    // Left edge at 0.6 - 0.15 = 0.45: the left cell, though the centre lies in the right one.
    let found = try #require(
      run.loss(
        [Float](repeating: 0, count: 20), truth: .boxes([[object(0.6, 0.5, 0.3, 0.5)]])))
    #expect(found.gradient[16] == -0.5)
    #expect(found.gradient[17] == 0.5)
  }

  @Test func `values that are no numbers do not trap`() throws {
    let run = try head("iou_loss=ciou")
    for value in [Float.nan, .infinity, -.infinity, 1e38] {
      let values = [Float](repeating: value, count: 10)
      _ = boxes(run.layer, values, network: (10, 10), threshold: 0.2)
      _ = run.loss(values, truth: .boxes([[object(0.5, 0.5, 0.5, 0.5)]]))
    }
  }

  @Test func `table and corners`() throws {
    let run = try head("nms_kind=cornersnms\nyolo_point=right_bottom\niou_loss=ciou")
    #expect(
      run.layer.tableRow.text(.alexeyab) == "[Gaussian_yolo] iou loss: ciou (4), iou_norm: 0.75, "
        + "obj_norm: 1.00, cls_norm: 1.00, delta_norm: 1.00, scale: 1.00, point: 4\n")
    #expect(run.messages.first?.text == "nms_kind: cornersnms (3), beta = 0.600000 \n")
    #expect(run.layer.suppression(threshold: 0.4).kind == .corners)
  }

  @Test func `channels must fit`() {
    #expect {
      _ = try LayerFixture<GaussianYoloLayer>(
        "[Gaussian_yolo]\nclasses=2\nnum=1", inputs: [shape(7, 1, 1)])
    } throws: {
      "\($0)" == "net.cfg:1: [Gaussian_yolo]: expected an input of 11 channels, (classes 2 + 9) * "
        + "anchors 1, found 7 (filters= in the [convolutional]-layer doesn't correspond to "
        + "classes= or mask= in [Gaussian_yolo]-layer); give the layer before it 11 channels, or "
        + "change this section's classes= and mask="
    }
  }
}
