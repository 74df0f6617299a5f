#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A rectangle by its centre and size, in parts of the picture (0...1) unless said otherwise.
///
/// The overlap measures follow AlexeyAB's arithmetic in float32, because thresholds are compared
/// with the results; sizes of zero, infinity or NaN give a number or NaN, never a trap.
package struct Box: Hashable, Sendable {
  /// Centre.
  package var x: Float
  package var y: Float
  package var width: Float
  package var height: Float

  package init(x: Float, y: Float, width: Float, height: Float) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// From the four edges.
  package init(left: Float, top: Float, right: Float, bottom: Float) {
    self.init(
      x: (left + right) / 2, y: (top + bottom) / 2, width: right - left, height: bottom - top)
  }

  package var left: Float { x - width / 2 }
  package var right: Float { x + width / 2 }
  package var top: Float { y - height / 2 }
  package var bottom: Float { y + height / 2 }
  package var area: Float { width * height }

  /// The same rectangle with its horizontal numbers times `scaleX`, its vertical ones `scaleY`:
  /// parts of the picture become pixels with the picture's size.
  package func scaled(_ scaleX: Float, _ scaleY: Float) -> Box {
    Box(x: x * scaleX, y: y * scaleY, width: width * scaleX, height: height * scaleY)
  }

  /// Whether all four numbers are finite.
  package var isFinite: Bool {
    x.isFinite && y.isFinite && width.isFinite && height.isFinite
  }

  /// What of the box lies inside the picture, for a box in parts of it; the box itself if all of it
  /// does, nil if nothing does or a number is not finite.
  package var insidePicture: Box? {
    guard isFinite, width > 0, height > 0 else { return nil }
    guard left < 0 || top < 0 || right > 1 || bottom > 1 else { return self }
    let (left, right) = (max(0, left), min(1, right))
    let (top, bottom) = (max(0, top), min(1, bottom))
    guard left < right, top < bottom else { return nil }
    return Box(left: left, top: top, right: right, bottom: bottom)
  }

  /// The shape alone, centred at the origin: how anchors are compared.
  package var atOrigin: Box { Box(x: 0, y: 0, width: width, height: height) }
}

// MARK: - Overlap

extension Box {
  /// Common area; 0 if the rectangles miss each other.
  package static func intersection(_ a: Box, _ b: Box) -> Float {
    let width = min(a.right, b.right) - max(a.left, b.left)
    let height = min(a.bottom, b.bottom) - max(a.top, b.top)
    return width < 0 || height < 0 ? 0 : width * height
  }

  /// Area covered by either.
  package static func union(_ a: Box, _ b: Box) -> Float {
    a.area + b.area - intersection(a, b)
  }

  /// Intersection over union, in 0...1; 0 if either area is 0.
  package static func iou(_ a: Box, _ b: Box) -> Float {
    let common = intersection(a, b)
    let covered = a.area + b.area - common
    return common == 0 || covered == 0 ? 0 : common / covered
  }

  /// Generalized IoU, Rezatofighi et al. 2019, in -1...1: `iou - (C - U) / C` with `U` the union
  /// and `C` the area of the smallest rectangle around both. Plain IoU if `C` is 0.
  package static func giou(_ a: Box, _ b: Box) -> Float {
    let (width, height) = enclosingSize(a, b)
    let enclosing = width * height
    let iou = iou(a, b)
    return enclosing == 0 ? iou : iou - (enclosing - union(a, b)) / enclosing
  }

  /// The exponent of the distance in AlexeyAB's "diou", and the default of cfg option `beta_nms`.
  package static let distanceExponent: Float = 0.6

  /// Distance IoU after Zheng et al. 2020: `iou - (d^2 / c^2)^exponent`, `d` the distance of the
  /// centres, `c` the diagonal of the smallest rectangle around both. Plain IoU if `c` is 0.
  ///
  /// The paper has exponent 1. AlexeyAB measures with 0.6 (`iou_thresh_kind=diou`, greedynms) and
  /// lets diounms choose by `beta_nms`; his diou *loss* uses 1.
  package static func diou(_ a: Box, _ b: Box, exponent: Float = distanceExponent) -> Float {
    iou(a, b) - distancePenalty(a, b, exponent: exponent)
  }

  /// What `diou` takes off the IoU, never negative.
  package static func distancePenalty(_ a: Box, _ b: Box, exponent: Float) -> Float {
    guard let ratio = squaredDistanceRatio(a, b) else { return 0 }
    // 0.6 as float32 is not 0.6: the exponent of a literal is a double in the reference.
    let power = exponent == distanceExponent ? 0.6 : Double(exponent)
    return Float(pow(Double(ratio), power))
  }

  /// Complete IoU, Zheng et al. 2020: `iou - (d^2 / c^2 + alpha * v)` with
  /// `v = 4 / pi^2 * (atan(wb / hb) - atan(wa / ha))^2`, `alpha = v / (1 - iou + v + 1e-6)`.
  package static func ciou(_ a: Box, _ b: Box) -> Float {
    let iou = iou(a, b)
    guard let ratio = squaredDistanceRatio(a, b) else { return iou }
    let angle = atan(Double(b.width / b.height)) - atan(Double(a.width / a.height))
    let v = Float(4 / (Double.pi * Double.pi) * angle * angle)
    let alpha = v / Float(Double(1 - iou + v) + 0.000001)
    return iou - (ratio + alpha * v)
  }

  /// Distance of the four numbers, taken as a vector: chooses a box in `[detection]` layers where
  /// none overlaps.
  package static func rmse(_ a: Box, _ b: Box) -> Float {
    let (dx, dy) = (a.x - b.x, a.y - b.y)
    let (dw, dh) = (a.width - b.width, a.height - b.height)
    return (dx * dx + dy * dy + dw * dw + dh * dh).squareRoot()
  }

  /// Width and height of the smallest rectangle around both.
  private static func enclosingSize(_ a: Box, _ b: Box) -> (width: Float, height: Float) {
    (
      max(a.right, b.right) - min(a.left, b.left),
      max(a.bottom, b.bottom) - min(a.top, b.top)
    )
  }

  /// `d^2 / c^2`, or nil if both boxes are the same point.
  private static func squaredDistanceRatio(_ a: Box, _ b: Box) -> Float? {
    let (width, height) = enclosingSize(a, b)
    let diagonal = width * width + height * height
    guard diagonal != 0 else { return nil }
    let (dx, dy) = (a.x - b.x, a.y - b.y)
    return (dx * dx + dy * dy) / diagonal
  }
}

/// The measures that cfg options `iou_loss` and `iou_thresh_kind` choose from.
package enum OverlapMeasure: String, CaseIterable, Sendable {
  case iou, giou, diou, ciou

  package func callAsFunction(_ a: Box, _ b: Box) -> Float {
    switch self {
    case .iou: Box.iou(a, b)
    case .giou: Box.giou(a, b)
    case .diou: Box.diou(a, b)
    case .ciou: Box.ciou(a, b)
    }
  }
}
