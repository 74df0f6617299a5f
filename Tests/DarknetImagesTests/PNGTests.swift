import DarknetImages
import DarknetTestSupport
import Testing

@Suite struct PNGTests {
  /// Every colour type and depth of the format.
  static let kinds: [(UInt8, Int)] = [
    (0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
    (4, 8), (4, 16), (6, 8), (6, 16),
  ]

  /// 11x5, so that no pass of the interlace is of a full size.
  private func maker(_ colorType: UInt8, _ depth: Int, interlaced: Bool) -> PNGMaker {
    var maker = PNGMaker(
      colorType: colorType, depth: depth, width: 11, height: 5, interlaced: interlaced
    ) { x, y, c in (x * 7919 + y * 104_729 + c * 1299 + 12345) % (1 << depth) }
    if colorType == 3 {
      maker.palette = (0..<(1 << depth)).map { (k: Int) -> [UInt8] in
        [UInt8(255 - k), UInt8(k * 37 % 256), UInt8(k * 101 % 256)]
      }
    }
    return maker
  }

  /// The pixel as 8-bit RGB: grey repeated, fewer bits scaled to 0...255, of 16 bits the upper 8.
  private func expected(_ maker: PNGMaker, _ x: Int, _ y: Int) -> [UInt8] {
    func level(_ c: Int) -> UInt8 {
      let value = maker.sample(x, y, c)
      return maker.depth == 16
        ? UInt8(value >> 8) : UInt8(value * 255 / ((1 << maker.depth) - 1))
    }
    switch maker.colorType {
    case 3: return maker.palette[maker.sample(x, y, 0)]
    case 0, 4: return [level(0), level(0), level(0)]
    default: return [level(0), level(1), level(2)]
    }
  }

  @Test(arguments: kinds, [false, true])
  func `every colour type and depth`(kind: (UInt8, Int), interlaced: Bool) throws {
    let maker = maker(kind.0, kind.1, interlaced: interlaced)
    let bitmap = try decode(maker.bytes)
    #expect(bitmap.width == 11 && bitmap.height == 5 && bitmap.channels == 3)
    for y in 0..<5 {
      for x in 0..<11 { #expect(bitmap[x, y] == expected(maker, x, y), "at \(x), \(y)") }
    }
  }

  @Test(arguments: kinds)
  func `every colour type and depth as grey`(kind: (UInt8, Int)) throws {
    let maker = maker(kind.0, kind.1, interlaced: false)
    let bitmap = try decode(maker.bytes, channels: 1)
    #expect(bitmap.channels == 1)
    for x in 0..<11 {
      let rgb = expected(maker, x, 2).map(Int.init)
      #expect(bitmap[x, 2] == [UInt8((77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2]) >> 8)])
    }
  }

  /// A transparent colour, or alpha in the palette, changes no pixel.
  @Test(arguments: [(0, 8), (0, 16), (2, 8), (2, 16), (3, 8)] as [(UInt8, Int)])
  func `transparency is dropped`(kind: (UInt8, Int)) throws {
    var maker = maker(kind.0, kind.1, interlaced: false)
    let plain = try decode(maker.bytes)
    let first = (0..<maker.samplesPerPixel).map { maker.sample(0, 0, $0) }
    maker.transparency =
      kind.0 == 3
      ? [UInt8](repeating: 0, count: 200)
      : first.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    let transparent = try decode(maker.bytes)
    #expect(transparent.array == plain.array)
  }

  @Test(arguments: [1, 3])
  func `what is encoded is decoded`(channels: Int) throws {
    let samples = (0..<7 * 5 * channels).map { UInt8($0 * 53 % 256) }
    let bitmap = Bitmap(width: 7, height: 5, channels: channels, samples)
    let bytes = ImageFile.encode(bitmap, as: .png).array
    #expect(try decode(bytes, channels: channels).array == samples)
  }

  @Test func `extra chunks are skipped, even broken ones`() throws {
    let maker = maker(2, 8, interlaced: false)
    let plain = maker.bytes
    let text = PNGMaker.chunk("tEXt", Array("Comment\0whatever".utf8))
    let badProfile = PNGMaker.chunk("iCCP", [1, 2, 3])
    let bytes = plain[..<33] + text + badProfile + plain[33...]
    #expect(try decode(Array(bytes)).array == decode(plain).array)
  }

  @Test func `cut short`() {
    let bytes = maker(2, 8, interlaced: false).bytes
    for count in [8, 20, 33, 60, bytes.count - 13, bytes.count - 1] {
      #expect(
        decodingError(Array(bytes[..<count]))
          == "picture: expected a whole PNG picture, found one that is cut short (the bytes end "
          + "inside a chunk); get or save the file again", "after \(count) bytes")
    }
  }

  @Test func `wrong checksum`() {
    var bytes = maker(2, 8, interlaced: false).bytes
    bytes[bytes.count - 13] ^= 1
    #expect(
      decodingError(bytes)
        == "picture: expected an intact PNG picture, found a damaged one (IDAT: CRC error); get "
        + "or save the file again")
  }

  /// 40 bytes cannot unfold to 20000x10000 pixels: told without reading on.
  @Test func `a size that the bytes cannot hold`() {
    let header = big(20000) + big(8000) + [8, 2, 0, 0, 0]
    let bytes =
      maker(2, 8, interlaced: false).bytes[..<8] + PNGMaker.chunk("IHDR", header)
      + PNGMaker.chunk("IDAT", PNGMaker.stored([0]))
    #expect(
      decodingError(Array(bytes))
        == "picture: expected a whole PNG picture, found one that is cut short (57 bytes cannot "
        + "hold 20000x8000 pixels); get or save the file again")
  }

  @Test func `more pixels than allowed`() {
    var limits = ImageFile.Limits()
    limits.pixels = 54
    #expect(
      decodingError(maker(2, 8, interlaced: false).bytes, limits: limits)
        == "picture: expected at most 54 pixels, found 11x5; scale the picture down")
  }
}
