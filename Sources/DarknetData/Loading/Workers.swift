import DarknetSystem
import Synchronization

/// Threads for long tasks that read or write files, such as checking a data set.
enum Workers {
  /// Calls `body` for each index in 0..<count, by up to `threads` threads, the caller's among
  /// them; returns when all are done.
  static func run(_ count: Int, threads: Int, _ body: (_ index: Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      let crew = Crew(count: count, body: body)
      var workers: [WorkThread] = []
      for _ in 1..<max(1, min(threads, count)) {
        // Fewer threads than asked for only means less speed.
        guard let worker = WorkThread({ crew.work() }) else { break }
        workers.append(worker)
      }
      crew.work()
      for worker in workers { worker.join() }
      crew.body = nil
    }
  }

  private final class Crew: @unchecked Sendable {
    let next = Atomic(0)
    let count: Int
    /// Read by threads until they are joined, then taken away as it must not outlive the call.
    var body: ((Int) -> Void)?

    init(count: Int, body: @escaping (Int) -> Void) {
      self.count = count
      self.body = body
    }

    func work() {
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        body!(index)
      }
    }
  }
}
