import DarknetConfig
import DarknetGeometry
import DarknetImages
import DarknetSystem
import Synchronization

/// Reads a whole data set before training, and finds all that is wrong with it.
package struct DataSetCheck: Sendable {
  package struct Options: Sendable {
    /// Classes that labels may have, from 0 on: the cfg's; nil if there is none, then those of the
    /// names.
    package var classes: Int?
    /// Every place that says how many classes there are, in words, for the comparison.
    package var classCounts: [(place: String, classes: Int)] = []
    /// Names of the classes; may be empty.
    package var names: [String] = []
    /// Width and height of each anchor in pixels of the input; may be empty.
    package var anchors: [(width: Float, height: Float)] = []
    /// The network's input, in whose pixels sizes are reported.
    package var inputWidth = 416
    package var inputHeight = 416
    /// Whether the cfg keeps proportions.
    package var letterBox = false
    /// Objects a picture may have in training: the head's `max`.
    package var maxObjects = 200
    package var dialect = Dialect.alexeyab
    package var threads = 2
    /// What the caller noticed that is not a fault, for the report.
    package var notes: [String] = []

    package init() {}
  }

  /// What one list leads to.
  package struct Part: Sendable {
    package internal(set) var list: String
    /// Lines with a path.
    package internal(set) var pictures = 0
    /// A path that stood in the list before: its lines.
    package internal(set) var duplicates: [(path: String, firstLine: Int, line: Int)] = []
    package internal(set) var readable = 0
    /// With a label file that has objects.
    package internal(set) var withObjects = 0
    /// With a label file that has none, which is fine.
    package internal(set) var withoutObjects = 0
    package internal(set) var objects = 0
    package internal(set) var objectsOfClass: [Int] = []
    package internal(set) var picturesOfClass: [Int] = []
    package internal(set) var mostObjects: (count: Int, picture: String) = (0, "")
    package internal(set) var smallestPicture: (width: Int, height: Int) = (0, 0)
    package internal(set) var largestPicture: (width: Int, height: Int) = (0, 0)
    /// In the order of the list, each once.
    package internal(set) var problems: [DataProblem] = []

    /// Whether there is nothing to learn or to measure.
    package var hasNoObjects: Bool { pictures > 0 && objects == 0 }

    package func count(_ group: DataProblem.Group) -> Int {
      problems.count { $0.group == group }
    }
  }

  /// Pictures with the same bytes under different names.
  package struct Twins: Hashable, Sendable {
    package let first: String
    package let second: String
    /// Whether one is trained with and the other measured with.
    package let acrossParts: Bool
    /// Whether the second is in the list that is trained with.
    package let inTrain: Bool
  }

  package let options: Options
  package let train: Part
  package let valid: Part?
  /// Paths in both lists: figures measured with them flatter.
  package let inBothLists: [String]
  package let twins: [Twins]
  package let boxes: BoxStatistics
  /// Whether .data file, names and cfg do not say the same number of classes.
  package var classesDisagree: Bool { Set(options.classCounts.map(\.classes)).count > 1 }

  /// Reads everything.
  ///
  /// - Parameters:
  ///   - valid: nil if there is none, or if it is the training list.
  ///   - progress: called after each picture, from any thread, with the pictures done and all.
  package init(
    train: ListFile, valid: ListFile? = nil, options: Options = Options(),
    progress: (@Sendable (_ done: Int, _ all: Int) -> Void)? = nil
  ) {
    self.options = options
    let all = train.count + (valid?.count ?? 0)
    let done = Atomic(0)
    func read(_ list: ListFile) -> [PictureRecord] {
      let records = Locked([PictureRecord?](repeating: nil, count: list.count))
      Workers.run(list.count, threads: options.threads) { index in
        let record = PictureRecord(list.pictures[index], options)
        records.withLock { $0[index] = record }
        let count = done.add(1, ordering: .relaxed).newValue
        progress?(count, all)
      }
      return records.withLock { $0.compactMap(\.self) }
    }
    let trainRecords = read(train)
    let validRecords = valid.map(read) ?? []
    self.train = Part(train, trainRecords, options)
    self.valid = valid.map { Part($0, validRecords, options) }
    let trainPaths = Set(train.pictures)
    var both: [String] = []
    for path in valid?.pictures ?? [] where trainPaths.contains(path) && both.last != path {
      both.append(path)
    }
    inBothLists = both
    twins = Self.twins(zip(train.pictures, trainRecords), zip(valid?.pictures ?? [], validRecords))
    boxes = BoxStatistics(trainRecords, options)
    let turnedPictures = (trainRecords + validRecords).filter(\.isTurned)
    turned = (turnedPictures.count, turnedPictures.first?.path ?? "")
  }

  /// Whether nothing was found that should be corrected before training. Missing labels are such,
  /// empty lines in a list, dropped confidences and `notes` are not.
  package var isClean: Bool {
    let parts = [train] + (valid.map { [$0] } ?? [])
    return inBothLists.isEmpty && !twins.contains(where: \.acrossParts) && !classesDisagree
      && parts.allSatisfy {
        !$0.hasNoObjects && $0.duplicates.isEmpty && !$0.problems.contains(where: Self.isHarmful)
      }
  }

  /// Pictures that their cameras noted as turned, and the first of them.
  package private(set) var turned: (count: Int, picture: String) = (0, "")

  private static func isHarmful(_ problem: DataProblem) -> Bool {
    switch problem.kind {
    case .emptyLines, .confidence: false
    default: true
    }
  }

  private static func twins(
    _ train: some Sequence<(String, PictureRecord)>, _ valid: some Sequence<(String, PictureRecord)>
  ) -> [Twins] {
    var seen: [PictureRecord.Fingerprint: (path: String, isTrain: Bool)] = [:]
    var found: [Twins] = []
    for (isTrain, (path, record)) in train.map({ (true, $0) }) + valid.map({ (false, $0) }) {
      guard let print = record.fingerprint else { continue }
      guard let first = seen[print] else {
        seen[print] = (path, isTrain)
        continue
      }
      // The same path twice is reported elsewhere.
      if first.path != path {
        found.append(
          Twins(
            first: first.path, second: path, acrossParts: first.isTrain != isTrain,
            inTrain: isTrain))
      }
    }
    return found
  }
}

extension DataSetCheck.Part {
  init(_ list: ListFile, _ records: [PictureRecord], _ options: DataSetCheck.Options) {
    self.list = list.path
    pictures = list.count
    duplicates = list.duplicates().map {
      (list.pictures[$0.again], list.lines[$0.first], list.lines[$0.again])
    }
    let seen = ProblemLog()
    problems = seen.note(list.problems)
    let largestClass = records.joinedObjects.map(\.classIndex).max() ?? -1
    // Without cfg and names a class number may be anything: count the first thousands only.
    let classes = options.classes ?? max(options.names.count, min(largestClass + 1, 10_000))
    objectsOfClass = Array(repeating: 0, count: classes)
    picturesOfClass = objectsOfClass
    for (index, record) in records.enumerated() {
      problems += record.problems.filter { seen.note($0) }
      if let size = record.size {
        readable += 1
        note(size)
      }
      if record.hasLabels {
        if record.objects.isEmpty { withoutObjects += 1 } else { withObjects += 1 }
      }
      objects += record.objects.count
      if record.objects.count > mostObjects.count {
        mostObjects = (record.objects.count, list.pictures[index])
      }
      for object in record.objects where object.classIndex < classes {
        objectsOfClass[object.classIndex] += 1
      }
      for classIndex in Set(record.objects.map(\.classIndex)) where classIndex < classes {
        picturesOfClass[classIndex] += 1
      }
    }
  }

  private mutating func note(_ size: (width: Int, height: Int)) {
    if readable == 1 { (smallestPicture, largestPicture) = (size, size) }
    func area(_ size: (width: Int, height: Int)) -> Int { size.width * size.height }
    if area(size) < area(smallestPicture) { smallestPicture = size }
    if area(size) > area(largestPicture) { largestPicture = size }
  }
}

/// What was found about one line of a list.
struct PictureRecord: Sendable {
  struct Fingerprint: Hashable, Sendable {
    let bytes: Int
    let hash: UInt64
  }

  let path: String
  var fingerprint: Fingerprint?
  var size: (width: Int, height: Int)?
  var objects: [GroundTruth] = []
  var hasLabels = false
  /// Whether the picture notes that it is to be turned to be seen upright.
  var isTurned = false
  var problems: [DataProblem] = []

  init(_ path: String, _ options: DataSetCheck.Options) {
    self.path = path
    let classes = options.classes ?? (options.names.isEmpty ? nil : options.names.count)
    let labels = LabelFile(ofPicture: path, classes: classes, dialect: options.dialect)
    objects = labels.objects
    problems = labels.problems
    hasLabels = !problems.contains { $0.group == .missingLabels }
    do throws(ImageError) {
      let bitmap = try read(path, options.dialect)
      size = (bitmap.width, bitmap.height)
    } catch {
      // Where its labels are does not matter then.
      problems.removeAll { $0.group == .missingLabels }
      problems.append(DataProblem(path, .unreadablePicture(error.problem)))
    }
  }
}

extension PictureRecord {
  /// Decodes the file, and notes how its camera was turned and a number of its bytes by which
  /// copies are known.
  private mutating func read(_ path: String, _ dialect: Dialect) throws(ImageError) -> Bitmap {
    var limits = ImageFile.Limits()
    limits.follow(dialect)
    let file: LimitedFile
    do throws(LimitedFile.Failure) {
      file = try LimitedFile(path, firstPart: 4096)
      try file.readRest(limit: limits.fileBytes)
    } catch {
      throw ImageError(path, error, limit: limits.fileBytes)
    }
    let bitmap = try ImageFile.decode(file.bytes, name: path, limits: limits)
    isTurned = ImageFile.orientation(of: file.bytes) != .upright
    // FNV-1a over words of eight bytes: quick, and no two files of a data set meet by chance.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    let words = file.bytes.count / 8
    for word in 0..<words {
      hash =
        (hash ^ file.bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self))
        &* 0x0000_0100_0000_01B3
      hash ^= hash >> 29
    }
    for byte in file.bytes[(words * 8)...] { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    fingerprint = Fingerprint(bytes: file.bytes.count, hash: hash)
    return bitmap
  }
}

extension [PictureRecord] {
  var joinedObjects: some Sequence<GroundTruth> { lazy.flatMap(\.objects) }
}
