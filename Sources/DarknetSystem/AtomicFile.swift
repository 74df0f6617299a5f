import CMappedFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes a file so that readers see the old bytes or the new ones, never a part of them.
///
/// The bytes go to a nameless file of the same folder where the file system has such (so that a
/// killed process leaves nothing that the next one does not replace), else to a hidden neighbour;
/// `commit` flushes them to the device, renames the file into place and flushes the folder, so that
/// the new file outlives a loss of power. Without `commit` nothing changes. A link is followed, the
/// permissions of a file that is replaced are kept, and a path that is not a regular file
/// (`/dev/stdout`, a named pipe) is written in place.
///
///     let file = try AtomicFile("yolo.weights")
///     for chunk in chunks { try file.write(chunk) }
///     try file.commit()
///
/// Files that belong together are written and flushed one after the other and committed last: a
/// full disk shows before any of them has changed.
package final class AtomicFile {
  /// The path as the caller gave it; errors name this one.
  package let path: String
  /// Bytes written so far.
  package private(set) var count = 0

  private var descriptor: Int32
  private let target: Target
  private let durable: Bool
  private var isFlushed = false

  /// Where the bytes go until `commit`.
  private enum Target {
    /// The device or pipe itself.
    case inPlace
    /// A file without a name, that becomes `final`.
    case nameless(final: String)
    /// The file `temporary`, that becomes `final`.
    case neighbour(temporary: String, final: String)
  }

  /// - Parameter durable: whether `commit` waits until bytes and name are on the device. Leave it
  ///   on for anything that took long to make.
  package init(_ path: String, durable: Bool = true) throws(FileError) {
    self.path = path
    self.durable = durable
    // The system would take the part before a zero byte for the whole name.
    guard !path.utf8.contains(0) else { throw FileError(.create, path, code: EINVAL) }
    let final = Self.resolvingLinks(path)
    var status = stat()
    let exists = stat(final.cPath, &status) == 0
    if exists, status.st_mode & S_IFMT == S_IFDIR {
      throw FileError(.create, path, code: EISDIR)
    }
    if exists, status.st_mode & S_IFMT != S_IFREG {
      descriptor = open(final.cPath, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw FileError(.open, path, code: errno) }
      target = .inPlace
      return
    }
    if exists, access(final.cPath, W_OK) != 0 { throw FileError(.write, path, code: errno) }
    let folder = Self.folder(of: final)
    let nameless = Self.openNameless(in: folder)
    if nameless >= 0 {
      descriptor = nameless
      target = .nameless(final: final)
    } else {
      let (opened, name, code) = Self.openNeighbour(in: folder)
      guard opened >= 0 else { throw FileError(.create, path, code: code) }
      descriptor = opened
      target = .neighbour(temporary: name, final: final)
    }
    // A replaced file keeps its mode; failing at that (another owner's file) is no reason to stop.
    if exists { _ = fchmod(descriptor, status.st_mode & 0o7777) }
  }

  deinit {
    if descriptor >= 0 { discard() }
  }

  /// Appends `bytes`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    precondition(descriptor >= 0 && !isFlushed, "the file is already committed")
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      #if canImport(Glibc)
        let written = Glibc.write(descriptor, part.baseAddress, part.count)
      #elseif canImport(Musl)
        let written = Musl.write(descriptor, part.baseAddress, part.count)
      #else
        let written = Darwin.write(descriptor, part.baseAddress, part.count)
      #endif
      if written < 0 {
        if errno == EINTR { continue }
        // Memory of a mapped file that another program cut: the fault is that file's.
        if errno == EFAULT { cm_touch(part.baseAddress, part.count) }
        throw fail(.write)
      }
      rest = rest.dropFirst(written)
      count += written
    }
  }

  /// Appends `text` in UTF-8; names and paths in it with the bytes that they came with.
  package func write(_ text: String) throws(FileError) {
    let result = text.rawBytes.withUnsafeBytes { bytes in
      Result { () throws(FileError) in try write(bytes) }
    }
    try result.get()
  }

  /// Waits until the written bytes are on the device; nothing may be written after that, and
  /// `commit` has only the name left to do.
  package func flush() throws(FileError) {
    precondition(descriptor >= 0, "the file is already committed")
    if case .inPlace = target { return }
    if durable, !isFlushed, fsync(descriptor) != 0 { throw fail(.flush) }
    isFlushed = true
  }

  /// Puts the written bytes in the place of `path`.
  package func commit() throws(FileError) {
    try flush()
    if case .inPlace = target {
      try close()
      return
    }
    switch target {
    case .inPlace: break
    case .neighbour(let temporary, let final):
      try close()
      guard rename(temporary.cPath, final.cPath) == 0 else {
        let code = errno
        unlink(temporary.cPath)
        throw FileError(.replace, path, code: code)
      }
      flushFolder(of: final)
    case .nameless(let final):
      try giveName(final)
      try close()
      flushFolder(of: final)
    }
  }

  /// Gives the nameless file the name `final`, whoever has it.
  private func giveName(_ final: String) throws(FileError) {
    // Where there is no old file the new one takes its name at once.
    if Self.link(descriptor, as: final) { return }
    let temporary = Self.temporaryName(of: final)
    for _ in 0..<16 {
      // One that is there was left by a program that was killed between these calls.
      if !Self.link(descriptor, as: temporary) {
        guard errno == EEXIST else { throw fail(.replace) }
        unlink(temporary.cPath)
        guard Self.link(descriptor, as: temporary) || errno == EEXIST else {
          throw fail(.replace)
        }
      }
      if rename(temporary.cPath, final.cPath) == 0 { return }
      // Another program that writes the same file has taken the name away: once more.
      guard errno == ENOENT else {
        let error = fail(.replace)
        unlink(temporary.cPath)
        throw error
      }
    }
    throw fail(.replace)
  }

  /// The name is part of the folder, not of the file: without this a loss of power may bring the
  /// old file back. Some file systems flush no folders, and the file is whole in any case, so a
  /// refusal is not an error.
  private func flushFolder(of final: String) {
    if durable { Self.flushFolder(of: final) }
  }

  private static func flushFolder(of final: String) {
    let folder = open(folder(of: final).cPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    _ = fsync(folder)
    _ = close(folder) as Int32
  }

  /// Renames a file within its folder, for good even if the power goes.
  ///
  /// - Throws: `FileError` about `path`.
  package static func move(_ old: String, to path: String) throws(FileError) {
    guard rename(old.cPath, path.cPath) == 0 else {
      throw FileError(.replace, path, code: errno)
    }
    flushFolder(of: path)
  }

  /// The whole file in one call.
  package static func write(
    to path: String, durable: Bool = true, _ chunks: [UnsafeRawBufferPointer]
  ) throws(FileError) {
    let file = try AtomicFile(path, durable: durable)
    for chunk in chunks { try file.write(chunk) }
    try file.commit()
  }

  /// A text file in one call.
  package static func write(
    to path: String, durable: Bool = true, _ text: String
  ) throws(FileError) {
    let file = try AtomicFile(path, durable: durable)
    try file.write(text)
    try file.commit()
  }

  // MARK: - Parts

  /// The error of the call that just failed; what was written so far is gone.
  private func fail(_ action: FileError.Action) -> FileError {
    let error = FileError(action, path, code: errno)
    discard()
    return error
  }

  private func discard() {
    _ = close(descriptor) as Int32
    descriptor = -1
    if case .neighbour(let temporary, _) = target { unlink(temporary.cPath) }
  }

  private func close() throws(FileError) {
    // Network file systems report a full disk only here.
    let result: Int32 = close(descriptor)
    let code = errno
    descriptor = -1
    guard result == 0 || code == EINTR else {
      if case .neighbour(let temporary, _) = target { unlink(temporary.cPath) }
      throw FileError(.write, path, code: code)
    }
  }

  private func close(_ descriptor: Int32) -> Int32 { Self.close(descriptor) }

  private static func close(_ descriptor: Int32) -> Int32 {
    #if canImport(Glibc)
      Glibc.close(descriptor)
    #elseif canImport(Musl)
      Musl.close(descriptor)
    #else
      Darwin.close(descriptor)
    #endif
  }

  /// The file that `path` leads to; `path` itself if there is none yet.
  private static func resolvingLinks(_ path: String) -> String {
    guard let resolved = realpath(path.cPath, nil) else { return path }
    defer { free(resolved) }
    return String(rawBytes: UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
  }

  /// Short, so that it fits wherever the final name does.
  private static func temporaryName(in folder: String) -> String {
    let number = UInt64.random(in: 0...UInt64.max)
    return "\(folder)/.new-\(String(number, radix: 36))"
  }

  /// Always the same for a file, so that the next one that is written takes the place of what a
  /// killed program left.
  private static func temporaryName(of final: String) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in final.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return "\(folder(of: final))/.new-\(String(hash, radix: 36))"
  }

  private static func openNeighbour(in folder: String) -> (Int32, name: String, code: Int32) {
    for _ in 0..<16 {
      let name = temporaryName(in: folder)
      let opened = open(name.cPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if opened >= 0 { return (opened, name, 0) }
      if errno != EEXIST { return (-1, name, errno) }
    }
    return (-1, "", EEXIST)
  }

  #if os(Linux)
    /// A file of `folder` without a name, or -1 where the file system has no such thing.
    private static func openNameless(in folder: String) -> Int32 {
      // Without /proc it could not be given its name later.
      guard access("/proc/self/fd", X_OK) == 0 else { return -1 }
      // O_TMPFILE, a macro that Swift does not see: a bit of its own and O_DIRECTORY.
      let temporary: Int32 = 0o20000000 | O_DIRECTORY
      return open(folder.cPath, O_WRONLY | temporary | O_CLOEXEC, 0o666)
    }

    /// Gives a nameless file the name `path`; false, with `errno`, if that cannot be.
    private static func link(_ descriptor: Int32, as path: String) -> Bool {
      linkat(
        AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, path.cPath, AT_SYMLINK_FOLLOW) == 0
    }
  #else
    private static func openNameless(in folder: String) -> Int32 { -1 }
    private static func link(_ descriptor: Int32, as path: String) -> Bool { false }
  #endif
}
