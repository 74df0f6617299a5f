import DarknetGraph

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What `Arithmetic.reference` computes.
enum ReferenceOrder {
  /// A local sum: four lanes, then the rest.
  @inline(__always)
  static func laneSum(_ count: Int, _ term: (Int) -> Float) -> Float {
    var (a, b, c, d): (Float, Float, Float, Float) = (0, 0, 0, 0)
    var i = 0
    while i &+ 4 <= count {
      a += term(i)
      b += term(i &+ 1)
      c += term(i &+ 2)
      d += term(i &+ 3)
      i &+= 4
    }
    var sum = (a + c) + (b + d)
    while i < count {
      sum += term(i)
      i &+= 1
    }
    return sum
  }

  /// `Matrix.multiply` in order.
  static func multiply(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, alpha: Float,
    a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int, beta: Float,
    c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    for i in 0..<m {
      let row = c + i * ldc
      for j in 0..<n { row[j] = beta == 0 ? 0 : row[j] * beta }
      for j in 0..<(transposeB ? n : 0) {
        row[j] += laneSum(k) { p in
          alpha * (transposeA ? a[p * lda + i] : a[i * lda + p]) * b[j * ldb + p]
        }
      }
      for p in 0..<(transposeB ? 0 : k) {
        let factor = alpha * (transposeA ? a[p * lda + i] : a[i * lda + p])
        let other = b + p * ldb
        for j in 0..<n { row[j] += factor * other[j] }
      }
    }
  }

  /// The activations that the reference computes in double; false for the others.
  static func apply(
    _ activation: Activation, _ values: UnsafeMutablePointer<Float>, _ count: Int
  ) -> Bool {
    switch activation {
    case .leaky:
      for i in 0..<count where !(values[i] > 0) { values[i] = Float(0.1 * Double(values[i])) }
    case .logistic:
      for i in 0..<count { values[i] = Float(1 / (1 + exp(-Double(values[i])))) }
    default: return false
    }
    return true
  }
}
