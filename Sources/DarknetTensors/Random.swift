#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A seeded generator (SplitMix64, Steele, Lea and Flood 2014): the same seed gives the same
/// numbers on every machine.
///
/// Inlinable, since it fills all weights of a network before its first image.
package struct Random: RandomNumberGenerator, Sendable {
  @usableFromInline var state: UInt64

  @inlinable package init(seed: UInt64) { state = seed }

  @inlinable package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1), with 24 random bits.
  @inlinable package mutating func unit() -> Double { Double(next() >> 40) / 16_777_216 }

  /// Uniform in [low, high), rounded once to float32.
  @inlinable package mutating func uniform(_ low: Double, _ high: Double) -> Float {
    Float(low + (high - low) * unit())
  }

  /// Standard normal (Box and Muller).
  package mutating func normal() -> Double {
    let radius = (-2 * log(max(unit(), 1e-12))).squareRoot()
    return radius * cos(2 * Double.pi * unit())
  }

  /// A whole number in 0..<bound.
  @inlinable package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// An independent generator, for a worker or an item with a number of its own.
  package func split(_ stream: UInt64) -> Random {
    var child = Random(seed: state ^ (stream &* 0xD134_2543_DE82_EF95))
    _ = child.next()
    return child
  }
}
