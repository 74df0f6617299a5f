#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads files whole: for texts and small data, pipes included. Weights are mapped instead.
package enum FileBytes {
  /// - Parameter limit: bytes; some devices never end.
  /// - Throws: `FileError` if there is no such file, it cannot be read or it has more bytes.
  package static func read(
    _ path: String, limit: Int = 1 << 31
  ) throws(FileError) -> [UInt8] {
    let descriptor = try ReadableFile.open(path)
    defer { _ = close(descriptor) }
    var status = stat()
    let expected = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    var bytes: [UInt8] = []
    bytes.reserveCapacity(max(expected, 0))
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = chunk.withUnsafeMutableBytes { Self.readSome(descriptor, $0) }
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(.read, path, code: errno)
      }
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else { throw FileError(.read, path, code: EFBIG) }
      bytes += chunk[..<count]
    }
  }

  /// The first bytes of a file, at most `count`.
  package static func readStart(_ path: String, count: Int) throws(FileError) -> [UInt8] {
    let descriptor = try ReadableFile.open(path)
    defer { _ = close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    var got = 0
    while got < count {
      let more = bytes.withUnsafeMutableBytes {
        Self.readSome(descriptor, UnsafeMutableRawBufferPointer(rebasing: $0[got...]))
      }
      if more < 0, errno == EINTR { continue }
      guard more >= 0 else { throw FileError(.read, path, code: errno) }
      if more == 0 { break }
      got += more
    }
    bytes.removeLast(count - got)
    return bytes
  }

  private static func readSome(
    _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer
  ) -> Int {
    #if canImport(Glibc)
      Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    #elseif canImport(Musl)
      Musl.read(descriptor, buffer.baseAddress, buffer.count)
    #else
      Darwin.read(descriptor, buffer.baseAddress, buffer.count)
    #endif
  }
}
