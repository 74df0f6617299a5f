import DarknetData
import DarknetEvaluation
import DarknetGeometry
import DarknetImages
import DarknetText

/// Mean average precision of a detector on a list of labelled pictures: `detector map`, and what
/// `train -map` measures between two iterations.
///
///     let plan = InferencePlan(network, parameters: parameters, batch: 4)
///     let result = try DetectorEvaluation(of: HeadDecoder(plan), on: list).run()
package struct DetectorEvaluation {
  /// How it is measured.
  package struct Options: Sendable {
    /// Thresholds of the figures, and how the area under the curve is taken.
    package var map: MeanAveragePrecision.Options
    /// Whether pictures keep their proportions.
    package var letterbox: Bool
    /// Threshold inside class trees.
    package var hierarchyThreshold: Float = 0.5
    /// Which boxes are scored.
    package var selection = DetectorRun.Selection.map
    /// Further boxes for whoever looks at the pictures; their places begin at 1.
    package var moreSelections: [DetectorRun.Selection] = []
    /// Whether a list without any object is an error, as all figures would be 0 / 0.
    package var requiresObjects = true
    /// Asked between pictures; the figures are then those of the pictures so far.
    package var shouldStop: @Sendable () -> Bool = { false }

    /// What `detector map` does without flags.
    package init(map: MeanAveragePrecision.Options = .init(), letterbox: Bool = false) {
      self.map = map
      self.letterbox = letterbox
    }
  }

  /// A picture that was scored.
  package struct Scored: Sendable {
    /// The picture, its boxes and its objects.
    package let picture: DetectorRun.Picture
    /// Which box is which object.
    package let matches: PictureMatches
  }

  /// What happens on the way.
  package enum Event: Sendable {
    /// The next picture of the list.
    case scored(Scored)
    /// It could not be read, and is in no figure.
    case skipped(ImageError)
    /// Something is wrong with labels; the picture counts without the objects concerned.
    case problem(DataProblem)
  }

  /// What is measured.
  package let detector: HeadDecoder
  /// The pictures that it is measured on.
  package let list: ListFile
  /// For each of them one that leads to the labels of its difficult objects.
  package let difficult: ListFile?
  /// How it is measured.
  package let options: Options

  /// Nothing is read before `run`.
  ///
  /// - Parameter difficult: for each picture of `list` one that leads to the labels of its
  ///   difficult objects, which do not count as mistakes.
  /// - Throws: if `difficult` is of another length.
  package init(
    of detector: HeadDecoder, on list: ListFile, difficult: ListFile? = nil,
    options: Options = Options()
  ) throws(DataError) {
    if let difficult, difficult.count != list.count {
      throw .content(
        ConfigError(
          file: difficult.path, expected: "a line for each of the \(list.count) of \(list.path)",
          found: "\(difficult.count)", fix: "list the difficult labels in the same order"))
    }
    self.detector = detector
    self.list = list
    self.difficult = difficult
    self.options = options
  }

  /// Computes all pictures.
  ///
  /// - Parameter observe: sees every picture and every problem, in the order of the list.
  /// - Throws: `DataError` if not a single picture can be read or none of them has an object, and
  ///   what `observe` throws.
  package func run(
    observe: (Event) throws -> Void = { _ in }
  ) throws -> MeanAveragePrecision.Result {
    var runOptions = DetectorRun.Options(options.selection, letterbox: options.letterbox)
    runOptions.selections += options.moreSelections
    runOptions.hierarchyThreshold = options.hierarchyThreshold
    runOptions.shouldStop = options.shouldStop
    runOptions.labels = PictureFeed.Labels(
      classes: detector.classes, dialect: detector.plan.network.dialect,
      difficult: difficult?.pictures)
    var map = MeanAveragePrecision(classCount: detector.classes, options: options.map)
    // swift-format-ignore: ReplaceForEachWithForLoop
    try DetectorRun(detector, pictures: list.pictures, options: runOptions).forEach { event in
      switch event {
      case .picture(let picture):
        let matches = map.match(
          picture.detections[0], truths: picture.objects, difficult: picture.difficult)
        map.add(matches)
        try observe(.scored(Scored(picture: picture, matches: matches)))
      case .skipped(let error): try observe(.skipped(error))
      case .problem(let problem): try observe(.problem(problem))
      }
    }
    // The list may have been left early, before the first picture or object.
    guard !options.shouldStop() else { return map.result() }
    guard map.pictureCount > 0 else { throw list.nothingReadable }
    let result = map.result()
    if options.requiresObjects, result.counts.truths == 0, result.unknownTruths == 0 {
      throw list.nothingLabelled
    }
    return result
  }
}

extension ListFile {
  /// The error of a list of whose pictures none that could be read has an object.
  fileprivate var nothingLabelled: DataError {
    .content(
      ConfigError(
        file: path, expected: "pictures with labelled objects",
        found: "no object in \(path), which has \(count) picture\(count == 1 ? "" : "s")",
        fix: "label them, or run 'prn-darknet detector check' to see where labels are looked for"))
  }
}
