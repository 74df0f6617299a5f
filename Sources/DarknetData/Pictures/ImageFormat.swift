/// The picture formats that are read here; the first two are written, too.
public enum ImageFormat: String, Sendable, CaseIterable {
  case jpeg, png, bmp, ppm

  public var name: String { rawValue.uppercased() }

  /// What the first bytes of a file say that it is, whatever its name: a format, or in words
  /// something that is not read here.
  package static func identify(_ bytes: UnsafeRawBufferPointer) -> Identification {
    func begins(_ magic: String, at offset: Int = 0) -> Bool {
      magic.utf8.count <= bytes.count - offset
        && zip(magic.utf8, bytes[offset...]).allSatisfy { $0 == $1 }
    }
    func begins(_ magic: [UInt8]) -> Bool { bytes.starts(with: magic) }
    if begins([0xFF, 0xD8, 0xFF]) { return .format(.jpeg) }
    if begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .format(.png) }
    if begins("BM"), bytes.count >= 18, bytes[15] == 0, bytes[16] == 0, bytes[17] == 0 {
      // A text may begin with "BM"; the header size that follows never has high bytes.
      return .format(.bmp)
    }
    if begins("P5") || begins("P6"), bytes.count > 2, isBlank(bytes[2]) || bytes[2] == 0x23 {
      return .format(.ppm)
    }
    if begins("GIF8") { return .other("a GIF picture") }
    if begins("RIFF"), begins("WEBP", at: 8) { return .other("a WebP picture") }
    if begins([0x49, 0x49, 0x2A, 0]) || begins([0x4D, 0x4D, 0, 0x2A]) {
      return .other("a TIFF picture")
    }
    if begins("ftyp", at: 4) {
      if begins("avi", at: 8) { return .other("an AVIF picture") }
      if begins("hei", at: 8) || begins("mif", at: 8) { return .other("a HEIF picture") }
      return .other("a video")
    }
    if begins([0xFF, 0x0A]) || begins("JXL ", at: 4) { return .other("a JPEG XL picture") }
    if begins("jP  ", at: 4) { return .other("a JPEG 2000 picture") }
    if begins("%PDF") { return .other("a PDF document") }
    if begins("RIFF"), begins("AVI ", at: 8) { return .other("a video") }
    if begins([0x1A, 0x45, 0xDF, 0xA3]) { return .other("a video") }
    if begins("PK\u{3}\u{4}") || begins([0x1F, 0x8B]) { return .other("an archive") }
    if bytes.count >= 2, bytes[0] == 0x50, (0x31...0x37).contains(bytes[1]),
      bytes.count == 2 || isBlank(bytes[2])
    {
      return .other("a Netpbm picture other than P5 and P6")
    }
    return .other(describeUnknown(bytes.prefix(64)))
  }

  package enum Identification: Equatable {
    case format(ImageFormat)
    case other(String)
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }

  private static func describeUnknown(_ start: Slice<UnsafeRawBufferPointer>) -> String {
    if start.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || isBlank($0) }) {
      let visible = start.drop(while: isBlank)
      return visible.first == UInt8(ascii: "<") ? "a web page or XML" : "text"
    }
    if start.allSatisfy({ $0 == 0 }) { return "zero bytes" }
    let digits = start.prefix(8).map { byte in
      let hex = String(byte, radix: 16, uppercase: true)
      return hex.count == 1 ? "0" + hex : hex
    }
    return "unknown bytes (\(digits.joined(separator: " ")))"
  }
}
