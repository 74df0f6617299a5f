import DarknetConfig
import DarknetData
import DarknetGeometry
import DarknetImages
import DarknetKernels
import DarknetNetwork

/// Runs a detector over a list of pictures: decodes and resizes ahead, computes as many pictures
/// at once as the plan's batch, and hands the boxes over in the order of the list.
///
/// All figures and files of `detector map`, `valid` and `recall` come from this.
package struct DetectorRun {
  /// Which of a picture's boxes are wanted.
  package struct Selection: Hashable, Sendable {
    /// Smallest probability; for `byObjectness` smallest objectness.
    package var threshold: Float
    /// Overlap that suppression tolerates.
    package var overlap: Float
    /// Suppress whole boxes by their objectness, as `detector recall` does.
    package var isByObjectness: Bool

    /// Of classes, unless it is said otherwise.
    package init(threshold: Float, overlap: Float, isByObjectness: Bool = false) {
      self.threshold = threshold
      self.overlap = overlap
      self.isByObjectness = isByObjectness
    }

    /// What `detector map` looks at.
    package static let map = Selection(threshold: 0.005, overlap: 0.45)
    /// What `detector valid` writes.
    package static func valid(_ dialect: Dialect) -> Selection {
      dialect == .pjreddie
        ? Selection(threshold: 0.005, overlap: 0.45) : Selection(threshold: 0.001, overlap: 0.6)
    }
    /// What `detector recall` looks at.
    package static let recall = Selection(threshold: 0.001, overlap: 0.4, isByObjectness: true)
  }

  /// How the pictures are looked at.
  package struct Options: Sendable {
    /// At least one.
    package var selections: [Selection]
    /// Whether pictures keep their proportions.
    package var letterbox = false
    /// Threshold inside class trees.
    package var hierarchyThreshold: Float = 0.5
    /// Which label files are read along; nil for none.
    package var labels: PictureFeed.Labels?
    /// Threads that decode; nil for as many as there are processors.
    package var decodingThreads: Int?
    /// Asked before each batch; the run ends when it says true, with the pictures so far.
    package var shouldStop: @Sendable () -> Bool = { false }

    /// Without labels; all processors decode, nothing stops the run.
    package init(_ selections: Selection..., letterbox: Bool = false) {
      self.selections = selections
      self.letterbox = letterbox
    }
  }

  /// A picture with its boxes.
  package struct Picture: Sendable {
    /// Place in the list.
    package let index: Int
    /// As the list has it.
    package let path: String
    /// Of the upright picture, in pixels.
    package let width: Int
    /// Of the upright picture, in pixels.
    package let height: Int
    /// One set a selection, in parts of the picture.
    package let detections: [DetectionSet]
    /// The labelled objects, in parts of the picture; none unless labels are read.
    package let objects: [GroundTruth]
    /// Those that do not count as mistakes.
    package let difficult: [GroundTruth]
  }

  /// What happens on the way.
  package enum Event: Sendable {
    /// The next picture of the list.
    case picture(Picture)
    /// It could not be read, and is in no figure.
    case skipped(ImageError)
    /// Something is wrong with labels; the picture counts without the objects concerned.
    case problem(DataProblem)
  }

  /// The network, and how its heads are read.
  package let detector: HeadDecoder
  /// Paths, in the order in which they are looked at.
  package let pictures: [String]
  /// How they are looked at.
  package let options: Options

  /// Nothing is read before `forEach`.
  ///
  /// - Precondition: there is a selection.
  package init(_ detector: HeadDecoder, pictures: [String], options: Options) {
    precondition(!options.selections.isEmpty, "nothing is selected")
    self.detector = detector
    self.pictures = pictures
    self.options = options
  }

  /// How many pictures a plan should compute at once to be fast: more use all processors better
  /// in layers of small maps. A network that remembers earlier pictures takes one at a time.
  package static func batch(for network: Network) -> Int {
    let hasState = network.nodes.contains { $0.layer.stateCount(streams: 1) > 0 }
    return hasState ? 1 : 4
  }

  /// Calls `body` for every picture, in the order of the list, from this thread.
  package func forEach(_ body: (Event) throws -> Void) rethrows {
    let feed = PlanFeed(
      detector.plan, pictures: pictures, fit: options.letterbox ? .letterbox : .stretch,
      labels: options.labels, threads: options.decodingThreads)
    while !options.shouldStop(), let (items, batch) = feed.next() {
      let sets = batch.isEmpty ? [] : detections(of: batch)
      try report(items, batch, sets, body)
    }
  }

  /// Runs the plan and decodes its heads.
  private func detections(of batch: [PictureFeed.Picture]) -> [[DetectionSet]] {
    let shape = detector.plan.network.inputShape
    detector.plan.run()
    var sets = [[DetectionSet]](repeating: [], count: batch.count)
    sets.withUnsafeMutableBufferPointer { sets in
      detector.plan.context.run(batch.count) { image in
        let frame = LetterboxTransform(
          pictureWidth: batch[image].width, pictureHeight: batch[image].height,
          networkWidth: shape.width, networkHeight: shape.height, letterbox: options.letterbox)
        sets[image] = options.selections.map { selection in
          detector.detections(
            selection, image: image, hierarchyThreshold: options.hierarchyThreshold, frame: frame)
        }
      }
    }
    return sets
  }

  private func report(
    _ items: [PictureFeed.Item], _ batch: [PictureFeed.Picture], _ sets: [[DetectionSet]],
    _ body: (Event) throws -> Void
  ) rethrows {
    var next = 0
    for item in items {
      for problem in item.problems { try body(.problem(problem)) }
      if case .failure(let error) = item.picture {
        try body(.skipped(error))
        continue
      }
      try body(
        .picture(
          Picture(
            index: item.index, path: item.path, width: batch[next].width,
            height: batch[next].height, detections: sets[next], objects: item.objects,
            difficult: item.difficult)))
      next += 1
    }
  }
}

extension HeadDecoder {
  /// The boxes of one image of the last run that a selection asks for.
  package func detections(
    _ selection: DetectorRun.Selection, image: Int = 0, hierarchyThreshold: Float = 0.5,
    frame: LetterboxTransform
  ) -> DetectionSet {
    guard selection.isByObjectness else {
      return detections(
        image: image, threshold: selection.threshold, hierarchyThreshold: hierarchyThreshold,
        overlap: selection.overlap, frame: frame)
    }
    var set = detections(
      image: image, threshold: selection.threshold, hierarchyThreshold: hierarchyThreshold,
      overlap: nil, frame: frame)
    NonMaximumSuppression(threshold: selection.overlap).applyByObjectness(to: &set)
    return set
  }
}
