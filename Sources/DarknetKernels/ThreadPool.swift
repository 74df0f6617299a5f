import CKernels
import DarknetSystem
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Persistent threads for parallel loops over short tasks.
///
/// The caller works too, so a pool of `n` starts `n - 1` threads, at the first loop that can use
/// them. Each begins with its own share of the indices, worker 0 with the first: loops that follow
/// one another meet their data in the same processor's cache. Who is done helps the others, so
/// which thread computes what differs from run to run, and a result may depend on the index only.
/// Between loops threads spin for about a millisecond before they sleep, because the layers of a
/// small network follow one another faster than the system can wake a thread.
///
/// A loop inside a loop, and a second caller while a loop runs, work alone and in order.
package final class ThreadPool: Sendable {
  /// The pool of `ComputeContext.shared`; one thread a processor unless configured.
  package static let shared = ThreadPool(threads: Int(ck_processor_count()))

  /// More threads than any pool can have: helpers are counted in 16 bits.
  package static let limit = 0x1_0000

  /// Threads of the largest pool so far, for what the process has one of.
  package static var most: Int { largest.load(ordering: .relaxed) }
  private static let largest = Atomic(1)

  private let crew: Locked<Crew?>
  private let size: Atomic<Int>

  /// - Precondition: `threads` is in 1..<`limit`.
  package init(threads: Int) {
    precondition(
      (1..<ThreadPool.limit).contains(threads), "a pool has 1 to 65,535 threads, not \(threads)")
    size = Atomic(threads)
    crew = Locked(nil)
    ThreadPool.largest.max(threads, ordering: .relaxed)
  }

  deinit { crew.withLock { $0?.dismiss() } }

  /// Threads that work in a loop, the caller among them. Worker numbers are 0..<threads.
  package var threads: Int { size.load(ordering: .acquiring) }

  /// Sets the size of the shared pool.
  package static func configure(threads: Int) { shared.resize(to: threads) }

  /// Waits for a running loop, then changes the number of threads.
  ///
  /// - Precondition: `threads` is in 1..<`limit`.
  package func resize(to threads: Int) {
    precondition(
      (1..<ThreadPool.limit).contains(threads), "a pool has 1 to 65,535 threads, not \(threads)")
    crew.withLock { crew in
      guard threads != size.load(ordering: .acquiring) else { return }
      crew?.dismiss()
      crew = nil
      size.store(threads, ordering: .releasing)
      ThreadPool.largest.max(threads, ordering: .relaxed)
    }
  }

  /// Calls `body` for each index in 0..<count, on several threads at once; returns when all are
  /// done.
  package func run(_ count: Int, _ body: (_ index: Int) -> Void) {
    run(count) { index, _ in body(index) }
  }

  /// The same; `worker` (in 0..<threads) is the thread's number: two calls with the same worker
  /// never overlap, so each worker can own scratch memory.
  package func run(_ count: Int, _ body: (_ index: Int, _ worker: Int) -> Void) {
    guard count > 1, threads > 1, !ck_in_parallel() else {
      for index in 0..<max(count, 0) { body(index, 0) }
      return
    }
    let done = crew.withLockIfAvailable { crew in
      let size = threads
      guard size > 1 else { return false }
      if crew == nil { crew = Crew(helpers: size - 1) }
      crew!.run(count, body)
      return true
    }
    if done != true {
      for index in 0..<count { body(index, 0) }
    }
  }
}

/// The started threads of a pool and the loop that they share.
///
/// `state` holds everything that decides who may work: the loop's number, whether it is open, and
/// how many helpers are inside. A helper enters only an open loop, so one that wakes up late finds
/// the door closed and the caller need not wait for it.
private final class Crew: @unchecked Sendable {
  private static let helperMask: UInt64 = 0xFFFF
  private static let open: UInt64 = 0x1_0000
  private static let loopStep: UInt64 = 0x2_0000

  /// Between two workers' cursors, in words: a cache line of their own, and the next one, which
  /// processors like to fetch with it.
  private static let cursorStep = 16

  private let state = Atomic<UInt64>(0)
  /// The next free index of each worker's share.
  private let cursors: UnsafeMutablePointer<Atomic<Int>>
  private let sleepers = Atomic<Int>(0)
  private let stopping = Atomic<Bool>(false)
  private let helpers: Int
  // Written by the caller while the loop is closed and nobody is inside, read inside only.
  private var count = 0
  private var chunk = 1
  private var body: UnsafeRawPointer?

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var workers: [WorkThread] = []

  typealias Body = (Int, Int) -> Void

  init(helpers: Int) {
    self.helpers = helpers
    cursors = .allocate(capacity: (helpers + 1) * Crew.cursorStep)
    for worker in 0...helpers {
      (cursors + worker * Crew.cursorStep).initialize(to: Atomic(0))
    }
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wake, nil)
    for number in 1...helpers {
      // Fewer threads than asked for only means less speed.
      guard let worker = WorkThread({ [self] in help(as: number) }) else { break }
      workers.append(worker)
    }
  }

  deinit {
    pthread_cond_destroy(wake)
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
    wake.deallocate()
    for worker in 0...helpers { (cursors + worker * Crew.cursorStep).deinitialize(count: 1) }
    cursors.deallocate()
  }

  /// Ends the threads and waits for them.
  func dismiss() {
    pthread_mutex_lock(mutex)
    stopping.store(true, ordering: .sequentiallyConsistent)
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
    for worker in workers { worker.join() }
    workers = []
  }

  func run(_ count: Int, _ body: Body) {
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { pointer in
        self.count = count
        // A few chunks a thread: enough to even out threads of different speed.
        chunk = max(1, count / ((helpers + 1) * 16))
        self.body = UnsafeRawPointer(pointer)
        for worker in 0...helpers {
          cursors[worker * Crew.cursorStep].store(start(of: worker), ordering: .relaxed)
        }
        let number = (state.load(ordering: .relaxed) | Crew.open) &+ Crew.loopStep
        state.store(number, ordering: .sequentiallyConsistent)
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
          pthread_mutex_lock(mutex)
          pthread_cond_broadcast(wake)
          pthread_mutex_unlock(mutex)
        }
        ck_set_in_parallel(true)
        takeIndices(worker: 0)
        ck_set_in_parallel(false)
        close()
        self.body = nil
      }
    }
  }

  /// Lets nobody in any more and waits until all are out.
  private func close() {
    var spins = 0
    var now = state.bitwiseAnd(~Crew.open, ordering: .acquiringAndReleasing).newValue
    while now & Crew.helperMask != 0 {
      spins &+= 1
      // Another process may hold the helper's processor: let it go on.
      if spins & 0xFFF == 0 { sched_yield() } else { ck_pause() }
      now = state.load(ordering: .acquiring)
    }
  }

  /// The first index of a worker's share; of the worker after the last, the number of indices.
  private func start(of worker: Int) -> Int { count * worker / (helpers + 1) }

  /// Its own share first, then what the others have not come to.
  private func takeIndices(worker: Int) {
    let body = self.body!.assumingMemoryBound(to: Body.self).pointee
    let chunk = self.chunk
    for turn in 0...helpers {
      let owner = (worker + turn) % (helpers + 1)
      let end = start(of: owner + 1)
      while true {
        let first = cursors[owner * Crew.cursorStep].add(chunk, ordering: .relaxed).oldValue
        guard first < end else { break }
        for index in first..<min(first &+ chunk, end) { body(index, worker) }
      }
    }
  }

  /// Waits for an open loop later than `seen` and enters it; nil if the crew is dismissed.
  private func enter(after seen: UInt64) -> UInt64? {
    var spins = 0
    while true {
      let now = state.load(ordering: .acquiring)
      if now & Crew.open != 0, now / Crew.loopStep != seen {
        let entered = state.compareExchange(
          expected: now, desired: now &+ 1, ordering: .acquiringAndReleasing)
        if entered.exchanged { return now / Crew.loopStep }
        continue
      }
      if stopping.load(ordering: .relaxed) { return nil }
      spins &+= 1
      if spins < Crew.spinLimit {
        ck_pause()
      } else {
        sleep(after: seen)
        spins = 0
      }
    }
  }

  /// About a millisecond of pauses: a picture is put into the network in less, and waking a thread
  /// of a virtual machine may take as long.
  private static let spinLimit = 30_000

  /// Sleeps until a loop later than `seen` is open or the crew is dismissed.
  private func sleep(after seen: UInt64) {
    pthread_mutex_lock(mutex)
    // The caller stores `state`, then reads `sleepers`; here it is the other way round, so at
    // least one of the two notices the other.
    sleepers.add(1, ordering: .sequentiallyConsistent)
    while !stopping.load(ordering: .sequentiallyConsistent) {
      let now = state.load(ordering: .sequentiallyConsistent)
      if now & Crew.open != 0, now / Crew.loopStep != seen { break }
      pthread_cond_wait(wake, mutex)
    }
    sleepers.subtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
  }

  private func help(as worker: Int) {
    ck_set_in_parallel(true)
    var seen: UInt64 = 0
    while let loop = enter(after: seen) {
      seen = loop
      takeIndices(worker: worker)
      state.subtract(1, ordering: .releasing)
    }
  }
}
