/// Who computes, and in which order sums are taken.
///
/// An executor has one and hands it to all that it runs, so that executors with other threads, or
/// with another order, can work side by side in one process. Scratch memory is sized for the
/// context that will run: a context's pool must not grow once an executor was made for it.
package final class ComputeContext: Sendable {
  /// All processors, in the fast order: what executors take if they are given no other.
  package static let shared = ComputeContext(pool: .shared)

  package let pool: ThreadPool
  package let arithmetic: Arithmetic

  package init(pool: ThreadPool, arithmetic: Arithmetic = .fast) {
    self.pool = pool
    self.arithmetic = arithmetic
  }

  /// A context with a pool of its own.
  ///
  /// - Precondition: `threads` is in 1..<`ThreadPool.limit`.
  package convenience init(threads: Int, arithmetic: Arithmetic = .fast) {
    self.init(pool: ThreadPool(threads: threads), arithmetic: arithmetic)
  }

  /// Threads that work in a loop; worker numbers are 0..<threads.
  package var threads: Int { pool.threads }

  /// `ThreadPool.run`.
  @inline(__always)
  package func run(_ count: Int, _ body: (_ index: Int) -> Void) { pool.run(count, body) }

  /// `ThreadPool.run` with the worker's number.
  @inline(__always)
  package func run(_ count: Int, _ body: (_ index: Int, _ worker: Int) -> Void) {
    pool.run(count, body)
  }
}

/// In which order sums are taken.
package enum Arithmetic: Hashable, Sendable {
  /// As the machine is fastest. Results do not depend on the number of threads.
  case fast
  /// As a plain loop of pjreddie's program takes them (built without fused operations): products in
  /// the order of the inner index, running over memory one after another, and in four lanes where
  /// the sum is a local variable.
  ///
  /// Activations with a kink, maximum pools and thresholds answer to the last bit: two programs that
  /// round differently part after some updates, even if both are right. To follow a recorded
  /// training step by step the sums must be taken in the recorded order, which is slow.
  case reference
}
