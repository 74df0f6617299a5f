import DarknetImages
import DarknetSystem
import DarknetTensors
import DarknetTestSupport
import Glibc
import Testing

@Suite struct ImageFileTests {
  private let folder = TestFolder()

  private func loadingError(_ path: String, channels: Int = 3) -> String {
    do {
      _ = try ImageFile.loadBitmap(path, channels: channels)
      return ""
    } catch {
      return error.description
    }
  }

  @Test func `the name does not matter`() throws {
    let png = ImageFile.encode(Bitmap(width: 2, height: 3), as: .png).array
    let bitmap = try ImageFile.loadBitmap(folder.write(png, to: "a picture.jpg"))
    #expect(bitmap.width == 2 && bitmap.height == 3)
    let jpeg = folder.write(JPEGFixture.baseline.bytes, to: "ü'\"\n$(x).png")
    #expect(try ImageFile.load(jpeg).shape == Shape(channels: 3, height: 32, width: 32))
    #expect(
      try ImageFile.load(jpeg, channels: 1).shape == Shape(channels: 1, height: 32, width: 32))
  }

  @Test(arguments: [
    (Array("GIF89a......".utf8), "a GIF picture"),
    (Array("RIFF....WEBPVP8 ".utf8), "a WebP picture"),
    ([0x49, 0x49, 0x2A, 0, 8, 0, 0, 0], "a TIFF picture"),
    ([0x4D, 0x4D, 0, 0x2A, 0, 0, 0, 8], "a TIFF picture"),
    (Array("\0\0\0\u{18}ftypheic".utf8), "a HEIF picture"),
    (Array("\0\0\0\u{18}ftypavif".utf8), "an AVIF picture"),
    (Array("\0\0\0\u{18}ftypisom".utf8), "a video"),
    (Array("%PDF-1.4".utf8), "a PDF document"),
    (Array("<!DOCTYPE html><html>".utf8), "a web page or XML"),
    (Array("dog.jpg\ncat.jpg\n".utf8), "text"),
    (Array("BM is how this text begins".utf8), "text"),
    (Array("P3 1 1 255 0 0 0\n".utf8), "a Netpbm picture other than P5 and P6"),
    ([0, 0, 0, 0, 0], "zero bytes"),
    ([0xDE, 0xAD, 0xBE, 0xEF, 1], "unknown bytes (DE AD BE EF 01)"),
  ])
  func `other formats are named`(bytes: [UInt8], name: String) {
    let path = folder.write(bytes, to: "x.jpg")
    #expect(
      loadingError(path)
        == "\(path): expected a JPEG, PNG, BMP or PPM picture, found \(name); convert it, for "
        + "example to PNG, or correct the path")
  }

  @Test func `no such file`() {
    #expect(
      loadingError("/nowhere/dog.jpg")
        == "/nowhere/dog.jpg: expected a JPEG, PNG, BMP or PPM picture, found no readable file "
        + "(No such file or directory); check the path and permissions")
    #expect(loadingError("").contains("(No such file or directory)"))
    #expect(loadingError("/dev/null\0.jpg").contains("(No such file or directory)"))
    #expect(
      loadingError(String(repeating: "a", count: 5000)).contains("(File name too long)"))
  }

  /// It says nothing about the path.
  @Test func `a lack of open files`() {
    #expect(
      "\(ImageError("dog.jpg", .unreadable(code: EMFILE)))"
        == "dog.jpg: expected a JPEG, PNG, BMP or PPM picture, found no readable file (Too many open "
        + "files); close other files or raise 'ulimit -n'")
  }

  @Test func `a named pipe is not waited for`() {
    let path = "\(folder.path)/pipe"
    mkfifo(path, 0o600)
    #expect(
      loadingError(path)
        == "\(path): expected a JPEG, PNG, BMP or PPM picture, found a named pipe; name a file")
  }

  @Test func `a folder`() {
    #expect(
      loadingError(folder.path)
        == "\(folder.path): expected a JPEG, PNG, BMP or PPM picture, found no readable file (Is "
        + "a directory); check the path and permissions")
  }

  @Test func `no permission`() {
    let path = folder.write([1], to: "locked.jpg")
    chmod(path, 0)
    // The superuser may read it all the same.
    let found = geteuid() == 0 ? "unknown bytes (01)" : "(Permission denied)"
    #expect(loadingError(path).contains(found))
  }

  @Test func `an empty file`() {
    let path = folder.write([], to: "empty.png")
    #expect(
      loadingError(path)
        == "\(path): expected a JPEG, PNG, BMP or PPM picture, found an empty file; get or save "
        + "the file again")
  }

  /// What is no picture is not read to its end; this one has none.
  @Test func `an endless device`() {
    #expect(loadingError("/dev/zero").contains("found zero bytes"))
  }

  @Test func `a file longer than allowed`() {
    var limits = ImageFile.Limits()
    limits.fileBytes = 10_000
    let path = folder.write(
      JPEGFixture.baseline.bytes + [UInt8](repeating: 0, count: 10_000), to: "long.jpg")
    do {
      _ = try ImageFile.loadBitmap(path, limits: limits)
      Issue.record("no error")
    } catch {
      #expect(
        error.description
          == "\(path): expected a file of at most 10000 bytes, found a longer one; correct the path"
      )
    }
  }

  @Test func `a network that takes no pictures`() {
    let path = folder.write(JPEGFixture.baseline.bytes, to: "x.jpg")
    #expect(
      loadingError(path, channels: 4)
        == "\(path): expected a network of 1 or 3 input channels, found 4; pictures have no "
        + "others; see [net]")
  }

  @Test func `every format of this reader is known to it by its first bytes`() throws {
    let bitmap = Bitmap(width: 3, height: 2, channels: 3, (0..<18).map { UInt8($0) })
    try ImageFile.save(bitmap, to: folder.path + "/a.PNG")
    try ImageFile.save(bitmap, to: folder.path + "/a.jpg")
    #expect(folder.read("a.PNG")?.prefix(4) == [0x89, 0x50, 0x4E, 0x47])
    #expect(folder.read("a.jpg")?.prefix(3) == [0xFF, 0xD8, 0xFF])
    #expect(try ImageFile.loadBitmap(folder.path + "/a.PNG").array == bitmap.array)
    #expect(folder.names == ["a.PNG", "a.jpg"])
  }

  @Test func `a full disk`() {
    let bitmap = Bitmap(width: 3, height: 2)
    #expect(throws: FileError(.write, "/dev/full", code: ENOSPC)) {
      try ImageFile.save(bitmap, to: "/dev/full")
    }
  }
}
