/// Compares gradients with central differences.
///
/// The loss is a sum over float32 outputs, taken in double. Every value of every tensor is moved
/// by ±h and ±h/2, and Richardson's (4 D(h/2) - D(h)) / 3 removes the h^2 term. With h = 1/32 and
/// values near 1 what is left is float32 rounding, about 2^-24 / h = 2e-6, and h^4 / 120 of the
/// fifth derivative, about 1e-8: hence tolerances of 1e-4 for single layers.
///
/// A kink between the two points (relu, maxima) spoils the larger steps; then 1/128, 1/512 and
/// 1/2048 get their turn. A wrong formula is as wrong with each of them, a kink that lies within
/// 1/2048 of a random value is rare.
package enum GradientCheck {
  /// The worst error of one tensor.
  package struct Worst: CustomStringConvertible, Comparable, Sendable {
    package var tensor: String
    package var index: Int
    package var analytic: Double
    package var numeric: Double
    package var error: Double

    package var description: String {
      "\(tensor)[\(index)]: found \(analytic), expected \(numeric), error \(error)"
    }

    package static func < (a: Worst, b: Worst) -> Bool { a.error < b.error }
  }

  /// The worst error over one tensor: |gradient - slope| / max(|gradient|, |slope|, a tenth of the
  /// tensor's largest gradient).
  ///
  /// - Parameters:
  ///   - values: what is moved.
  ///   - gradient: the claimed slopes.
  ///   - largestStep: h of the first try. Larger ones suit chains of smooth functions, whose small
  ///     slopes drown in rounding.
  ///   - smallestStep: the last of the steps tried; `largestStep` tries no other.
  ///   - stride: every so many-th value is tried, for large tensors.
  ///   - loss: the loss between two settings: called after `values` changed.
  package static func worst(
    _ tensor: String, of values: UnsafeMutableBufferPointer<Float>, gradient: [Float],
    tolerance: Double = 1e-4, largestStep: Float = 1 / 32, smallestStep: Float = 1 / 2048,
    stride: Int = 1,
    difference: (_ move: (Float) -> Void, _ h: Float) -> Double
  ) -> Worst {
    precondition(values.count == gradient.count, "\(tensor) has another size than its gradient")
    var largest = 1e-6
    for g in gradient { largest = max(largest, abs(Double(g))) }
    var worst = Worst(tensor: tensor, index: 0, analytic: 0, numeric: 0, error: 0)
    for index in Swift.stride(from: 0, to: values.count, by: stride) {
      let old = values[index]
      let analytic = Double(gradient[index])
      func slope(_ h: Float) -> Double {
        // Float32 rounds old + h: divide by the way that was really gone.
        let way = Double(old + h) - Double(old - h)
        return difference({ values[index] = old + $0 }, h) / way
      }
      var best = Worst(
        tensor: tensor, index: index, analytic: analytic, numeric: 0, error: .infinity)
      var h = largestStep
      while h >= smallestStep, !(best.error <= tolerance / 2) {
        let numeric = (4 * slope(h / 2) - slope(h)) / 3
        let scale = max(abs(analytic), abs(numeric), largest / 10)
        let error = abs(analytic - numeric) / scale
        if error < best.error { (best.numeric, best.error) = (numeric, error) }
        h /= 4
      }
      values[index] = old
      if !analytic.isFinite { best.error = .infinity }
      if best.error > worst.error { worst = best }
    }
    return worst
  }

  /// How far a tensor's gradient is from the slopes, as a whole.
  package struct Deviation: Sendable {
    package var worst: Worst
    /// Values that were moved.
    package var tried = 0
    /// Of them those next to a kink, which are left out. Many of them hide a wrong formula: whoever
    /// asks must limit their share.
    package var atKinks = 0

    package init(_ tensor: String) {
      worst = Worst(tensor: tensor, index: 0, analytic: 0, numeric: 0, error: 0)
    }

    /// Of several tensors.
    package mutating func add(_ other: Deviation) {
      if other.worst > worst { worst = other.worst }
      tried += other.tried
      atKinks += other.atKinks
    }
  }

  /// How far a tensor's gradient is from the slopes, as a whole: |gradient - slopes| over the larger
  /// of both lengths. In a chain of float32 layers single slopes are drowned by rounding, or lie at
  /// a kink; a wrong formula is wrong in most of them.
  ///
  /// - Parameters:
  ///   - stride: every so many-th value is tried.
  ///   - noise: the loss's own rounding error. Slopes that are smaller than what it makes of a
  ///     difference, noise / h, cannot be told from 0.
  package static func deviation(
    _ tensor: String, of values: UnsafeMutableBufferPointer<Float>, gradient: [Float],
    stride: Int, noise: Double, tolerance: Double,
    difference: (_ move: (Float) -> Void, _ h: Float) -> Double
  ) -> Deviation {
    var result = Deviation(tensor)
    var (squares, claimed, seen, unseen) = (0.0, 0.0, 0.0, 0.0)
    for index in Swift.stride(from: 0, to: values.count, by: stride) {
      let old = values[index]
      let analytic = Double(gradient[index])
      result.tried += 1
      guard analytic.isFinite else {
        result.worst = Worst(
          tensor: tensor, index: index, analytic: analytic, numeric: 0, error: .infinity)
        return result
      }
      var (best, bestStep) = (Double.infinity, 1.0)
      for h: Float in [1 / 32, 1 / 128, 1 / 512, 1 / 2048] {
        let way = Double(old + h) - Double(old - h)
        let numeric = difference({ values[index] = old + $0 }, h) / way
        if abs(numeric - analytic) < abs(best - analytic) { (best, bestStep) = (numeric, way) }
      }
      // Slopes that differ on both sides are those of a kink next to the value, which no formula
      // gives; one that is wrong would not make them differ.
      let h: Float = 1 / 2048
      let above = difference({ values[index] = old + h / 2 + $0 }, h / 2)
      let below = difference({ values[index] = old - h / 2 + $0 }, h / 2)
      values[index] = old
      let isKink =
        abs(above - below) > tolerance / 4 * max(abs(above), abs(below)) + 2 * noise
      if isKink, abs(best - analytic) > tolerance / 4 * abs(best) {
        result.atKinks += 1
        continue
      }
      squares += (best - analytic) * (best - analytic)
      claimed += analytic * analytic
      seen += best * best
      unseen += noise / bestStep * (noise / bestStep)
    }
    let floor = unseen.squareRoot() / tolerance
    let scale = max(claimed.squareRoot(), seen.squareRoot(), floor)
    result.worst.analytic = claimed.squareRoot()
    result.worst.numeric = seen.squareRoot()
    result.worst.error = scale > 0 ? squares.squareRoot() / scale : 0
    return result
  }

  // MARK: Against double precision

  /// Central differences of a function in double: `loss(index, change)` is its value with the
  /// index-th variable moved.
  package static func slopes(
    _ count: Int, of loss: (_ index: Int, _ change: Double) -> Double
  ) -> [Double] {
    let h = 1e-6
    return (0..<count).map { (loss($0, h) - loss($0, -h)) / (2 * h) }
  }

  /// The worst error of a tensor, relative to each value or to a tenth of the largest.
  package static func worst(_ tensor: String, _ found: [Float], _ expected: [Double]) -> Worst {
    precondition(found.count == expected.count, "\(tensor) has another size than it should")
    let largest = expected.reduce(1e-6) { max($0, abs($1)) }
    var worst = Worst(tensor: tensor, index: 0, analytic: 0, numeric: 0, error: 0)
    for (index, (a, b)) in zip(found, expected).enumerated() {
      var error = abs(Double(a) - b) / max(abs(Double(a)), abs(b), largest / 10)
      if !error.isFinite { error = .infinity }
      if error > worst.error {
        worst = Worst(tensor: tensor, index: index, analytic: Double(a), numeric: b, error: error)
      }
    }
    return worst
  }
}
