import CImageCodecs
import DarknetSystem

/// The bytes of an encoded picture, in the encoder's own memory.
public final class EncodedPicture {
  /// Bytes of the file.
  public let count: Int
  private let memory: UnsafeMutablePointer<UInt8>

  fileprivate init(_ memory: UnsafeMutablePointer<UInt8>, count: Int) {
    self.memory = memory
    self.count = count
  }

  deinit { cimage_free(memory) }

  /// Calls `body` with the bytes, which are valid during the call.
  public func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    withExtendedLifetime(self) { body(UnsafeRawBufferPointer(start: memory, count: count)) }
  }

  /// A copy of the bytes.
  public var array: [UInt8] { withBytes { Array($0) } }
}

extension ImageFile.Limits {
  /// Memory for a picture, if it keeps the limits and fits.
  ///
  /// - Parameter workspace: bytes that the decoder will need beside it.
  func allocate(
    width: Int, height: Int, channels: Int, workspace: UInt64 = 0
  ) throws(ImageError.Problem) -> Bitmap {
    let (area, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, area <= pixels else {
      throw .tooManyPixels(width: width, height: height, limit: pixels)
    }
    let (samples, overflow1) = area.multipliedReportingOverflow(by: channels)
    let (bytes, overflow2) = samples.addingReportingOverflow(Int(clamping: workspace))
    let needed = overflow1 || overflow2 ? Int.max : bytes
    // Asking what is free costs more than a small picture does.
    guard needed < 64 << 20 || needed < MachineMemory.available,
      let bitmap = Bitmap(checkedWidth: width, height: height, channels: channels)
    else {
      throw .outOfMemory(width: width, height: height, bytes: needed)
    }
    return bitmap
  }
}

extension CImageFailure {
  fileprivate var words: String {
    withUnsafeBytes(of: text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  fileprivate func problem(_ format: ImageFormat, _ header: CImageHeader) -> ImageError.Problem {
    switch kind {
    case CIMAGE_TRUNCATED: .truncated(format, reason: words)
    case CIMAGE_UNSUPPORTED: .unsupported(format, reason: words)
    case CIMAGE_OUT_OF_MEMORY:
      .outOfMemory(
        width: Int(header.width), height: Int(header.height),
        bytes: Int(clamping: header.workspace))
    default: .corrupt(format, reason: words)
    }
  }
}

/// JPEG by libjpeg.
enum JPEGCodec {
  /// The longest side that libjpeg takes.
  static let longestSide = 65_500

  static func decode(
    _ bytes: UnsafeRawBufferPointer, channels: Int, _ limits: ImageFile.Limits
  ) throws(ImageError.Problem) -> Bitmap {
    var header = CImageHeader()
    var failure = CImageFailure()
    let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
    guard
      let reader = cimage_jpeg_open(
        start, bytes.count, Int32(channels), limits.jpeg == .darknet, &header, &failure)
    else {
      throw failure.problem(.jpeg, header)
    }
    defer { cimage_jpeg_close(reader) }
    let bitmap = try limits.allocate(
      width: Int(header.width), height: Int(header.height), channels: Int(header.channels),
      workspace: header.workspace)
    guard cimage_jpeg_read(reader, bitmap.bytes, &failure) else {
      throw failure.problem(.jpeg, header)
    }
    return bitmap
  }

  static func encode(_ bitmap: Bitmap, quality: Int) -> EncodedPicture {
    precondition((1...100).contains(quality), "a JPEG quality is in 1...100, not \(quality)")
    var memory: UnsafeMutablePointer<UInt8>?
    var count = 0
    var failure = CImageFailure()
    let done = cimage_jpeg_encode(
      bitmap.bytes, UInt32(bitmap.width), UInt32(bitmap.height), Int32(bitmap.channels),
      Int32(quality), &memory, &count, &failure)
    guard done, let memory else { preconditionFailure("JPEG encoder: \(failure.words)") }
    return EncodedPicture(memory, count: count)
  }
}

/// PNG by libpng.
enum PNGCodec {
  static func decode(
    _ bytes: UnsafeRawBufferPointer, channels: Int, _ limits: ImageFile.Limits
  ) throws(ImageError.Problem) -> Bitmap {
    var header = CImageHeader()
    var failure = CImageFailure()
    let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
    guard
      let reader = cimage_png_open(start, bytes.count, Int32(channels), &header, &failure)
    else {
      throw failure.problem(.png, header)
    }
    defer { cimage_png_close(reader) }
    let bitmap = try limits.allocate(
      width: Int(header.width), height: Int(header.height), channels: Int(header.channels),
      workspace: header.workspace)
    guard cimage_png_read(reader, bitmap.bytes, &failure) else {
      throw failure.problem(.png, header)
    }
    return bitmap
  }

  static func encode(_ bitmap: Bitmap) -> EncodedPicture {
    var memory: UnsafeMutablePointer<UInt8>?
    var count = 0
    var failure = CImageFailure()
    let done = cimage_png_encode(
      bitmap.bytes, UInt32(bitmap.width), UInt32(bitmap.height), Int32(bitmap.channels),
      &memory, &count, &failure)
    guard done, let memory else { preconditionFailure("PNG encoder: \(failure.words)") }
    return EncodedPicture(memory, count: count)
  }
}
