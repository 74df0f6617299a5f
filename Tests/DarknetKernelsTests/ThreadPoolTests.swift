import DarknetKernels
import Synchronization
import Testing

/// An atomic that tasks can share.
private final class Counter: Sendable {
  let value = Atomic<Int>(0)
}

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 7, 1000])
  func `every index once, workers in range`(threads: Int, count: Int) {
    let pool = ThreadPool(threads: threads)
    for _ in 0..<20 {
      let seen = UnsafeMutablePointer<Int>.allocate(capacity: max(count, 1))
      seen.initialize(repeating: 0, count: max(count, 1))
      defer { seen.deallocate() }
      pool.run(count) { index, worker in
        seen[index] += worker >= 0 && worker < threads ? 1 : 1000
      }
      #expect((0..<count).allSatisfy { seen[$0] == 1 })
    }
  }

  @Test func `a worker's calls never overlap`() {
    let pool = ThreadPool(threads: 4)
    // Not atomic on purpose: the sums are right only if nobody shares a slot.
    let sums = UnsafeMutablePointer<Int>.allocate(capacity: 4)
    sums.initialize(repeating: 0, count: 4)
    defer { sums.deallocate() }
    for _ in 0..<200 { pool.run(500) { index, worker in sums[worker] += index } }
    let total = sums[0] + sums[1] + sums[2] + sums[3]
    #expect(total == 24_950_000)
  }

  @Test func `loops inside loops run inline`() {
    let pool = ThreadPool(threads: 3)
    let total = Atomic<Int>(0)
    pool.run(10) { outer in
      pool.run(10) { inner, worker in
        #expect(worker == 0)
        total.add(outer * 10 + inner, ordering: .relaxed)
      }
    }
    #expect(total.load(ordering: .relaxed) == 4950)
  }

  @Test func `several callers at once all get their work done`() async {
    let pool = ThreadPool(threads: 2)
    let total = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<100 { pool.run(50) { index in total.value.add(index, ordering: .relaxed) } }
        }
      }
    }
    #expect(total.value.load(ordering: .relaxed) == 4 * 100 * 1225)
  }

  @Test func `resizing keeps the pool usable`() {
    let pool = ThreadPool(threads: 1)
    for threads in [2, 1, 4, 3] {
      pool.resize(to: threads)
      #expect(pool.threads == threads)
      let total = Atomic<Int>(0)
      pool.run(100) { index in total.add(index, ordering: .relaxed) }
      #expect(total.load(ordering: .relaxed) == 4950)
    }
  }
}
