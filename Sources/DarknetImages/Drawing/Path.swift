#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A place on a picture: (0, 0) is the upper left corner of its first pixel, y goes down.
package struct Point: Hashable, Sendable {
  package var x: Float
  package var y: Float

  package init(_ x: Float, _ y: Float) {
    self.x = x
    self.y = y
  }
}

/// Closed outlines to be filled; a point is inside if they wind around it (nonzero rule).
package struct Path {
  private(set) var outlines: [[Point]] = []

  package init() {}

  /// A polygon, closed by itself. Fewer than three points, or numbers that are not finite, add
  /// nothing.
  package mutating func add(polygon points: [Point]) {
    guard points.count > 2, points.allSatisfy({ $0.x.isFinite && $0.y.isFinite }) else { return }
    outlines.append(points)
  }

  package mutating func add(left: Float, top: Float, right: Float, bottom: Float) {
    add(polygon: [
      Point(left, top), Point(right, top), Point(right, bottom), Point(left, bottom),
    ])
  }

  package mutating func add(circleAt center: Point, radius: Float) {
    // A corner every two pixels of the rim, or so.
    let corners = Int(min(128, max(8, radius * 3)))
    add(
      polygon: (0..<corners).map { k in
        let angle = Float(k) / Float(corners) * 2 * Float.pi
        return Point(center.x + radius * cosf(angle), center.y + radius * sinf(angle))
      })
  }

  /// A straight stroke with square ends at its points.
  package mutating func add(lineFrom start: Point, to end: Point, width: Float) {
    let (dx, dy) = (end.x - start.x, end.y - start.y)
    let length = (dx * dx + dy * dy).squareRoot()
    guard length > 0 else { return }
    let (nx, ny) = (-dy / length * width / 2, dx / length * width / 2)
    // Wound like a circle, so that strokes and joints add up and never cancel.
    add(polygon: [
      Point(start.x - nx, start.y - ny), Point(end.x - nx, end.y - ny),
      Point(end.x + nx, end.y + ny), Point(start.x + nx, start.y + ny),
    ])
  }

  /// Strokes from point to point, with round joints.
  package mutating func add(polyline points: [Point], width: Float) {
    for (start, end) in zip(points, points.dropFirst()) {
      add(lineFrom: start, to: end, width: width)
    }
    for joint in points.dropFirst().dropLast() { add(circleAt: joint, radius: width / 2) }
  }

  /// The smallest rectangle around all points, or nil if there are none.
  var bounds: (left: Float, top: Float, right: Float, bottom: Float)? {
    let points = outlines.joined()
    guard let first = points.first else { return nil }
    return points.reduce((first.x, first.y, first.x, first.y)) { box, point in
      (min(box.0, point.x), min(box.1, point.y), max(box.2, point.x), max(box.3, point.y))
    }
  }
}
