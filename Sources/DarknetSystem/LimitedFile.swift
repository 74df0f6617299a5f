#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The bytes of a file, read once into memory of their own: a mapping would crash the process if
/// somebody cut the file short meanwhile.
///
/// Opened as `ReadableFile` does; a device without an end is refused where it would fill the memory.
package final class LimitedFile {
  private(set) var count = 0
  private var memory: UnsafeMutableRawPointer
  private var capacity: Int
  private let descriptor: Int32

  package enum Failure: Error {
    case system(Int32)
    case tooLong
    /// No file but `what`: a named pipe, a device.
    case special(what: String)

    fileprivate init(_ error: FileError) {
      self = error.special.map { .special(what: $0) } ?? .system(error.code)
    }
  }

  /// Opens the file and reads its first bytes, at most `firstPart`.
  ///
  /// - Parameter waitsForPipes: as for `ReadableFile`.
  package init(_ path: String, firstPart: Int, waitsForPipes: Bool = true) throws(Failure) {
    do throws(FileError) {
      descriptor = try ReadableFile.open(path, waitsForPipes: waitsForPipes)
    } catch {
      throw Failure(error)
    }
    capacity = firstPart
    guard let first = malloc(capacity) else {
      close(descriptor)
      throw .system(ENOMEM)
    }
    memory = first
    try fill()
  }

  deinit {
    free(memory)
    close(descriptor)
  }

  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

  /// Reads the rest, if the whole has at most `limit` bytes.
  package func readRest(limit: Int) throws(Failure) {
    var status = stat()
    let kind = fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0
    if kind == S_IFCHR, count == capacity { throw .special(what: "a device") }
    if kind == S_IFREG {
      guard status.st_size <= limit else { throw .tooLong }
      // One byte more than the file has, so that its end is seen without another round.
      try grow(to: Int(status.st_size) + 1)
      try fill()
    }
    while count == capacity {
      guard count <= limit else { throw .tooLong }
      try grow(to: capacity * 2)
      try fill()
    }
    guard count <= limit else { throw .tooLong }
  }

  private func grow(to wanted: Int) throws(Failure) {
    guard wanted > capacity else { return }
    guard let larger = realloc(memory, wanted) else { throw .system(ENOMEM) }
    memory = larger
    capacity = wanted
  }

  /// Reads until the memory is full or the file ends.
  private func fill() throws(Failure) {
    while count < capacity {
      let got = read(descriptor, memory + count, capacity - count)
      if got < 0 {
        if errno == EINTR { continue }
        // A terminal at which nobody types.
        if errno == EAGAIN || errno == EWOULDBLOCK { throw .special(what: "a device") }
        throw .system(errno)
      }
      if got == 0 { return }
      count += got
    }
  }
}
