import DarknetConfig
import DarknetImages
import DarknetSystem
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a list must lead to before a run over it is worth beginning.
extension ListFile {
  /// Finds out whether any picture of the list can be opened and is of a format that is read;
  /// looks at files until it has found one.
  ///
  /// - Throws: `nothingReadable`.
  package func requirePicture() throws(DataError) {
    for path in pictures where ImageFile.mayBeReadable(path) { return }
    throw nothingReadable
  }

  /// Finds out whether any picture of the list has an object that can be learned or measured;
  /// reads label files until it has found one.
  ///
  /// - Parameters:
  ///   - classes: objects of classes from this number on do not count; nil counts all.
  ///   - purpose: what there would be none of, for the message: `to train on`.
  /// - Throws: `DataError` with what is wrong with the first label file.
  package func requireObjects(
    classes: Int?, dialect: Dialect, purpose: String
  ) throws(DataError) {
    var first: DataProblem?
    for picture in pictures {
      let labels = LabelFile(ofPicture: picture, classes: classes, dialect: dialect)
      if !labels.objects.isEmpty { return }
      first = first ?? labels.problems.first
    }
    throw .content(
      ConfigError(
        file: path,
        expected: "a labelled object \(purpose) in \(counted(count, "picture", "pictures"))",
        found: first.map { "none (\($0.fault))" } ?? "empty label files only",
        fix: first == nil
          ? "label the objects, one line 'class x y width height' per object"
          : "correct the labels; 'prn-darknet detector check' lists what is wrong with them"))
  }

  /// The error of a list of which no picture can be read, with the first one's own reason.
  package var nothingReadable: DataError {
    let expected =
      count == 1 ? "a picture that can be read" : "a picture that can be read among \(count)"
    var found = "none"
    var fix = "check the paths, which start at the current folder"
    if let path = pictures.first {
      do throws(ImageError) {
        _ = try ImageFile.loadBitmap(path)
        // It was not readable a moment ago.
        found = "none; '\(path.shown())' is readable now"
        fix = "try again"
      } catch {
        found = "none ('\(path.shown())': \(error.found))"
        if error.isTransient {
          fix = error.fix
        } else if case .unreadable = error.problem {
          fix = PathHint.words(for: path, in: self.path) ?? fix
        } else if path.hasSuffix(".txt") {
          fix = "list the pictures, not their labels"
        } else {
          fix = error.fix
        }
      }
    }
    return .content(
      ConfigError(file: path, line: lines.first, expected: expected, found: found, fix: fix))
  }
}

extension ImageFile {
  /// Whether the file can be opened and begins as one of the formats that are read.
  static func mayBeReadable(_ path: String) -> Bool {
    guard
      let file = try? LimitedFile(path, firstPart: 64, waitsForPipes: false),
      case .format = ImageFormat.identify(file.bytes)
    else { return false }
    return true
  }
}
