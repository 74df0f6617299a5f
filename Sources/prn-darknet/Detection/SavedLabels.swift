import Darknet
import DarknetCommandLine

/// The label files that `detector test` writes from what it finds.
///
/// A file that is there may have been made by hand: it stays, unless `-force` is given.
final class SavedLabels {
  struct Options {
    /// nil for the place where the labels of each picture are looked for.
    var folder: String?
    /// The probability as a sixth number.
    var keepsConfidence: Bool
    /// No file for a picture in which nothing was found.
    var skipsEmpty: Bool
    /// Takes the place of files that are there.
    var replaces: Bool
    var dialect: Dialect
  }

  private let options: Options
  private var names = UniqueNames()
  /// Files of this run, which a picture that comes twice may write again.
  private var ours: Set<String> = []
  private var (written, kept, empty) = (0, 0, 0)
  private var firstKept: String?

  /// Makes the folder.
  init(_ options: Options) throws {
    self.options = options
    if let folder = options.folder { try Folder.make(folder) }
  }

  /// Writes a line a detection above `threshold`, with its best class: `class x y width height`, in
  /// parts of the picture and inside it.
  func save(_ detections: DetectionSet, of picture: String, threshold: Float) throws {
    guard let path = path(for: picture) else {
      Console.error(
        "Failed to infer label file name (check image extension is supported): \(picture) \n")
      return
    }
    var lines = ""
    for detection in detections {
      guard let best = detection.bestClass, detection.probabilities[best] > threshold,
        let box = detection.box.written(decimals: 4)
      else { continue }
      lines += "\(best) \(box.x) \(box.y) \(box.width) \(box.height)"
      if options.keepsConfidence {
        lines += " \(fixed(Double(detection.probabilities[best]), decimals: 4))"
      }
      lines += "\n"
    }
    if lines.isEmpty, options.skipsEmpty {
      empty += 1
      return
    }
    guard options.replaces || ours.contains(path) || !fileExists(path) else {
      kept += 1
      firstKept = firstKept ?? path
      return
    }
    try AtomicFile.write(to: path, durable: false, lines)
    if ours.insert(path).inserted { written += 1 }
  }

  /// A line about what was written and what was not.
  func report() {
    var text = "label files: \(written) written"
    if empty > 0 { text += ", \(empty) left out as nothing was found" }
    if let firstKept {
      text += ", \(kept) kept as they were (\(firstKept)\(kept > 1 ? ", …" : "")); -force replaces "
      text += "them, -labels DIR writes into another folder"
    }
    Console.error(text + "\n")
  }

  private func path(for picture: String) -> String? {
    if let folder = options.folder {
      return "\(folder)/\(names.name(for: picture)).txt"
    }
    // pjreddie's rule leaves some names as they are: the picture itself must not be overwritten.
    let path = LabelPath.candidates(for: picture, dialect: options.dialect).first
    return path == picture ? nil : path
  }
}

/// Names for files made from pictures, in one folder: a picture's own without its ending, and a
/// number after it if another picture has taken that.
struct UniqueNames {
  private var names: [String: String] = [:]
  private var taken: Set<String> = []

  /// The same for the same path.
  mutating func name(for path: String) -> String {
    if let name = names[path] { return name }
    let file = path.split(separator: "/").last.map(String.init) ?? "picture"
    let end = file.lastIndex(of: ".") ?? file.endIndex
    let base = end == file.startIndex ? file : String(file[..<end])
    var name = base
    var number = 2
    while !taken.insert(name).inserted {
      name = "\(base)-\(number)"
      number += 1
    }
    names[path] = name
    return name
  }
}
