import DarknetConfig
import DarknetImages
import DarknetTensors
import DarknetTestSupport
import Testing

/// Broken pictures of every kind that is read, with orientations: `make fuzz`.
@Suite struct PictureFuzzTests {
  private static let plain: [[UInt8]] =
    JPEGFixture.allCases.map(\.bytes)
    + PNGTests.kinds.map { kind in
      var maker = PNGMaker(
        colorType: kind.0, depth: kind.1, width: 9, height: 9, interlaced: kind.1 == 8
      ) { x, y, _ in (x + y) % 2 }
      if kind.0 == 3 { maker.palette = [[1, 2, 3], [200, 100, 0]] }
      return maker.bytes
    } + [
      ImageFile.encode(Bitmap(width: 60, height: 50), as: .png).array,
      Array("P6 3 3 255\n".utf8) + [UInt8](repeating: 9, count: 27),
      Array("P5 3 3 1023\n".utf8) + [UInt8](repeating: 2, count: 18),
      Array("P6\n# a remark\n3\n3\n255\n".utf8) + [UInt8](repeating: 9, count: 27),
      bmp(bits: 24, palette: 0), bmp(bits: 8, palette: 256), bmp(bits: 1, palette: 2),
      bmp(bits: 16, palette: 0),
    ]

  private static let oriented: [[UInt8]] =
    (2...8).map {
      ExifMaker(orientation: $0, bigEndian: $0 % 2 == 0).jpeg(JPEGFixture.baseline.bytes)
    }
    + plain.filter { $0.first == 0x89 }.prefix(4).enumerated().map {
      ExifMaker(orientation: 5 + $0.offset).png($0.element, atEnd: $0.offset % 2 == 0)
    }

  private static func bmp(bits: UInt16, palette: Int) -> [UInt8] {
    var bytes = Array("BM".utf8) + little(UInt32(0)) + little(UInt32(0))
    bytes += little(UInt32(54 + 4 * palette)) + little(UInt32(40)) + little(UInt32(5))
    bytes += little(UInt32(5)) + little(UInt16(1)) + little(bits)
    bytes += [UInt8](repeating: 0, count: 24 + 4 * palette)
    return bytes + [UInt8](repeating: 0x55, count: 100)
  }

  @Test func `broken pictures`() {
    let mutator = Mutator(
      seeds: Self.plain + Self.oriented,
      words: [
        "IHDR", "IDAT", "IEND", "PLTE", "tRNS", "eXIf", "Exif\0\0", "Adobe", "P6\n", "99999 ",
      ],
      isText: false)
    let run = Fuzzing("pictures", count: Fuzzing.asked ?? 3000)
    let outcome = run.run(mutator, prepare: Self.repairChecksums) { bytes, random in
      let channels = random.below(2) == 0 ? 1 : 3
      let dialect: Dialect = random.below(2) == 0 ? .alexeyab : .pjreddie
      var limits = ImageFile.Limits(dialect: dialect)
      // What a picture may need is tested elsewhere; here it would only cost time.
      limits.pixels = 1 << 22
      let picture = try decode(bytes, channels: channels, limits: limits)
      guard picture.width > 0, picture.height > 0, picture.channels == channels,
        picture.width * picture.height <= limits.pixels
      else { return "a picture of \(picture.width)x\(picture.height)x\(picture.channels)" }
      // What is read of the memory must be the picture's.
      let sum = Image(picture).samples.reduce(0, +)
      return sum >= 0 && sum.isFinite ? nil : "samples that are no numbers"
    }
    #expect(outcome.failures == [])
    #expect(outcome.accepted > run.count / 20 && outcome.refused > run.count / 20)
  }

  /// Writes the right checksum after every chunk of half of the PNGs, as far as there are chunks:
  /// the reader stops at a wrong one.
  private static func repairChecksums(_ bytes: inout [UInt8], _ random: inout Random) {
    guard bytes.first == 0x89, random.below(2) == 0 else { return }
    var start = 8
    while start + 12 <= bytes.count {
      let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
      guard start + 12 + length <= bytes.count else { return }
      let end = start + 8 + length
      bytes.replaceSubrange(end..<end + 4, with: big(PNGMaker.crc(Array(bytes[start + 4..<end]))))
      start = end + 4
    }
  }
}
