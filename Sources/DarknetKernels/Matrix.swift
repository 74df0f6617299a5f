import CBLAS
import DarknetSystem
import DarknetTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Products of row-major matrices.
package enum Matrix {
  /// Address space that OpenBLAS takes for each product that runs beside others: 128 MB and a page.
  private static let bufferBytes = 129 << 20

  /// Whether products must wait for one another, asked once before the first of them.
  ///
  /// OpenBLAS must not start threads of its own: ours already split the work. And it waits forever
  /// for a buffer that it cannot have, so with little address space (`ulimit -v`) there is one
  /// product at a time, and with too little for that none.
  private static let isOneByOne: Bool = {
    openblas_set_num_threads(1)
    let wanted = ThreadPool.most
    var buffers: [UnsafeMutableRawPointer] = []
    while buffers.count < wanted {
      let buffer = mmap(
        nil, bufferBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      guard let buffer, buffer != MAP_FAILED else { break }
      buffers.append(buffer)
    }
    for buffer in buffers { munmap(buffer, bufferBytes) }
    if buffers.isEmpty { FloatBuffer.outOfMemory(bufferBytes) }
    return buffers.count < wanted
  }()

  private static let turn = Locked(())

  /// C = alpha op(A) op(B) + beta C on the calling thread.
  ///
  /// op(A) is [m, k], op(B) is [k, n], C is [m, n]; `lda`, `ldb`, `ldc` are the distances between
  /// the rows of the matrices as stored. With beta = 0 the old values of C are not read.
  package static func multiply(
    transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Float = 1,
    a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int, beta: Float,
    c: UnsafeMutablePointer<Float>, ldc: Int, arithmetic: Arithmetic
  ) {
    guard m > 0, n > 0 else { return }
    if arithmetic == .reference {
      ReferenceOrder.multiply(
        transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, alpha: alpha, a: a,
        lda: lda, b: b, ldb: ldb, beta: beta, c: c, ldc: ldc)
      return
    }
    func product() {
      cblas_sgemm(
        CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans,
        transposeB ? CblasTrans : CblasNoTrans, Int32(m), Int32(n), Int32(k), alpha, a,
        Int32(max(lda, 1)), b, Int32(max(ldb, 1)), beta, c, Int32(max(ldc, 1)))
    }
    guard isOneByOne else { return product() }
    turn.withLock { _ in product() }
  }

  /// The same product, split over the threads of `context` into blocks of C.
  ///
  /// The blocks depend on the sizes alone, so the result does not depend on the thread count.
  package static func multiplyParallel(
    transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Float = 1,
    a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int, beta: Float,
    c: UnsafeMutablePointer<Float>, ldc: Int, context: ComputeContext
  ) {
    guard m > 0, n > 0 else { return }
    // Below a million multiplications a block the wake-up costs more than it saves.
    let wanted = min(16, max(1, m * n / 4096 * k / 256))
    let alongColumns = n >= m
    let length = alongColumns ? n : m
    let block = max(32, (length + wanted - 1) / wanted)
    context.run((length + block - 1) / block) { index in
      let first = index * block
      let size = min(block, length - first)
      let (row, column) = alongColumns ? (0, first) : (first, 0)
      multiply(
        transposeA: transposeA, transposeB: transposeB, m: alongColumns ? m : size,
        n: alongColumns ? size : n, k: k, alpha: alpha,
        a: a + (transposeA ? row : row * lda), lda: lda,
        b: b + (transposeB ? column * ldb : column), ldb: ldb, beta: beta,
        c: c + row * ldc + column, ldc: ldc, arithmetic: context.arithmetic)
    }
  }
}
