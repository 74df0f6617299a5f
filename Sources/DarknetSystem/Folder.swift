#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Folders that results go to.
package enum Folder {
  /// Makes the folder that the file `path` goes into.
  ///
  /// - Throws: `FileError` if it cannot be made.
  package static func make(ofFile path: String) throws(FileError) {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
    try make(String(path[..<slash]))
  }

  /// Makes `path` and the folders above it, if they are missing.
  ///
  /// - Throws: `FileError` if one cannot be made, or a file is in its place.
  package static func make(_ path: String) throws(FileError) {
    var status = stat()
    if stat(path.cPath, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw FileError(.makeFolder, path, code: ENOTDIR)
      }
      return
    }
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try make(String(path[..<slash]))
    }
    guard mkdir(path.cPath, 0o777) == 0 || errno == EEXIST else {
      throw FileError(.makeFolder, path, code: errno)
    }
  }
}
