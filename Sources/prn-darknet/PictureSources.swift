import Darknet
import DarknetCommandLine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a word on the command line, or a line of standard input, names: a picture, a folder of
/// pictures, a pattern as the shell has them, or a list.
enum PictureSource {
  case picture
  case several([String])

  /// Endings of pictures in a folder, and of lists.
  private static let pictureEndings: Set = [
    "jpg", "jpeg", "jpe", "png", "bmp", "ppm", "pgm", "pnm", "tif", "tiff", "webp", "gif",
  ]
  private static let listEndings: Set = ["txt", "list", "lst"]

  /// - Throws: `ConfigError` for a folder, pattern or list without pictures, `DataError` for a list
  ///   that cannot be read.
  init(_ word: String) throws {
    switch FileKind(word) {
    case .folder: self = .several(try Self.pictures(inFolder: word))
    case .missing where word.contains(where: { "*?[".contains($0) }):
      self = .several(try Self.matches(of: word))
    case .file where Self.listEndings.contains(Self.ending(word)) && Self.isText(word):
      self = .several(try ListFile(word).pictures)
    default: self = .picture
    }
  }

  private static func ending(_ path: String) -> String {
    guard let dot = path.utf8.lastIndex(of: UInt8(ascii: ".")) else { return "" }
    return String(path[path.utf8.index(after: dot)...]).lowercased()
  }

  /// A picture may have any name, also that of a list.
  private static func isText(_ path: String) -> Bool {
    guard let start = try? FileBytes.readStart(path, count: 512) else { return false }
    return start.withUnsafeBytes { bytes in
      if case .format = ImageFormat.identify(bytes) { return false }
      return !bytes.contains(0)
    }
  }

  private static func pictures(inFolder path: String) throws -> [String] {
    let names = try Folder.names(in: path)
    let pictures = names.filter { pictureEndings.contains(ending($0)) }.sorted(by: comesBefore)
    guard !pictures.isEmpty else {
      throw ConfigError(
        file: path, expected: "a folder with pictures",
        found: names.isEmpty ? "an empty one" : "none among \(names.count) files",
        fix: "name the folder that holds them, or a list of their paths")
    }
    let folder = path.utf8.last == UInt8(ascii: "/") ? path : path + "/"
    return pictures.map { folder + $0 }
  }

  private static func matches(of pattern: String) throws -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    if glob(pattern.cPath, 0, nil, &found) == 0 {
      return (0..<Int(found.gl_pathc)).compactMap { index in
        found.gl_pathv[index].map {
          String(rawBytes: UnsafeRawBufferPointer(start: $0, count: strlen($0)))
        }
      }.sorted(by: comesBefore)
    }
    throw ConfigError(
      file: pattern, expected: "pictures whose paths match", found: "none",
      fix: "check the pattern, which starts at the current folder")
  }

  /// By number where there is one: `p2.jpg` before `p10.jpg`.
  private static func comesBefore(_ a: String, _ b: String) -> Bool {
    var (x, y) = (Array(a.utf8)[...], Array(b.utf8)[...])
    func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    while let first = x.first, let second = y.first {
      if isDigit(first), isDigit(second) {
        let (m, n) = (
          x.prefix(while: isDigit).drop { $0 == 48 }, y.prefix(while: isDigit).drop { $0 == 48 }
        )
        if m.count != n.count { return m.count < n.count }
        if !m.elementsEqual(n) { return m.lexicographicallyPrecedes(n) }
        (x, y) = (x.drop(while: isDigit), y.drop(while: isDigit))
      } else {
        if first != second { return first < second }
        (x, y) = (x.dropFirst(), y.dropFirst())
      }
    }
    return x.isEmpty && y.isEmpty ? a < b : x.isEmpty
  }
}

/// What is at a path.
enum FileKind {
  case file, folder, other, missing

  init(_ path: String) {
    var status = stat()
    guard !path.utf8.contains(0), stat(path.cPath, &status) == 0 else {
      self = .missing
      return
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: self = .file
    case S_IFDIR: self = .folder
    default: self = .other
    }
  }
}

/// Goes through the pictures that the command line names, else through those of standard input.
struct PictureWalk {
  let words: [String]
  let arguments: Arguments
  /// Called for each picture.
  let look: (String) throws -> Void
  /// Called before the program waits for the next line of standard input.
  var beforeWaiting: () throws -> Void = {}
  /// Called after the last picture, before the count of those that were skipped.
  var atEnd: () throws -> Void = {}
  /// Without the prompt.
  var isQuiet = false

  private struct Counts {
    var all = 0
    var skipped = 0
  }

  /// - Returns: `.done`, `.skippedInputs` with `-strict`, the status of a signal, or
  ///   `.inputOutput` if nobody reads standard output any more.
  /// - Throws: `ImageError` if the only picture cannot be read, `DataError` if none of several can,
  ///   and what `look` throws.
  func run() throws -> ExitStatus {
    Interruption.watch()
    var counts = Counts()
    if words.isEmpty {
      try takeLines(&counts)
    } else if words.count == 1, case .picture = try PictureSource(words[0]) {
      try look(words[0])
      try atEnd()
      return stopStatus ?? .done
    } else {
      for word in words where stopStatus == nil { try take(word, &counts) }
    }
    if counts.skipped < counts.all || counts.all == 0 { try atEnd() }
    if let stopStatus { return stopStatus }
    guard counts.skipped > 0 else { return .done }
    Console.flush()
    guard counts.skipped < counts.all else {
      let name = words.isEmpty ? "standard input" : words[0]
      throw ConfigError(
        file: name, expected: counts.all == 1 ? "a readable picture" : "readable pictures",
        found: counts.all == 1 ? "one that is not" : "\(counts.all) that are not",
        fix: "correct the paths, which start at the current folder")
    }
    Console.error("\(counts.skipped) of \(counts.all) pictures were skipped\n")
    return arguments[Flags.strict] ? .skippedInputs : .done
  }

  /// Why no further picture is wanted.
  private var stopStatus: ExitStatus? {
    if Interruption.isWanted { return Interruption.status }
    return Console.isReaderGone ? .inputOutput : nil
  }

  private func takeLines(_ counts: inout Counts) throws {
    let lines = InputLines()
    while stopStatus == nil {
      if !isQuiet { Console.out("Enter Image Path: ") }
      Console.flush()
      guard let line = try lines.next(beforeWaiting: beforeWaiting) else { return }
      // Blanks around a path belong to it only if there is such a file.
      let path = fileExists(line) ? line : line.trimmingBlanks()
      guard !path.isEmpty else { continue }
      guard path.utf8.count < Int(PATH_MAX) else {
        counts.all += 1
        counts.skipped += 1
        report(
          "standard input:\(lines.lineNumber): expected a path of a picture, found "
            + "\(path.utf8.count) bytes; check what is sent to it")
        continue
      }
      try take(path, &counts)
    }
  }

  private func take(_ word: String, _ counts: inout Counts) throws {
    let source: PictureSource
    do {
      source = try PictureSource(word)
    } catch  where error is ConfigError || error is DataError || error is FileError {
      counts.all += 1
      counts.skipped += 1
      report("\(error)")
      return
    }
    switch source {
    case .picture: try takePicture(word, &counts)
    case .several(let paths):
      for path in paths where stopStatus == nil { try takePicture(path, &counts) }
    }
  }

  private func takePicture(_ path: String, _ counts: inout Counts) throws {
    counts.all += 1
    do {
      try look(path)
      Console.flush()
    } catch let error as ImageError {
      counts.skipped += 1
      report("\(error)")
    }
  }

  private func report(_ line: String) {
    Console.flush()
    Console.error("\(line)\n")
  }
}
