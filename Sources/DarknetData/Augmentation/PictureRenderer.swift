import DarknetImages
import DarknetTensors
import DarknetText

/// Paints 8-bit pictures into network inputs: crop, resize, flip and change of colours in one
/// pass over the new pixels, row by row, so that no picture of floats is made on the way.
struct PictureRenderer {
  let horizontal: SamplingAxis
  let vertical: SamplingAxis
  let distortion: ColorDistortion
  /// The colour of what lies outside the picture, a level a channel.
  let fill: [UInt8]

  /// - Parameter fill: nil takes the picture's mean colour, as AlexeyAB's program built with
  ///   OpenCV does (without it repeats the border).
  init(
    _ bitmap: Bitmap, horizontal: SamplingAxis, vertical: SamplingAxis,
    distortion: ColorDistortion = .none, fill: [UInt8]? = nil
  ) {
    self.horizontal = horizontal
    self.vertical = vertical
    self.distortion = distortion
    let needsFill = horizontal.leavesPicture || vertical.leavesPicture
    self.fill = fill ?? (needsFill ? bitmap.meanColor() : [0, 0, 0])
  }

  /// Fills all of `target`, which is as large as the two axes.
  func render(_ bitmap: Bitmap, into target: PlaneTarget) {
    let (width, channels) = (horizontal.count, bitmap.channels)
    precondition(target.width == width && target.height == vertical.count)
    // Two stretched lines of all planes; each is made once, as lines come in order.
    let lines = FloatBuffer(count: 2 * width * channels)
    var (upper, lower) = (lines.pointer, lines.pointer + width * channels)
    var (upperRow, lowerRow) = (-1, -1)
    withUnsafeTemporaryAllocation(
      of: UInt8.self, capacity: (bitmap.width + 2) * channels
    ) { padded in
      let padded = padded.baseAddress!
      for y in 0..<vertical.count {
        let (a, b) = (Int(vertical.first[y]), Int(vertical.second[y]))
        let d = vertical.weight[y]
        if lowerRow == a {
          swap(&upper, &lower)
          swap(&upperRow, &lowerRow)
        }
        if upperRow != a { stretch(bitmap, row: a, padded: padded, into: upper) }
        upperRow = a
        if d != 0, lowerRow != b {
          stretch(bitmap, row: b, padded: padded, into: lower)
          lowerRow = b
        }
        for c in 0..<channels {
          let row = target.row(y, ofPlane: c)
          let from = upper + c * width
          if d == 0 {
            for x in 0..<width { row[x] = from[x] * Self.scale }
          } else {
            let to = lower + c * width
            for x in 0..<width { row[x] = (from[x] + d * (to[x] - from[x])) * Self.scale }
          }
        }
        target.distort(row: y, channels: channels, distortion)
      }
    }
  }

  private static let scale: Float = 1 / 255

  /// Line `row` (counted as `SamplingAxis` does) of all planes, along the horizontal axis, in
  /// levels of 0...255.
  private func stretch(
    _ bitmap: Bitmap, row: Int, padded: UnsafeMutablePointer<UInt8>,
    into line: UnsafeMutablePointer<Float>
  ) {
    let (width, channels) = (horizontal.count, bitmap.channels)
    guard (1...bitmap.height).contains(row) else {
      for c in 0..<channels { (line + c * width).update(repeating: Float(fill[c]), count: width) }
      return
    }
    let source = bitmap.bytes + (row - 1) * bitmap.stride
    (padded + channels).update(from: source, count: bitmap.stride)
    for c in 0..<channels {
      padded[c] = fill[c]
      padded[channels + bitmap.stride + c] = fill[c]
    }
    horizontal.first.withUnsafeBufferPointer { first in
      horizontal.second.withUnsafeBufferPointer { second in
        horizontal.weight.withUnsafeBufferPointer { weight in
          if channels == 3 {
            let (red, green, blue) = (line, line + width, line + 2 * width)
            for x in 0..<width {
              let a = padded + 3 &* Int(first[x])
              let b = padded + 3 &* Int(second[x])
              let d = weight[x]
              red[x] = Self.between(a[0], b[0], d)
              green[x] = Self.between(a[1], b[1], d)
              blue[x] = Self.between(a[2], b[2], d)
            }
          } else {
            for x in 0..<width {
              line[x] = Self.between(padded[Int(first[x])], padded[Int(second[x])], weight[x])
            }
          }
        }
      }
    }
  }

  @inline(__always)
  private static func between(_ a: UInt8, _ b: UInt8, _ d: Float) -> Float {
    let a = Float(a)
    return a + d * (Float(b) - a)
  }
}

extension Bitmap {
  /// The mean of each channel, rounded, over evenly spaced rows with some 100,000 samples.
  func meanColor() -> [UInt8] {
    let step = max(1, count / 100_000)
    var sums = [0, 0, 0]
    var rows = 0
    for y in Swift.stride(from: step / 2, to: height, by: step) {
      let row = bytes + y * stride
      for c in 0..<channels {
        var sum = 0
        for x in 0..<width { sum &+= Int(row[x &* channels &+ c]) }
        sums[c] += sum
      }
      rows += 1
    }
    // A picture lower than the step.
    guard rows > 0 else { return Array(UnsafeBufferPointer(start: bytes, count: channels)) }
    return (0..<channels).map { UInt8((sums[$0] + rows * width / 2) / (rows * width)) }
  }
}

extension PlaneTarget {
  /// Changes the colours of one line.
  func distort(row y: Int, channels: Int, _ distortion: ColorDistortion) {
    guard !distortion.isIdentity else { return }
    if channels == 3 {
      distortion.apply(
        red: row(y, ofPlane: 0), green: row(y, ofPlane: 1), blue: row(y, ofPlane: 2), count: width)
    } else {
      for c in 0..<channels { distortion.apply(gray: row(y, ofPlane: c), count: width) }
    }
  }

  /// Sets every sample of the first `channels` planes.
  func fill(_ value: Float, channels: Int) {
    for c in 0..<channels {
      for y in 0..<height { row(y, ofPlane: c).update(repeating: value, count: width) }
    }
  }
}
