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
/// Opening never waits. Named pipes and devices without an end are refused, as nobody may ever
/// write to the one and the other would fill the memory. A pipe that the program was started with
/// (`/dev/stdin`, `<(…)` of a shell) is read to its end.
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
  }

  /// Opens the file and reads its first bytes, at most `firstPart`.
  ///
  /// - Parameter waitsForPipes: whether to wait for what comes through a pipe that the program was
  ///   started with; without, such a pipe is refused as well.
  package init(_ path: String, firstPart: Int, waitsForPipes: Bool = true) throws(Failure) {
    // The system would take the part before a zero byte for the whole name.
    guard !path.utf8.contains(0) else { throw .system(ENOENT) }
    let opened = open(path.cPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard opened >= 0 else { throw .system(errno) }
    do throws(Failure) {
      try Self.check(opened, waitsForPipes && Self.isInherited(path))
    } catch {
      close(opened)
      throw error
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

  /// - Throws: if it is neither a file nor a device nor a pipe that may be read.
  private static func check(_ descriptor: Int32, _ readsPipes: Bool) throws(Failure) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system(errno) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: throw .system(EISDIR)
    case S_IFIFO where !readsPipes: throw .special(what: "a named pipe")
    case S_IFBLK: throw .special(what: "a device")
    case S_IFSOCK: throw .special(what: "a socket")
    default: break
    }
  }

  /// Whether the path leads to something that the program was started with.
  private static func isInherited(_ path: String) -> Bool {
    ["/dev/stdin", "/dev/fd/", "/proc/self/fd/"].contains { path.hasPrefix($0) }
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
        guard errno == EAGAIN || errno == EWOULDBLOCK else { throw .system(errno) }
        try waitForPipe()
        continue
      }
      if got == 0 { return }
      count += got
    }
  }
  /// Waits until whoever writes to the pipe has written more, or has closed it.
  private func waitForPipe() throws(Failure) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else {
      // A terminal at which nobody types.
      throw .special(what: "a device")
    }
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&request, 1, -1) < 0 {
      guard errno == EINTR else { throw .system(errno) }
    }
  }
}
