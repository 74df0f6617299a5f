import DarknetImages
import DarknetSystem
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The bytes of a text file as UTF-8, without byte-order mark, and with a zero after them so that
/// C's number readers stop there.
struct TextFile {
  /// Bytes that a line may have where each is a path or a name; the system's longest path has 4096.
  static let longestLine = 1 << 16

  let name: String
  private let bytes: [UInt8]
  /// Without the zero.
  private let content: Range<Int>

  init(_ path: String) throws(DataError) {
    let file: LimitedFile
    do throws(LimitedFile.Failure) {
      file = try LimitedFile(path, firstPart: 4096)
      try file.readRest(limit: 1 << 30)
    } catch {
      switch error {
      case .system(let code): throw .file(FileError(.read, path, code: code))
      case .tooLong:
        throw .content(
          ConfigError(
            file: path, expected: "a text file of at most 1 GiB", found: "a longer one",
            fix: "correct the path"))
      case .special(let what):
        throw .content(
          ConfigError(
            file: path, expected: "a text file", found: what,
            fix: "write the text to a file and name that"))
      }
    }
    self.init(file.bytes, name: path)
  }

  init(_ source: some Collection<UInt8>, name: String) {
    self.name = name
    bytes = TextBytes.utf8(source) + [0]
    content = 0..<bytes.count - 1
  }

  /// What bytes of value 0 say about the file; nil if there are none.
  var zeros: (found: String, fix: String)? {
    bytes[content].contains(0) ? TextBytes.wordsForZeros(in: bytes[content]) : nil
  }

  func hasSameText(as other: TextFile) -> Bool { bytes == other.bytes }

  /// - Throws: `ConfigError` if there are bytes of value 0, or a line far too long for a path.
  func requireText(_ expected: String) throws(DataError) {
    if let zeros {
      throw .content(
        ConfigError(file: name, expected: expected, found: zeros.found, fix: zeros.fix))
    }
    var long: (line: Int, count: Int)?
    forEachLine { number, line in
      if line.count > Self.longestLine, long == nil { long = (number, line.count) }
    }
    guard let long else { return }
    throw .content(
      ConfigError(
        file: name, line: long.line, expected: expected, found: "a line of \(long.count) bytes",
        fix: "check that the right file was named"))
  }

  /// Calls `body` with each line, without its end and without blanks around it, and its number
  /// from 1. Lines may end in LF, CR LF or CR.
  func forEachLine(_ body: (_ number: Int, _ line: UnsafeBufferPointer<UInt8>) -> Void) {
    bytes.withUnsafeBufferPointer { buffer in
      var number = 0
      var start = content.lowerBound
      while start < content.upperBound {
        number += 1
        var end = start
        while end < content.upperBound, buffer[end] != 0x0A, buffer[end] != 0x0D { end += 1 }
        body(number, Self.trim(UnsafeBufferPointer(rebasing: buffer[start..<end])))
        let isPair =
          end + 1 < content.upperBound && buffer[end] == 0x0D && buffer[end + 1] == 0x0A
        start = end + (isPair ? 2 : 1)
      }
    }
  }

  private static func trim(_ line: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    guard let first = line.firstIndex(where: { !isBlank($0) }),
      let last = line.lastIndex(where: { !isBlank($0) })
    else { return UnsafeBufferPointer(rebasing: line[0..<0]) }
    return UnsafeBufferPointer(rebasing: line[first...last])
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

/// Whether the path names something that is there.
package func fileExists(_ path: String) -> Bool {
  !path.utf8.contains(0) && access(path.cPath, F_OK) == 0
}
