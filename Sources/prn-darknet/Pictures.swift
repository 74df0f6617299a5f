import Darknet

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How pictures go into a network.
enum Pictures {
  /// pjreddie's program letterboxes always, AlexeyAB's where the cfg or the flag asks.
  static func usesLetterbox(_ network: Network, _ arguments: Arguments) -> Bool {
    network.dialect == .pjreddie || network.net.letterBox || arguments.has("-letter_box")
  }

  /// Resizes a picture into the first image of `view`.
  static func fill(_ view: TensorView, from picture: Bitmap, letterbox: Bool) {
    let target = PlaneTarget(view.pointer, width: view.shape.width, height: view.shape.height)
    if letterbox {
      picture.letterbox(into: target)
    } else {
      picture.resize(into: target)
    }
  }
}

/// Folders that results go to.
enum Folder {
  /// Makes the folder that the file `path` goes into.
  static func make(ofFile path: String) throws {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
    try make(String(path[..<slash]))
  }

  /// Makes `path` and the folders above it, if they are missing.
  static func make(_ path: String) throws {
    var status = stat()
    if stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw FileError(.create, path, code: ENOTDIR)
      }
      return
    }
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try make(String(path[..<slash]))
    }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw FileError(.create, path, code: errno)
    }
  }
}
