import DarknetImages
import DarknetTestSupport
import Testing

/// Bitmaps from pixels in memory.
@Suite struct BitmapPixelsTests {
  /// Two rows of two pixels, (red, green, blue) = (1, 2, 3), (4, 5, 6) / (7, 8, 9), (10, 11, 12).
  private static func bytes(_ order: Bitmap.PixelOrder) -> [UInt8] {
    switch order {
    case .gray: [1, 4, 7, 10]
    case .rgb: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    case .bgr: [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]
    case .rgba: [1, 2, 3, 99, 4, 5, 6, 99, 7, 8, 9, 99, 10, 11, 12, 99]
    case .bgra: [3, 2, 1, 99, 6, 5, 4, 99, 9, 8, 7, 99, 12, 11, 10, 99]
    }
  }

  @Test(arguments: Bitmap.PixelOrder.allCases)
  func `samples are put in order, and gaps between rows are skipped`(
    order: Bitmap.PixelOrder
  ) throws {
    let bytes = Self.bytes(order)
    let expected: [UInt8] = order == .gray ? [1, 4, 7, 10] : Array(1...12)
    let plain = try Bitmap(pixels: bytes, width: 2, height: 2, order: order)
    #expect(plain.array == expected && plain.channels == (order == .gray ? 1 : 3))
    let row = bytes.count / 2
    // The last row has no gap.
    let gapped = bytes[..<row] + [50, 51, 52] + bytes[row...]
    let other = try Bitmap(
      pixels: Array(gapped), width: 2, height: 2, order: order, stride: row + 3)
    #expect(other.array == expected && other.width == 2 && other.height == 2)
  }

  private func error(
    _ count: Int, width: Int, height: Int, order: Bitmap.PixelOrder = .rgb, stride: Int? = nil
  ) -> String {
    do {
      _ = try Bitmap(
        pixels: [UInt8](repeating: 0, count: count), width: width, height: height, order: order,
        stride: stride, name: "frame")
      return ""
    } catch {
      return error.description
    }
  }

  @Test func `numbers that cannot be are errors`() {
    let fix = "; correct the picture's size, its bytes a row or its pixels"
    #expect(
      error(11, width: 2, height: 2)
        == "frame: expected 12 bytes (2 rows, 6 bytes from one to the next), found 11" + fix)
    #expect(error(14, width: 2, height: 2, stride: 8).isEmpty)
    #expect(
      error(13, width: 2, height: 2, stride: 8)
        == "frame: expected 14 bytes (2 rows, 8 bytes from one to the next), found 13" + fix)
    #expect(
      error(12, width: 2, height: 2, stride: 5)
        == "frame: expected at least 6 bytes a row (2 pixels, rgb), found 5" + fix)
    #expect(
      error(12, width: 2, height: 2, stride: -6)
        == "frame: expected at least 6 bytes a row (2 pixels, rgb), found -6" + fix)
    #expect(
      error(0, width: 0, height: 2)
        == "frame: expected a width and a height of at least 1, found 0x2" + fix)
    #expect(
      error(0, width: 5, height: -1)
        == "frame: expected a width and a height of at least 1, found 5x-1" + fix)
    #expect(error(12, width: 1 << 40, height: 1 << 40).hasPrefix("frame: expected at most "))
    #expect(error(12, width: 2, height: 3, stride: .max).contains("fewer bytes a row"))
    #expect(
      error(0, width: 1, height: 1, order: .gray).contains("expected 1 byte (1 row, 1 byte from"))
  }
}
