import DarknetConfig
import DarknetGeometry
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct YoloLayerTests {
  /// One cell, one anchor, two classes, a network of 10x10.
  private func head(
    _ options: String = "", classes: Int = 2, anchors: String = "5,5", num: Int = 1,
    cells: (height: Int, width: Int) = (1, 1), dialect: Dialect = .alexeyab
  ) throws -> LayerFixture<YoloLayer> {
    try LayerFixture<YoloLayer>(
      "[yolo]\nclasses=\(classes)\nnum=\(num)\nanchors=\(anchors)\n" + options,
      inputs: [shape(num * (classes + 5), cells.height, cells.width)], dialect: dialect,
      networkShape: shape(3, 10, 10))
  }

  // MARK: Forward

  @Test func `logistic of offsets, objectness and classes, sizes as they are`() throws {
    let ln3: Float = 1.0986123
    #expect(
      isClose(
        try head().forward([0, ln3, 7, -8, -ln3, ln3, 0]), [0.5, 0.75, 7, -8, 0.25, 0.75, 0.5]))
  }

  @Test func `scale_x_y stretches offsets around the middle of the cell`() throws {
    let run = try head("scale_x_y=2")
    let ln3: Float = 1.0986123
    #expect(isClose(run.forward([0, ln3, 7, -8, 0, 0, 0]), [0.5, 1, 7, -8, 0.5, 0.5, 0.5]))
  }

  @Test func `new_coords takes all values as they are, but stretches offsets`() throws {
    let run = try head("new_coords=1\nscale_x_y=2")
    #expect(
      isClose(
        run.forward([0.5, 0.75, 0.3, 0.4, 0.9, 0.1, 0.2]), [0.5, 1, 0.3, 0.4, 0.9, 0.1, 0.2]))
  }

  @Test func `passes gradients through`() throws {
    let gradients = try head().backward(
      [1, 2, 3, 4, 5, 6, 7], outputGradient: [7, 6, 5, 4, 3, 2, 1])
    #expect(gradients.inputs[0] == [7, 6, 5, 4, 3, 2, 1])
  }

  // MARK: Boxes

  /// Two cells and two anchors of one class: planes of two values.
  @Test func `boxes come cell by cell, within a cell anchor by anchor`() throws {
    let layer = try head(
      classes: 1, anchors: "5,5, 10,2", num: 2, cells: (1, 2)
    ).layer
    let ln2: Float = 0.6931472
    let set = boxes(
      layer,
      [
        0.5, 0.5, 0.5, 0.5, 0, ln2, 0, 0, 0.9, 0.8, 1, 0.5,
        0.25, 0.5, 0.5, 0.5, 0, 0, 0, 0, 0.1, 0.7, 1, 1,
      ], network: (10, 10), threshold: 0.5)
    #expect(set.count == 3)
    #expect(isClose(set.objectness, [0.9, 0.8, 0.7]))
    // 0.8 * 0.5 is not above the threshold.
    #expect(isClose(set.probabilities, [0.9, 0, 0.7]))
    #expect(
      isClose(
        set.boxes.flatMap { [$0.x, $0.y, $0.width, $0.height] },
        [0.25, 0.5, 0.5, 0.5, 0.75, 0.5, 1, 0.5, 0.75, 0.5, 1, 0.2]))
  }

  @Test func `new_coords squares sizes`() throws {
    let layer = try head("new_coords=1", classes: 1).layer
    let set = boxes(layer, [0.5, 0.5, 0.5, 0.25, 1, 1], network: (20, 10), threshold: 0)
    #expect(set.boxes == [Box(x: 0.5, y: 0.5, width: 0.25, height: 0.125)])
  }

  @Test func `the mask chooses anchors`() throws {
    let run = try LayerFixture<YoloLayer>(
      "[yolo]\nclasses=1\nnum=3\nmask=2\nanchors=1,1, 2,2, 4,8", inputs: [shape(6, 1, 1)],
      networkShape: shape(3, 8, 8))
    let set = boxes(run.layer, [0, 0, 0, 0, 1, 1], network: (8, 8), threshold: 0)
    #expect(set.boxes == [Box(x: 0, y: 0, width: 0.5, height: 1)])
  }

  @Test func `values that are no numbers do not trap`() throws {
    let run = try head("iou_loss=ciou\niou_thresh=0.2\nobjectness_smooth=1")
    for value in [Float.nan, .infinity, -.infinity, 1e38, -1e38] {
      let values = [Float](repeating: value, count: 7)
      _ = boxes(run.layer, values, network: (10, 10), threshold: 0.2)
      _ = run.loss(values, truth: .boxes([[object(0.5, 0.5, 0.5, 0.5, 1)]]))
    }
  }

  @Test(arguments: [
    ("", NonMaximumSuppression.Kind.standard), ("nms_kind=greedynms", .greedy),
    ("nms_kind=diounms\nbeta_nms=0.5", .distance), ("nms_kind=cornersnms", .corners),
  ])
  func `kinds of suppression`(options: String, kind: NonMaximumSuppression.Kind) throws {
    let found = try head(options).layer.suppression(threshold: 0.4)
    #expect(
      found
        == NonMaximumSuppression(
          threshold: 0.4, kind: kind, beta: kind == .distance ? 0.5 : 0.6))
  }

  // MARK: Options

  @Test func `table and messages of the dialects`() throws {
    let run = try LayerFixture<YoloLayer>(
      "[yolo]\nanchors=5,5\nnms_kind=diounms\ncounters_per_class=4,1,2\nclasses=3\nmax_delta=3",
      inputs: [shape(8, 1, 1)])
    #expect(
      run.messages.map(\.text) == [
        "num: Using default '1'\n",
        " classes_multipliers: 1.0, 3.0, 2.0, \n",
        "nms_kind: diounms (2), beta = 0.600000 \n",
        "jitter: Using default '0.200000'\n",
        "ignore_thresh: Using default '0.500000'\n",
        "truth_thresh: Using default '1.000000'\n",
      ])
    #expect(
      run.layer.tableRow.text(.alexeyab)
        == "yolo\n[yolo] params: iou loss: mse (2), iou_norm: 0.75, "
        + "obj_norm: 1.00, cls_norm: 1.00, delta_norm: 1.00, scale_x_y: 1.00\n")
    #expect(run.layer.tableRow.text(.pjreddie) == "yolo\n")
  }

  @Test func `defaults of what loaders ask`() throws {
    #expect(try head().layer.training.maximumBoxes == 200)
    #expect(try head(dialect: .pjreddie).layer.training.maximumBoxes == 90)
    let given = try head("max=7\njitter=.3\nresize=1.5\nrandom=1.2").layer.training
    #expect(given.maximumBoxes == 7 && given.jitter == 0.3)
    #expect(given.resize == 1.5 && given.random == 1.2)
  }

  @Test func `pjreddie's dialect does not know the later options`() throws {
    let run = try head("scale_x_y=2\niou_loss=ciou", dialect: .pjreddie)
    #expect(
      run.unusedFields == [
        "Unused field: 'scale_x_y = 2'\n", "Unused field: 'iou_loss = ciou'\n",
      ])
    #expect(run.layer.options.scaleXY == 1)
  }

  @Test(arguments: [
    (
      "mask=1",
      "net.cfg:5: [yolo] mask: expected indices of anchors in 0...0, as num=1, found 1; change "
        + "mask= or num="
    ),
    (
      "iou_loss=cious",
      "net.cfg:5: [yolo] iou_loss: expected one of mse, iou, giou, diou, ciou, found 'cious'; "
        + "did you mean 'ciou'?"
    ),
    (
      "counters_per_class=3",
      "net.cfg:5: [yolo] counters_per_class: expected 2 whole numbers, one per class, found 1; fix "
        + "the list or change classes="
    ),
    (
      "map=none.txt",
      "net.cfg:5: [yolo] map: expected a file of class numbers, found no readable file "
        + "'none.txt'; check the path; it starts from the working directory"
    ),
  ])
  func `errors name the option and its line`(option: String, text: String) {
    #expect { _ = try head(option) } throws: { "\($0)" == text }
  }

  @Test(arguments: [
    (
      "5",
      "net.cfg:4: [yolo] anchors: expected 2 numbers, width and height of 1 anchors, "
        + "found 1; complete the list or change num="
    ),
    ("5,0", "net.cfg:4: [yolo] anchors: expected numbers above 0, found 0; fix the list"),
  ])
  func `errors of anchors`(anchors: String, text: String) {
    #expect { _ = try head(anchors: anchors) } throws: { "\($0)" == text }
  }

  @Test func `wrong filters before the head: says where to write how many`() {
    let cfg = """
      [net]
      width=32
      height=32
      channels=3
      [convolutional]
      size=1
      filters=75
      [yolo]
      mask=0,1,2
      num=6
      classes=80
      """
    #expect(
      buildError(cfg) == "net.cfg:8: [yolo]: expected an input of 255 channels, (classes 80 + 5) * "
        + "anchors 3, found 75 (filters= in the [convolutional]-layer doesn't correspond to "
        + "classes= or mask= in [yolo]-layer); set filters=255 in line 7, [convolutional], layer "
        + "0, or change this section's classes= and mask=")
  }
}
