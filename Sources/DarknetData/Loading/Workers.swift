import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Threads for long tasks that read or write files, such as checking a data set.
enum Workers {
  /// Calls `body` for each index in 0..<count, by up to `threads` threads, the caller's among
  /// them; returns when all are done.
  static func run(_ count: Int, threads: Int, _ body: (_ index: Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      let crew = Crew(count: count, body: body)
      var handles: [pthread_t] = []
      for _ in 1..<max(1, min(threads, count)) {
        #if canImport(Darwin)
          var handle: pthread_t?
        #else
          var handle = pthread_t()
        #endif
        let retained = Unmanaged.passRetained(crew)
        let failed = pthread_create(&handle, nil, start, retained.toOpaque())
        // Fewer threads than asked for only means less speed.
        guard failed == 0 else {
          retained.release()
          break
        }
        #if canImport(Darwin)
          handles.append(handle!)
        #else
          handles.append(handle)
        #endif
      }
      crew.work()
      for handle in handles { pthread_join(handle, nil) }
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

  #if canImport(Darwin)
    private static let start: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? =
      { threadMain($0) }
  #else
    private static let start:
      @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? =
        { threadMain($0!) }
  #endif

  private static func threadMain(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    // Not released before the end of the call, and the closure with it only after the join.
    Unmanaged<Crew>.fromOpaque(argument).takeRetainedValue().work()
    return nil
  }
}
