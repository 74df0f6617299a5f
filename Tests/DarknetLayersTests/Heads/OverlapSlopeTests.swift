import DarknetGeometry
import DarknetLayers
import Testing

@Suite struct OverlapSlopeTests {
  /// Overlapping, apart, one inside the other, equal centres.
  static let pairs: [(Box, Box)] = [
    (Box(x: 0.5, y: 0.5, width: 0.4, height: 0.3), Box(x: 0.6, y: 0.45, width: 0.3, height: 0.5)),
    (Box(x: 0.2, y: 0.3, width: 0.2, height: 0.2), Box(x: 0.7, y: 0.8, width: 0.3, height: 0.1)),
    (Box(x: 0.5, y: 0.5, width: 0.6, height: 0.6), Box(x: 0.55, y: 0.45, width: 0.2, height: 0.3)),
    (Box(x: 0.5, y: 0.5, width: 0.2, height: 0.1), Box(x: 0.45, y: 0.53, width: 0.6, height: 0.7)),
  ]

  /// In double, by the edges: I / U, and U / C.
  private static func overlap(_ p: [Double], _ t: Box) -> (iou: Double, enclosing: Double) {
    let (l, r) = (p[0] - p[2] / 2, p[0] + p[2] / 2)
    let (top, b) = (p[1] - p[3] / 2, p[1] + p[3] / 2)
    let (x, y, w, h) = (Double(t.x), Double(t.y), Double(t.width), Double(t.height))
    let iw = min(r, x + w / 2) - max(l, x - w / 2)
    let ih = min(b, y + h / 2) - max(top, y - h / 2)
    let common = max(iw, 0) * max(ih, 0)
    let joint = p[2] * p[3] + w * h - common
    let outer = (max(r, x + w / 2) - min(l, x - w / 2)) * (max(b, y + h / 2) - min(top, y - h / 2))
    return (common / joint, joint / outer)
  }

  /// Squared distance of the centres over the squared diagonal around both.
  private static func distance(_ p: [Double], _ t: Box) -> Double {
    let (x, y, w, h) = (Double(t.x), Double(t.y), Double(t.width), Double(t.height))
    let cw = max(p[0] + p[2] / 2, x + w / 2) - min(p[0] - p[2] / 2, x - w / 2)
    let ch = max(p[1] + p[3] / 2, y + h / 2) - min(p[1] - p[3] / 2, y - h / 2)
    return ((p[0] - x) * (p[0] - x) + (p[1] - y) * (p[1] - y)) / (cw * cw + ch * ch)
  }

  private static func slopes(_ p: Box, _ f: ([Double]) -> Double) -> [Double] {
    let at = [p.x, p.y, p.width, p.height].map(Double.init)
    let h = 1e-6
    return at.indices.map { i in
      var (above, below) = (at, at)
      above[i] += h
      below[i] -= h
      return (f(above) - f(below)) / (2 * h)
    }
  }

  private func expect(
    _ slope: OverlapSlope, _ expected: [Double], location: SourceLocation = #_sourceLocation
  ) {
    let found = [slope.x, slope.y, slope.width, slope.height]
    for (a, b) in zip(found, expected) {
      // Float32 quotients of areas around 0.1 against double: six digits.
      #expect(abs(Double(a) - b) < 2e-5 * (1 + abs(b)), sourceLocation: location)
    }
  }

  /// Exact for the centre, and twice the slope for the size: an edge moves by half of what its
  /// side grows, which the reference leaves out.
  @Test(arguments: [0, 2, 3])
  func `iou: slopes of the centre, twice those of the size`(pair: Int) {
    let (p, t) = Self.pairs[pair]
    let numeric = Self.slopes(p) { Self.overlap($0, t).iou }
    expect(
      OverlapSlope(of: .iou, predicted: p, truth: t),
      [numeric[0], numeric[1], 2 * numeric[2], 2 * numeric[3]])
  }

  @Test(arguments: [0, 1, 2, 3])
  func `giou: the same, and of boxes apart only the enclosing term`(pair: Int) {
    let (p, t) = Self.pairs[pair]
    guard pair != 1 else {
      // Both gaps are counted, so I is 0.25 * 0.35 and U too small: no slope of anything.
      let slope = OverlapSlope(of: .giou, predicted: p, truth: t)
      #expect(slope.x > 0 && slope.y > 0)
      return
    }
    let numeric = Self.slopes(p) {
      let (iou, enclosing) = Self.overlap($0, t)
      return iou + enclosing
    }
    expect(
      OverlapSlope(of: .giou, predicted: p, truth: t),
      [numeric[0], numeric[1], 2 * numeric[2], 2 * numeric[3]])
  }

  /// Inside each other, where the diagonal does not depend on the centre; sizes are not doubled in
  /// the distance's part.
  @Test(arguments: [2, 3])
  func `diou: iou minus the distance`(pair: Int) {
    let (p, t) = Self.pairs[pair]
    let iou = Self.slopes(p) { Self.overlap($0, t).iou }
    let distance = Self.slopes(p) { Self.distance($0, t) }
    expect(
      OverlapSlope(of: .diou, predicted: p, truth: t),
      [
        iou[0] - distance[0], iou[1] - distance[1], 2 * iou[2] - distance[2],
        2 * iou[3] - distance[3],
      ])
  }

  @Test func `diou of boxes apart pulls them together`() {
    let (p, t) = Self.pairs[1]
    // S = 0.5^2 + 0.5^2 = 0.5, D = 0.75^2 + 0.65^2 = 0.985; the left and the top edge are outer:
    // dx = (2 0.5 D + 2 0.75 S) / D^2, dw = 0.75 S / D^2.
    let squares = 0.985 * 0.985
    expect(
      OverlapSlope(of: .diou, predicted: p, truth: t),
      [
        (0.985 + 0.75) / squares, (0.985 + 0.65) / squares, 0.375 / squares, 0.325 / squares,
      ])
  }

  @Test func `ciou adds the aspect ratio to diou`() {
    let (p, t) = (
      Box(x: 0.5, y: 0.5, width: 0.2, height: 0.2), Box(x: 0.5, y: 0.5, width: 0.4, height: 0.2)
    )
    // IoU 1/2; angle = atan 2 - atan 1 = 0.3217506, v = 4/pi^2 angle^2 = 0.0419563,
    // alpha = v / (1.5 - 1 + v + 1e-6) = 0.0774159, factor = alpha 8/pi^2 angle = 0.0201900.
    let diou = OverlapSlope(of: .diou, predicted: p, truth: t)
    let ciou = OverlapSlope(of: .ciou, predicted: p, truth: t)
    #expect(ciou.x == diou.x && ciou.y == diou.y)
    #expect(abs(ciou.width - diou.width - 0.004038) < 1e-6)
    #expect(abs(ciou.height - diou.height + 0.004038) < 1e-6)
  }

  @Test(arguments: BoxLoss.allCases.filter { $0 != .mse })
  func `sizes of zero and values that are no numbers do not trap`(loss: BoxLoss) {
    let values: [Float] = [0, 1e-30, 1e30, .infinity, -.infinity, .nan]
    for x in values {
      for w in values {
        let box = Box(x: x, y: 0.5, width: w, height: 0.1)
        _ = OverlapSlope(of: loss, predicted: box, truth: Self.pairs[0].1)
        _ = OverlapSlope(of: loss, predicted: Self.pairs[0].0, truth: box)
      }
    }
  }
}
