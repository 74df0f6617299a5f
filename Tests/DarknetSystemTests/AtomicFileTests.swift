import DarknetSystem
import DarknetTestSupport
import Glibc
import Testing

@Suite struct AtomicFileTests {
  private let folder = TestFolder()

  @Test func `nothing appears before the commit, and only the file after it`() throws {
    let path = folder.path + "/out.txt"
    let file = try AtomicFile(path)
    try file.write("one ")
    try file.write("two")
    #expect(folder.read("out.txt") == nil)
    try file.commit()
    #expect(file.count == 7)
    #expect(folder.read("out.txt") == Array("one two".utf8))
    #expect(folder.names == ["out.txt"])
  }

  @Test func `without a commit the old file stays`() throws {
    let path = folder.write(Array("old".utf8), to: "out.txt")
    do {
      let file = try AtomicFile(path)
      try file.write("new")
    }
    #expect(folder.read("out.txt") == Array("old".utf8))
    #expect(folder.names == ["out.txt"])
  }

  @Test func `a replaced file keeps its permissions, a new one has the usual`() throws {
    let path = folder.write([1], to: "out.txt")
    chmod(path, 0o640)
    try AtomicFile.write(to: path, "text")
    var status = stat()
    stat(path, &status)
    #expect(status.st_mode & 0o777 == 0o640)
    try AtomicFile.write(to: folder.path + "/other", durable: false, "text")
    let mask = umask(0)
    umask(mask)
    stat(folder.path + "/other", &status)
    #expect(status.st_mode & 0o777 == 0o666 & ~mask)
  }

  @Test func `two writers of one file: each leaves a whole one, and nothing beside it`() throws {
    let path = folder.write(Array("old".utf8), to: "out.txt")
    let (first, second) = (try AtomicFile(path), try AtomicFile(path))
    try first.write("first")
    try second.write("second")
    try second.commit()
    try first.commit()
    #expect(folder.read("out.txt") == Array("first".utf8))
    #expect(folder.names == ["out.txt"])
  }

  @Test func `a link is followed`() throws {
    let path = folder.write([1], to: "target")
    symlink(path, folder.path + "/link")
    try AtomicFile.write(to: folder.path + "/link", "text")
    #expect(folder.read("target") == Array("text".utf8))
    var status = stat()
    lstat(folder.path + "/link", &status)
    #expect(status.st_mode & S_IFMT == S_IFLNK)
  }

  @Test func `the longest name`() throws {
    let name = String(repeating: "n", count: 255)
    try AtomicFile.write(to: folder.path + "/" + name, "text")
    #expect(folder.names == [name])
  }

  @Test func `a device is written in place`() throws {
    try AtomicFile.write(to: "/dev/null", "text")
  }

  @Test func `errors say what to do`() {
    func text(_ path: String) -> String {
      do {
        try AtomicFile.write(to: path, String(repeating: "x", count: 10_000))
        return ""
      } catch {
        return error.description
      }
    }
    #expect(
      text("/dev/full")
        == "/dev/full: cannot write the file: No space left on device; free some space or choose "
        + "another folder")
    #expect(
      text(folder.path)
        == "\(folder.path): cannot create the file: Is a directory; name a file, not a folder")
    #expect(
      text("/nowhere/out.txt")
        == "/nowhere/out.txt: cannot create the file: No such file or directory; make the folder "
        + "first")
    let long = folder.path + "/" + String(repeating: "n", count: 256)
    #expect(text(long).hasSuffix(": File name too long; shorten the name"))
    #expect(folder.names.isEmpty)
  }
}
