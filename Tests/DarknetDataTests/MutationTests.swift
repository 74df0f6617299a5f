import DarknetData
import DarknetTensors
import Glibc
import Testing

/// Broken pictures: an error or a result each time, never a crash, none over a second.
///
/// PRN_DARKNET_MUTATIONS sets how many of each kind are tried (300 by default).
@Suite struct PictureMutationTests {
  private static let rounds = getenv("PRN_DARKNET_MUTATIONS").flatMap { Int(String(cString: $0)) }

  private static let seeds: [(String, [UInt8])] =
    JPEGFixture.allCases.map { ($0.rawValue, $0.bytes) }
    + PNGTests.kinds.map { kind in
      var maker = PNGMaker(
        colorType: kind.0, depth: kind.1, width: 9, height: 9, interlaced: kind.1 == 8
      ) { x, y, _ in (x + y) % 2 }
      if kind.0 == 3 { maker.palette = [[1, 2, 3], [200, 100, 0]] }
      return ("png \(kind)", maker.bytes)
    } + [
      ("compressed png", ImageFile.encode(Bitmap(width: 60, height: 50), as: .png).array),
      ("ppm", Array("P6 3 3 255\n".utf8) + [UInt8](repeating: 9, count: 27)),
      ("wide pgm", Array("P5 3 3 1023\n".utf8) + [UInt8](repeating: 2, count: 18)),
      ("bmp", bmp(bits: 24, palette: 0)), ("bmp 8", bmp(bits: 8, palette: 256)),
      ("bmp 1", bmp(bits: 1, palette: 2)), ("bmp 16", bmp(bits: 16, palette: 0)),
    ]

  private static func bmp(bits: UInt16, palette: Int) -> [UInt8] {
    var bytes = Array("BM".utf8) + little(UInt32(0)) + little(UInt32(0))
    bytes += little(UInt32(54 + 4 * palette)) + little(UInt32(40)) + little(UInt32(5))
    bytes += little(UInt32(5)) + little(UInt16(1)) + little(bits)
    bytes += [UInt8](repeating: 0, count: 24 + 4 * palette)
    return bytes + [UInt8](repeating: 0x55, count: 100)
  }

  @Test(arguments: seeds.indices)
  func `broken pictures end in an error or a picture`(index: Int) {
    let (name, original) = Self.seeds[index]
    var random = Random(seed: UInt64(index))
    let clock = ContinuousClock()
    for round in 0..<(Self.rounds ?? 300) {
      var bytes = original
      for _ in 0...random.below(4) { mutate(&bytes, &random) }
      // A PNG reader stops at a wrong checksum, so half of them get right ones.
      if bytes.first == 0x89, random.below(2) == 0 { repairChecksums(&bytes) }
      let start = clock.now
      _ = try? decode(bytes, channels: random.below(2) == 0 ? 1 : 3)
      let time = clock.now - start
      #expect(time < .seconds(1), "\(name), round \(round) took \(time)")
    }
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout Random) {
    guard !bytes.isEmpty else { return }
    let place = random.below(bytes.count)
    switch random.below(7) {
    case 0: bytes[place] = UInt8(random.below(256))
    case 1: bytes[place] ^= 1 << UInt8(random.below(8))
    case 2: bytes[place] = [0, 0xFF, 0x7F, 0x80][random.below(4)]
    case 3: bytes.removeSubrange(place...)
    case 4: bytes.remove(at: place)
    case 5: bytes.insert(UInt8(random.below(256)), at: place)
    default:
      let end = min(bytes.count, place + random.below(16))
      bytes.insert(contentsOf: bytes[place..<end], at: random.below(bytes.count))
    }
  }

  /// Writes the right checksum behind every chunk of a PNG, as far as there are chunks.
  private func repairChecksums(_ bytes: inout [UInt8]) {
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
