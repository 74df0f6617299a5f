/// Netpbm's binary grey (P5) and colour (P6) pictures of 8 or 16 bits.
///
/// `P6 width height maximum`, separated by blanks and `#` comments, one blank, then the samples,
/// top row first, two bytes each (upper first) if the maximum exceeds 255. Samples are scaled to
/// 0...255, rounded.
enum PPMDecoder {
  static func decode(
    _ bytes: UnsafeRawBufferPointer, _ limits: ImageFile.Limits
  ) throws(ImageError.Problem) -> Bitmap {
    var reader = ByteReader(bytes, .ppm)
    try reader.skip(1)
    let channels = try reader.byte() == UInt8(ascii: "6") ? 3 : 1
    let width = try number("width", 1...Int(Int32.max), &reader)
    let height = try number("height", 1...Int(Int32.max), &reader)
    let maximum = try number("maximum", 1...65535, &reader)
    // The blank after the last number is already read.
    let (area, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, area <= limits.pixels else {
      throw .tooManyPixels(width: width, height: height, limit: limits.pixels)
    }
    let count = area * channels
    let source = try reader.take(maximum > 255 ? 2 * count : count)
    let bitmap = try limits.allocate(width: width, height: height, channels: channels)
    let target = bitmap.bytes
    if maximum == 255 {
      _ = bitmap.samples.update(fromContentsOf: source.bindMemory(to: UInt8.self))
    } else if maximum < 255 {
      let scaled = (0...255).map { UInt8(min(255, ($0 * 255 + maximum / 2) / maximum)) }
      for i in 0..<count { target[i] = scaled[Int(source[i])] }
    } else {
      for i in 0..<count {
        let value = min(maximum, Int(source[2 * i]) << 8 | Int(source[2 * i + 1]))
        target[i] = UInt8((value * 255 + maximum / 2) / maximum)
      }
    }
    return bitmap
  }

  /// The next number and the byte after it.
  private static func number(
    _ name: String, _ range: ClosedRange<Int>, _ reader: inout ByteReader
  ) throws(ImageError.Problem) -> Int {
    var byte = try reader.byte()
    while true {
      if byte == UInt8(ascii: "#") {
        while byte != 0x0A { byte = try reader.byte() }
      }
      guard byte == 0x20 || (0x09...0x0D).contains(byte) else { break }
      byte = try reader.byte()
    }
    var value = 0
    var digits = 0
    while (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits < 11 {
      value = value * 10 + Int(byte - UInt8(ascii: "0"))
      digits += 1
      byte = try reader.byte()
    }
    guard digits > 0, range.contains(value), byte == 0x20 || (0x09...0x0D).contains(byte) else {
      throw .corrupt(
        .ppm,
        reason: "its \(name) is not a whole number in \(range.lowerBound)...\(range.upperBound)")
    }
    return value
  }
}
