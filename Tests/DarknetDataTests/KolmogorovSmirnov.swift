import DarknetTestSupport
import Foundation

/// The two-sample test of Kolmogorov and Smirnov.
enum KolmogorovSmirnov {
  /// The largest distance of the two distribution functions.
  ///
  /// - Parameter tolerance: values that differ by no more count as equal: the distance is that to
  ///   the nearest pair of functions whose values are moved by so much.
  static func distance(_ first: [Float], _ second: [Float], tolerance: Float = 0) -> Double {
    let (a, b) = (first.sorted(), second.sorted())
    return max(excess(a, b, tolerance), excess(b, a, tolerance))
  }

  /// The most by which the share of `a` up to a value exceeds that of `b` up to the value and the
  /// tolerance.
  private static func excess(_ a: [Float], _ b: [Float], _ tolerance: Float) -> Double {
    var (most, below) = (0.0, 0)
    for (i, value) in a.enumerated() {
      while below < b.count, b[below] <= value + tolerance { below += 1 }
      most = max(most, Double(i + 1) / Double(a.count) - Double(below) / Double(b.count))
    }
    return most
  }

  /// The distance that samples of one distribution exceed with a probability of `alpha` (Smirnov's
  /// limit for large samples; for values that occur several times it is less probable).
  static func critical(_ n: Int, _ m: Int, alpha: Double) -> Double {
    (-log(alpha / 2) / 2 * Double(n + m) / Double(n * m)).squareRoot()
  }
}
