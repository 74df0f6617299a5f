import DarknetTensors

/// A batch of maps in double, [N, C, H, W]: what layers' formulas are written down with in tests.
package struct Maps: Sendable {
  package let shape: Shape
  package let batch: Int
  package var values: [Double]

  package init(_ shape: Shape, batch: Int, values: [Double]) {
    precondition(values.count == batch * shape.count)
    (self.shape, self.batch, self.values) = (shape, batch, values)
  }

  /// Maps whose value at (n, c, y, x) is `value(n, c, y, x)`.
  package init(
    _ shape: Shape, batch: Int, _ value: (_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Double
  ) {
    (self.shape, self.batch) = (shape, batch)
    values = []
    values.reserveCapacity(batch * shape.count)
    for n in 0..<batch {
      for c in 0..<shape.channels {
        for y in 0..<shape.height {
          for x in 0..<shape.width { values.append(value(n, c, y, x)) }
        }
      }
    }
  }

  package subscript(n: Int, c: Int, y: Int, x: Int) -> Double {
    values[x + shape.width * (y + shape.height * (c + shape.channels * n))]
  }

  /// The value at a place that may lie outside of the map, where there is nil.
  package func inside(_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Double? {
    guard y >= 0, y < shape.height, x >= 0, x < shape.width else { return nil }
    return self[n, c, y, x]
  }

  /// Every value through `f`.
  package func map(_ f: (Double) -> Double) -> Maps {
    Maps(shape, batch: batch, values: values.map(f))
  }
}
