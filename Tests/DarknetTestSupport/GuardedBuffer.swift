import DarknetTensors

/// Memory between two rows of sentinels, so that a pass that writes past its end is found out.
///
/// It starts as NaN: values that are read before they were written show in every result.
package final class GuardedBuffer {
  private static let margin = 16
  private static let sentinel = Float(bitPattern: 0x7FC0_BEEF)

  private let memory: FloatBuffer
  package let count: Int

  package init(count: Int, filledWith value: Float = .nan) {
    self.count = count
    memory = FloatBuffer(count: count + 2 * Self.margin)
    memory.values.update(repeating: Self.sentinel)
    values.update(repeating: value)
  }

  package convenience init(_ values: [Float]) {
    self.init(count: values.count)
    self.array = values
  }

  package var pointer: UnsafeMutablePointer<Float> { memory.pointer + Self.margin }

  package var values: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }

  package var array: [Float] {
    get { Array(values) }
    set {
      precondition(newValue.count == count, "expected \(count) values, found \(newValue.count)")
      _ = values.update(fromContentsOf: newValue)
    }
  }

  /// Whether nobody wrote outside.
  package var isIntact: Bool {
    let ends = memory.values.prefix(Self.margin) + memory.values.suffix(Self.margin)
    return ends.allSatisfy { $0.bitPattern == Self.sentinel.bitPattern }
  }
}
