import DarknetGeometry
import Testing

/// A set from rows of centre x, objectness and probabilities; all boxes are 10 wide and high.
private func set(_ rows: [(x: Float, objectness: Float, probabilities: [Float])]) -> DetectionSet {
  var set = DetectionSet(classCount: rows.first?.probabilities.count ?? 0)
  for row in rows {
    set.append(
      Detection(
        box: Box(x: row.x, y: 0, width: 10, height: 10), objectness: row.objectness,
        probabilities: row.probabilities))
  }
  return set
}

/// The centres, which name the boxes in these tests.
private func names(_ set: DetectionSet) -> [Float] { set.boxes.map(\.x) }

@Suite struct NonMaximumSuppressionTests {
  /// Centres 0 and 2 share 8 of 12: iou 2/3. 0 and 4: 6/14. 2 and 4: 2/3. 100 is alone.
  @Test func `the most probable box silences what it covers`() {
    var detections = set([(0, 1, [0.5]), (2, 1, [0.9]), (4, 1, [0.8]), (100, 1, [0.7])])
    NonMaximumSuppression(threshold: 0.45).apply(to: &detections)
    #expect(names(detections) == [2, 4, 100, 0])
    #expect(detections.probabilities == [0.9, 0, 0.7, 0])
  }

  /// 2 silences 0 at .45, but 0, silenced, no longer silences others: at .4, 4 is silenced by 2.
  @Test func `a silenced box silences nobody`() {
    var detections = set([(0, 1, [0.8]), (2, 1, [0.7]), (4, 1, [0.6])])
    NonMaximumSuppression(threshold: 0.45).apply(to: &detections)
    // 0 silences 2; 2 is silent, and 0 covers only 6/14 of 4.
    #expect(detections.probabilities == [0.8, 0, 0.6])
  }

  @Test func `an overlap equal to the threshold is tolerated`() {
    // Centres 0 and 5 share 5 of 15.
    var detections = set([(0, 1, [0.8]), (5, 1, [0.7])])
    NonMaximumSuppression(threshold: Float(1) / 3).apply(to: &detections)
    #expect(detections.probabilities == [0.8, 0.7])
    NonMaximumSuppression(threshold: (Float(1) / 3).nextDown).apply(to: &detections)
    #expect(detections.probabilities == [0.8, 0])
  }

  @Test func `each class decides for itself`() {
    var detections = set([(0, 1, [0.5, 0.9]), (2, 1, [0.9, 0.5])])
    NonMaximumSuppression(threshold: 0.45).apply(to: &detections)
    // The last class' order is what remains.
    #expect(names(detections) == [0, 2])
    #expect(detections.probabilities == [0, 0.9, 0.9, 0])
  }

  /// Class 0 orders 3, 1 and leaves 0, 2, 4 behind them as they were; class 1 then puts 4 and 2 in
  /// front, tied, in the order they had; class 2 has nothing to order.
  @Test func `the final order is that of the last class, earlier ones among its ties`() {
    var detections = set([
      (0, 1, [0, 0, 0]), (100, 1, [0.3, 0, 0]), (200, 1, [0, 0.6, 0]), (300, 1, [0.4, 0, 0]),
      (400, 1, [0, 0.6, 0]),
    ])
    NonMaximumSuppression(threshold: 0.45).apply(to: &detections)
    #expect(names(detections) == [200, 400, 300, 100, 0])
  }

  @Test func `boxes of objectness 0 are replaced by the last ones`() {
    var detections = set([
      (0, 0, [0.9]), (100, 1, [0]), (200, 0, [0.9]), (300, 1, [0]), (400, 0, [0.9]),
    ])
    NonMaximumSuppression(threshold: 0.45).apply(to: &detections)
    // Gap 0 gets 400, which is empty too, then 300.
    #expect(names(detections) == [300, 100])
  }

  /// Centres 0 and 2: iou 2/3, d²/c² = 4 / (144 + 100) = 0.016393; to the power 0.6 0.084866, to
  /// the power 1 itself, to the power 0.1 0.662903.
  @Test(arguments: [
    (NonMaximumSuppression.Kind.standard, Float(0.6), Float(0.66), true),
    (.standard, 0.6, 0.67, false),
    (.corners, 0.6, 0.66, true),
    (.greedy, 1, 0.58, true), (.greedy, 1, 0.59, false),
    (.distance, 1, 0.64, true), (.distance, 1, 0.66, false), (.distance, 0.1, 0.003, true),
    (.distance, 0.1, 0.005, false),
  ])
  func `each kind has its overlap`(
    kind: NonMaximumSuppression.Kind, beta: Float, threshold: Float, silences: Bool
  ) {
    var detections = set([(0, 1, [0.8]), (2, 1, [0.7])])
    NonMaximumSuppression(threshold: threshold, kind: kind, beta: beta).apply(to: &detections)
    #expect(detections.probabilities == (silences ? [0.8, 0] : [0.8, 0.7]))
  }

  @Test func `by objectness whole boxes go`() {
    var detections = set([(0, 0.5, [0.5, 0.1]), (2, 0.9, [0.1, 0.3]), (100, 0.7, [0.2, 0.2])])
    NonMaximumSuppression(threshold: 0.4).applyByObjectness(to: &detections)
    #expect(names(detections) == [2, 100, 0])
    #expect(detections.objectness == [0.9, 0.7, 0])
    #expect(detections.probabilities == [0.1, 0.3, 0.2, 0.2, 0, 0])
  }

  @Test func `broken numbers neither crash nor silence`() {
    var detections = set([
      (.nan, .nan, [.nan, 0.3]), (0, 1, [0.5, .infinity]), (.infinity, 1, [-1, .nan]),
      (0, 1, [-0.0, 0.2]), (1, 1, [.nan, .nan]),
    ])
    NonMaximumSuppression(threshold: 0.45, kind: .greedy).apply(to: &detections)
    #expect(detections.count == 5)
    NonMaximumSuppression(threshold: 0.45).applyByObjectness(to: &detections)
    #expect(detections.count == 5)
  }

  @Test func `empty sets and sets without classes`() {
    var none = DetectionSet(classCount: 3)
    NonMaximumSuppression(threshold: 0.45).apply(to: &none)
    #expect(none.isEmpty)
    var bare = DetectionSet(classCount: 0)
    bare.append(
      Detection(box: Box(x: 0, y: 0, width: 1, height: 1), objectness: 1, probabilities: []))
    NonMaximumSuppression(threshold: 0.45).apply(to: &bare)
    #expect(bare.count == 1)
  }

  /// The words of the rule, without any of the shortcuts: sort everything, compare every pair.
  private func plain(
    _ detections: DetectionSet, threshold: Float, overlap: (Box, Box) -> Float
  ) -> [Detection] {
    var rows = Array(detections)
    for number in 0..<detections.classCount {
      rows = rows.enumerated().sorted { a, b in
        let (p, q) = (a.element.probabilities[number], b.element.probabilities[number])
        return p == q ? a.offset < b.offset : p > q
      }.map(\.element)
      for i in rows.indices where rows[i].probabilities[number] != 0 {
        for j in i + 1..<rows.count where overlap(rows[i].box, rows[j].box) > threshold {
          rows[j].probabilities[number] = 0
        }
      }
    }
    return rows
  }

  @Test(arguments: NonMaximumSuppression.Kind.allCases, [1, 2, 3, 4] as [UInt64])
  func `the fast way equals the plain one`(kind: NonMaximumSuppression.Kind, seed: UInt64) {
    var state = seed
    func below(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    var detections = DetectionSet(classCount: 7)
    for _ in 0..<150 {
      let box = Box(
        x: Float(below(60)), y: Float(below(60)), width: Float(5 + below(30)),
        height: Float(5 + below(30)))
      detections.append(box, objectness: 1) { row in
        // Few different values, for many ties; class 3 stays empty; some are negative.
        for number in row.indices where number != 3 && below(3) == 0 {
          row[number] = Float(below(6)) / 5 - (below(20) == 0 ? 1 : 0)
        }
      }
    }
    let expected = plain(detections, threshold: 0.3) { a, b in
      switch kind {
      case .standard, .corners: Box.iou(a, b)
      case .greedy: Box.diou(a, b)
      case .distance: Box.diou(a, b, exponent: 0.9)
      }
    }
    NonMaximumSuppression(threshold: 0.3, kind: kind, beta: 0.9).apply(to: &detections)
    #expect(detections.boxes == expected.map(\.box))
    #expect(detections.probabilities == expected.flatMap(\.probabilities))
  }
}
