/// EXIF data by the standard (JEITA CP-3451), and its places in JPEG and PNG files.
struct ExifMaker {
  var orientation: Int
  var bigEndian = false
  /// 3 is a short number, which the standard asks for; 1 is a byte, 4 a long one.
  var type = 3
  /// Tags before the orientation, here the width.
  var tagsBefore = 1

  private func number(_ value: Int, bytes: Int) -> [UInt8] {
    let low = (0..<bytes).map { UInt8(value >> (8 * $0) & 0xFF) }
    return bigEndian ? low.reversed() : low
  }

  private func entry(_ tag: Int, type: Int, _ value: Int) -> [UInt8] {
    let size = [1: 1, 3: 2, 4: 4][type]!
    return number(tag, bytes: 2) + number(type, bytes: 2) + number(1, bytes: 4)
      + number(value, bytes: size) + [UInt8](repeating: 0, count: 4 - size)
  }

  /// A TIFF header, and a directory right after it.
  var tiff: [UInt8] {
    let order: [UInt8] = bigEndian ? [0x4D, 0x4D] : [0x49, 0x49]
    var bytes = order + number(42, bytes: 2) + number(8, bytes: 4)
    bytes += number(tagsBefore + 1, bytes: 2)
    for _ in 0..<tagsBefore { bytes += entry(0x0100, type: 4, 32) }
    return bytes + entry(0x0112, type: type, orientation) + number(0, bytes: 4)
  }

  static func segment(_ content: [UInt8]) -> [UInt8] {
    let length = content.count + 2
    return [0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 0xFF)] + content
  }

  var segment: [UInt8] { Self.segment(Array("Exif\0\0".utf8) + tiff) }

  /// The JPEG file with the data as its first segment.
  func jpeg(_ file: [UInt8]) -> [UInt8] { Array(file[..<2]) + segment + file[2...] }

  /// The PNG file with the data behind its header, or before its end.
  func png(_ file: [UInt8], atEnd: Bool = false) -> [UInt8] {
    let place = atEnd ? file.count - 12 : 33
    return Array(file[..<place]) + PNGMaker.chunk("eXIf", tiff) + file[place...]
  }
}
