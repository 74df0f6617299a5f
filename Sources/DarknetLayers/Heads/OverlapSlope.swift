import DarknetGeometry

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How an overlap measure changes with the predicted box: the slope by centre and size, as the
/// reference defines it for `iou_loss=`.
///
/// With the edges t, b, l, r of the prediction, I the common and U the joint area, C that of the
/// smallest rectangle around both:
///
///     iou    p_e = (U dI_e - I dU_e) / U^2              for each edge e
///     giou   p_e + (C dU_e - U dC_e) / C^2
///     x = p_l + p_r,  y = p_t + p_b,  width = p_r - p_l,  height = p_b - p_t
///
/// `diou` and `ciou` take the slopes of iou and add those of the distance S / D (S the squared
/// distance of the centres, D the squared diagonal of the smallest rectangle around both) and of
/// the aspect ratio. Boxes that do not overlap have the added terms only.
///
/// Two things are not the derivative, and weights trained elsewhere have learned with them: sizes
/// get twice their slope (an edge moves by half of what its side grows), and in `x` and `y` of
/// diou and ciou the diagonal's part has the wrong sign.
package struct OverlapSlope: Hashable, Sendable {
  package var x: Float
  package var y: Float
  package var width: Float
  package var height: Float

  package init(of measure: BoxLoss, predicted p: Box, truth t: Box) {
    let edges = EdgeTerms(p, t)
    var slope: SIMD4<Float> = edges.overlaps || measure == .iou ? edges.iou : .zero
    if measure == .giou { slope += edges.enclosing }
    x = slope[2] + slope[3]
    y = slope[0] + slope[1]
    width = slope[3] - slope[2]
    height = slope[1] - slope[0]
    if measure == .diou || measure == .ciou { addDistance(p, t) }
    if measure == .ciou { addAspect(p, t, iou: edges.ratio) }
  }

  private mutating func addDistance(_ p: Box, _ t: Box) {
    let w = max(p.right, t.right) - min(p.left, t.left)
    let h = max(p.bottom, t.bottom) - min(p.top, t.top)
    let diagonal = w * w + h * h
    guard diagonal > 0 else { return }
    let (dx, dy) = (t.x - p.x, t.y - p.y)
    let squares = diagonal * diagonal
    let distance = dx * dx + dy * dy
    // Whether the prediction's own edge is the outer one.
    let right: Float = p.right > t.right ? 1 : 0
    let left: Float = p.left < t.left ? 1 : 0
    let bottom: Float = p.bottom > t.bottom ? 1 : 0
    let top: Float = p.top < t.top ? 1 : 0
    x += (2 * dx * diagonal - 2 * w * (right - left) * distance) / squares
    y += (2 * dy * diagonal - 2 * h * (bottom - top) * distance) / squares
    width += w * (right + left) * distance / squares
    height += h * (bottom + top) * distance / squares
  }

  private mutating func addAspect(_ p: Box, _ t: Box, iou: Float) {
    let angle = atan(t.width / t.height) - atan(p.width / p.height)
    let v = 4 / (Float.pi * Float.pi) * angle * angle
    let alpha = v / (1 - iou + v + 0.000001)
    let factor = alpha * 8 / (Float.pi * Float.pi) * angle
    width += factor * p.height
    height -= factor * p.width
  }
}

/// The slopes by the prediction's edges, in the order top, bottom, left, right.
private struct EdgeTerms {
  /// Of I / U.
  var iou: SIMD4<Float>
  /// Of U / C.
  var enclosing: SIMD4<Float>
  /// I / U.
  var ratio: Float
  var overlaps: Bool

  init(_ p: Box, _ t: Box) {
    // Of boxes apart, I is the product of two gaps: with one of them positive it is negative,
    // with none positive again, and it counts as it is.
    let w = min(p.right, t.right) - max(p.left, t.left)
    let h = min(p.bottom, t.bottom) - max(p.top, t.top)
    let common = w * h
    let (width, height) = (p.right - p.left, p.bottom - p.top)
    let joint = width * height + (t.right - t.left) * (t.bottom - t.top) - common
    overlaps = !(w <= 0 || h <= 0)
    ratio = common / joint

    let commonSlope = SIMD4(
      p.top > t.top ? -w : 0, p.bottom < t.bottom ? w : 0, p.left > t.left ? -h : 0,
      p.right < t.right ? h : 0)
    let jointSlope = SIMD4(-width, width, -height, height) - commonSlope
    iou = joint > 0 ? (joint * commonSlope - common * jointSlope) / (joint * joint) : .zero

    let outerWidth = max(p.right, t.right) - min(p.left, t.left)
    let outerHeight = max(p.bottom, t.bottom) - min(p.top, t.top)
    let outer = outerWidth * outerHeight
    let outerSlope = SIMD4(
      p.top < t.top ? -outerWidth : 0, p.bottom > t.bottom ? outerWidth : 0,
      p.left < t.left ? -outerHeight : 0, p.right > t.right ? outerHeight : 0)
    enclosing =
      outer > 0 ? (outer * jointSlope - joint * outerSlope) / (outer * outer) : .zero
  }
}
