import DarknetGeometry
import Testing

/// Two squares of side 2 whose centres are 1 apart: they share 1 x 2, cover 6, and fit in 3 x 2,
/// so d²/c² = 1 / 13.
private let left = Box(x: 1, y: 1, width: 2, height: 2)
private let right = Box(x: 2, y: 1, width: 2, height: 2)
/// A square of side 1 that touches nothing; with `left` it fits in 6 x 2, d² = 4.5² + 0.5².
private let apart = Box(x: 5.5, y: 0.5, width: 1, height: 1)

@Suite struct BoxTests {
  @Test func `edges and area of a box by centre and size`() {
    let box = Box(x: 0.5, y: 0.25, width: 0.5, height: 0.25)
    #expect(box.left == 0.25)
    #expect(box.right == 0.75)
    #expect(box.top == 0.125)
    #expect(box.bottom == 0.375)
    #expect(box.area == 0.125)
    #expect(Box(left: 0.25, top: 0.125, right: 0.75, bottom: 0.375) == box)
    #expect(box.scaled(2, 4) == Box(x: 1, y: 1, width: 1, height: 1))
    #expect(box.atOrigin == Box(x: 0, y: 0, width: 0.5, height: 0.25))
  }

  /// iou 2/6; giou the same, as nothing around is uncovered; diou 1/3 - (1/13)^0.6
  /// (ln 13 = 2.564949, times 0.6 = 1.538970, e^-1.538970 = 0.214602), and ciou 1/3 - 1/13,
  /// since the shapes are equal.
  @Test(arguments: [
    (OverlapMeasure.iou, Float(1) / 3), (.giou, 1 / 3), (.diou, 0.333333 - 0.214602),
    (.ciou, 0.333333 - 0.076923),
  ])
  func `measures of two squares that overlap by half`(measure: OverlapMeasure, expected: Float) {
    #expect(abs(measure(left, right) - expected) < 2e-6)
    #expect(abs(measure(right, left) - expected) < 2e-6)
    #expect(abs(measure(left, left) - 1) < 1e-6)
  }

  /// No overlap: C = 12, U = 5, so giou = -7/12; d²/c² = 20.5/40, ln(0.5125) = -0.668454, times 0.6
  /// = -0.401073, e^ = 0.669602.
  @Test(arguments: [
    (OverlapMeasure.iou, Float(0)), (.giou, -7 / 12), (.diou, -0.669602), (.ciou, -0.5125),
  ])
  func `measures of squares far from each other`(measure: OverlapMeasure, expected: Float) {
    #expect(abs(measure(left, apart) - expected) < 2e-6)
  }

  /// 4 x 1 against 1 x 4 with one centre: iou 1/7, d 0, atan(4) - atan(1/4) = 1.080839, so
  /// v = 0.473459 (4/pi² = 0.405285 times 1.168213), alpha = v / (6/7 + v) = 0.355823,
  /// ciou = 0.142857 - 0.168468.
  @Test func `ciou takes the aspect ratio into account`() {
    let wide = Box(x: 0, y: 0, width: 4, height: 1)
    let tall = Box(x: 0, y: 0, width: 1, height: 4)
    #expect(abs(Box.ciou(wide, tall) - (0.142857 - 0.168468)) < 3e-6)
    #expect(Box.diou(wide, tall) == Box.iou(wide, tall))
  }

  @Test func `diou with the exponent of the paper`() {
    #expect(abs(Box.diou(left, right, exponent: 1) - (1 / 3 - 1 / 13)) < 1e-6)
  }

  @Test func `touching edges share nothing`() {
    let next = Box(x: 3, y: 1, width: 2, height: 2)
    #expect(Box.intersection(left, next) == 0)
    #expect(Box.iou(left, next) == 0)
  }

  @Test func `boxes without area give numbers`() {
    let point = Box(x: 1, y: 1, width: 0, height: 0)
    for measure in OverlapMeasure.allCases where measure != .ciou {
      #expect(measure(point, point) == 0)
    }
    // The same point has no diagonal, so the angle, 0/0, is not asked for.
    #expect(Box.ciou(point, point) == 0)
    let nothing = Box(x: .nan, y: .infinity, width: -1, height: .nan)
    for measure in OverlapMeasure.allCases { _ = measure(nothing, left) }
  }

  @Test func `rmse is the distance of the four numbers`() {
    let other = Box(x: 2, y: 3, width: 4, height: 6)
    #expect(Box.rmse(left, other) == Float(1 + 4 + 4 + 16).squareRoot())
  }
}
