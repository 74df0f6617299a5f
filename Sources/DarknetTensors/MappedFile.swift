#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file's bytes in memory, read from the disk only where they are looked at.
///
/// The memory is private: writing to it never changes the file.
public final class MappedFile: @unchecked Sendable {
  public let path: String
  public let bytes: UnsafeMutableRawBufferPointer

  /// - Throws: `FileError` if there is no such file or it cannot be mapped.
  public init(_ path: String) throws(FileError) {
    self.path = path
    let descriptor = try ReadableFile.open(path)
    defer { _ = close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(.read, path, code: errno) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw FileError(.read, path, code: EISDIR) }
    let count = Int(status.st_size)
    guard count > 0 else {
      bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
      return
    }
    let mapped = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0)
    guard let mapped, mapped != MAP_FAILED else { throw FileError(.read, path, code: errno) }
    bytes = UnsafeMutableRawBufferPointer(start: mapped, count: count)
  }

  /// Gives the memory of pages that were only read back to the system; they are read again from
  /// the file when needed.
  public func releasePages() {
    if let base = bytes.baseAddress { madvise(base, bytes.count, Int32(MADV_DONTNEED)) }
  }

  deinit {
    if let base = bytes.baseAddress { munmap(base, bytes.count) }
  }
}
