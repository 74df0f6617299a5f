import DarknetGeometry

/// A box to be drawn, with what is written at it.
package struct BoxAnnotation: Hashable, Sendable {
  /// Edges in pixels, inside the picture, all four part of the frame.
  package let left: Int
  package let top: Int
  package let right: Int
  package let bottom: Int
  /// Chooses the colour.
  package let classIndex: Int
  package let text: String
  /// Instead of the class' colour.
  package var color: Color?

  /// - Parameter box: in parts of the picture; the edges are truncated to pixels and clamped to
  ///   the picture.
  package init(
    _ box: Box, pictureWidth: Int, pictureHeight: Int, classIndex: Int, text: String,
    color: Color? = nil
  ) {
    func pixel(_ edge: Float, _ count: Int) -> Int {
      let position = edge * Float(count)
      return Int(min(Float(count - 1), max(0, position)))
    }
    left = pixel(box.left, pictureWidth)
    right = max(left, pixel(box.right, pictureWidth))
    top = pixel(box.top, pictureHeight)
    bottom = max(top, pixel(box.bottom, pictureHeight))
    self.classIndex = classIndex
    self.text = text
    self.color = color
  }
}

extension Color {
  /// Darknet's colour of a class: a place on a wheel of six colours, spread by a prime.
  package init(ofClass index: Int, of count: Int) {
    let wheel: [SIMD3<Float>] = [
      [1, 0, 1], [0, 0, 1], [0, 1, 1], [0, 1, 0], [1, 1, 0], [1, 0, 0],
    ]
    let count = max(1, count)
    let offset = (max(0, index) % count) * (123_457 % count) % count
    let ratio = Float(offset) / Float(count) * 5
    let (low, high) = (Int(ratio.rounded(.down)), Int(ratio.rounded(.up)))
    let share = ratio - Float(low)
    let mixed = (1 - share) * wheel[low] + share * wheel[high]
    // Darknet takes red from the last of the three numbers and blue from the first.
    self.init(
      red: UInt8(mixed[2] * 255), green: UInt8(mixed[1] * 255), blue: UInt8(mixed[0] * 255))
  }
}

extension Canvas {
  /// Width of a box's lines: AlexeyAB's rule.
  package var boxLineWidth: Int { max(1, Int(Float(bitmap.height) * 0.002)) }

  /// Size of a box's text. Darknet has glyphs of 12, 24 ... 96 pixels and goes to the next every
  /// 500 rows; this is the line through the middle of those steps.
  package var boxTextSize: Float { min(96, max(12, 6 + 0.024 * Float(bitmap.height))) }

  /// Draws frames and, on top of all frames, their texts, in the given order.
  ///
  /// - Parameters:
  ///   - classCount: of the network; colours depend on it.
  ///   - lineWidth: by default `boxLineWidth`.
  package func draw(_ boxes: [BoxAnnotation], classCount: Int, lineWidth: Int? = nil) {
    let line = lineWidth ?? boxLineWidth
    for box in boxes {
      frame(
        x: box.left, y: box.top, width: box.right - box.left + 1,
        height: box.bottom - box.top + 1, line: line,
        box.color ?? Color(ofClass: box.classIndex, of: classCount))
    }
    var taken: [Tag] = []
    for box in boxes where !box.text.isEmpty {
      let tag = place(box, line: line, avoiding: taken)
      taken.append(tag)
      draw(tag, box.color ?? Color(ofClass: box.classIndex, of: classCount))
    }
  }

  /// A filled rectangle with text, in whole pixels.
  private struct Tag {
    var text: String
    var x: Int
    var y: Int
    var width: Int
    var height: Int

    func overlaps(_ other: Tag) -> Bool {
      x < other.x + other.width && other.x < x + width
        && y < other.y + other.height && other.y < y + height
    }
  }

  /// Above the box if there is room, else inside at its top, or below it: the first of these that
  /// lies inside the picture and covers no other tag.
  private func place(_ box: BoxAnnotation, line: Int, avoiding taken: [Tag]) -> Tag {
    let size = boxTextSize
    let padding = Int(size * 0.25)
    let text = Font.shared.shortened(
      box.text, toWidth: Float(bitmap.width - 2 * padding), size: size)
    var tag = Tag(text: text, x: 0, y: 0, width: 0, height: 0)
    tag.width = Int(width(of: text, size: size).rounded(.up)) + 2 * padding
    tag.height = Int((size * (Font.ascent + Font.descent)).rounded(.up)) + padding
    tag.x = max(0, min(box.left, bitmap.width - tag.width))
    let inside = min(box.top + line, max(0, bitmap.height - tag.height))
    let places = [box.top - tag.height, inside, box.bottom + 1].filter {
      $0 >= 0 && $0 + tag.height <= bitmap.height
    }
    let free = places.first { y in
      var moved = tag
      moved.y = y
      return !taken.contains(where: moved.overlaps)
    }
    tag.y = free ?? places.first ?? inside
    return tag
  }

  private func draw(_ tag: Tag, _ color: Color) {
    let size = boxTextSize
    fill(x: tag.x, y: tag.y, width: tag.width, height: tag.height, color)
    let padding = Float(tag.height) - size * (Font.ascent + Font.descent)
    let baseline = Float(tag.y) + padding / 2 + size * Font.ascent
    text(
      tag.text, at: Point(Float(tag.x + Int(size * 0.25)), baseline.rounded()), size: size,
      color.readableInk)
  }
}
