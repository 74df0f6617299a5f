import DarknetConfig
import DarknetGeometry
import DarknetImages
import DarknetSystem
import DarknetTensors

/// The pictures of a list, one after another, as a network takes them: decoded and resized by
/// threads of its own, some ahead of whoever takes them.
///
/// The order is that of the list. A picture that cannot be read comes as its error, in its place.
package final class PictureFeed: Sendable {
  /// Which label files are read along.
  package struct Labels: Sendable {
    /// Classes from this number on are problems; nil takes all.
    package var classes: Int?
    package var dialect: Dialect
    /// For each picture of the list one that leads to the labels of its difficult objects.
    package var difficult: [String]?

    package init(classes: Int?, dialect: Dialect = .alexeyab, difficult: [String]? = nil) {
      self.classes = classes
      self.dialect = dialect
      self.difficult = difficult
    }
  }

  package struct Options: Sendable {
    /// How they become the network's input.
    package var preparation: PicturePreparation
    package var labels: Labels?
    /// Threads that decode.
    package var threads = 2
    /// Pictures that may be ready or in work.
    package var depth = 8

    package init(_ preparation: PicturePreparation, labels: Labels? = nil) {
      self.preparation = preparation
      self.labels = labels
    }
  }

  /// A picture of the list, as far as it could be read.
  package struct Item: Sendable {
    /// Place in the list.
    package let index: Int
    package let path: String
    package let picture: Swift.Result<Picture, ImageError>
    /// The objects in it, in parts of the picture; empty unless labels are read.
    package let objects: [GroundTruth]
    package let difficult: [GroundTruth]
    /// What is wrong with its labels.
    package let problems: [DataProblem]
  }

  /// A picture that could be read. Its memory goes back to the feed when nobody holds it.
  package final class Picture: @unchecked Sendable {
    package let width: Int
    package let height: Int
    /// [C, H, W], 0...1.
    package let input: FloatBuffer
    private let pool: InputPool

    fileprivate init(width: Int, height: Int, pool: InputPool) {
      self.width = width
      self.height = height
      self.pool = pool
      input = pool.take()
    }

    deinit { pool.give(input) }
  }

  package let options: Options
  private let queue: Prefetcher<Item>

  /// Starts the threads.
  package init(_ pictures: [String], options: Options) {
    precondition(options.depth > 0, "a feed needs room for a picture")
    if let difficult = options.labels?.difficult {
      precondition(difficult.count == pictures.count, "a difficult list of another length")
    }
    self.options = options
    let pool = InputPool(count: options.preparation.shape.count, limit: options.depth)
    queue = Prefetcher(count: pictures.count, depth: options.depth, threads: options.threads) {
      Self.make($0, path: pictures[$0], options, pool)
    }
  }

  /// The next picture, waiting for it if need be; nil after the last.
  package func next() -> Item? { queue.next() }

  private static func make(
    _ index: Int, path: String, _ options: Options, _ pool: InputPool
  ) -> Item {
    let picture = Swift.Result { () throws(ImageError) -> Picture in
      let bitmap = try options.preparation.load(path)
      let result = Picture(width: bitmap.width, height: bitmap.height, pool: pool)
      options.preparation.write(bitmap, into: result.input.pointer)
      return result
    }
    var objects: [GroundTruth] = []
    var difficult: [GroundTruth] = []
    var problems: [DataProblem] = []
    if let labels = options.labels, case .success = picture {
      let file = LabelFile(ofPicture: path, classes: labels.classes, dialect: labels.dialect)
      (objects, problems) = (file.objects, file.problems)
      if let path = labels.difficult?[index] {
        let file = LabelFile(ofPicture: path, classes: labels.classes, dialect: labels.dialect)
        difficult = file.objects
        problems += file.problems
      }
    }
    return Item(
      index: index, path: path, picture: picture, objects: objects, difficult: difficult,
      problems: problems)
  }
}

/// Memory of pictures that are done with, as fresh pages cost time to be zeroed.
private final class InputPool: Sendable {
  private let free = Locked<[FloatBuffer]>([])
  private let count: Int
  private let limit: Int

  init(count: Int, limit: Int) {
    self.count = count
    self.limit = limit
  }

  /// With any content.
  func take() -> FloatBuffer { free.withLock { $0.popLast() } ?? FloatBuffer(count: count) }

  func give(_ buffer: FloatBuffer) {
    free.withLock { free in
      if free.count < limit { free.append(buffer) }
    }
  }
}
