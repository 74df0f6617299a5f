import DarknetSystem
import DarknetTestSupport
import Foundation
import Testing

/// Files that another program changes while they are read.
@Suite struct ChangedFileTests {
  /// Below and above the size up to which files are read whole.
  private static let sizes = [0, 1, 4096, 1 << 20, (1 << 20) + 1, 3 << 20]

  @Test(arguments: sizes)
  func `bytes are the file's, and writing to them is not writing to the file`(size: Int) throws {
    let url = try TemporaryFolder.make().appendingPathComponent("w.weights")
    let content = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 >> 8) })
    try content.write(to: url)
    let file = try MappedFile(url.path)
    #expect(file.bytes.elementsEqual(content))
    #expect(!file.hasChanged)
    file.releasePages()
    #expect(file.bytes.elementsEqual(content))
    if size > 0 { file.bytes[0] ^= 1 }
    #expect(try Data(contentsOf: url) == content)
    #expect(!file.hasChanged)
  }

  @Test(arguments: sizes)
  func `a change is noticed, a replacement is none`(size: Int) throws {
    let url = try TemporaryFolder.make().appendingPathComponent("w.weights")
    try Data(count: size).write(to: url)
    let file = try MappedFile(url.path)
    // Renamed into place, as we write: the old bytes stay.
    try Data(repeating: 1, count: size + 5).write(to: url, options: .atomic)
    #expect(!file.hasChanged)
    #expect(file.bytes.allSatisfy { $0 == 0 })
    let other = try MappedFile(url.path)
    let handle = try FileHandle(forWritingTo: url)
    try handle.write(contentsOf: Data([9]))
    try handle.truncate(atOffset: UInt64(size + 6))
    try handle.close()
    #expect(other.hasChanged)
  }

  /// Read whole, so nothing of it can go away.
  @Test func `a small file may be cut`() throws {
    let url = try TemporaryFolder.make().appendingPathComponent("w.weights")
    try Data(repeating: 3, count: 100_000).write(to: url)
    let file = try MappedFile(url.path)
    #expect(truncate(url.path, 0) == 0)
    #expect(file.bytes.count == 100_000 && file.bytes.allSatisfy { $0 == 3 })
    #expect(file.hasChanged)
  }

  #if compiler(>=6.2)
    @Test func `a read of what was cut away ends with a line`() async throws {
      let result = await #expect(
        processExitsWith: .exitCode(4), observing: [\.standardErrorContent]
      ) {
        let path = "\(NSTemporaryDirectory())cut-\(getpid()).weights"
        try Data(repeating: 3, count: 3 << 20).write(to: URL(fileURLWithPath: path))
        let file = try MappedFile(path)
        let sum = file.bytes.prefix(8192).reduce(0) { $0 + Int($1) }
        truncate(path, 4096)
        unlink(path)
        // Byte 8192 is the first of the third page.
        let rest = file.bytes[8192...].reduce(sum) { $0 + Int($1) }
        print(rest)
      }
      let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
      #expect(text.contains(".weights: byte 8192: expected a file that keeps its bytes"))
    }

    /// Bytes that go from a mapped file straight into a system call make no signal, but an error.
    @Test func `a write of what was cut away ends with the same line`() async throws {
      let result = await #expect(
        processExitsWith: .exitCode(4), observing: [\.standardErrorContent]
      ) {
        let path = "\(NSTemporaryDirectory())cut-\(getpid()).weights"
        try Data(repeating: 3, count: 3 << 20).write(to: URL(fileURLWithPath: path))
        let file = try MappedFile(path)
        truncate(path, 4096)
        unlink(path)
        try AtomicFile.write(to: path + ".copy", [UnsafeRawBufferPointer(file.bytes)])
      }
      let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
      #expect(text.contains(".weights: byte 4096: expected a file that keeps its bytes"))
    }
  #endif
}
