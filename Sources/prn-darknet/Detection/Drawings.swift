import Darknet
import DarknetCommandLine

/// The pictures that `detector test` draws: each one into a folder if that is asked for, and the
/// last one into `predictions.jpg`.
///
/// `predictions.jpg` is written when the program waits for the next picture, and at the end: of a
/// list only the last drawing would be left.
final class Drawings {
  private let lastPath: String
  private let folder: String?
  /// Whether other results make up for a drawing that cannot be written.
  private let hasOtherResults: Bool
  private var names = UniqueNames()
  private var last: Drawing?
  private var lastIsPicture = false
  private var hasComplained = false
  /// `predictions.jpg` could not be written, and nothing else was asked for.
  private(set) var hasFailed = false

  private struct Drawing {
    var picture: Bitmap
    var boxes: [BoxAnnotation]
    var classCount: Int
    var isDrawn = false

    /// The picture with its boxes.
    mutating func drawn() -> Bitmap {
      if !isDrawn {
        picture = picture.converted(toChannels: 3)
        Canvas(picture).draw(boxes, classCount: classCount)
        isDrawn = true
      }
      return picture
    }
  }

  /// Makes the folder.
  ///
  /// - Parameters:
  ///   - lastPath: of the last drawing.
  ///   - folder: of all of them; nil for none.
  init(lastPath: String, folder: String?, hasOtherResults: Bool) throws {
    self.lastPath = lastPath
    self.folder = folder
    self.hasOtherResults = hasOtherResults || folder != nil
    if let folder { try Folder.make(folder) }
  }

  /// Pictures that no drawing may take the place of.
  func protect(_ pictures: [String]) {
    if !lastIsPicture, pictures.contains(where: { Output.isSame($0, lastPath) }) {
      lastIsPicture = true
    }
  }

  /// Takes a picture and what was found on it.
  func add(
    _ shown: [ShownDetection], on picture: Bitmap, path: String, classCount: Int
  ) throws {
    // The most probable boxes on top.
    let boxes = shown.sorted { $0.best < $1.best }.map { detection in
      BoxAnnotation(
        detection.box, pictureWidth: picture.width, pictureHeight: picture.height,
        classIndex: detection.bestClass,
        text: detection.labels.map { "\($0.name) \($0.percent)%" }.joined(separator: ", "))
    }
    var drawing = Drawing(picture: picture, boxes: boxes, classCount: classCount)
    if let folder {
      let target = "\(folder)/\(names.name(for: path)).jpg"
      guard !Output.isSame(Folder.path(ofFile: path), folder), !Output.isSame(path, target) else {
        throw UsageError(
          "-save_images: expected a folder of its own, found '\(folder)', in which the picture "
            + "'\(path)' is; name another folder")
      }
      try ImageFile.save(drawing.drawn(), to: target, durable: false)
    }
    last = drawing
  }

  /// Writes the last drawing, if it is not there yet.
  func writeLast() {
    guard var drawing = last else { return }
    last = nil
    if lastIsPicture {
      complain(
        "\(lastPath): expected a file of its own for the drawing, found one of the pictures; it is "
          + "kept, and -save_images DIR writes drawings into another folder")
      return
    }
    do throws(FileError) {
      try ImageFile.save(drawing.drawn(), to: lastPath, durable: false)
    } catch {
      if !hasOtherResults { hasFailed = true }
      complain((hasOtherResults ? "warning: " : "") + "\(error)")
    }
  }

  private func complain(_ text: String) {
    guard !hasComplained else { return }
    hasComplained = true
    Console.flush()
    Console.error("\(text)\n")
  }
}
