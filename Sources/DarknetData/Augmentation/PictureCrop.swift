import DarknetGeometry
import DarknetSystem
import DarknetTensors

/// The part of a picture that fills the network's input: a rectangle in pixels of the picture,
/// which may reach beyond it, perhaps mirrored.
package struct PictureCrop: Hashable {
  package let pictureWidth: Int
  package let pictureHeight: Int
  package var left = 0
  package var top = 0
  package var right = 0
  package var bottom = 0
  package var flipped = false

  /// The whole picture. `left`, `top`, `right` and `bottom` are what is cut off each side, less
  /// than 0 where something is added.
  package init(pictureWidth: Int, pictureHeight: Int) {
    self.pictureWidth = pictureWidth
    self.pictureHeight = pictureHeight
  }

  package var width: Int { pictureWidth - left - right }
  package var height: Int { pictureHeight - top - bottom }

  /// AlexeyAB's crop: each side moves on its own by up to `jitter` of the picture's size, in or
  /// out, then all together by what `resize` allows, then those are pushed out that keep the
  /// proportions, if `networkAspect` (width / height) is given.
  ///
  /// All steps cut fractions off, as they do there. What comes out may show nothing of the picture;
  /// see `resetIfEmpty`.
  package mutating func draw(
    jitter: Float, resize: Float, networkAspect: Float?, random: inout Random
  ) {
    let (w, h) = (Float(pictureWidth), Float(pictureHeight))
    let (dw, dh) = (Float(Int(w * jitter)), Float(Int(h * jitter)))
    left = Int(random.uniform(Double(-dw), Double(dw)))
    right = Int(random.uniform(Double(-dw), Double(dw)))
    top = Int(random.uniform(Double(-dh), Double(dh)))
    bottom = Int(random.uniform(Double(-dh), Double(dh)))
    if resize != 1 {
      // The same share for the left and upper side, another one for the right and lower.
      let (near, far) = (Float(random.unit()), Float(random.unit()))
      let (rangeX, rangeY) = (Self.resizeRange(w, resize), Self.resizeRange(h, resize))
      left = Int(Float(left) + rangeX.low + near * (rangeX.high - rangeX.low))
      right = Int(Float(right) + rangeX.low + far * (rangeX.high - rangeX.low))
      top = Int(Float(top) + rangeY.low + near * (rangeY.high - rangeY.low))
      bottom = Int(Float(bottom) + rangeY.low + far * (rangeY.high - rangeY.low))
    }
    if let aspect = networkAspect {
      if w / h > aspect {
        let missing = (w / aspect - h) / 2
        top = Int(Float(top) - missing)
        bottom = Int(Float(bottom) - missing)
      } else {
        let missing = (h * aspect - w) / 2
        left = Int(Float(left) - missing)
        right = Int(Float(right) - missing)
      }
    }
  }

  /// What a side may move by: outwards down to `low`, inwards up to `high`. A factor below 1 only
  /// makes pictures smaller.
  private static func resizeRange(_ size: Float, _ resize: Float) -> (low: Float, high: Float) {
    let (down, up) = (min(resize, 1 / resize), max(resize, 1 / resize))
    let low = (size * (1 - 1 / down) / 2).rounded(.towardZero)
    let high = (size * (1 - 1 / up) / 2).rounded(.towardZero)
    return (low, resize < 1 ? 0 : high)
  }

  /// The whole picture if the crop shows nothing of it, as a jitter of half the picture or more can
  /// have it.
  package mutating func resetIfEmpty() {
    guard
      width < 1 || height < 1 || max(left, right) >= pictureWidth
        || max(top, bottom) >= pictureHeight
    else { return }
    (left, right, top, bottom) = (0, 0, 0, 0)
  }

  /// Moves what is cut off or added to the sides away from the given one, so that the picture's
  /// own side lies there.
  package mutating func push(towardLeft: Bool, towardTop: Bool) {
    // Mirrored, the picture's left side is the input's right one.
    if towardLeft != flipped {
      (left, right) = (0, left + right)
    } else {
      (left, right) = (left + right, 0)
    }
    if towardTop {
      (top, bottom) = (0, top + bottom)
    } else {
      (top, bottom) = (top + bottom, 0)
    }
  }

  /// The box in parts of the crop, cut to it; nil if nothing is left of it.
  package func map(_ box: Box) -> Box? {
    // In this order boxes of a whole picture come out as they were.
    func edge(_ part: Float, _ cutOff: Int, _ size: Int, _ length: Int) -> Float {
      min(1, max(0, part * (Float(size) / Float(length)) - Float(cutOff) / Float(length)))
    }
    var x0 = edge(box.left, left, pictureWidth, width)
    var x1 = edge(box.right, left, pictureWidth, width)
    let y0 = edge(box.top, top, pictureHeight, height)
    let y1 = edge(box.bottom, top, pictureHeight, height)
    if flipped { (x0, x1) = (1 - x1, 1 - x0) }
    return x0 < x1 && y0 < y1 ? Box(left: x0, top: y0, right: x1, bottom: y1) : nil
  }

  /// The axes that paint the `columns` and `rows` of an input of `width` x `height`.
  func axes(
    width newWidth: Int, height newHeight: Int, columns: Range<Int>, rows: Range<Int>
  ) -> (horizontal: SamplingAxis, vertical: SamplingAxis) {
    (
      SamplingAxis(
        start: left, length: width, of: pictureWidth, to: newWidth, range: columns,
        flipped: flipped, outside: .fill),
      SamplingAxis(
        start: top, length: height, of: pictureHeight, to: newHeight, range: rows,
        flipped: false, outside: .fill)
    )
  }
}
