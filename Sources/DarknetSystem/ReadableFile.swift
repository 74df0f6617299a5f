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
  /// - Returns: a descriptor, which the caller closes.
  /// - Throws: `FileError` if there is no such file, or it is a named pipe. Pipes under `/dev` and
  ///   `/proc` are those of the program's own streams or of the shell's `<(…)`, and are read.
  package static func open(_ path: String) throws(FileError) -> Int32 {
    // The system would take the part before a zero byte for the whole name.
    guard !path.utf8.contains(0) else { throw FileError(.open, path, code: ENOENT) }
    let descriptor = openDescriptor(path)
    guard descriptor >= 0 else { throw FileError(.open, path, code: errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else {
      return descriptor
    }
    guard path.hasPrefix("/dev/") || path.hasPrefix("/proc/") else {
      _ = close(descriptor)
      throw FileError(.open, path, code: FileError.namedPipe)
    }
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
    return descriptor
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
