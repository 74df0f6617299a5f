#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A picture as files hold it: 8 bits a sample, interleaved, top row first.
///
/// Sample `c` of pixel (x, y) is at `(y * width + x) * channels + c`; 1 channel is grey, 3
/// are red, green, blue. A quarter of the memory of an `Image`, and what is drawn on. A class: it
/// is not synchronised, so whoever hands it to several threads decides who may write.
public final class Bitmap: @unchecked Sendable {
  /// In pixels.
  public let width: Int
  /// In pixels.
  public let height: Int
  /// 1 for grey, 3 for red, green and blue.
  public let channels: Int
  /// The first sample; valid while the bitmap lives.
  public let bytes: UnsafeMutablePointer<UInt8>

  /// All samples 0, which is black.
  ///
  /// - Precondition: positive sizes, 1 or 3 channels, and memory for them. Sizes from outside go
  ///   through `ImageFile`, which checks all that.
  public convenience init(width: Int, height: Int, channels: Int = 3) {
    self.init(checkedWidth: width, height: height, channels: channels)!
  }

  /// Nil if there is no memory.
  init?(checkedWidth width: Int, height: Int, channels: Int) {
    precondition(width > 0 && height > 0, "a bitmap cannot be \(width)x\(height)")
    precondition(channels == 1 || channels == 3, "a bitmap cannot have \(channels) channels")
    guard let memory = calloc(width * height, channels) else { return nil }
    self.width = width
    self.height = height
    self.channels = channels
    bytes = memory.bindMemory(to: UInt8.self, capacity: width * height * channels)
  }

  /// Takes memory of `width * height * channels` bytes, which `malloc` or `calloc` gave.
  init(adopting bytes: UnsafeMutablePointer<UInt8>, width: Int, height: Int, channels: Int) {
    self.width = width
    self.height = height
    self.channels = channels
    self.bytes = bytes
  }

  deinit { free(bytes) }

  /// Bytes of the whole picture.
  public var count: Int { width * height * channels }

  /// Bytes of a row.
  public var stride: Int { width * channels }

  /// All samples; valid while the bitmap lives.
  public var samples: UnsafeMutableBufferPointer<UInt8> {
    UnsafeMutableBufferPointer(start: bytes, count: count)
  }

  /// A copy of all samples.
  public var array: [UInt8] { withExtendedLifetime(self) { Array(samples) } }

  /// The same picture in memory of its own.
  public func copy() -> Bitmap {
    let result = Bitmap(width: width, height: height, channels: channels)
    result.bytes.update(from: bytes, count: count)
    return result
  }

  /// The middle of the picture.
  ///
  /// - Precondition: it is not larger than the picture.
  package func middle(width: Int, height: Int) -> Bitmap {
    precondition(width <= self.width && height <= self.height, "the middle is inside")
    let result = Bitmap(width: width, height: height, channels: channels)
    let start = (self.height - height) / 2 * stride + (self.width - width) / 2 * channels
    for y in 0..<height {
      (result.bytes + y * result.stride).update(
        from: bytes + start + y * stride, count: result.stride)
    }
    return result
  }

  /// The picture with 1 or 3 channels, itself if it has them.
  ///
  /// Grey is (77 r + 150 g + 29 b) / 256 rounded down, as the decoder of the reference programs
  /// has it; colour from grey repeats the sample.
  public func converted(toChannels wanted: Int) -> Bitmap {
    guard wanted != channels else { return self }
    let result = Bitmap(width: width, height: height, channels: wanted)
    let pixels = width * height
    if wanted == 1 {
      for i in 0..<pixels {
        let rgb = bytes + 3 * i
        let sum = 77 &* UInt32(rgb[0]) &+ 150 &* UInt32(rgb[1]) &+ 29 &* UInt32(rgb[2])
        result.bytes[i] = UInt8(truncatingIfNeeded: sum >> 8)
      }
    } else {
      for i in 0..<pixels {
        let rgb = result.bytes + 3 * i
        rgb[0] = bytes[i]
        rgb[1] = bytes[i]
        rgb[2] = bytes[i]
      }
    }
    return result
  }
}
