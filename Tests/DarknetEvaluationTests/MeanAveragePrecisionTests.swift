import DarknetEvaluation
import DarknetGeometry
import DarknetText
import Testing

/// Boxes 10 wide and high, named by their centre. Centres 1 apart: IoU 9/11; 5 apart: 1/3.
private func box(_ x: Float) -> Box { Box(x: x, y: 0, width: 10, height: 10) }

private func set(_ rows: [(x: Float, probabilities: [Float])], classes: Int = 2) -> DetectionSet {
  var set = DetectionSet(classCount: classes)
  for row in rows {
    set.append(Detection(box: box(row.x), objectness: 1, probabilities: row.probabilities))
  }
  return set
}

private func truth(_ x: Float, _ number: Int = 0) -> GroundTruth {
  GroundTruth(box: box(x), classIndex: number)
}

@Suite struct PrecisionRecallCurveTests {
  /// Right, wrong, right, wrong, wrong of 4 objects: precision 1, 1/2, 2/3, 1/2, 2/5 at recall
  /// 1/4, 1/4, 1/2, 1/2, 1/2.
  private let curve = PrecisionRecallCurve(
    scores: [0.9, 0.8, 0.7, 0.6, 0.5], isTruePositive: [true, false, true, false, false],
    truthCount: 4)

  @Test func `precision, recall, F1 and envelope`() {
    let precision: [Double] = [1, 1.0 / 2, 2.0 / 3, 1.0 / 2, 2.0 / 5]
    #expect(curve.precision == precision)
    #expect(curve.recall == [0.25, 0.25, 0.5, 0.5, 0.5])
    #expect(abs(curve.f1[2] - 4.0 / 7) < 1e-12)
    let envelope: [Double] = [1, 2.0 / 3, 2.0 / 3, 1.0 / 2, 2.0 / 5]
    #expect(curve.envelope == envelope)
  }

  /// Exactly 1/4 + 1/4 * 2/3. With 11 levels 0, .1, .2 see 1; .3, .4, .5 see 2/3. With 101 levels
  /// 26 see 1 and 25 see 2/3. With 5, 0 and .25 see 1, .5 sees 2/3: equal recalls count.
  static let averages: [(Int, Double)] = [
    (0, 0.25 + 0.5 / 3), (11, 5.0 / 11), (101, (26 + 50.0 / 3) / 101), (5, (2 + 2.0 / 3) / 5),
  ]

  @Test(arguments: averages)
  func `average precision`(points: Int, expected: Double) throws {
    let area = try #require(PrecisionRecallCurve.Area(points: points))
    #expect(abs(curve.averagePrecision(area) - expected) < 1e-12)
  }

  @Test func `no points, one point, negative points`() {
    #expect(PrecisionRecallCurve.Area(points: 0) == .exact)
    #expect(PrecisionRecallCurve.Area(points: 1) == nil)
    #expect(PrecisionRecallCurve.Area(points: -1) == nil)
  }

  @Test func `the best threshold is that of the highest F1`() {
    let best = curve.best
    #expect(best?.threshold == 0.7)
    #expect(best?.recall == 0.5)
  }

  /// Accepting the first two, which a threshold cannot tell apart, gives F1 2/3; the first alone
  /// would give 1.
  @Test func `equal probabilities go together`() {
    let tied = PrecisionRecallCurve(
      scores: [0.5, 0.5], isTruePositive: [true, false], truthCount: 1)
    #expect(tied.best?.precision == 0.5)
  }

  @Test func `nothing found, nothing there`() {
    for curve in [
      PrecisionRecallCurve(scores: [], isTruePositive: [], truthCount: 3),
      PrecisionRecallCurve(scores: [0.5], isTruePositive: [false], truthCount: 0),
    ] {
      #expect(curve.averagePrecision(.exact) == 0)
      #expect(curve.averagePrecision(.points(11)) == 0)
      #expect(curve.best == nil)
    }
  }
}

@Suite struct MeanAveragePrecisionTests {
  /// Class 0: 0.9 on the object, 0.8 on it again, 0.3 on nothing. Class 1: an object nobody finds.
  @Test func `counts and figures of one picture`() {
    var map = MeanAveragePrecision(classCount: 2)
    map.add(
      set([(0, [0.9, 0]), (1, [0.8, 0]), (100, [0.3, 0])]), truths: [truth(0), truth(50, 1)])
    let result = map.result()
    #expect(result.detectionCount == 3)
    #expect(result.classes[0].averagePrecision == 1)
    #expect(result.classes[1].averagePrecision == 0)
    #expect(result.meanAveragePrecision == 0.5)
    #expect(result.counts.truePositives == 1)
    #expect(result.counts.falsePositives == 2)
    #expect(result.counts.falseNegatives == 1)
    #expect(abs(result.counts.precision - 1.0 / 3) < 1e-12)
    #expect(result.counts.recall == 0.5)
    #expect(abs(result.counts.f1 - 0.4) < 1e-12)
    // One overlap of 1, over all three.
    #expect(abs(result.counts.averageIoU - 1.0 / 3) < 1e-7)
  }

  /// The unlikely claim stands first in the array, so the likely one counts as a repeat, though
  /// the ranking gives it the object: AlexeyAB's way.
  @Test func `an unlikely claim earlier in the array makes a later one false`() {
    var map = MeanAveragePrecision(classCount: 2)
    map.add(set([(0, [0.1, 0]), (1, [0.8, 0])]), truths: [truth(0)])
    let result = map.result()
    #expect(result.counts.truePositives == 0)
    #expect(result.counts.falsePositives == 1)
    #expect(result.classes[0].averagePrecision == 1)
  }

  @Test func `a claim takes the object it overlaps most, and only of its class`() {
    let matches = PictureMatches(
      set([(1, [0.9, 0.4])]), truths: [truth(3), truth(0), truth(1, 1)], iouThreshold: 0.5)
    #expect(matches.claims.map(\.truth) == [1, 2])
    #expect(matches.claims.map(\.classIndex) == [0, 1])
    #expect(matches.misses(above: 0.25) == [0])
  }

  /// 9/11 as float32, not above itself.
  @Test func `the overlap has to exceed the threshold`() {
    let threshold = Box.iou(box(0), box(1))
    func found(_ threshold: Float) -> Int? {
      PictureMatches(set([(1, [0.9, 0])]), truths: [truth(0)], iouThreshold: threshold)
        .claims[0].truth
    }
    #expect(found(threshold) == nil)
    #expect(found(threshold.nextDown) == 0)
  }

  @Test func `a claim on a difficult object is not ranked, yet counts as wrong`() {
    var map = MeanAveragePrecision(classCount: 2)
    map.add(
      set([(0, [0.9, 0]), (50, [0.8, 0])]), truths: [truth(50)], difficult: [truth(1), truth(50)])
    let result = map.result()
    #expect(result.detectionCount == 1)
    #expect(result.classes[0].averagePrecision == 1)
    #expect(result.counts.truePositives == 1)
    #expect(result.counts.falsePositives == 1)
  }

  @Test func `objects of unknown classes are counted and left out`() {
    var map = MeanAveragePrecision(classCount: 1)
    map.add(
      set([(0, [0.9])], classes: 1), truths: [truth(0), truth(0, 1), truth(0, -1), truth(0, .max)])
    let result = map.result()
    #expect(result.unknownTruths == 3)
    #expect(result.counts.truths == 1)
    #expect(result.meanAveragePrecision == 1)
  }

  @Test func `pictures in any number, numbers of any kind`() {
    var map = MeanAveragePrecision(classCount: 2)
    map.add(DetectionSet(classCount: 2), truths: [])
    map.add(set([(.nan, [.nan, .infinity])]), truths: [truth(.nan), truth(0, 1)])
    #expect(map.result().detectionCount == 1)
    #expect(map.pictureCount == 2)
  }

  @Test func `the summary without detections and objects`() {
    let result = MeanAveragePrecision(
      classCount: 1, options: .init(iouThreshold: 0.05, area: .points(11))
    ).result()
    #expect(
      result.summary(names: ["a b"]) == """

         detections_count = 0, unique_truth_count = 0  
        class_id = 0, name = a b, ap = 0.00%   \t (TP = 0, FP = 0) 

         for conf_thresh = 0.25, precision = -nan, recall = -nan, F1-score = -nan 
         for conf_thresh = 0.25, TP = 0, FP = 0, FN = 0, average IoU = 0.00 % 

         IoU threshold =  5 %, used 11 Recall-points 
         mean average precision (mAP@0.05) = 0.000000, or 0.00 % 

        """)
  }
}

@Suite struct CountingTests {
  /// Proposals 0 (0.9) and 100 (0.5), and one too unlikely; objects at 1 (found, 9/11), 5 away
  /// from any (1/3) and alone.
  @Test func `recall counts objects with a box on them`() {
    var detections = DetectionSet(classCount: 1)
    for (x, objectness) in [(0, 0.9), (100, 0.5), (200, 0.001)] as [(Float, Float)] {
      detections.append(
        Detection(box: box(x), objectness: objectness, probabilities: [objectness]))
    }
    var recall = DetectorRecall()
    recall.add(detections, truths: [truth(1), truth(105), truth(200)])
    #expect(recall.line == "    0     1     3\tRPs/Img: 2.00\tIOU: 38.38%\tRecall:33.33%\n")
    recall.add(DetectionSet(classCount: 1), truths: [])
    #expect(recall.line == "    1     1     3\tRPs/Img: 1.00\tIOU: 38.38%\tRecall:33.33%\n")
    var none = DetectorRecall()
    none.add(DetectionSet(classCount: 1), truths: [])
    #expect(none.line == "    0     0     0\tRPs/Img: 0.00\tIOU: -nan%\tRecall:-nan%\n")
  }

  /// An object of 0 called 1, one of 1 found twice, one of 0 missed; a detection too unlikely.
  @Test func `confusion joins by overlap, whatever the class`() {
    var matrix = ConfusionMatrix(classCount: 2)
    matrix.add(
      set([(0, [0.3, 0.9]), (50, [0, 0.8]), (51, [0, 0.9]), (300, [0.2, 0])]),
      truths: [truth(0, 0), truth(50, 1), truth(200, 0), truth(0, 7)])
    #expect(matrix[1, 0] == 1)
    #expect(matrix[1, 1] == 1)
    #expect(matrix[1, matrix.nothing] == 1)
    #expect(matrix[matrix.nothing, 0] == 1)
    #expect(matrix.counts.reduce(0, +) == 4)
  }

  @Test func `the worst mistakes come first`() {
    var worst = WorstMistakes(limit: 2)
    for picture in 0..<2000 {
      let detections = set([(0, [Float(picture % 100) / 100, 0])])
      var large = truth(500)
      large.box.width = Float(picture % 77)
      let matches = PictureMatches(detections, truths: [large], iouThreshold: 0.5)
      worst.add(matches, detections: detections, picture: picture, threshold: 0.25)
    }
    #expect(worst.falsePositives.map(\.picture) == [99, 199])
    #expect(worst.missedObjects.map(\.picture) == [76, 153])
    #expect(worst.missedObjects[0].weight == 760)
  }

  @Test func `statistics of labels`() {
    var statistics = LabelStatistics(classCount: 2)
    // 10 x 10, 50 x 50 and 100 x 100 pixels of 100 x 100.
    let sizes: [Float] = [0.1, 0.5, 1]
    statistics.add(
      sizes.map { GroundTruth(box: Box(x: 0.5, y: 0.5, width: $0, height: $0), classIndex: 1) }
        + [
          truth(0, 2), GroundTruth(box: Box(x: .nan, y: 0, width: .nan, height: 0), classIndex: 0),
        ],
      pictureWidth: 100, pictureHeight: 100)
    statistics.add([], pictureWidth: 100, pictureHeight: 100)
    #expect(statistics.classes[1].small == 1)
    #expect(statistics.classes[1].medium == 1)
    #expect(statistics.classes[1].large == 1)
    #expect(statistics.classes[1].pictures == 1)
    #expect(abs(statistics.classes[1].averageWidth - 1.6 / 3) < 1e-7)
    #expect(statistics.unknownClasses == 1)
    #expect(statistics.pictures == 2)
    #expect(statistics.picturesWithoutObjects == 1)
    #expect(statistics.mostObjects == 5)
    #expect(statistics.sideHistogram[25] == 1)
    #expect(statistics.sideHistogram[49] == 1)
    #expect(statistics.countersText == "counters_per_class = 1, 3")
  }
}
