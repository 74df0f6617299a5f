/// What becomes of a class' precision and recall as its detections are accepted one by one, most
/// probable first.
///
/// Point `i` accepts detections 0...i: precision is the share of them that found an object,
/// recall the share of all objects found.
public struct PrecisionRecallCurve: Sendable {
  /// Probability of the detection that each point accepts last, descending.
  public let scores: [Float]
  /// Whether that detection found an object that none before it had found.
  public let isTruePositive: [Bool]
  /// Objects there are.
  public let truthCount: Int
  /// Share of right ones among the first claims, down to each, 0...1.
  public let precision: [Double]
  /// Share of the objects that the first claims found, down to each, 0...1.
  public let recall: [Double]

  /// - Precondition: both arrays are of one length, and not more are found than there are.
  public init(scores: [Float], isTruePositive: [Bool], truthCount: Int) {
    precondition(scores.count == isTruePositive.count, "a flag for each score")
    self.scores = scores
    self.isTruePositive = isTruePositive
    self.truthCount = truthCount
    var found = 0
    var precision: [Double] = []
    var recall: [Double] = []
    precision.reserveCapacity(scores.count)
    recall.reserveCapacity(scores.count)
    for (index, hit) in isTruePositive.enumerated() {
      found += hit ? 1 : 0
      precision.append(Double(found) / Double(index + 1))
      recall.append(truthCount > 0 ? Double(found) / Double(truthCount) : 0)
    }
    precondition(found <= truthCount, "\(found) objects found of \(truthCount)")
    self.precision = precision
    self.recall = recall
  }

  /// Whether nothing is ranked.
  public var isEmpty: Bool { scores.isEmpty }

  /// Harmonic mean of precision and recall at each point; 0 where both are.
  public var f1: [Double] {
    zip(precision, recall).map { $0 + $1 > 0 ? 2 * $0 * $1 / ($0 + $1) : 0 }
  }

  /// The highest precision at each point or after it: precision as a falling function of recall.
  public var envelope: [Double] {
    var result = precision
    for index in result.indices.dropLast().reversed() {
      result[index] = max(result[index], result[index + 1])
    }
    return result
  }

  /// The point of the highest F1, or nil if nothing is ever found. Detections of the same
  /// probability cannot be told apart by a threshold, so only the last of them is a candidate.
  public var best: Best? {
    var best: Best?
    for (index, f1) in f1.enumerated() where f1 > best?.f1 ?? 0 {
      if index + 1 < scores.count, scores[index + 1] == scores[index] { continue }
      best = Best(
        threshold: scores[index], f1: f1, precision: precision[index], recall: recall[index])
    }
    return best
  }

  /// The threshold at which a class does best: accept probabilities at or above it.
  public struct Best: Hashable, Sendable {
    /// Probability of the last claim that counts.
    public var threshold: Float
    /// Harmonic mean of precision and recall there.
    public var f1: Double
    /// 0...1.
    public var precision: Double
    /// 0...1.
    public var recall: Double
  }

  /// How the area under the curve is measured; Darknet's `-points`.
  public enum Area: Hashable, Sendable {
    /// The exact area below the envelope, as PASCAL VOC 2010 and later: `-points 0`.
    case exact
    /// The mean of the envelope at this many recalls from 0 to 1, evenly spread: 11 in PASCAL VOC
    /// 2007, 101 in COCO.
    case points(Int)

    /// From the value of `-points`; nil if it is negative or 1, which would be no range.
    public init?(points: Int) {
      guard points == 0 || points > 1 else { return nil }
      self = points == 0 ? .exact : .points(points)
    }
  }

  /// Average precision, in 0...1; 0 without detections or without objects.
  public func averagePrecision(_ area: Area) -> Double {
    let envelope = envelope
    switch area {
    case .exact:
      var sum = 0.0
      var before = 0.0
      for (recall, precision) in zip(recall, envelope) {
        sum += (recall - before) * precision
        before = recall
      }
      return sum
    case .points(let count):
      var sum = 0.0
      var index = 0
      for point in 0..<count {
        // Not point * (1 / (count - 1)): that misses recalls that are equal.
        let level = Double(point) / Double(count - 1)
        while index < recall.count, recall[index] < level { index += 1 }
        guard index < recall.count else { break }
        sum += envelope[index]
      }
      return sum / Double(count)
    }
  }
}
