import DarknetConfig
import DarknetGeometry
import DarknetLayers
import DarknetSystem
import DarknetTestSupport
import DarknetTranscript
import Testing

/// One cell, one anchor of 5x5, two classes, a network of 10x10. All inputs are 0, so offsets,
/// objectness and classes are 0.5 and the predicted box is (0.5, 0.5, 0.5, 0.5).
@Suite struct YoloLossTests {
  private static let zeros = [Float](repeating: 0, count: 7)
  /// IoU with the prediction: 1/7, so the prediction stays background until it is taught.
  private static let aside = object(0.25, 0.75, 1, 0.25, 1)

  private func head(
    _ options: String = "", dialect: Dialect = .alexeyab
  ) throws -> LayerFixture<YoloLayer> {
    try LayerFixture<YoloLayer>(
      "[yolo]\nclasses=2\nnum=1\nanchors=5,5\n" + options, inputs: [shape(7, 1, 1)],
      dialect: dialect, networkShape: shape(3, 10, 10))
  }

  private func loss(
    _ objects: [GroundTruth], dialect: Dialect = .alexeyab
  ) throws -> (report: LossReport, gradient: [Float]) {
    try loss("", objects, dialect: dialect)
  }

  private func loss(
    _ options: String, _ objects: [GroundTruth], values: [Float] = zeros,
    dialect: Dialect = .alexeyab
  ) throws -> (report: LossReport, gradient: [Float]) {
    try #require(try head(options, dialect: dialect).loss(values, truth: .boxes([objects])))
  }

  // MARK: Background

  @Test func `without objects only the objectness learns`() throws {
    let (report, gradient) = try loss([])
    #expect(gradient == [0, 0, 0, 0, 0.5, 0, 0])
    #expect(report.cost == 0.25)
    #expect(report.boxes == 0)
  }

  @Test func `no loss without labels`() throws {
    #expect(try head().loss(Self.zeros, truth: .none) == nil)
  }

  /// The anchor of another head fits the object best, so this one only decides about background.
  private func background(_ options: String, classScore: Float, dialect: Dialect) throws -> Float {
    let run = try LayerFixture<YoloLayer>(
      "[yolo]\nclasses=2\nmask=0\nnum=2\nanchors=5,5, 5,6\n" + options, inputs: [shape(7, 1, 1)],
      dialect: dialect, networkShape: shape(3, 10, 10))
    let values: [Float] = [0, 0, 0, 0, 0, classScore, classScore]
    // IoU with the prediction: 0.5 / 0.6.
    let found = run.loss(values, truth: .boxes([[object(0.5, 0.5, 0.5, 0.6)]]))
    return try #require(found).gradient[4]
  }

  @Test func `ignore rules of the dialects`() throws {
    // Classes of 0.5, then of 0.2 = logistic(-1.386): below 0.25 AlexeyAB's rule does not ignore.
    #expect(try background("ignore_thresh=.7", classScore: 0, dialect: .alexeyab) == 0)
    #expect(try background("ignore_thresh=.7", classScore: -1.386, dialect: .alexeyab) == 0.5)
    #expect(try background("ignore_thresh=.7", classScore: -1.386, dialect: .pjreddie) == 0)
    #expect(try background("ignore_thresh=.9", classScore: 0, dialect: .alexeyab) == 0.5)
    #expect(try background("ignore_thresh=.9", classScore: 0, dialect: .pjreddie) == 0.5)
  }

  /// Instead of being ignored the objectness learns the IoU, if that is above it: 0.5 - 0.8333.
  @Test func `objectness_smooth learns the overlap`() throws {
    let slope = try background(
      "ignore_thresh=.7\nobjectness_smooth=1", classScore: 0, dialect: .alexeyab)
    #expect(abs(slope + 0.3333333) < 1e-6)
  }

  @Test func `obj_normalizer weighs the objectness`() throws {
    #expect(try loss("obj_normalizer=0.4", []).gradient[4] == 0.2)
  }

  @Test func `truth_thresh makes objects of good predictions`() throws {
    let run = try LayerFixture<YoloLayer>(
      "[yolo]\nclasses=2\nmask=0\nnum=2\nanchors=5,5, 5,6\ntruth_thresh=0.8\niou_normalizer=1",
      inputs: [shape(7, 1, 1)], networkShape: shape(3, 10, 10))
    let found = try #require(
      run.loss(Self.zeros, truth: .boxes([[object(0.5, 0.5, 0.5, 0.6)]])))
    // Height: (2 - 0.3) (0 - ln 1.2).
    #expect(isClose(found.gradient, [0, 0, 0, -0.3099466, -0.5, -0.5, 0.5]))
    #expect(found.report.boxes == 1)
  }

  // MARK: Objects

  @Test func `a perfect prediction learns objectness and class only`() throws {
    let (report, gradient) = try loss([object(0.5, 0.5, 0.5, 0.5, 1)])
    #expect(isClose(gradient, [0, 0, 0, 0, -0.5, 0.5, -0.5]))
    #expect(report.cost == 0.75)
  }

  /// (2 - 0.25) times 0.5 - 0.25, 0.5 - 0.75, 0 - ln 2, 0 - ln 0.5; AlexeyAB's times 0.75.
  @Test func `squared errors of the dialects`() throws {
    let new = try loss([Self.aside])
    #expect(
      isClose(
        new.gradient, [0.328125, -0.328125, -0.9097557, 0.9097557, -0.5, 0.5, -0.5]))
    #expect(abs(new.report.cost - 2.6206428) < 1e-6)
    let old = try loss([Self.aside], dialect: .pjreddie)
    #expect(
      isClose(old.gradient, [0.4375, -0.4375, -1.2130076, 1.2130076, -0.5, 0.5, -0.5]))
    #expect(abs(old.report.cost - 4.0755872) < 1e-6)
  }

  @Test func `lines of the dialects`() throws {
    #expect(
      try loss([Self.aside]).report.statistics?.line(layer: 1)
        == "v3 (mse loss, Normalizer: (iou: 0.75, obj: 1.00, cls: 1.00) Region 1 Avg (IOU: "
        + "0.142857), count: 1, class_loss = 0.750000, iou_loss = 1.870643, "
        + "total_loss = 2.620643 ")
    #expect(
      try loss("show_details=0", [Self.aside]).report.statistics?.line(layer: 1)
        == "v3 (mse loss, Normalizer: (iou: 0.75, obj: 1.00, cls: 1.00) Region 1 Avg (IOU: "
        + "0.142857), count: 1, total_loss = 2.620643 ")
    #expect(
      try loss([Self.aside], dialect: .pjreddie).report.statistics?.line(layer: 1)
        == "Region 1 Avg IOU: 0.142857, Class: 0.500000, Obj: 0.500000, No Obj: 0.500000, "
        + ".5R: 0.000000, .75R: 0.000000,  count: 1")
    #expect(
      try loss([], dialect: .pjreddie).report.statistics?.line(layer: 1)
        == "Region 1 Avg IOU: -nan, Class: -nan, Obj: -nan, No Obj: 0.500000, .5R: -nan, "
        + ".75R: -nan,  count: 0")
  }

  @Test func `a second object on a prediction: added, or instead of the first`() throws {
    let objects = [Self.aside, object(0.25, 0.5, 0.5, 0.5, 0)]
    let new = try loss("iou_normalizer=1", objects)
    // The second adds 1.75 * 0.25 to x, and its class to the first one's.
    #expect(
      isClose(new.gradient, [0.875, -0.4375, -1.2130076, 1.2130076, -0.5, -0.5, -0.5]))
    #expect(new.report.boxes == 2)
    #expect(new.report.rewrittenBoxes == 1)
    let old = try loss(objects, dialect: .pjreddie)
    #expect(isClose(old.gradient, [0.4375, 0, 0, 0, -0.5, -0.5, -0.5]))
  }

  @Test func `label_smooth_eps moves targets towards each other`() throws {
    let gradient = try loss("label_smooth_eps=0.2", [object(0.5, 0.5, 0.5, 0.5, 1)]).gradient
    #expect(isClose(gradient, [0, 0, 0, 0, -0.5, 0.4, -0.4]))
  }

  /// Counters 4 and 1: class 1 weighs 4, in box, objectness and, times cls_normalizer, class.
  @Test func `counters_per_class weigh rare classes`() throws {
    let gradient = try loss(
      "counters_per_class=4,1\ncls_normalizer=0.5\niou_normalizer=1", [Self.aside]
    ).gradient
    #expect(
      isClose(gradient, [1.75, -1.75, -4.8520303, 4.8520303, -2, 0.5, -1]))
  }

  @Test func `cls_normalizer alone does nothing`() throws {
    #expect(try loss("cls_normalizer=0.5", [Self.aside]).gradient == loss([Self.aside]).gradient)
  }

  /// -(1 - p) (2 p ln p + p - 1) / 2 with p = 0.5: 0.2982868.
  @Test func `focal_loss scales the classes`() throws {
    let gradient = try loss("focal_loss=1", [object(0.5, 0.5, 0.5, 0.5, 1)]).gradient
    #expect(isClose(gradient, [0, 0, 0, 0, -0.5, 0.1491434, -0.1491434]))
  }

  @Test func `new_coords learns roots of sizes`() throws {
    let values: [Float] = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    let gradient = try loss(
      "new_coords=1\niou_normalizer=1", [Self.aside], values: values
    ).gradient
    // (2 - 0.25) (0.5 - sqrt(1 10 / (4 5))), and sqrt(0.25 10 / (4 5)).
    #expect(
      isClose(gradient, [0.4375, -0.4375, -0.3624369, 0.2562816, -0.5, 0.5, -0.5]))
  }

  @Test func `IoU losses: the slope of the overlap, not weighed by size`() throws {
    let predicted = Box(x: 0.5, y: 0.5, width: 0.5, height: 0.5)
    for measure in [BoxLoss.iou, .giou, .diou, .ciou] {
      let found = try loss("iou_loss=\(measure.rawValue)\niou_normalizer=0.5", [Self.aside])
      let slope = OverlapSlope(of: measure, predicted: predicted, truth: Self.aside.box)
      #expect(
        isClose(
          Array(found.gradient.prefix(4)),
          [slope.x, slope.y, slope.width, slope.height].map { -0.5 * $0 }))
      let overlap = measure == .giou ? Box.giou(predicted, Self.aside.box) : 1 / 7
      #expect(abs(found.report.cost - (0.75 + 0.5 * (1 - overlap))) < 1e-6)
    }
  }

  @Test func `sizes of IoU losses carry e^t, and nothing goes beyond max_delta`() throws {
    var values = Self.zeros
    values[2] = 0.5
    let predicted = Box(x: 0.5, y: 0.5, width: 0.8243606, height: 0.5)
    let slope = OverlapSlope(of: .giou, predicted: predicted, truth: Self.aside.box)
    let free = try loss("iou_loss=giou\niou_normalizer=1", [Self.aside], values: values)
    #expect(abs(free.gradient[2] + slope.width * 1.6487213) < 1e-6)
    let tied = try loss(
      "iou_loss=giou\niou_normalizer=1\nmax_delta=0.1", [Self.aside], values: values)
    #expect(
      tied.gradient.prefix(4).map { $0 } == free.gradient.prefix(4).map { min(max($0, -0.1), 0.1) })
  }

  /// Both anchors overlap the object's shape by more than 0.5; without `iou_thresh` only the first
  /// learns.
  @Test(arguments: [("", 1), ("iou_thresh=0.5", 2), ("iou_thresh=0.9", 1)])
  func `iou_thresh teaches further anchors`(option: String, count: Int) throws {
    let run = try LayerFixture<YoloLayer>(
      "[yolo]\nclasses=1\nnum=2\nanchors=5,5, 5,6\n" + option, inputs: [shape(12, 1, 1)],
      networkShape: shape(3, 10, 10))
    let found = try #require(
      run.loss(
        [Float](repeating: 0, count: 12), truth: .boxes([[object(0.5, 0.5, 0.5, 0.5)]])))
    #expect(found.report.boxes == count)
    #expect(found.gradient[4] == -0.5)
    #expect(found.gradient[10] == (count == 2 ? -0.5 : 0))
  }

  /// Two objects of two classes on one prediction: with iou_thresh the boxes' gradients are halved.
  @Test func `iou_thresh averages boxes of several classes`() throws {
    let objects = [Self.aside, object(0.25, 0.5, 0.5, 0.5, 0)]
    let plain = try loss(objects).gradient
    let shared = try loss("iou_thresh=0.9", objects).gradient
    #expect(isClose(Array(shared.prefix(4)), plain.prefix(4).map { $0 / 2 }))
  }

  // MARK: Labels

  @Test func `labels outside of the head's classes are noticed and passed over`() throws {
    let found = try loss([object(0.5, 0.5, 0.5, 0.5, 2), object(0.5, 0.5, 0.5, 0.5, -1)])
    #expect(found.gradient == [0, 0, 0, 0, 0.5, 0, 0])
    #expect(
      found.report.notices == [
        "Warning: in txt-labels class_id=2 >= classes=2 in cfg-file. In txt-labels class_id "
          + "should be [from 0 to 1]",
        "Warning: in txt-labels class_id=-1 >= classes=2 in cfg-file. In txt-labels class_id "
          + "should be [from 0 to 1]",
      ])
  }

  @Test(arguments: [
    object(1, 1, 0.5, 0.5), object(-0.5, 0.5, 0.5, 0.5), object(0.5, 2, 0.5, 0.5),
    object(.nan, 0.5, 0.5, 0.5), object(0.5, .infinity, 0.5, 0.5), object(0.5, 0.5, 0, 0.5),
    object(0.5, 0.5, .infinity, 0.5), object(0.5, 0.5, .nan, .nan),
  ])
  func `labels at the border and beyond do not trap`(label: GroundTruth) throws {
    for dialect in Dialect.allCases {
      #expect(try loss([label], dialect: dialect).gradient.allSatisfy(\.isFinite))
    }
  }

  @Test func `max limits the objects of an image`() throws {
    let objects = [object(0.5, 0.5, 0.5, 0.5, 0), object(0.5, 0.5, 0.5, 0.5, 1)]
    #expect(try loss("max=1", objects).report.boxes == 1)
  }

  @Test func `map renames classes`() throws {
    let run = try LayerFixture<YoloLayer>(
      "[yolo]\nclasses=2\nnum=1\nanchors=5,5\nmap=names.map", inputs: [shape(7, 1, 1)],
      networkShape: shape(3, 10, 10),
      readFile: { $0 == "names.map" ? Array("1\n0\n0\n".utf8) : nil })
    let found = try #require(
      run.loss(Self.zeros, truth: .boxes([[object(0.5, 0.5, 0.5, 0.5, 0)]])))
    #expect(found.gradient.suffix(2) == [0.5, -0.5])
  }

  /// Each image has its own objects, and the same result whatever the number of threads.
  @Test func `images of a batch learn apart`() throws {
    let run = try head()
    let found = try #require(
      run.loss(
        [Float](repeating: 0, count: 21), truth: .boxes([[], [Self.aside], []]), batch: 3))
    let alone = try loss([Self.aside])
    #expect(Array(found.gradient[0..<7]) == [0, 0, 0, 0, 0.5, 0, 0])
    #expect(Array(found.gradient[7..<14]) == alone.gradient)
    #expect(abs(found.report.cost - alone.report.cost - 0.5) < 1e-6)
  }
}
