import DarknetSystem
import Foundation
import Testing

/// One thread at a time.
@Suite struct LockedTests {
  @Test func `no count is lost`() {
    let total = Locked(0)
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      for _ in 0..<10_000 { total.withLock { $0 += 1 } }
    }
    #expect(total.withLock { $0 } == 80_000)
  }

  @Test func `whoever finds it taken may go on`() {
    let state = Locked("inside")
    state.withLock { _ in
      let other = state.withLockIfAvailable { $0 }
      #expect(other == nil)
    }
    #expect(state.withLockIfAvailable { $0 } == "inside")
  }
}
