#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Image {
  /// The rectangle of `width` x `height` whose top left corner is (x, y) here; what lies outside
  /// repeats the nearest border pixel.
  package func cropped(x left: Int, y top: Int, width newWidth: Int, height newHeight: Int) -> Image
  {
    let result = Image(channels: channels, height: newHeight, width: newWidth)
    // Columns left of the picture, inside, and right of it.
    let before = min(max(0, -left), newWidth)
    let after = min(max(0, left + newWidth - width), newWidth)
    let inside = max(0, newWidth - before - after)
    for c in 0..<channels {
      for y in 0..<newHeight {
        let source = plane(c) + width * min(max(0, y + top), height - 1)
        let target = result.plane(c) + newWidth * y
        target.update(repeating: source[0], count: before)
        if inside > 0 { (target + before).update(from: source + left + before, count: inside) }
        (target + newWidth - after).update(repeating: source[width - 1], count: after)
      }
    }
    return result
  }

  /// The middle `width` x `height`.
  package func centerCropped(width newWidth: Int, height newHeight: Int) -> Image {
    cropped(
      x: (width - newWidth) / 2, y: (height - newHeight) / 2, width: newWidth, height: newHeight)
  }

  /// Puts `other` over this image, its top left corner at (x, y); what does not fit is cut.
  package func paste(_ other: Image, x left: Int, y top: Int) {
    precondition(other.channels == channels, "images of different numbers of channels")
    let columns = visible(other.width, at: left, of: width)
    guard !columns.isEmpty else { return }
    for c in 0..<channels {
      for y in visible(other.height, at: top, of: height) {
        let target = plane(c) + width * (y + top) + left + columns.lowerBound
        let source = other.plane(c) + other.width * y + columns.lowerBound
        target.update(from: source, count: columns.count)
      }
    }
  }

  /// Left and right exchanged, in place.
  package func flipHorizontally() {
    for row in 0..<channels * height {
      let start = pointer + row * width
      for x in 0..<width / 2 { swap(&start[x], &start[width - 1 - x]) }
    }
  }

  /// A quarter turn `quarters` times, clockwise.
  package func rotated(quarters: Int) -> Image {
    let turns = ((quarters % 4) + 4) % 4
    guard turns != 0 else { return copy() }
    let swapped = turns != 2
    let result = Image(
      channels: channels, height: swapped ? width : height, width: swapped ? height : width)
    for c in 0..<channels {
      let (source, target) = (plane(c), result.plane(c))
      for y in 0..<height {
        for x in 0..<width {
          let (newX, newY) =
            switch turns {
            case 1: (height - 1 - y, x)
            case 2: (width - 1 - x, height - 1 - y)
            default: (y, width - 1 - x)
            }
          target[newX + result.width * newY] = source[x + width * y]
        }
      }
    }
    return result
  }

  /// Turns and scales the picture about its middle and cuts `width` x `height` out of it, as the
  /// classifier's augmentation does.
  ///
  /// The new pixel (x, y) comes from the middle plus the vector
  /// `((x - width/2 + shiftX) / scale * aspect, (y - height/2 + shiftY) / scale)` turned by
  /// `radians`, sampled bilinearly; what lies outside repeats the border.
  package func rotatedCrop(
    radians: Float, scale: Float, aspect: Float = 1, shiftX: Float = 0, shiftY: Float = 0,
    width newWidth: Int, height newHeight: Int
  ) -> Image {
    let result = Image(channels: channels, height: newHeight, width: newWidth)
    let (cosine, sine) = (cosf(radians), sinf(radians))
    for y in 0..<newHeight {
      let dy = (Float(y) - Float(newHeight) / 2 + shiftY) / scale
      for x in 0..<newWidth {
        let dx = (Float(x) - Float(newWidth) / 2 + shiftX) / scale * aspect
        let sourceX = cosine * dx - sine * dy + Float(width) / 2
        let sourceY = sine * dx + cosine * dy + Float(height) / 2
        sample(x: sourceX, y: sourceY) { c, value in result[c, y, x] = value }
      }
    }
    return result
  }

  /// Puts the picture, stretched to `width` x `height`, over `canvas` with its top left corner at
  /// (x, y): pjreddie's augmentation. Unlike `resized` not corner-aligned: pixel k comes from
  /// `k / width * self.width`.
  package func place(
    on canvas: Image, x left: Int, y top: Int, width newWidth: Int, height newHeight: Int
  ) {
    precondition(canvas.channels == channels, "images of different numbers of channels")
    let columns = visible(newWidth, at: left, of: canvas.width)
    for y in visible(newHeight, at: top, of: canvas.height) {
      let sourceY = Float(y) / Float(newHeight) * Float(height)
      for x in columns {
        let sourceX = Float(x) / Float(newWidth) * Float(width)
        sample(x: sourceX, y: sourceY) { c, value in canvas[c, y + top, x + left] = value }
      }
    }
  }

  /// Those of `count` samples, the first at `start`, that lie inside 0..<`limit`.
  private func visible(_ count: Int, at start: Int, of limit: Int) -> Range<Int> {
    let first = max(0, -start)
    return first..<max(first, min(count, limit - start))
  }

  /// The bilinear value of every channel at (x, y), pixel centres being whole numbers.
  @inline(__always)
  private func sample(x: Float, y: Float, _ give: (_ channel: Int, _ value: Float) -> Void) {
    // Clamped before the conversion, so that no scale or shift can leave the range of Int; NaN
    // becomes the first pixel.
    let (x, y) = (min(Float(width), max(-1, x)), min(Float(height), max(-1, y)))
    let (floorX, floorY) = (x.rounded(.down), y.rounded(.down))
    let (dx, dy) = (x - floorX, y - floorY)
    let x0 = min(max(0, Int(floorX)), width - 1)
    let x1 = min(max(0, Int(floorX) + 1), width - 1)
    let y0 = min(max(0, Int(floorY)), height - 1) * width
    let y1 = min(max(0, Int(floorY) + 1), height - 1) * width
    for c in 0..<channels {
      let p = plane(c)
      let upper = (1 - dx) * p[y0 + x0] + dx * p[y0 + x1]
      let lower = (1 - dx) * p[y1 + x0] + dx * p[y1 + x1]
      give(c, (1 - dy) * upper + dy * lower)
    }
  }
}
