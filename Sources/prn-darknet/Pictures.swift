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
    network.dialect == .pjreddie || network.net.letterBox || arguments[Flags.letterBox]
  }

  /// The picture in a file with the channels that `network` takes, its pixels as the decoder of the
  /// network's dialect has them.
  ///
  /// - Throws: `ImageError` if it cannot be read.
  static func load(_ path: String, for network: Network) throws(ImageError) -> Bitmap {
    try ImageFile.loadBitmap(
      path, channels: network.inputShape.channels, limits: .init(jpeg: .init(network.dialect)))
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

/// The words of a command that looks at single pictures: DATA CFG [WEIGHTS] [IMAGE].
struct PictureWords {
  let data: String
  let cfg: String
  let weights: String?
  /// nil for those that standard input names.
  let image: String?

  /// - Parameter data: the data file where it is no word of its own: CFG WEIGHTS [IMAGE].
  init(_ arguments: Arguments, data fixed: String? = nil) {
    data = fixed ?? arguments[Words.data]
    cfg = arguments[Words.cfg]
    weights = fixed == nil ? arguments[Words.optionalWeights] : arguments[Words.weights]
    image = arguments[Words.image]
  }
}

/// Pictures named on standard input, a line each, until it ends.
enum PicturePrompt {
  /// Calls `body` for each path; a picture that cannot be read is told and passed over.
  static func run(
    _ arguments: Arguments, _ body: (String) throws -> Void
  ) throws -> ExitStatus {
    var (count, skipped) = (0, 0)
    while true {
      Console.out("Enter Image Path: ")
      Console.flush()
      guard let line = Console.readLine() else { break }
      // Blanks around a path belong to it only if there is such a file.
      let path = fileExists(line) ? line : line.trimmingBlanks()
      if path.isEmpty { continue }
      count += 1
      do {
        try body(path)
      } catch let error as ImageError {
        skipped += 1
        Console.flush()
        Console.error("\(error)\n")
      }
    }
    guard skipped > 0 else { return .done }
    Console.flush()
    Console.error("\(skipped) of \(count) pictures were skipped\n")
    return arguments[Flags.strict] ? .skippedInputs : .done
  }
}

/// Folders that results go to.
enum Folder {
  /// Makes the folder that the file `path` goes into.
  static func make(ofFile path: String) throws {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
    try make(String(path[..<slash]))
  }

  /// Whether nothing would be written over there. What is no folder, or cannot be read, is left to
  /// whoever writes.
  static func isEmptyOrMissing(_ path: String) -> Bool {
    guard let folder = opendir(path.onDisk) else { return true }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let isHidden = withUnsafeBytes(of: entry.pointee.d_name) { $0[0] == UInt8(ascii: ".") }
      if !isHidden { return false }
    }
    return true
  }

  /// Makes `path` and the folders above it, if they are missing.
  static func make(_ path: String) throws {
    var status = stat()
    if stat(path.onDisk, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw FileError(.makeFolder, path, code: ENOTDIR)
      }
      return
    }
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try make(String(path[..<slash]))
    }
    guard mkdir(path.onDisk, 0o777) == 0 || errno == EEXIST else {
      throw FileError(.makeFolder, path, code: errno)
    }
  }
}
