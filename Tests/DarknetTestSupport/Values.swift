import DarknetTensors

/// Reproducible test values.
package enum Values {
  /// Uniform in `range`, the same for the same seed on every machine.
  package static func random(
    _ count: Int, seed: UInt64, in range: ClosedRange<Double> = -1...1
  ) -> [Float] {
    var random = Random(seed: seed)
    return (0..<count).map { _ in random.uniform(range.lowerBound, range.upperBound) }
  }

  /// `first`, `first + 1`, ...
  package static func count(_ count: Int, from first: Float = 1) -> [Float] {
    (0..<count).map { first + Float($0) }
  }
}

/// A shape in the order in which tests think of it: [C, H, W].
package func shape(_ channels: Int, _ height: Int, _ width: Int) -> Shape {
  Shape(channels: channels, height: height, width: width)
}

/// Largest |a - b| / (1 + |b|); infinite if the counts differ or a value is no number.
package func deviation(_ a: [Float], from b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  var worst: Float = 0
  for (x, y) in zip(a, b) {
    let error = abs(x - y) / (1 + abs(y))
    worst = error.isNaN ? .infinity : max(worst, error)
  }
  return worst
}

/// Largest |a - b| over the largest |b|; infinite if the counts differ or a value is no number.
package func deviationFromLargest(_ a: [Float], from b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  var (worst, largest): (Float, Float) = (0, 1e-20)
  for (x, y) in zip(a, b) {
    worst = (x - y).isNaN ? .infinity : max(worst, abs(x - y))
    largest = max(largest, abs(y))
  }
  return worst / largest
}
