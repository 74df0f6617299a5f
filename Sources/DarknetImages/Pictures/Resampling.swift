import DarknetGeometry
import DarknetTensors

/// Where a resized picture goes: planes inside memory that may be larger, such as the middle of
/// a letterboxed network input.
package struct PlaneTarget {
  let pointer: UnsafeMutablePointer<Float>
  package let width: Int
  package let height: Int
  /// Floats from a row to the next, and from a plane to the next.
  let rowStride: Int
  let planeStride: Int

  /// All of `image`.
  init(_ image: Image) {
    self.init(image.pointer, width: image.width, height: image.height)
  }

  /// Planes that lie one after another without gaps.
  package init(_ pointer: UnsafeMutablePointer<Float>, width: Int, height: Int) {
    self.pointer = pointer
    self.width = width
    self.height = height
    rowStride = width
    planeStride = width * height
  }

  /// The rectangle of `width` x `height` whose top left corner is (x, y).
  package func part(x: Int, y: Int, width: Int, height: Int) -> PlaneTarget {
    precondition(x >= 0 && y >= 0 && x + width <= self.width && y + height <= self.height)
    return PlaneTarget(
      pointer: pointer + y * rowStride + x, width: width, height: height, rowStride: rowStride,
      planeStride: planeStride)
  }

  private init(
    pointer: UnsafeMutablePointer<Float>, width: Int, height: Int, rowStride: Int, planeStride: Int
  ) {
    self.pointer = pointer
    self.width = width
    self.height = height
    self.rowStride = rowStride
    self.planeStride = planeStride
  }

  package func row(_ y: Int, ofPlane c: Int) -> UnsafeMutablePointer<Float> {
    pointer + y * rowStride + c * planeStride
  }
}

/// Which two samples of an axis make each new one: `v = (1 - d) p[i] + d p[j]`.
///
/// Corner-aligned: the first and last new samples are the first and last old ones, new sample k
/// lies at `k (old - 1) / (new - 1)`, computed in float32 as Darknet does. The last one is an
/// exact copy (Darknet's vertical pass leaves out the second term there, and paints the line
/// black when rounding puts it just short of the end).
package final class ResampledAxis {
  package let count: Int
  /// i and j of each new sample, inside the old axis.
  package let first: UnsafeMutablePointer<Int32>
  package let second: UnsafeMutablePointer<Int32>
  /// d of each new sample.
  package let weight: UnsafeMutablePointer<Float>

  init(from old: Int, to new: Int) {
    let last = Int32(old - 1)
    count = new
    first = .allocate(capacity: new)
    second = .allocate(capacity: new)
    weight = .allocate(capacity: new)
    first.initialize(repeating: last, count: new)
    second.initialize(repeating: last, count: new)
    weight.initialize(repeating: 0, count: new)
    guard new > 1, old > 1 else { return }
    let scale = Float(old - 1) / Float(new - 1)
    for k in 0..<new - 1 {
      let position = Float(k) * scale
      first[k] = min(Int32(position), last)
      second[k] = min(first[k] + 1, last)
      weight[k] = position - Float(first[k])
    }
  }

  deinit {
    first.deallocate()
    second.deallocate()
    weight.deallocate()
  }
}

/// A picture that can be resized into a network's input.
///
/// `Image` and `Bitmap` give the same floats, bit for bit; from a `Bitmap` no picture of floats
/// is made on the way.
package protocol PixelSource {
  var width: Int { get }
  var height: Int { get }
  var channels: Int { get }

  /// Row `y` of plane `c`, resampled to `axis`, as 0...1.
  func stretchRow(
    _ y: Int, ofPlane c: Int, along axis: ResampledAxis, into target: UnsafeMutablePointer<Float>)
}

extension Image: PixelSource {
  package func stretchRow(
    _ y: Int, ofPlane c: Int, along axis: ResampledAxis, into target: UnsafeMutablePointer<Float>
  ) {
    let row = UnsafePointer(plane(c)) + y * width
    if axis.count == width {
      target.update(from: row, count: width)
      return
    }
    for x in 0..<axis.count {
      let d = axis.weight[x]
      target[x] = (1 - d) * row[Int(axis.first[x])] + d * row[Int(axis.second[x])]
    }
  }
}

extension Bitmap: PixelSource {
  /// byte / 255, which no multiplication gives exactly.
  private static let levels: [Float] = (0...255).map { Float($0) / 255 }

  package func stretchRow(
    _ y: Int, ofPlane c: Int, along axis: ResampledAxis, into target: UnsafeMutablePointer<Float>
  ) {
    let row = UnsafePointer(bytes) + y * stride + c
    let step = channels
    Self.levels.withUnsafeBufferPointer { buffer in
      let levels = buffer.baseAddress!
      if axis.count == width {
        for x in 0..<width { target[x] = levels[Int(row[x &* step])] }
        return
      }
      for x in 0..<axis.count {
        let d = axis.weight[x]
        let left = levels[Int(row[Int(axis.first[x]) &* step])]
        let right = levels[Int(row[Int(axis.second[x]) &* step])]
        target[x] = (1 - d) * left + d * right
      }
    }
  }

  /// All samples as 0...1, in the same size.
  func write(into target: PlaneTarget) {
    precondition(target.width == width && target.height == height)
    Self.levels.withUnsafeBufferPointer { buffer in
      let levels = buffer.baseAddress!
      for c in 0..<channels {
        for y in 0..<height {
          let source = bytes + y * stride + c
          let row = target.row(y, ofPlane: c)
          for x in 0..<width { row[x] = levels[Int(source[x &* channels])] }
        }
      }
    }
  }
}

extension PixelSource {
  /// Resizes the picture to all of `target`, corner-aligned and bilinear: along the rows first,
  /// then between them. Fills all planes of the picture.
  package func resize(into target: PlaneTarget) {
    let horizontal = ResampledAxis(from: width, to: target.width)
    let vertical = ResampledAxis(from: height, to: target.height)
    let count = target.width
    // Two stretched source rows for each plane; each is made once, as rows come in order.
    let rows = FloatBuffer(count: 2 * count * channels)
    defer { withExtendedLifetime(rows) {} }
    var (upper, lower) = (rows.pointer, rows.pointer + count * channels)
    var (upperRow, lowerRow) = (-1, -1)
    for y in 0..<target.height {
      let (j, k, d) = (Int(vertical.first[y]), Int(vertical.second[y]), vertical.weight[y])
      if lowerRow == j {
        swap(&upper, &lower)
        swap(&upperRow, &lowerRow)
      }
      if upperRow != j { stretchRow(j, along: horizontal, into: upper) }
      upperRow = j
      if d == 0 {
        for c in 0..<channels {
          target.row(y, ofPlane: c).update(from: upper + c * count, count: count)
        }
        continue
      }
      if lowerRow != k { stretchRow(k, along: horizontal, into: lower) }
      lowerRow = k
      for c in 0..<channels {
        let row = target.row(y, ofPlane: c)
        let (a, b) = (upper + c * count, lower + c * count)
        for x in 0..<count { row[x] = (1 - d) * a[x] + d * b[x] }
      }
    }
  }

  /// Row `y` of every plane, one after another.
  private func stretchRow(
    _ y: Int, along axis: ResampledAxis, into target: UnsafeMutablePointer<Float>
  ) {
    for c in 0..<channels {
      stretchRow(y, ofPlane: c, along: axis, into: target + c * axis.count)
    }
  }

  /// The whole picture in `width` x `height`, stretched.
  package func resized(width: Int, height: Int) -> Image {
    let result = Image(channels: channels, height: height, width: width)
    resize(into: PlaneTarget(result))
    return result
  }

  /// Its size if the shorter side were `side`, and the other in proportion (rounded down).
  package func size(shorterSide side: Int) -> (width: Int, height: Int) {
    width < height
      ? (side, max(1, height * side / width)) : (max(1, width * side / height), side)
  }

  /// Its size if the longer side were `side`, and the other in proportion (rounded down).
  package func size(longerSide side: Int) -> (width: Int, height: Int) {
    width > height
      ? (side, max(1, height * side / width)) : (max(1, width * side / height), side)
  }

  /// Resized to `size(shorterSide:)`.
  package func resized(shorterSide side: Int) -> Image {
    let size = size(shorterSide: side)
    return resized(width: size.width, height: size.height)
  }

  /// Resized to `size(longerSide:)`.
  package func resized(longerSide side: Int) -> Image {
    let size = size(longerSide: side)
    return resized(width: size.width, height: size.height)
  }

  /// The picture in `target` with its proportions kept, in the middle of 0.5 grey.
  package func letterbox(into target: PlaneTarget) {
    let frame = LetterboxTransform(
      pictureWidth: width, pictureHeight: height, networkWidth: target.width,
      networkHeight: target.height, letterbox: true)
    let (left, top) = (frame.contentLeft, frame.contentTop)
    let (right, bottom) = (left + frame.contentWidth, top + frame.contentHeight)
    for c in 0..<channels {
      for y in 0..<target.height {
        let row = target.row(y, ofPlane: c)
        if (top..<bottom).contains(y) {
          row.update(repeating: 0.5, count: left)
          (row + right).update(repeating: 0.5, count: target.width - right)
        } else {
          row.update(repeating: 0.5, count: target.width)
        }
      }
    }
    resize(
      into: target.part(x: left, y: top, width: frame.contentWidth, height: frame.contentHeight))
  }

  /// The picture with its proportions kept, in the middle of `width` x `height` of 0.5 grey.
  package func letterboxed(width: Int, height: Int) -> Image {
    let result = Image(channels: channels, height: height, width: width)
    letterbox(into: PlaneTarget(result))
    return result
  }
}
