import DarknetSystem
import DarknetTestSupport
import Foundation
import Testing

/// What may be read is one rule for every reader.
struct ReadableFileTests {
  /// The bytes that a reader finds, or its error's words.
  typealias Reader = @Sendable (String) -> Result<[UInt8], FileError>

  private static let readers: [(name: String, read: Reader)] = [
    ("whole", { path in Result { () throws(FileError) in try FileBytes.read(path) } }),
    (
      "start",
      { path in Result { () throws(FileError) in try FileBytes.readStart(path, count: 9) } }
    ),
    (
      "mapped",
      { path in
        Result { () throws(FileError) in
          let file = try MappedFile(path)
          return withExtendedLifetime(file) { Array(file.bytes) }
        }
      }
    ),
    (
      "limited",
      { path in
        Result { () throws(FileError) in
          do throws(LimitedFile.Failure) {
            let file = try LimitedFile(path, firstPart: 4)
            try file.readRest(limit: 100)
            return withExtendedLifetime(file) { Array(file.bytes) }
          } catch {
            switch error {
            case .system(let code): throw FileError(.open, path, code: code)
            case .tooLong: throw FileError(.read, path, code: EFBIG)
            case .special(let what):
              throw FileError(
                .open, path, code: what == "a device" ? FileError.device : FileError.namedPipe)
            }
          }
        }
      }
    ),
  ]

  @Test(arguments: 0..<4) func `named pipes and folders are refused at once`(_ reader: Int) throws {
    let (name, read) = Self.readers[reader]
    let folder = try TemporaryFolder.make()
    // A pipe below /dev is as much another's as one elsewhere.
    for place in [folder.path, "/dev/shm"] where access(place, W_OK) == 0 {
      let pipe = "\(place)/pipe-\(name)-\(getpid())"
      try #require(mkfifo(pipe, 0o600) == 0)
      defer { unlink(pipe) }
      let start = Date()
      #expect(throws: FileError(.open, pipe, code: FileError.namedPipe)) { try read(pipe).get() }
      #expect(Date().timeIntervalSince(start) < 2)
    }
    guard case .failure(let error) = read(folder.path) else {
      Issue.record("a folder was read")
      return
    }
    #expect(error.code == EISDIR)
    guard case .failure(let missing) = read(folder.path + "/none") else {
      Issue.record("a file that is not there was read")
      return
    }
    #expect(missing.code == ENOENT)
  }

  @Test(arguments: 0..<4) func `files are read`(_ reader: Int) throws {
    let url = try TemporaryFolder.make().appendingPathComponent("file")
    try Data("five!".utf8).write(to: url)
    #expect(try Self.readers[reader].read(url.path).get() == Array("five!".utf8))
  }

  /// Mapping takes the size from the file, and a pipe has none.
  @Test(arguments: [0, 1, 3]) func `a pipe of the program's own is read to its end`(
    _ reader: Int
  ) async throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let writer = ends[1]
    // Part of it comes late: reading waits.
    let writing = Thread {
      _ = write(writer, "fi", 2)
      usleep(100_000)
      _ = write(writer, "ve", 2)
      close(writer)
    }
    writing.start()
    let found = try Self.readers[reader].read("/dev/fd/\(ends[0])").get()
    close(ends[0])
    #expect(found == Array("five".utf8))
  }
}
