import DarknetSystem
import DarknetTestSupport
import Glibc
import Testing

@Suite struct FileLockTests {
  private let folder = TestFolder()

  @Test func `one at a time, and the file goes with the lock`() throws {
    let path = folder.path + "/x.lock"
    do {
      let lock = try FileLock(path)
      let note = folder.read("x.lock").map { String(decoding: $0, as: UTF8.self) } ?? ""
      #expect(note.hasPrefix("process \(getpid()) on "))
      do throws(FileLock.Failure) {
        _ = try FileLock(path)
        Issue.record("taken twice")
      } catch {
        guard case .held(let owner) = error else {
          Issue.record("\(error)")
          return
        }
        #expect(owner == note)
      }
      #expect(lock.path == path)
    }
    #expect(folder.names.isEmpty)
    _ = try FileLock(path)
  }

  @Test func `a file that a dead process left is no lock`() throws {
    let path = folder.write(Array("process 1 on another machine, since 2020".utf8), to: "x.lock")
    _ = try FileLock(path)
    #expect(folder.names.isEmpty)
  }

  @Test func `a folder that is not there`() {
    do throws(FileLock.Failure) {
      _ = try FileLock("/nowhere/x.lock")
      Issue.record("taken")
    } catch {
      guard case .file(let error) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(error.code == ENOENT)
    }
  }

  /// Where the file system has no locks the note is all there is.
  @Test func `the note of a live process of this machine`() {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, 255)
    let host = String(
      decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    #expect(FileLock.isAlive("process \(getppid()) on \(host), since 2026-12-01 00:00:00"))
    #expect(!FileLock.isAlive("process \(getppid()) on \(host)x, since 2026-12-01 00:00:00"))
    #expect(!FileLock.isAlive("process \(getpid()) on \(host), since 2026-12-01 00:00:00"))
    #expect(!FileLock.isAlive("process 99999999 on \(host), since 2026-12-01 00:00:00"))
    #expect(!FileLock.isAlive(""))
  }
}
