import DarknetTensors

/// A picture as networks see it: planes [C, H, W] of float32, 0...1 for bytes 0...255.
///
/// Sample (c, y, x) is at `x + width * (y + height * c)`; RGB if there are three channels. A
/// class, so that passing it on copies no pixels: methods that change it in place say so, the
/// others give a new one. Not synchronised.
package final class Image: @unchecked Sendable {
  package let shape: Shape
  package let buffer: FloatBuffer

  /// All samples `value`.
  ///
  /// - Precondition: positive sizes. Those from outside are checked by `ImageFile`.
  package init(channels: Int = 3, height: Int, width: Int, filledWith value: Float = 0) {
    precondition(
      channels > 0 && height > 0 && width > 0,
      "an image cannot be \(width)x\(height)x\(channels)")
    shape = Shape(channels: channels, height: height, width: width)
    buffer = FloatBuffer(count: shape.count)
    if value != 0 { buffer.values.update(repeating: value) }
  }

  /// The samples of `bitmap` divided by 255.
  package convenience init(_ bitmap: Bitmap) {
    self.init(channels: bitmap.channels, height: bitmap.height, width: bitmap.width)
    bitmap.write(into: PlaneTarget(self))
  }

  package var channels: Int { shape.channels }
  package var height: Int { shape.height }
  package var width: Int { shape.width }
  package var pointer: UnsafeMutablePointer<Float> { buffer.pointer }
  package var values: UnsafeMutableBufferPointer<Float> { buffer.values }

  /// Start of plane `c`.
  package func plane(_ c: Int) -> UnsafeMutablePointer<Float> { pointer + c * shape.area }

  package subscript(c: Int, y: Int, x: Int) -> Float {
    get { pointer[x + width * (y + height * c)] }
    set { pointer[x + width * (y + height * c)] = newValue }
  }

  package func copy() -> Image {
    let result = Image(channels: channels, height: height, width: width)
    result.pointer.update(from: pointer, count: shape.count)
    return result
  }

  /// 8 bits a sample, rounded and clamped to 0...255. (Darknet cuts off the fraction, so that
  /// each round through a file darkens the picture.)
  ///
  /// - Precondition: 1 or 3 channels.
  package func bitmap() -> Bitmap {
    let result = Bitmap(width: width, height: height, channels: channels)
    for c in 0..<channels {
      let source = plane(c)
      let target = result.bytes + c
      for i in 0..<shape.area {
        let level = source[i] * 255 + 0.5
        // Written so that NaN becomes 0.
        target[i * channels] = level >= 255 ? 255 : level > 0 ? UInt8(level) : 0
      }
    }
    return result
  }

  /// Grey from RGB: 0.299 r + 0.587 g + 0.114 b (BT.601); a copy if it is grey.
  package func grayscale() -> Image {
    guard channels == 3 else { return copy() }
    let result = Image(channels: 1, height: height, width: width)
    let (r, g, b) = (plane(0), plane(1), plane(2))
    for i in 0..<shape.area { result.pointer[i] = 0.299 * r[i] + 0.587 * g[i] + 0.114 * b[i] }
    return result
  }

  /// The mean of all samples of channel `c`.
  package func mean(ofChannel c: Int) -> Float {
    let source = plane(c)
    var sum = 0.0
    for i in 0..<shape.area { sum += Double(source[i]) }
    return Float(sum / Double(shape.area))
  }
}
