import DarknetGeometry
import DarknetImages
import DarknetSystem
import DarknetTensors
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A small data set for trials: shapes of any colour on textured ground, some partly hidden.
///
/// A picture depends on the seed and its number only. Colour says nothing about the class, so a
/// network has to learn the shapes.
package struct SyntheticShapes: Sendable {
  package static let classNames = ["circle", "square", "triangle", "star"]

  package var seed: UInt64 = 1
  package var width = 480
  package var height = 360
  package var trainCount = 320
  package var validCount = 80
  /// Objects of a picture at most; at least one.
  package var maxObjects = 6
  /// Radii of the shapes, as a fraction of the picture's shorter side.
  package var radii: ClosedRange<Float> = 0.07...0.28

  package init() {}

  /// Small pictures of one large shape each, for classifiers.
  package static var single: SyntheticShapes {
    var shapes = SyntheticShapes()
    (shapes.width, shapes.height) = (96, 96)
    shapes.maxObjects = 1
    shapes.radii = 0.2...0.4
    return shapes
  }

  // MARK: Files

  /// The files of a written data set.
  package struct Files: Sendable {
    package let data: String
    package let names: String
    package let train: String
    package let valid: String

    fileprivate init(in folder: String) {
      data = "\(folder)/shapes.data"
      names = "\(folder)/shapes.names"
      train = "\(folder)/train.txt"
      valid = "\(folder)/valid.txt"
    }
  }

  /// Writes pictures, labels, lists, names and `shapes.data` into `folder`, which is made if need
  /// be. Paths in the lists begin with `folder` as it is given.
  package func write(to folder: String, threads: Int = 2) throws(FileError) -> Files {
    try write(to: folder, threads: threads, moreData: "") { picture, path throws(FileError) in
      try write(Self.labels(picture.objects), to: "\(path).txt")
      return path
    }
  }

  /// The same for a classifier: each picture's name begins with the class of its first shape, and
  /// `labels.txt` has the part of the path that tells it.
  package func writeClasses(to folder: String, threads: Int = 2) throws(FileError) -> Files {
    let labels = "\(folder)/labels.txt"
    let files = try write(
      to: folder, threads: threads, moreData: "labels = \(labels)\ntop = 2\n"
    ) { picture, path throws(FileError) in
      let slash = path.lastIndex(of: "/")!
      let name = Self.classNames[picture.objects[0].classIndex]
      return "\(path[..<slash])/\(name)-\(path[path.index(after: slash)...])"
    }
    try write(Self.classNames.map { "/\($0)-\n" }.joined(), to: labels)
    return files
  }

  /// - Parameter finish: writes what belongs to a picture, whose path without its ending it gets,
  ///   and returns the path, without its ending, under which the picture shall be written.
  private func write(
    to folder: String, threads: Int, moreData: String,
    finish: (LabelledPicture, _ path: String) throws(FileError) -> String
  ) throws(FileError) -> Files {
    try Folder.make(folder)
    try Folder.make("\(folder)/backup")
    let files = Files(in: folder)
    for (numbers, name, list) in [
      (0..<trainCount, "train", files.train),
      (trainCount..<trainCount + validCount, "valid", files.valid),
    ] {
      try Folder.make("\(folder)/\(name)")
      let paths = Locked([String](repeating: "", count: numbers.count))
      let errors = ErrorBox()
      Workers.run(numbers.count, threads: threads) { index in
        do throws(FileError) {
          let picture = self.picture(numbers.lowerBound + index)
          let digits = String("\(10_000 + numbers.lowerBound + index)".dropFirst())
          // Most as JPEG, some as PNG, as in data sets that grew.
          let ending = (numbers.lowerBound + index) % 8 == 7 ? "png" : "jpg"
          let path = try finish(picture, "\(folder)/\(name)/\(digits)") + ".\(ending)"
          try ImageFile.save(picture.bitmap, to: path, quality: 92, durable: false)
          paths.withLock { $0[index] = path }
        } catch {
          errors.note(error)
        }
      }
      if let error = errors.first { throw error }
      try write(paths.withLock { $0.map { $0 + "\n" }.joined() }, to: list)
    }
    try write(Self.classNames.joined(separator: "\n") + "\n", to: files.names)
    try write(
      """
      classes = \(Self.classNames.count)
      train = \(files.train)
      valid = \(files.valid)
      names = \(files.names)
      backup = \(folder)/backup
      \(moreData)
      """, to: files.data)
    return files
  }

  /// The lines of a label file.
  static func labels(_ objects: [GroundTruth]) -> String {
    objects.map { object in
      let box = object.box
      let numbers = [box.x, box.y, box.width, box.height].map { fixed(Double($0), decimals: 6) }
      return "\(object.classIndex) \(numbers.joined(separator: " "))\n"
    }.joined()
  }

  private func write(_ text: String, to path: String) throws(FileError) {
    try AtomicFile.write(to: path, durable: false, text)
  }

  // MARK: A picture

  /// Picture `number` with its objects; all numbers are possible, `write` takes them from 0 on.
  package func picture(_ number: Int) -> LabelledPicture {
    var random = Random(seed: seed).split(UInt64(truncatingIfNeeded: number))
    let bitmap = Bitmap(width: width, height: height)
    let ground = Texture(random: &random)
    ground.paint(bitmap)
    let canvas = Canvas(bitmap)
    var objects: [GroundTruth] = []
    let wanted = 1 + random.below(max(1, maxObjects))
    // Some places are refused, so a crowded picture may get fewer.
    for _ in 0..<wanted * 8 where objects.count < wanted {
      let shape = Shape(
        width: Float(width), height: Float(height), radii: radii, ground: ground.mean,
        random: &random)
      let box = shape.box.scaled(1 / Float(width), 1 / Float(height))
      guard objects.allSatisfy({ Self.hidden($0.box, by: box) < 0.25 }) else { continue }
      shape.paint(on: canvas)
      objects.append(GroundTruth(box: box, classIndex: shape.classIndex))
    }
    return LabelledPicture(bitmap, objects)
  }

  /// How much of a box lies below another one.
  private static func hidden(_ lower: Box, by upper: Box) -> Float {
    Box.intersection(lower, upper) / min(lower.area, upper.area)
  }
}

/// The first error of several threads.
private final class ErrorBox: Sendable {
  private let error = Locked<FileError?>(nil)

  func note(_ new: FileError) { error.withLock { if $0 == nil { $0 = new } } }

  var first: FileError? { error.withLock { $0 } }
}
