import DarknetImages
import DarknetTestSupport
import DarknetText
import Testing

@Suite struct JPEGTests {
  /// Centres of the four quarters.
  private let centers = [(8, 8), (24, 8), (8, 24), (24, 24)]

  /// Quality 90 moves a flat colour by at most 3 levels.
  private func isNear(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs(Int($0) - Int($1)) <= 3 }
  }

  @Test(arguments: JPEGFixture.allCases)
  func `every kind of coding and colours`(fixture: JPEGFixture) throws {
    let bitmap = try decode(fixture.bytes)
    #expect(bitmap.width == 32 && bitmap.height == 32 && bitmap.channels == 3)
    for (center, color) in zip(centers, JPEGFixture.colors) {
      let wanted = fixture == .gray ? [color[0], color[0], color[0]] : color
      #expect(isNear(bitmap[center.0, center.1], wanted), "\(bitmap[center.0, center.1])")
    }
  }

  @Test(arguments: JPEGFixture.allCases)
  func `every kind as grey`(fixture: JPEGFixture) throws {
    let bitmap = try decode(fixture.bytes, channels: 1)
    #expect(bitmap.channels == 1)
    for (center, color) in zip(centers, JPEGFixture.colors) {
      let (r, g, b) = (Int(color[0]), Int(color[1]), Int(color[2]))
      let luminance = fixture == .gray ? color[0] : UInt8((299 * r + 587 * g + 114 * b) / 1000)
      #expect(isNear(bitmap[center.0, center.1], [luminance]))
    }
  }

  /// Scans refine the picture; each form gives the same one in the end.
  @Test func `progressive equals baseline`() throws {
    let baseline = try decode(JPEGFixture.baseline.bytes)
    for other in [JPEGFixture.progressive, .arithmetic, .restarts] {
      #expect(try decode(other.bytes).array == baseline.array)
    }
  }

  @Test func `a flat picture survives encoding`() throws {
    let gray = Bitmap(width: 20, height: 10, channels: 1, [UInt8](repeating: 90, count: 200))
    let decoded = try decode(ImageFile.encode(gray, as: .jpeg).array, channels: 1)
    #expect(decoded.samples.allSatisfy { abs(Int($0) - 90) <= 1 })
    let color = Bitmap(
      width: 20, height: 10, channels: 3, (0..<600).map { [30, 140, 220][$0 % 3] })
    let again = try decode(ImageFile.encode(color, as: .jpeg).array)
    #expect(isNear(again[5, 5], [30, 140, 220]))
  }

  @Test(arguments: JPEGFixture.allCases)
  func `cut short`(fixture: JPEGFixture) {
    let bytes = fixture.bytes
    for count in [4, 20, bytes.count / 2, bytes.count - 20, bytes.count - 8] {
      let error = decodingError(Array(bytes[..<count]))
      #expect(
        error.hasPrefix("picture: expected a whole JPEG picture, found one that is cut short ("),
        "after \(count) of \(bytes.count) bytes: \(error)")
      #expect(error.hasSuffix("); get or save the file again"))
    }
  }

  @Test func `the whole text of a cut`() {
    let bytes = JPEGFixture.baseline.bytes
    #expect(
      decodingError(Array(bytes[..<(bytes.count - 10)]))
        == "picture: expected a whole JPEG picture, found one that is cut short (Corrupt JPEG "
        + "data: premature end of data segment); get or save the file again")
  }

  /// All pixels are there, and many a program forgets the end marker.
  @Test func `a lost end marker does not matter`() throws {
    let bytes = JPEGFixture.baseline.bytes
    let whole = try decode(bytes)
    let cut = try decode(Array(bytes[..<(bytes.count - 2)]))
    #expect(cut.array == whole.array)
  }

  /// Several scans: the end marker alone says that none is missing.
  @Test func `a lost end marker of a progressive file`() {
    let bytes = JPEGFixture.progressive.bytes
    #expect(
      decodingError(Array(bytes[..<(bytes.count - 2)]))
        == "picture: expected a whole JPEG picture, found one that is cut short (Premature end "
        + "of JPEG file); get or save the file again")
  }

  @Test func `stray bytes between markers do not matter`() throws {
    let bytes = JPEGFixture.baseline.bytes
    let padded = bytes[..<2] + [0xFF, 0xFF] + bytes[2...]
    #expect(try decode(Array(padded)).array == decode(bytes).array)
  }

  @Test func `a missing restart marker`() {
    var bytes = JPEGFixture.restarts.bytes
    let marker = bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xD1 }!
    bytes[marker + 1] = 0xD5
    #expect(
      decodingError(bytes)
        == "picture: expected an intact JPEG picture, found a damaged one (Corrupt JPEG data: "
        + "found marker 0xd5 instead of RST1); get or save the file again")
  }

  @Test func `a kind that cannot be read`() {
    var bytes = JPEGFixture.baseline.bytes
    let frame = bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 }!
    bytes[frame + 1] = 0xC3
    #expect(
      decodingError(bytes)
        == "picture: expected a common kind of JPEG picture, found another (Unsupported JPEG "
        + "process: SOF type 0xc3); convert it, for example to PNG")
  }

  /// The header of a small file changed to the largest size: told before memory is asked for.
  @Test func `a size that the bytes cannot hold`() {
    var bytes = JPEGFixture.baseline.bytes
    let frame = bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 }!
    bytes.replaceSubrange(frame + 5..<frame + 9, with: [0x2F, 0xFF, 0x2F, 0xFF])
    #expect(
      decodingError(bytes)
        == "picture: expected a whole JPEG picture, found one that is cut short (290 bytes "
        + "cannot hold 12287x12287 pixels); get or save the file again")
  }

  @Test func `more pixels than allowed`() {
    var limits = ImageFile.Limits()
    limits.pixels = 1000
    #expect(
      decodingError(JPEGFixture.progressive.bytes, limits: limits)
        == "picture: expected at most 1000 pixels, found 32x32; scale the picture down")
  }
}
