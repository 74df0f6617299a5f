import Darknet
import DarknetCommandLine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The lines of standard input, which may come slowly, never end, or have no end of line.
///
/// A signal that `Interruption` watches ends the wait for the next line.
final class InputLines {
  /// No path is longer; what is, is not a list of pictures.
  static let limit = 1 << 16

  private var buffer: [UInt8] = []
  /// Where in `buffer` the next line begins, and up to where no line end was found.
  private var start = 0
  private var searched = 0
  private var hasEnded = false
  private(set) var lineNumber = 0

  /// The next line without its end, LF or CR LF, and without a byte-order mark; nil after the last
  /// one, or when a signal asks to stop.
  ///
  /// - Parameter beforeWaiting: called if no line is there yet, before the program waits for it.
  /// - Throws: `ConfigError` for a line longer than `limit` bytes or with a zero byte, and what
  ///   `beforeWaiting` throws.
  func next(beforeWaiting: () throws -> Void) throws -> String? {
    var hasAsked = false
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0A) {
        return try take(upTo: end, next: end + 1)
      }
      searched = buffer.count
      guard searched - start <= Self.limit else {
        throw ConfigError(
          file: "standard input", line: lineNumber + 1, expected: "one picture path per line",
          found: "a line of more than \(Self.limit) bytes", fix: "check what is sent to it")
      }
      if hasEnded {
        return start < buffer.count ? try take(upTo: buffer.count, next: buffer.count) : nil
      }
      if !hasAsked, !isReady(waiting: false) {
        hasAsked = true
        try beforeWaiting()
      }
      guard isReady(waiting: true) else { return nil }
      readMore()
    }
  }

  private func take(upTo end: Int, next: Int) throws -> String {
    var bytes = buffer[start..<end]
    (start, searched) = (next, next)
    lineNumber += 1
    if bytes.last == 0x0D { bytes = bytes.dropLast() }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    guard !bytes.contains(0) else {
      throw ConfigError(
        file: "standard input", line: lineNumber, expected: "one picture path per line",
        found: "zero bytes, as in UTF-16 text", fix: "save the list as UTF-8")
    }
    return String(rawBytes: bytes)
  }

  /// Whether a read would return at once; false as well if a signal asks to stop.
  private func isReady(waiting: Bool) -> Bool {
    while !Interruption.isWanted {
      var polled = [
        pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
        pollfd(fd: Interruption.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      let count = poll(&polled, 2, waiting ? -1 : 0)
      // What cannot be polled is read, which tells why.
      if polled[0].revents != 0 || (count < 0 && errno != EINTR) { return true }
      if !waiting { return false }
    }
    return false
  }

  private func readMore() {
    if start > 0 {
      buffer.removeFirst(start)
      (searched, start) = (searched - start, 0)
    }
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    let count = chunk.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
    if count > 0 {
      buffer += chunk[..<count]
    } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
      hasEnded = true
    }
  }
}
