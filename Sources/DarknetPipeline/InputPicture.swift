import DarknetData
import DarknetImages

/// A picture to be looked at: a file, the bytes of one, or pixels.
///
///     try detector.detect(in: .file("dog.jpg"))
///     try detector.detect(in: .bytes(download))
///     try detector.detect(
///       in: .pixels(frame, width: 640, height: 480, order: .bgr, stride: 2048))
public struct InputPicture: Sendable {
  private enum Source {
    case file(String)
    case bytes([UInt8], name: String)
    case bitmap(Bitmap)
  }

  private let source: Source

  /// A JPEG, PNG, BMP or PPM file. It is read when the picture is looked at.
  public static func file(_ path: String) -> InputPicture { InputPicture(source: .file(path)) }

  /// The bytes of such a file.
  ///
  /// - Parameter name: what errors call it.
  public static func bytes(_ bytes: [UInt8], name: String = "picture") -> InputPicture {
    InputPicture(source: .bytes(bytes, name: name))
  }

  /// Pixels, upright. They are not copied, so nobody may change them while they are looked at.
  public static func bitmap(_ bitmap: Bitmap) -> InputPicture {
    InputPicture(source: .bitmap(bitmap))
  }

  /// Pixels of a buffer, upright, which are copied.
  ///
  /// - Parameters:
  ///   - pixels: 8 bits a sample, top row first; row `y` begins at byte `y * stride`.
  ///   - width: in pixels.
  ///   - height: in pixels.
  ///   - order: the samples of a pixel.
  ///   - stride: bytes from a row to the next; nil if there is no gap between rows.
  /// - Throws: `ImageError` if the buffer has fewer bytes than the numbers say.
  public static func pixels(
    _ pixels: UnsafeRawBufferPointer, width: Int, height: Int, order: Bitmap.PixelOrder,
    stride: Int? = nil
  ) throws(ImageError) -> InputPicture {
    .bitmap(
      try Bitmap(pixels: pixels, width: width, height: height, order: order, stride: stride))
  }

  /// The same from an array.
  ///
  /// - Throws: `ImageError` as for a buffer.
  public static func pixels(
    _ pixels: [UInt8], width: Int, height: Int, order: Bitmap.PixelOrder, stride: Int? = nil
  ) throws(ImageError) -> InputPicture {
    .bitmap(
      try Bitmap(pixels: pixels, width: width, height: height, order: order, stride: stride))
  }

  /// The pixels as a network takes them: upright, grey or RGB.
  func load(_ preparation: PicturePreparation) throws(ImageError) -> Bitmap {
    switch source {
    case .file(let path):
      return try preparation.load(path)
    case .bytes(let bytes, let name):
      // A result, as `withUnsafeBytes` would lose the error's type.
      return try bytes.withUnsafeBytes { bytes in
        Result { () throws(ImageError) in
          try ImageFile.decode(
            bytes, name: name, channels: preparation.shape.channels, limits: preparation.limits)
        }
      }.get()
    case .bitmap(let bitmap):
      let channels = preparation.shape.channels
      guard channels == 1 || channels == 3 else { throw ImageError("pixels", .channels(channels)) }
      return bitmap.converted(toChannels: channels)
    }
  }
}
