import DarknetSystem

/// Bytes of a text file in the making, with numbers as C's printf writes them.
///
/// `detector valid` writes millions of `%f`; those of float32 values are exact here without a call
/// of printf.
package struct TextBuffer: Sendable {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package var isEmpty: Bool { bytes.isEmpty }
  package var string: String { String(rawBytes: bytes) }

  /// Hands the bytes over and starts over, keeping the memory.
  package mutating func drain(into write: ([UInt8]) throws -> Void) rethrows {
    try write(bytes)
    bytes.removeAll(keepingCapacity: true)
  }

  package mutating func append(_ text: String) {
    text.appendOutsideBytes(to: &bytes)
  }

  package mutating func append(_ text: StaticString) {
    bytes.append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// `%d`
  package mutating func append(_ number: Int) {
    append(digits: number.magnitude, isNegative: number < 0, atLeast: 1)
  }

  /// `%f` of a float32, rounded like printf: half to even, of the exact value.
  package mutating func append(_ value: Float) {
    // 24 bits times 10^6 = 2^6 * 15625 (14 bits) fits in a double's 53, so the product is exact.
    let millionths = (Double(value) * 1_000_000).rounded(.toNearestOrEven)
    guard abs(millionths) < 9e18, let number = Int(exactly: millionths) else {
      return append(Double(value), decimals: 6)
    }
    let (whole, part) = number.magnitude.quotientAndRemainder(dividingBy: 1_000_000)
    append(digits: whole, isNegative: value.sign == .minus, atLeast: 1)
    bytes.append(UInt8(ascii: "."))
    append(digits: part, isNegative: false, atLeast: 6)
  }

  /// `%.*f`, not a number always as `-nan`, which is how x86 prints 0 / 0.
  package mutating func append(_ value: Double, decimals: Int) {
    guard !value.isNaN else { return append("-nan") }
    append(fixed(value, decimals: decimals))
  }

  private mutating func append(digits number: UInt, isNegative: Bool, atLeast width: Int) {
    if isNegative { bytes.append(UInt8(ascii: "-")) }
    let start = bytes.count
    var rest = number
    repeat {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    while bytes.count - start < width { bytes.append(UInt8(ascii: "0")) }
    bytes[start...].reverse()
  }
}
