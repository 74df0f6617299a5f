/// Takes numbers off the front of bytes from outside; what is not there is an error.
struct ByteReader {
  let bytes: UnsafeRawBufferPointer
  let format: ImageFormat
  private(set) var position = 0

  init(_ bytes: UnsafeRawBufferPointer, _ format: ImageFormat) {
    self.bytes = bytes
    self.format = format
  }

  var left: Int { bytes.count - position }

  mutating func byte() throws(ImageError.Problem) -> UInt8 {
    guard position < bytes.count else { throw ended }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func skip(_ count: Int) throws(ImageError.Problem) {
    guard count >= 0, count <= left else { throw ended }
    position += count
  }

  /// A whole number of `T`'s size, lowest byte first.
  mutating func little<T: FixedWidthInteger>(_: T.Type) throws(ImageError.Problem) -> T {
    guard left >= MemoryLayout<T>.size else { throw ended }
    defer { position += MemoryLayout<T>.size }
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
  }

  /// The next `count` bytes.
  mutating func take(_ count: Int) throws(ImageError.Problem) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= left else { throw ended }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  var ended: ImageError.Problem {
    .truncated(format, reason: "its \(bytes.count) bytes end too early")
  }
}
