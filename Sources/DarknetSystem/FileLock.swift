#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that one process at a time holds, for as long as it lives.
///
/// The lock is the kernel's (`flock`): it ends with the process, however that ends, so a file that
/// was left by a killed one locks nobody out. Where the file system has no such locks, the file
/// itself tells: who holds it, and on which machine.
package final class FileLock {
  /// Why there is no lock.
  package enum Failure: Error {
    /// Another process has it, as its file says.
    case held(by: String)
    case file(FileError)
  }

  package let path: String
  private var descriptor: Int32

  /// Takes the lock, or fails at once.
  package init(_ path: String) throws(Failure) {
    self.path = path
    while true {
      let opened = open(path.cPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
      guard opened >= 0 else { throw .file(FileError(.create, path, code: errno)) }
      let owner = Self.text(of: opened)
      if flock(opened, LOCK_EX | LOCK_NB) != 0 {
        // Without locks of the file system a live process of this machine is believed.
        guard errno != EWOULDBLOCK, !Self.isAlive(owner) else {
          _ = close(opened)
          throw .held(by: owner.isEmpty ? "another process" : owner)
        }
      }
      // The one who had it may have removed the file meanwhile: a lock that nobody else sees.
      guard Self.isSame(opened, path) else {
        _ = close(opened)
        continue
      }
      descriptor = opened
      // A full disk costs the note, not the lock.
      let bytes = Array(Self.note.utf8)
      if ftruncate(opened, 0) == 0 { _ = pwrite(opened, bytes, bytes.count, 0) }
      return
    }
  }

  deinit { release() }

  /// Removes the file, then lets go. Once is enough.
  package func release() {
    guard descriptor >= 0 else { return }
    unlink(path.cPath)
    _ = close(descriptor)
    descriptor = -1
  }

  /// `process 4711 on machine, since 2026-12-01 03:12:05`.
  private static var note: String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    var now = time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    var text = [CChar](repeating: 0, count: 32)
    strftime(&text, text.count, "%Y-%m-%d %H:%M:%S", &parts)
    func string(_ characters: [CChar]) -> String {
      String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    return "process \(getpid()) on \(string(name)), since \(string(text))"
  }

  /// Whether a note is that of a process of this machine that still runs.
  package static func isAlive(_ note: String) -> Bool {
    let words = note.split(separator: " ")
    guard words.count > 3, words[0] == "process", let number = Int32(words[1]),
      note.split(separator: ",").first?.hasSuffix(
        Self.note.split(separator: ",")[0].split(separator: " ", maxSplits: 2)[2]) ?? false
    else { return false }
    return number != getpid() && (kill(number, 0) == 0 || errno == EPERM)
  }

  /// The first line of the file, for messages.
  private static func text(of descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 400)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    let line = bytes.prefix(max(count, 0)).prefix { $0 >= 32 && $0 < 127 }
    return String(decoding: line, as: UTF8.self)
  }

  private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && stat(path.cPath, &named) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }
}
