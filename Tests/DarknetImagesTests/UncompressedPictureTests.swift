import DarknetTestSupport
import Testing

/// PPM and BMP, put together by hand.
@Suite struct UncompressedPictureTests {
  // MARK: PPM

  @Test func `P6 with comments`() throws {
    let bytes = Array("P6 # colours\n2 # width\n 1\n255\n".utf8) + [1, 2, 3, 250, 251, 252]
    let bitmap = try decode(bytes)
    #expect(bitmap.width == 2 && bitmap.height == 1)
    #expect(bitmap.array == [1, 2, 3, 250, 251, 252])
  }

  @Test func `P5 becomes RGB`() throws {
    #expect(try decode(Array("P5 2 1 255\n".utf8) + [7, 9]).array == [7, 7, 7, 9, 9, 9])
  }

  /// 3 of 15 is 51 of 255; 1000 of 65535 is 3.89.
  @Test func `other maxima are scaled`() throws {
    #expect(try decode(Array("P5 2 1 15\n".utf8) + [3, 15], channels: 1).array == [51, 255])
    let wide = Array("P5 2 1 65535\n".utf8) + [0x03, 0xE8, 0xFF, 0xFF]
    #expect(try decode(wide, channels: 1).array == [4, 255])
  }

  @Test func `broken PPM`() {
    #expect(
      decodingError(Array("P6 2 2 255\n".utf8) + [1, 2, 3])
        == "picture: expected a whole PPM picture, found one that is cut short (its 14 bytes end "
        + "too early); get or save the file again")
    #expect(
      decodingError(Array("P6 0 2 255\n".utf8))
        == "picture: expected an intact PPM picture, found a damaged one (its width is not "
        + "a whole number in 1...2147483647); get or save the file again")
    #expect(
      decodingError(Array("P6 2147483647 2147483647 255\n".utf8))
        == "picture: expected at most 178956970 pixels, found 2147483647x2147483647; scale the "
        + "picture down")
  }

  // MARK: BMP

  /// File header, info header of 40 bytes, then `extra` (masks or palette) and the pixels.
  private func bmp(
    _ width: Int32, _ height: Int32, bits: UInt16, compression: UInt32 = 0,
    extra: [UInt8] = [], _ pixels: [UInt8]
  ) -> [UInt8] {
    let offset = UInt32(54 + extra.count)
    var bytes = Array("BM".utf8) + little(offset + UInt32(pixels.count))
    bytes += little(UInt32(0)) + little(offset) + little(UInt32(40))
    bytes += little(UInt32(bitPattern: width)) + little(UInt32(bitPattern: height))
    bytes += little(UInt16(1)) + little(bits) + little(compression)
    bytes += [UInt8](repeating: 0, count: 20)
    return bytes + extra + pixels
  }

  /// Blue, green, red; bottom row first; rows padded to 4 bytes.
  @Test func `24 bits`() throws {
    let rows: [UInt8] = [1, 2, 3, 0, 4, 5, 6, 0]
    #expect(try decode(bmp(1, 2, bits: 24, rows)).array == [6, 5, 4, 3, 2, 1])
    #expect(try decode(bmp(1, -2, bits: 24, rows)).array == [3, 2, 1, 6, 5, 4])
    // The padding of the last row may be missing.
    #expect(try decode(bmp(1, 2, bits: 24, Array(rows.dropLast()))).array == [6, 5, 4, 3, 2, 1])
  }

  @Test func `32 bits drop alpha`() throws {
    #expect(try decode(bmp(1, 1, bits: 32, [10, 20, 30, 0])).array == [30, 20, 10])
    // Masks that name red as the lowest byte.
    let masks = little(UInt32(0xFF)) + little(UInt32(0xFF00)) + little(UInt32(0xFF0000))
    let bytes = bmp(1, 1, bits: 32, compression: 3, extra: masks, [10, 20, 30, 0])
    #expect(try decode(bytes).array == [10, 20, 30])
  }

  /// 5-5-5: red 31 of 31, green 1 of 31 (8.2 of 255), blue 0. 5-6-5: green 32 of 63 (129.5).
  @Test func `16 bits`() throws {
    let pixel = little(UInt16(0x7C20)) + [0, 0]
    #expect(try decode(bmp(1, 1, bits: 16, pixel)).array == [255, 8, 0])
    let masks = little(UInt32(0xF800)) + little(UInt32(0x7E0)) + little(UInt32(0x1F))
    let pixel565 = little(UInt16(0xFC1F)) + [0, 0]
    let bytes = bmp(1, 1, bits: 16, compression: 3, extra: masks, pixel565)
    #expect(try decode(bytes).array == [255, 130, 255])
  }

  @Test(arguments: [(1, 0b1010_0000), (4, 0x10), (8, 1)] as [(UInt16, UInt8)])
  func `palettes`(bits: UInt16, first: UInt8) throws {
    var palette = [UInt8](repeating: 0, count: 4 << bits)
    palette.replaceSubrange(0..<8, with: [1, 2, 3, 0, 40, 50, 60, 0])
    let bytes = bmp(2, 1, bits: bits, extra: palette, [first, 0, 0, 0])
    #expect(try decode(bytes).array == [60, 50, 40, 3, 2, 1])
  }

  @Test func `the header of OS2`() throws {
    var bytes = Array("BM".utf8) + little(UInt32(30)) + little(UInt32(0)) + little(UInt32(26))
    bytes += little(UInt32(12)) + little(UInt16(1)) + little(UInt16(1)) + little(UInt16(1))
    bytes += little(UInt16(24)) + [9, 8, 7, 0]
    #expect(try decode(bytes).array == [7, 8, 9])
  }

  @Test func `broken BMP`() {
    #expect(
      decodingError(bmp(2, 2, bits: 24, [1, 2, 3]))
        == "picture: expected a whole BMP picture, found one that is cut short (its 57 bytes end "
        + "too early); get or save the file again")
    #expect(
      decodingError(bmp(0, 2, bits: 24, []))
        == "picture: expected an intact BMP picture, found a damaged one (a size of 0x2); get or "
        + "save the file again")
    #expect(
      decodingError(bmp(2, 2, bits: 8, compression: 1, []))
        == "picture: expected a common kind of BMP picture, found another (compression 1 with 8 "
        + "bits a pixel); convert it, for example to PNG")
    #expect(
      decodingError(bmp(.max, .min, bits: 32, []))
        == "picture: expected at most 178956970 pixels, found 2147483647x2147483648; scale the "
        + "picture down")
    let palette: [UInt8] = [1, 2, 3, 0, 4, 5, 6, 0]
    #expect(
      decodingError(bmp(1, 1, bits: 8, extra: palette, [2, 0, 0, 0]))
        == "picture: expected an intact BMP picture, found a damaged one (colour 2 of a palette "
        + "of 2); get or save the file again")
  }
}
