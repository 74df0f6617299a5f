import DarknetText

/// Windows bitmaps without run lengths: 1, 4, 8 bits with a palette, 16 and 32 with masks, 24.
///
/// A 14-byte file header (`BM`, size, 0, offset of the pixels), then a header of 12 bytes (OS/2)
/// or of 40 and more, then masks, palette and pixels. Rows are padded to 4 bytes and stand bottom
/// row first unless the height is negative; colours are blue, green, red. Alpha is dropped.
enum BMPDecoder {
  static func decode(
    _ bytes: UnsafeRawBufferPointer, _ limits: ImageFile.Limits
  ) throws(ImageError.Problem) -> Bitmap {
    var reader = ByteReader(bytes, .bmp)
    let header = try Header(&reader)
    let (rowBits, overflow1) = header.width.multipliedReportingOverflow(by: header.bits)
    let (padded, overflow2) = rowBits.addingReportingOverflow(31)
    let stride = padded / 32 * 4
    let (count, overflow3) = stride.multipliedReportingOverflow(by: header.height)
    let (area, overflow4) = header.width.multipliedReportingOverflow(by: header.height)
    guard !overflow1, !overflow2, !overflow3, !overflow4, area <= limits.pixels else {
      throw .tooManyPixels(width: header.width, height: header.height, limit: limits.pixels)
    }
    // The last row may lack its padding.
    let needed = count - stride + (rowBits + 7) / 8
    guard header.pixelOffset <= bytes.count, needed <= bytes.count - header.pixelOffset else {
      throw reader.ended
    }
    let bitmap = try limits.allocate(width: header.width, height: header.height, channels: 3)
    let start = bytes.baseAddress! + header.pixelOffset
    for y in 0..<header.height {
      let line = header.topFirst ? y : header.height - 1 - y
      let row = (start + line * stride).assumingMemoryBound(to: UInt8.self)
      let target = bitmap.bytes + y * bitmap.stride
      switch header.bits {
      case 1, 4, 8: try indexed(row, header, target)
      case 24:
        for x in 0..<header.width {
          target[3 * x] = row[3 * x + 2]
          target[3 * x + 1] = row[3 * x + 1]
          target[3 * x + 2] = row[3 * x]
        }
      default: masked(row, header, target)
      }
    }
    return bitmap
  }

  /// One row of palette indices, the leftmost pixel in the upper bits.
  private static func indexed(
    _ row: UnsafePointer<UInt8>, _ header: Header, _ target: UnsafeMutablePointer<UInt8>
  ) throws(ImageError.Problem) {
    let perByte = 8 / header.bits
    let mask = UInt8(truncatingIfNeeded: (1 << header.bits) - 1)
    for x in 0..<header.width {
      let shift = 8 - header.bits * (x % perByte + 1)
      let index = Int(row[x / perByte] >> shift & mask)
      guard index < header.palette.count else {
        throw .corrupt(.bmp, reason: "colour \(index) of a palette of \(header.palette.count)")
      }
      let colour = header.palette[index]
      target[3 * x] = colour.red
      target[3 * x + 1] = colour.green
      target[3 * x + 2] = colour.blue
    }
  }

  /// One row of 16 or 32 bits a pixel.
  private static func masked(
    _ row: UnsafePointer<UInt8>, _ header: Header, _ target: UnsafeMutablePointer<UInt8>
  ) {
    let raw = UnsafeRawPointer(row)
    for x in 0..<header.width {
      let pixel =
        header.bits == 16
        ? UInt32(UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * x, as: UInt16.self)))
        : UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * x, as: UInt32.self))
      for c in 0..<3 { target[3 * x + c] = header.masks[c].sample(of: pixel) }
    }
  }

  /// The bits of a pixel that one colour has.
  private struct Mask {
    let shift: UInt32
    let largest: UInt32

    /// Nil if the bits of `mask` are not contiguous.
    init?(_ mask: UInt32) {
      guard mask != 0 else {
        (shift, largest) = (0, 0)
        return
      }
      shift = UInt32(mask.trailingZeroBitCount)
      largest = mask >> shift
      guard largest & (largest &+ 1) == 0 else { return nil }
    }

    /// Scaled to 0...255, rounded.
    func sample(of pixel: UInt32) -> UInt8 {
      guard largest > 0 else { return 0 }
      let value = UInt64(pixel >> shift & largest)
      return UInt8(truncatingIfNeeded: (value * 255 + UInt64(largest) / 2) / UInt64(largest))
    }
  }

  private struct Header {
    var width = 0
    var height = 0
    var topFirst = false
    var bits = 0
    var pixelOffset = 0
    var masks: [Mask] = []
    var palette: [(red: UInt8, green: UInt8, blue: UInt8)] = []

    init(_ reader: inout ByteReader) throws(ImageError.Problem) {
      try reader.skip(10)
      pixelOffset = Int(try reader.little(UInt32.self))
      let headerStart = reader.position
      let size = Int(try reader.little(UInt32.self))
      guard size == 12 || (40...1024).contains(size) else {
        throw .unsupported(.bmp, reason: "a header of \(size) bytes")
      }
      var compression: UInt32 = 0
      var colours = 0
      if size == 12 {
        width = Int(try reader.little(UInt16.self))
        height = Int(try reader.little(UInt16.self))
        try reader.skip(2)
        bits = Int(try reader.little(UInt16.self))
      } else {
        width = Int(try reader.little(Int32.self))
        let signed = Int(try reader.little(Int32.self))
        topFirst = signed < 0
        height = abs(signed)
        try reader.skip(2)
        bits = Int(try reader.little(UInt16.self))
        compression = try reader.little(UInt32.self)
        try reader.skip(12)
        colours = Int(try reader.little(UInt32.self))
        try reader.skip(4)
      }
      guard width > 0, height > 0 else {
        throw .corrupt(.bmp, reason: "a size of \(width)x\(height)")
      }
      let hasMasks = (compression == 3 || compression == 6) && (bits == 16 || bits == 32)
      guard compression == 0 || hasMasks else {
        throw .unsupported(.bmp, reason: "compression \(compression) with \(bits) bits a pixel")
      }
      switch bits {
      case 1, 4, 8:
        try reader.skip(headerStart + size - reader.position)
        let most = 1 << bits
        try readPalette(
          colours == 0 ? most : min(colours, most), entrySize: size == 12 ? 3 : 4, &reader)
      case 16, 32:
        try readMasks(hasMasks, &reader)
      case 24: break
      default: throw .unsupported(.bmp, reason: "\(bits) bits a pixel")
      }
    }

    /// The palette ends at the pixels, however many colours the header promises.
    private mutating func readPalette(
      _ count: Int, entrySize: Int, _ reader: inout ByteReader
    ) throws(ImageError.Problem) {
      let room = max(0, pixelOffset - reader.position) / entrySize
      for _ in 0..<min(count, room) {
        let blue = try reader.byte()
        let green = try reader.byte()
        palette.append((red: try reader.byte(), green: green, blue: blue))
        try reader.skip(entrySize - 3)
      }
    }

    private mutating func readMasks(
      _ given: Bool, _ reader: inout ByteReader
    ) throws(ImageError.Problem) {
      // Without masks 16 bits are five each, 32 bits eight each.
      let usual: [UInt32] = bits == 16 ? [0x7C00, 0x3E0, 0x1F] : [0xFF_0000, 0xFF00, 0xFF]
      for plain in usual {
        let value = given ? try reader.little(UInt32.self) : plain
        guard let mask = Mask(value) else {
          throw .corrupt(.bmp, reason: "a colour mask of \(String(value, radix: 2)) in binary")
        }
        masks.append(mask)
      }
    }
  }
}
