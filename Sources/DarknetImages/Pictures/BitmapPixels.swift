import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Bitmap {
  /// How the samples of a pixel follow one another in memory, 8 bits each.
  public enum PixelOrder: String, Sendable, CaseIterable {
    /// One sample, 0 black and 255 white.
    case gray
    /// Red, green, blue.
    case rgb
    /// Blue, green, red, as OpenCV has them.
    case bgr
    /// Red, green, blue and an alpha that is dropped, not blended.
    case rgba
    /// Blue, green, red and an alpha that is dropped, not blended.
    case bgra

    /// Bytes from a pixel to the next.
    public var bytesPerPixel: Int {
      switch self {
      case .gray: 1
      case .rgb, .bgr: 3
      case .rgba, .bgra: 4
      }
    }

    /// Where in a pixel the samples of a bitmap are.
    fileprivate var samples: [Int] {
      switch self {
      case .gray: [0]
      case .rgb, .rgba: [0, 1, 2]
      case .bgr, .bgra: [2, 1, 0]
      }
    }
  }

  /// A copy of pixels in memory, top row first.
  ///
  /// - Parameters:
  ///   - pixels: row `y` begins at byte `y * stride`; of the last row only its pixels are needed.
  ///   - width: in pixels, at least 1.
  ///   - height: in pixels, at least 1.
  ///   - order: the samples of a pixel; `gray` gives 1 channel, the others give 3.
  ///   - stride: bytes from a row to the next; nil if rows follow one another without a gap.
  ///   - name: what errors call the picture.
  /// - Throws: `ImageError` if the numbers are impossible, `pixels` has fewer bytes than they say,
  ///   or there is no memory.
  public convenience init(
    pixels: UnsafeRawBufferPointer, width: Int, height: Int, order: PixelOrder,
    stride: Int? = nil, name: String = "pixels"
  ) throws(ImageError) {
    let bytes = try Self.copy(
      pixels, width: width, height: height, order: order, stride: stride, name: name)
    self.init(adopting: bytes, width: width, height: height, channels: order.samples.count)
  }

  /// The same from an array.
  ///
  /// - Throws: `ImageError` as for a buffer.
  public convenience init(
    pixels: [UInt8], width: Int, height: Int, order: PixelOrder, stride: Int? = nil,
    name: String = "pixels"
  ) throws(ImageError) {
    // A result, as `withUnsafeBytes` would lose the error's type.
    let bytes = try pixels.withUnsafeBytes { pixels in
      Result { () throws(ImageError) in
        try Self.copy(
          pixels, width: width, height: height, order: order, stride: stride, name: name)
      }
    }.get()
    self.init(adopting: bytes, width: width, height: height, channels: order.samples.count)
  }

  /// Memory with the samples of a bitmap.
  private static func copy(
    _ pixels: UnsafeRawBufferPointer, width: Int, height: Int, order: PixelOrder, stride: Int?,
    name: String
  ) throws(ImageError) -> UnsafeMutablePointer<UInt8> {
    func fault(_ expected: String, _ found: String) -> ImageError {
      ImageError(name, .pixels(expected: expected, found: found))
    }
    let limit = ImageFile.Limits().pixels
    guard width > 0, height > 0 else {
      throw fault("a width and a height of at least 1", "\(width)x\(height)")
    }
    guard width <= limit / height else {
      throw ImageError(name, .tooManyPixels(width: width, height: height, limit: limit))
    }
    let step = order.bytesPerPixel
    let row = width * step
    let stride = stride ?? row
    guard stride >= row else {
      throw fault("at least \(row) bytes a row (\(width) pixels, \(order.rawValue))", "\(stride)")
    }
    let (gaps, overflow) = stride.multipliedReportingOverflow(by: height - 1)
    let (needed, tooMany) = gaps.addingReportingOverflow(row)
    guard !overflow, !tooMany, pixels.count >= needed, let start = pixels.baseAddress else {
      let rows =
        counted(height, "row", "rows") + ", " + counted(stride, "byte", "bytes")
        + " from one to the next"
      let isImpossible = overflow || tooMany
      let expected = isImpossible ? "fewer bytes a row" : counted(needed, "byte", "bytes")
      throw fault("\(expected) (\(rows))", "\(pixels.count)")
    }
    let samples = order.samples
    let channels = samples.count
    guard let memory = calloc(width * height, channels) else {
      throw ImageError(
        name, .outOfMemory(width: width, height: height, bytes: width * height * channels))
    }
    let bytes = memory.bindMemory(to: UInt8.self, capacity: width * height * channels)
    for y in 0..<height {
      let source = start + y * stride
      let target = bytes + y * width * channels
      if order == .gray || order == .rgb {
        memcpy(target, source, row)
        continue
      }
      for x in 0..<width {
        let pixel = source + x * step
        for (channel, sample) in samples.enumerated() {
          target[x * 3 + channel] = pixel.load(fromByteOffset: sample, as: UInt8.self)
        }
      }
    }
    return bytes
  }
}
