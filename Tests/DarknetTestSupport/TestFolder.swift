import Glibc

/// A folder that is gone, with all that is in it, when the test ends.
package final class TestFolder {
  package let path: String

  package init() {
    var template = Array("/tmp/darknet-data-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template))
  }

  /// Names of all entries, hidden ones too.
  package var names: [String] {
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

  package func write(_ bytes: [UInt8], to name: String) -> String {
    let file = fopen(path + "/" + name, "wb")!
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
    return path + "/" + name
  }

  package func read(_ name: String) -> [UInt8]? {
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
