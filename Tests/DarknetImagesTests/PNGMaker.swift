/// Writes PNG files by the specification (ISO 15948), of every colour type and depth, without
/// compression: what the reader is tested with must not come from the library it uses.
struct PNGMaker {
  /// 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.
  var colorType: UInt8
  var depth: Int
  var width: Int
  var height: Int
  var interlaced = false
  var palette: [[UInt8]] = []
  var transparency: [UInt8] = []
  /// Sample c of pixel (x, y), of `depth` bits.
  var sample: (_ x: Int, _ y: Int, _ c: Int) -> Int

  var samplesPerPixel: Int { [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colorType]! }

  var bytes: [UInt8] {
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    let header = big(UInt32(width)) + big(UInt32(height))
    file += Self.chunk("IHDR", header + [UInt8(depth), colorType, 0, 0, interlaced ? 1 : 0])
    if !palette.isEmpty { file += Self.chunk("PLTE", palette.flatMap { $0 }) }
    if !transparency.isEmpty { file += Self.chunk("tRNS", transparency) }
    file += Self.chunk("IDAT", Self.stored(rows))
    return file + Self.chunk("IEND", [])
  }

  /// All rows, a filter byte (none) before each; interlaced in the seven passes of Adam7.
  private var rows: [UInt8] {
    let passes =
      interlaced
      ? [
        (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
        (0, 1, 1, 2),
      ] : [(0, 0, 1, 1)]
    var bytes: [UInt8] = []
    for (left, top, stepX, stepY) in passes {
      let columns = Array(stride(from: left, to: width, by: stepX))
      guard !columns.isEmpty else { continue }
      for y in stride(from: top, to: height, by: stepY) {
        bytes.append(0)
        var bits = 0
        var count = 0
        for x in columns {
          for c in 0..<samplesPerPixel {
            bits = (bits << depth | sample(x, y, c)) & 0xFF_FFFF
            count += depth
            while count >= 8 {
              count -= 8
              bytes.append(UInt8(bits >> count & 0xFF))
            }
          }
        }
        if count > 0 { bytes.append(UInt8(bits << (8 - count) & 0xFF)) }
      }
    }
    return bytes
  }

  /// Length, name, content and checksum.
  static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let checked = Array(name.utf8) + content
    return big(UInt32(content.count)) + checked + big(crc(checked))
  }

  /// A zlib stream of one stored block.
  static func stored(_ bytes: [UInt8]) -> [UInt8] {
    precondition(bytes.count < 65536)
    let count = UInt16(bytes.count)
    let lengths = [count, ~count].flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      a = (a + UInt32(byte)) % 65521
      b = (b + a) % 65521
    }
    return [0x78, 0x01, 0x01] + lengths + bytes + big(b << 16 | a)
  }

  static func crc(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
  }
}

/// Highest byte first.
func big(_ value: UInt32) -> [UInt8] {
  [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
}

/// Lowest byte first.
func little(_ value: UInt32) -> [UInt8] { big(value).reversed() }
func little(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }
