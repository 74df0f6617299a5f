#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Opens files to be read, without ever waiting: nobody may be at the other end of a named pipe,
/// and a device may have nothing to say.
package enum ReadableFile {
  /// - Parameter waitsForPipes: whether to read what comes through a pipe that the program was
  ///   started with (`/dev/stdin`, `<(…)` of a shell); without, such a pipe is refused as well.
  /// - Returns: a descriptor, which the caller closes.
  /// - Throws: `FileError` if there is no such file, or it is a folder, another pipe, a socket or a
  ///   device of blocks.
  package static func open(_ path: String, waitsForPipes: Bool = true) throws(FileError) -> Int32 {
    // The system would take the part before a zero byte for the whole name.
    guard !path.utf8.contains(0) else { throw FileError(.open, path, code: ENOENT) }
    let descriptor = openDescriptor(path)
    guard descriptor >= 0 else { throw FileError(.open, path, code: errno) }
    do throws(FileError) {
      try check(descriptor, path, waitsForPipes && isInherited(path))
    } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }

  private static func check(
    _ descriptor: Int32, _ path: String, _ readsPipes: Bool
  ) throws(FileError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(.open, path, code: errno) }
    switch status.st_mode & S_IFMT {
    case S_IFDIR: throw FileError(.read, path, code: EISDIR)
    case S_IFSOCK: throw FileError(.open, path, code: FileError.socket)
    case S_IFBLK: throw FileError(.open, path, code: FileError.device)
    case S_IFIFO:
      guard readsPipes else { throw FileError(.open, path, code: FileError.namedPipe) }
      // Whoever writes to it is there: reading may wait.
      _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
    default: break
    }
  }

  /// Whether the path leads to something that the program was started with.
  private static func isInherited(_ path: String) -> Bool {
    ["/dev/stdin", "/dev/fd/", "/proc/self/fd/"].contains { path.hasPrefix($0) }
  }

  private static func openDescriptor(_ path: String) -> Int32 {
    #if canImport(Glibc)
      Glibc.open(path.cPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    #elseif canImport(Musl)
      Musl.open(path.cPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    #else
      Darwin.open(path.cPath, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    #endif
  }
}
