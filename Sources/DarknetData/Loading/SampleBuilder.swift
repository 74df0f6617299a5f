import DarknetGeometry
import DarknetImages
import DarknetTensors
import DarknetText

/// Makes the rows of batches: draws pictures, decodes, varies and paints them.
///
/// A row depends on the seed, the iteration and its number in the iteration only, not on the
/// thread that makes it nor on how the iteration is cut into batches.
struct SampleBuilder: Sendable {
  let configuration: BatchLoader.Configuration
  let store: PictureStore

  init(_ configuration: BatchLoader.Configuration) {
    self.configuration = configuration
    store = PictureStore(
      configuration.list, channels: configuration.channels, cacheBytes: configuration.cacheBytes,
      limits: configuration.readingLimits)
  }

  enum Truth {
    case boxes([GroundTruth])
    case classShares([Float])
  }

  struct Row {
    var picture: Int
    var truth: Truth
    var problems: [DataProblem]
  }

  /// Paints row `number` of an iteration into `target`.
  ///
  /// - Throws: `DataError` if no picture of the list can be read.
  func make(
    _ number: Int, ofIteration iteration: Int, into target: PlaneTarget
  ) throws(DataError) -> Row {
    let seed = configuration.seed
    // Both rows of a pair draw the same picture.
    let drawn = configuration.pairs ? number / 2 * 2 : number
    var random = RandomStream.samples.generator(seed: seed, iteration, drawn)
    var variation: Random?
    if configuration.sequences != nil {
      // Frames that pass through the network together are varied alike.
      let part = number / configuration.imagesPerBatch
      variation = RandomStream.sequenceVariations.generator(seed: seed, iteration, part)
    } else if configuration.pairs {
      variation = RandomStream.pairVariations.generator(seed: seed, iteration, number)
    }

    var problems: [DataProblem] = []
    var picture: Int?
    var isFirst = true
    func draw(_ random: inout Random) throws(DataError) -> (index: Int, bitmap: Bitmap) {
      let wanted =
        picture == nil && isFirst
        ? first(number, ofIteration: iteration, &random)
        : random.below(configuration.list.count)
      let found = store.picture(
        at: wanted, random: { random.below(configuration.list.count) },
        report: { if configuration.log.note($0) { problems.append($0) } })
      guard let found else { throw configuration.list.nothingReadable }
      if picture == nil { picture = found.index }
      return found
    }
    let truth: Truth
    switch configuration.task {
    case .detection(let augmentation, let classes):
      truth = .boxes(
        try augmentation.compose(into: target, random: &random, variation: variation) {
          (random: inout Random) throws(DataError) -> LabelledPicture in
          // A picture whose objects are not known would teach that there are none.
          for _ in 0..<16 {
            let before = picture
            let (index, bitmap) = try draw(&random)
            let labels = store.labels(
              at: index, classes: classes, dialect: configuration.dialect)
            problems += configuration.log.note(labels.problems)
            if labels.isUsable { return LabelledPicture(bitmap, labels.objects) }
            if before == nil { (picture, isFirst) = (nil, false) }
          }
          throw noLabels
        })
    case .classification(let augmentation, let labels):
      truth = .classShares(
        try augmentation.compose(into: target, random: &random) {
          (random: inout Random) throws(DataError) -> (bitmap: Bitmap, truth: [Float]) in
          let (index, bitmap) = try draw(&random)
          let path = configuration.list.pictures[index]
          let classes = labels.classes(ofPicture: path)
          if classes.count != 1 {
            let problem = DataProblem(path, .labelsInPath(classes.count))
            if configuration.log.note(problem) { problems.append(problem) }
          }
          return (bitmap, labels.row(classes, smoothing: augmentation.options.labelSmoothing))
        })
    }
    return Row(picture: picture ?? 0, truth: truth, problems: problems)
  }

  /// The place in the list that a row's first picture is drawn from: uniform with replacement, or
  /// the row's frame of a sequence.
  private func first(
    _ number: Int, ofIteration iteration: Int, _ random: inout Random
  ) -> Int {
    let count = configuration.list.count
    guard let sequences = configuration.sequences else { return random.below(count) }
    var draws = RandomStream.sequenceStarts.generator(seed: configuration.seed, iteration)
    let speed = draws.int(1, sequences.speed)
    let row = configuration.pairs ? number / 2 * 2 : number
    let (stream, step) = (row % sequences.streams, row / sequences.streams)
    var start = 0
    for _ in 0...stream { start = draws.below(count) }
    return (start + step * speed) % count
  }

  private var noLabels: DataError {
    .content(
      ConfigError(
        file: configuration.list.path, expected: "label files that can be read",
        found: "16 pictures in a row without", fix: "check the disk and the labels' folder"))
  }
}
