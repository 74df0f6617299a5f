import DarknetGeometry

/// Mean average precision and its companions, counted as AlexeyAB's `detector map` counts.
///
/// There are two ways of counting. For the *average precision* all claims of a class (see
/// `PictureMatches`) are ranked by probability, ties in the order they came; the first to take an
/// object finds it, the others are wrong. For the *counts at the confidence threshold* a claim
/// above it is a true positive unless any earlier claim of its picture, even one below the
/// threshold, took the same object. Difficult objects keep a claim out of the ranking only: above
/// the threshold it counts as a false positive, as it does there.
///
/// Objects of classes that the network does not have are left out, and counted.
public struct MeanAveragePrecision: Sendable {
  /// Thresholds, and how the area under the curve is taken.
  public struct Options: Hashable, Sendable {
    /// `-iou_thresh`: the overlap that has to be exceeded.
    public var iouThreshold: Float
    /// `-thresh`: the probability above which the counts are taken.
    public var confidenceThreshold: Float
    /// `-points`.
    public var area: PrecisionRecallCurve.Area

    /// The defaults of `detector map`.
    public init(
      iouThreshold: Float = 0.5, confidenceThreshold: Float = 0.25,
      area: PrecisionRecallCurve.Area = .exact
    ) {
      self.iouThreshold = iouThreshold
      self.confidenceThreshold = confidenceThreshold
      self.area = area
    }
  }

  /// Of the whole measurement.
  public let options: Options
  private var classes: [Tally]
  private var truthCount = 0
  /// Objects of classes that the network does not have.
  public private(set) var unknownTruths = 0
  /// Pictures that were counted in.
  public private(set) var pictureCount = 0

  /// What is gathered of a class.
  private struct Tally: Sendable {
    var scores: [Float] = []
    /// Number of the object among all, -1 for none.
    var objects: [Int] = []
    var truths = 0
    var truePositives = 0
    var falsePositives = 0
    var iouSum = 0.0
  }

  /// Nothing counted yet.
  public init(classCount: Int, options: Options = Options()) {
    self.options = options
    classes = Array(repeating: Tally(), count: classCount)
  }

  /// The part of `add` that may run on any thread.
  package func match(
    _ detections: DetectionSet, truths: [GroundTruth], difficult: [GroundTruth] = []
  ) -> PictureMatches {
    PictureMatches(
      detections, truths: truths, difficult: difficult, iouThreshold: options.iouThreshold)
  }

  /// Counts a picture in.
  package mutating func add(
    _ detections: DetectionSet, truths: [GroundTruth], difficult: [GroundTruth] = []
  ) {
    add(match(detections, truths: truths, difficult: difficult))
  }

  /// Counts a picture in. The order of pictures decides among equal probabilities.
  ///
  /// - Precondition: the matches are of detections of as many classes.
  package mutating func add(_ picture: PictureMatches) {
    for truth in picture.truths {
      if classes.indices.contains(truth.classIndex) {
        classes[truth.classIndex].truths += 1
      } else {
        unknownTruths += 1
      }
    }
    for claim in picture.claims {
      let number = claim.classIndex
      if !claim.isDifficult {
        classes[number].scores.append(claim.probability)
        classes[number].objects.append(claim.truth.map { truthCount + $0 } ?? -1)
      }
      guard claim.probability > options.confidenceThreshold else { continue }
      if claim.truth != nil, !claim.isRepeat {
        classes[number].truePositives += 1
        classes[number].iouSum += Double(claim.iou)
      } else {
        classes[number].falsePositives += 1
      }
    }
    truthCount += picture.truths.count
    pictureCount += 1
  }

  /// The figures of all pictures so far.
  public func result() -> Result {
    Result(
      options: options,
      classes: classes.enumerated().map { number, tally in
        let curve = Self.curve(tally)
        return ClassResult(
          classIndex: number, averagePrecision: curve.averagePrecision(options.area),
          counts: Counts(
            truePositives: tally.truePositives, falsePositives: tally.falsePositives,
            truths: tally.truths, iouSum: tally.iouSum),
          curve: curve)
      }, pictureCount: pictureCount, unknownTruths: unknownTruths)
  }

  private static func curve(_ tally: Tally) -> PrecisionRecallCurve {
    let order = tally.scores.indices.sorted { a, b in
      tally.scores[a] == tally.scores[b] ? a < b : tally.scores[a] > tally.scores[b]
    }
    var found = Set<Int>()
    return PrecisionRecallCurve(
      scores: order.map { tally.scores[$0] },
      isTruePositive: order.map {
        tally.objects[$0] >= 0 && found.insert(tally.objects[$0]).inserted
      }, truthCount: tally.truths)
  }
}

extension MeanAveragePrecision {
  /// What is found, wrong and missed at the confidence threshold.
  public struct Counts: Hashable, Sendable {
    /// Claims above the threshold that found an object.
    public var truePositives: Int
    /// Claims above the threshold that found none.
    public var falsePositives: Int
    /// Labelled objects.
    public var truths: Int
    /// Sum of the overlaps of the true positives.
    public var iouSum: Double

    /// Objects that no claim above the threshold found.
    public var falseNegatives: Int { truths - truePositives }
    /// NaN if nothing passes the threshold.
    public var precision: Double {
      Double(truePositives) / Double(truePositives + falsePositives)
    }
    /// NaN if there are no objects.
    public var recall: Double { Double(truePositives) / Double(truths) }
    /// Harmonic mean of precision and recall; NaN if either is or both are 0.
    public var f1: Double { 2 * precision * recall / (precision + recall) }
    /// Sum of the overlaps over *all* that pass the threshold, wrong ones included; 0 if none.
    public var averageIoU: Double {
      let all = truePositives + falsePositives
      return all > 0 ? iouSum / Double(all) : 0
    }

    static func + (a: Counts, b: Counts) -> Counts {
      Counts(
        truePositives: a.truePositives + b.truePositives,
        falsePositives: a.falsePositives + b.falsePositives, truths: a.truths + b.truths,
        iouSum: a.iouSum + b.iouSum)
    }
  }

  /// The figures of a class.
  public struct ClassResult: Sendable {
    /// From 0.
    public var classIndex: Int
    /// 0...1.
    public var averagePrecision: Double
    /// At the confidence threshold.
    public var counts: Counts
    /// Ranking, with every threshold's precision and recall.
    public var curve: PrecisionRecallCurve
  }

  /// The figures of a measurement.
  public struct Result: Sendable {
    /// What it was made with.
    public var options: Options
    /// One a class, in order.
    public var classes: [ClassResult]
    /// Pictures that were counted in.
    public var pictureCount: Int
    /// Objects of classes that the network does not have; they are in no other number.
    public var unknownTruths: Int

    /// Mean over all classes, also those without objects, which have 0.
    public var meanAveragePrecision: Double {
      classes.isEmpty
        ? 0 : classes.reduce(0) { $0 + $1.averagePrecision } / Double(classes.count)
    }

    /// Counts of all classes together.
    public var counts: Counts {
      classes.reduce(Counts(truePositives: 0, falsePositives: 0, truths: 0, iouSum: 0)) {
        $0 + $1.counts
      }
    }

    /// Claims that are ranked.
    public var detectionCount: Int { classes.reduce(0) { $0 + $1.curve.scores.count } }
  }
}
