import DarknetData
import Glibc

/// The bytes that a base64 text stands for; anything outside of the alphabet is skipped.
func base64(_ text: String) -> [UInt8] {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var bytes: [UInt8] = []
  var bits = 0
  var count = 0
  for character in text.utf8 {
    guard let value = alphabet.firstIndex(of: character) else { continue }
    bits = (bits << 6 | value) & 0xFFFFFF
    count += 6
    if count >= 8 {
      count -= 8
      bytes.append(UInt8(bits >> count & 0xFF))
    }
  }
  return bytes
}

/// Decodes bytes of a test under the name "picture".
func decode(
  _ bytes: [UInt8], channels: Int = 3, limits: ImageFile.Limits = .init()
) throws(ImageError) -> Bitmap {
  let result = bytes.withUnsafeBytes { bytes in
    Result { () throws(ImageError) in
      try ImageFile.decode(bytes, name: "picture", channels: channels, limits: limits)
    }
  }
  return try result.get()
}

/// The text of the error that decoding ends with; empty if there is none.
func decodingError(_ bytes: [UInt8], limits: ImageFile.Limits = .init()) -> String {
  do {
    _ = try decode(bytes, limits: limits)
    return ""
  } catch {
    return error.description
  }
}

extension Bitmap {
  /// The samples of the pixel at (x, y).
  subscript(x: Int, y: Int) -> [UInt8] {
    (0..<channels).map { bytes[(y * width + x) * channels + $0] }
  }

  /// A bitmap of the given samples, interleaved.
  convenience init(width: Int, height: Int, channels: Int, _ samples: [UInt8]) {
    self.init(width: width, height: height, channels: channels)
    precondition(samples.count == count)
    for (k, sample) in samples.enumerated() { bytes[k] = sample }
  }
}

extension Image {
  /// An image of the given samples, plane by plane.
  convenience init(channels: Int = 1, height: Int, width: Int, _ samples: [Float]) {
    self.init(channels: channels, height: height, width: width)
    precondition(samples.count == shape.count)
    for (k, sample) in samples.enumerated() { pointer[k] = sample }
  }

  var samples: [Float] { Array(values) }
}

/// A folder that is gone, with all that is in it, when the test ends.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array("/tmp/darknet-data-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template))
  }

  /// Names of all entries, hidden ones too.
  var names: [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  func write(_ bytes: [UInt8], to name: String) -> String {
    let file = fopen(path + "/" + name, "wb")!
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
    return path + "/" + name
  }

  func read(_ name: String) -> [UInt8]? {
    guard let file = fopen(path + "/" + name, "rb") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
  }

  deinit {
    for name in names {
      chmod(path + "/" + name, 0o700)
      if unlink(path + "/" + name) != 0 { rmdir(path + "/" + name) }
    }
    rmdir(path)
  }
}
