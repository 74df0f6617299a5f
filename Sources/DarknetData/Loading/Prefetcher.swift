import DarknetSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Makes the items 0, 1, 2 … on threads of its own, a few ahead of whoever takes them, and gives
/// them out in that order.
///
/// Not more than `depth` items are ready or in work at any time, so memory stays bounded however
/// slow the taker is. One thread at a time may call `next`.
package final class Prefetcher<Item: Sendable>: @unchecked Sendable {
  private let crew: Crew

  /// Starts the threads.
  ///
  /// - Parameter make: called once for each index, from any of the threads.
  package init(
    count: Int, depth: Int, threads: Int, make: @escaping @Sendable (_ index: Int) -> Item
  ) {
    precondition(depth > 0 && count >= 0, "a queue of \(depth) for \(count) items")
    crew = Crew(count: count, depth: depth, make: make)
    crew.start(threads: min(threads, count))
  }

  /// Ends the threads; items that nobody took are dropped.
  deinit { crew.dismiss() }

  /// The next item, waiting for it if need be; nil after the last.
  package func next() -> Item? { crew.next() }

  /// What the threads share. They hold it, not the `Prefetcher`, so that the latter can go away.
  private final class Crew: @unchecked Sendable {
    private let count: Int
    private let make: @Sendable (Int) -> Item
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let roomChanged = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let itemDone = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    // Below: only with the mutex held.
    /// Item `i` is at `i % depth` from when it is made until it is taken.
    private var ring: [Item?]
    private var nextToMake = 0
    private var nextToGive = 0
    private var isStopping = false
    private var workers: [WorkThread] = []

    init(count: Int, depth: Int, make: @escaping @Sendable (Int) -> Item) {
      self.count = count
      self.make = make
      ring = Array(repeating: nil, count: depth)
      pthread_mutex_init(mutex, nil)
      pthread_cond_init(roomChanged, nil)
      pthread_cond_init(itemDone, nil)
    }

    deinit {
      pthread_cond_destroy(roomChanged)
      pthread_cond_destroy(itemDone)
      pthread_mutex_destroy(mutex)
      roomChanged.deallocate()
      itemDone.deallocate()
      mutex.deallocate()
    }

    func start(threads: Int) {
      for _ in 0..<threads {
        guard let worker = WorkThread({ [self] in work() }) else { break }
        workers.append(worker)
      }
    }

    func dismiss() {
      pthread_mutex_lock(mutex)
      isStopping = true
      pthread_cond_broadcast(roomChanged)
      pthread_mutex_unlock(mutex)
      for worker in workers { worker.join() }
      workers = []
    }

    func next() -> Item? {
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      guard nextToGive < count else { return nil }
      let place = nextToGive % ring.count
      while ring[place] == nil {
        if nextToMake == nextToGive {
          // No thread has come to it yet, or none could be started: do it here.
          makeNext()
        } else {
          pthread_cond_wait(itemDone, mutex)
        }
      }
      let item = ring[place]
      ring[place] = nil
      nextToGive += 1
      pthread_cond_signal(roomChanged)
      return item
    }

    private func work() {
      pthread_mutex_lock(mutex)
      while !isStopping, nextToMake < count {
        if nextToMake < nextToGive + ring.count {
          makeNext()
        } else {
          pthread_cond_wait(roomChanged, mutex)
        }
      }
      pthread_mutex_unlock(mutex)
    }

    /// Makes an item, without the mutex meanwhile.
    private func makeNext() {
      let index = nextToMake
      nextToMake += 1
      pthread_mutex_unlock(mutex)
      let item = make(index)
      pthread_mutex_lock(mutex)
      ring[index % ring.count] = item
      if index == nextToGive { pthread_cond_signal(itemDone) }
    }
  }
}
