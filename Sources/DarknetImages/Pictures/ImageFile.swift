import DarknetSystem

/// Reads and writes picture files.
///
/// A file is what its first bytes say, whatever its name. JPEG: baseline, progressive and
/// arithmetic coding; grey, YCbCr, RGB, CMYK and YCCK. PNG: every colour type and depth; 16 bits
/// are cut to their upper 8 and alpha is dropped, not blended. BMP without run lengths, and PPM
/// and PGM (P6, P5).
///
/// The orientation that a camera notes (EXIF) is applied in the default dialect, as OpenCV does it
/// for AlexeyAB's program: width, height and all coordinates are those of the upright picture. In
/// pjreddie's dialect pictures are read as they are stored.
///
/// AlexeyAB's and pjreddie's programs decode JPEG with a decoder of their own, Debian's build of
/// the latter with libjpeg. They differ by roundings: 0.1 levels of 255 in the mean and 3 at most,
/// which moves probabilities by some thousandths. `JPEGRounding` says whose pixels are wanted.
public enum ImageFile {
  /// Whose roundings the pixels of a JPEG have.
  public enum JPEGRounding: Sendable {
    /// Those of Darknet's own decoder, bit for bit, for pictures up to 16 megapixels without
    /// unusual sampling or colours; others as `libjpeg`.
    case darknet
    /// libjpeg's most accurate method, as in OpenCV and so in Debian's `darknet`.
    case libjpeg
  }

  /// How much a file from outside may ask for, and how it is read.
  public struct Limits: Sendable {
    /// Width times height. By default as many as make half a gigabyte of RGB.
    public var pixels = 178_956_970
    /// Bytes of the file.
    public var fileBytes = 1 << 30
    /// Whether to wait for a picture that comes through `/dev/stdin` or another pipe that the
    /// program was started with. A training never waits for one.
    public var waitsForPipes = true
    /// Whose roundings are wanted.
    public var jpeg: JPEGRounding
    /// Whether pictures are turned upright by the orientation that they note.
    public var appliesOrientation: Bool

    /// For pictures up to half a gigabyte of RGB.
    public init(jpeg: JPEGRounding = .darknet, appliesOrientation: Bool = true) {
      self.jpeg = jpeg
      self.appliesOrientation = appliesOrientation
    }
  }

  /// The picture as planes of 0...1.
  ///
  /// - Parameter channels: 3 for RGB or 1 for grey, as the network wants; files are converted.
  package static func load(
    _ path: String, channels: Int = 3, limits: Limits = Limits()
  ) throws(ImageError) -> Image {
    Image(try loadBitmap(path, channels: channels, limits: limits))
  }

  /// The picture with 8 bits a sample, as in the file: leaner and faster than `load`, and it can
  /// be resized right into a network's input.
  public static func loadBitmap(
    _ path: String, channels: Int = 3, limits: Limits = Limits()
  ) throws(ImageError) -> Bitmap {
    let file: LimitedFile
    do throws(LimitedFile.Failure) {
      file = try LimitedFile(path, firstPart: 4096, waitsForPipes: limits.waitsForPipes)
      // What is not a picture is not worth reading whole: it may be a video, or an endless device.
      if case .format = ImageFormat.identify(file.bytes) {
        try file.readRest(limit: limits.fileBytes)
      }
    } catch {
      throw ImageError(path, error, limit: limits.fileBytes)
    }
    return try decode(file.bytes, name: path, channels: channels, limits: limits)
  }

  /// Decodes the bytes of a file; `name` is for the error.
  public static func decode(
    _ bytes: UnsafeRawBufferPointer, name: String, channels: Int = 3, limits: Limits = Limits()
  ) throws(ImageError) -> Bitmap {
    guard channels == 1 || channels == 3 else { throw ImageError(name, .channels(channels)) }
    guard bytes.count > 0 else { throw ImageError(name, .empty) }
    do throws(ImageError.Problem) {
      let bitmap: Bitmap
      switch ImageFormat.identify(bytes) {
      case .other(let found): throw .unknownFormat(found: found)
      case .format(.jpeg): bitmap = try JPEGCodec.decode(bytes, channels: channels, limits)
      case .format(.png): bitmap = try PNGCodec.decode(bytes, channels: channels, limits)
      case .format(.bmp): bitmap = try BMPDecoder.decode(bytes, limits)
      case .format(.ppm): bitmap = try PPMDecoder.decode(bytes, limits)
      }
      let converted = bitmap.converted(toChannels: channels)
      guard limits.appliesOrientation else { return converted }
      guard let upright = converted.upright(orientation(of: bytes)) else {
        throw .outOfMemory(
          width: converted.width, height: converted.height, bytes: converted.count)
      }
      return upright
    } catch {
      throw ImageError(name, error)
    }
  }

  /// The bytes of a JPEG or PNG file.
  ///
  /// - Parameter quality: 1...100, JPEG only; 80 is Darknet's.
  /// - Precondition: sides of at most 65500 pixels in a JPEG, and memory for the bytes.
  public static func encode(
    _ bitmap: Bitmap, as format: ImageFormat, quality: Int = 80
  ) -> EncodedPicture {
    switch format {
    case .png: PNGCodec.encode(bitmap)
    default: JPEGCodec.encode(bitmap, quality: quality)
    }
  }

  /// Writes the picture, PNG if the name ends in `.png`, else JPEG; the file appears whole or not
  /// at all. A picture too large for JPEG (over 65500 pixels a side) becomes a PNG whatever its
  /// name.
  ///
  /// - Parameter durable: whether to wait until the bytes are on the device.
  public static func save(
    _ bitmap: Bitmap, to path: String, quality: Int = 80, durable: Bool = true
  ) throws(FileError) {
    let wantsPNG =
      path.utf8.count >= 4
      && path.utf8.suffix(4).elementsEqual(".png".utf8) {
        $0 | 0x20 == $1 | 0x20
      }
    let fitsJPEG = max(bitmap.width, bitmap.height) <= JPEGCodec.longestSide
    let encoded = encode(bitmap, as: wantsPNG || !fitsJPEG ? .png : .jpeg, quality: quality)
    let result = encoded.withBytes { bytes in
      Result { () throws(FileError) in
        try AtomicFile.write(to: path, durable: durable, [bytes])
      }
    }
    try result.get()
  }
}
