import DarknetTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The bytes of a file, read once into memory of their own: a mapping would crash the process if
/// somebody cut the file short meanwhile.
final class LimitedFile {
  private(set) var count = 0
  private var memory: UnsafeMutableRawPointer
  private var capacity: Int
  private let descriptor: Int32

  enum Failure: Error {
    case system(Int32)
    case tooLong
  }

  /// Opens the file and reads its first bytes, at most `firstPart`.
  init(_ path: String, firstPart: Int) throws(Failure) {
    let opened: Int32
    do throws(FileError) {
      opened = try ReadableFile.open(path)
    } catch {
      throw .system(error.code)
    }
    var status = stat()
    guard fstat(opened, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
      let code = status.st_mode & S_IFMT == S_IFDIR ? EISDIR : errno
      close(opened)
      throw .system(code)
    }
    descriptor = opened
    capacity = firstPart
    guard let first = malloc(capacity) else {
      close(opened)
      throw .system(ENOMEM)
    }
    memory = first
    try fill()
  }

  deinit {
    free(memory)
    close(descriptor)
  }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

  /// Reads the rest, if the whole has at most `limit` bytes.
  func readRest(limit: Int) throws(Failure) {
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
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
        throw .system(errno)
      }
      if got == 0 { return }
      count += got
    }
  }
}
