import CKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Elementary operations on runs of float32 values. Pointers need no alignment; ranges may not
/// overlap unless they are the same.
package enum Vector {
  /// y = x
  package static func copy(
    _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int
  ) {
    memcpy(y, x, count * MemoryLayout<Float>.stride)
  }

  /// x = value
  package static func fill(_ x: UnsafeMutablePointer<Float>, with value: Float, count: Int) {
    x.update(repeating: value, count: count)
  }

  /// y += x
  package static func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int)
  {
    kernels.pointee.add(y, x, count)
  }

  /// y += a x
  package static func axpy(
    _ a: Float, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int
  ) {
    kernels.pointee.axpy(y, x, a, count)
  }

  /// x = a x + shift
  package static func scale(
    _ x: UnsafeMutablePointer<Float>, by a: Float, adding shift: Float = 0, count: Int
  ) {
    kernels.pointee.affine(x, a, shift, count)
  }

  /// y *= x
  package static func multiply(
    _ y: UnsafeMutablePointer<Float>, by x: UnsafePointer<Float>, count: Int
  ) {
    kernels.pointee.multiply(y, x, count)
  }

  /// v += g + decay w, w -= rate v, v *= momentum, g = 0: a step of gradient descent in one pass.
  package static func stepSGD(
    _ w: UnsafeMutablePointer<Float>, velocity v: UnsafeMutablePointer<Float>,
    gradient g: UnsafeMutablePointer<Float>, rate: Float, decay: Float, momentum: Float, count: Int,
    arithmetic: Arithmetic
  ) {
    guard arithmetic == .reference else {
      kernels.pointee.sgd_step(w, v, g, rate, decay, momentum, count)
      return
    }
    // Without fused operations.
    for i in 0..<count {
      let gradient = v[i] + g[i]
      let sum = decay == 0 ? gradient : gradient + decay * w[i]
      w[i] -= rate * sum
      v[i] = sum * momentum
      g[i] = 0
    }
  }

  /// Sum of a[i] b[i], accumulated in double.
  package static func dot(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int
  ) -> Double {
    kernels.pointee.dot(a, b, count)
  }

  /// Sum of x[i], accumulated in double.
  package static func sum(_ x: UnsafePointer<Float>, count: Int) -> Double {
    kernels.pointee.sum(x, count)
  }
}
