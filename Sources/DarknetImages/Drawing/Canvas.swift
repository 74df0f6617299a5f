/// A colour, sRGB with straight alpha.
package struct Color: Hashable, Sendable {
  package var red: UInt8
  package var green: UInt8
  package var blue: UInt8
  /// 0 is clear, 1 covers.
  package var alpha: Float

  package init(red: UInt8, green: UInt8, blue: UInt8, alpha: Float = 1) {
    self.red = red
    self.green = green
    self.blue = blue
    self.alpha = alpha
  }

  /// 0xRRGGBB.
  package init(_ hex: UInt32, alpha: Float = 1) {
    self.init(
      red: UInt8(hex >> 16 & 0xFF), green: UInt8(hex >> 8 & 0xFF), blue: UInt8(hex & 0xFF),
      alpha: alpha)
  }

  package static let black = Color(0)
  package static let white = Color(0xFFFFFF)

  /// The share of light, 0...1: 0.299 r + 0.587 g + 0.114 b of the stored values (BT.601).
  package var luminance: Float {
    (0.299 * Float(red) + 0.587 * Float(green) + 0.114 * Float(blue)) / 255
  }

  /// Black or white, whichever can be read on this colour.
  package var readableInk: Color { luminance > 0.5 ? .black : .white }
}

/// Draws on a bitmap of three channels: rectangles, strokes and text with smooth edges. What
/// leaves the picture is cut.
package struct Canvas {
  package let bitmap: Bitmap

  /// - Precondition: three channels.
  package init(_ bitmap: Bitmap) {
    precondition(bitmap.channels == 3, "a canvas needs a bitmap of three channels")
    self.bitmap = bitmap
  }

  package init(width: Int, height: Int, background: Color = .white) {
    self.init(Bitmap(width: width, height: height))
    fill(x: 0, y: 0, width: width, height: height, background)
  }

  /// Fills whole pixels.
  package func fill(x: Int, y: Int, width: Int, height: Int, _ color: Color) {
    let (left, right) = (max(0, x), min(bitmap.width, x + width))
    let (top, bottom) = (max(0, y), min(bitmap.height, y + height))
    guard left < right, top < bottom else { return }
    for row in top..<bottom {
      for column in left..<right { blend(column, row, color, 1) }
    }
  }

  /// A frame of whole pixels, `line` wide, its outer edge on the rectangle's.
  package func frame(x: Int, y: Int, width: Int, height: Int, line: Int, _ color: Color) {
    let line = min(line, (width + 1) / 2, (height + 1) / 2)
    fill(x: x, y: y, width: width, height: line, color)
    fill(x: x, y: y + height - line, width: width, height: line, color)
    fill(x: x, y: y + line, width: line, height: height - 2 * line, color)
    fill(x: x + width - line, y: y + line, width: line, height: height - 2 * line, color)
  }

  package func fill(_ path: Path, _ color: Color) {
    Coverage(of: path, pictureWidth: bitmap.width, pictureHeight: bitmap.height)?
      .forEachPixel { x, y, coverage in blend(x, y, color, coverage) }
  }

  package func line(from start: Point, to end: Point, width: Float = 1, _ color: Color) {
    var path = Path()
    path.add(lineFrom: start, to: end, width: width)
    fill(path, color)
  }

  /// A line through `points`; points that are not finite interrupt it.
  package func polyline(_ points: [Point], width: Float = 1, _ color: Color) {
    var path = Path()
    for run in points.split(whereSeparator: { !$0.x.isFinite || !$0.y.isFinite }) {
      path.add(polyline: Array(run), width: width)
    }
    fill(path, color)
  }

  /// Text with its baseline at `origin`; `size` is the height of the em square in pixels, of
  /// which capitals take 0.73.
  ///
  /// - Parameter rotated: whether it reads upwards, as beside a chart's axis.
  package func text(
    _ text: String, at origin: Point, size: Float, _ color: Color, anchor: TextAnchor = .start,
    rotated: Bool = false
  ) {
    let font = Font.shared
    let width = font.width(of: text, size: size)
    let back: Float =
      switch anchor {
      case .start: 0
      case .middle: width / 2
      case .end: width
      }
    var path = Path()
    font.add(text, size: size, to: &path) { x, y in
      rotated
        ? Point(origin.x + y, origin.y - (x - back)) : Point(origin.x + x - back, origin.y + y)
    }
    fill(path, color)
  }

  /// Width of `text` in pixels.
  package func width(of text: String, size: Float) -> Float {
    Font.shared.width(of: text, size: size)
  }

  package enum TextAnchor: Sendable { case start, middle, end }

  @inline(__always)
  private func blend(_ x: Int, _ y: Int, _ color: Color, _ coverage: Float) {
    let pixel = bitmap.bytes + (y * bitmap.width + x) * 3
    let share = coverage * color.alpha
    if share >= 1 {
      pixel[0] = color.red
      pixel[1] = color.green
      pixel[2] = color.blue
    } else {
      pixel[0] = mix(pixel[0], color.red, share)
      pixel[1] = mix(pixel[1], color.green, share)
      pixel[2] = mix(pixel[2], color.blue, share)
    }
  }

  @inline(__always)
  private func mix(_ below: UInt8, _ above: UInt8, _ share: Float) -> UInt8 {
    let level = Float(below) + (Float(above) - Float(below)) * share + 0.5
    return UInt8(min(255, max(0, level)))
  }
}
