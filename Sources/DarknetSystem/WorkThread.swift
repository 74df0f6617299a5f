#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A thread of the system, with a stack of its own size: by default a thread gets what `ulimit -s`
/// says, which may be far too little, or megabytes of address space that nobody uses.
package struct WorkThread {
  /// Bytes of the stack. 128 KB are enough for the deepest calls, decoders of pictures.
  private static let stackSize = 1 << 20

  private let handle: pthread_t

  /// Starts a thread that runs `body`; nil if the system has none to give.
  package init?(_ body: @escaping () -> Void) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, Self.stackSize)
    // C calls a function without context, so the work goes as an object.
    let work = Unmanaged.passRetained(Work(body))
    #if canImport(Darwin)
      var handle: pthread_t?
    #else
      var handle = pthread_t()
    #endif
    guard pthread_create(&handle, &attributes, threadMain, work.toOpaque()) == 0 else {
      work.release()
      return nil
    }
    #if canImport(Darwin)
      self.handle = handle!
    #else
      self.handle = handle
    #endif
  }

  /// Waits for the end of its work.
  package func join() { pthread_join(handle, nil) }

  /// Lets it end by itself; nobody may `join` it any more.
  package func detach() { pthread_detach(handle) }

  /// Calls `body` here or, where the system's limit leaves this thread less stack than ours have, on
  /// a thread of its own; returns when it is done.
  package static func runWithEnoughStack(_ body: () -> Void) {
    var limit = rlimit()
    #if canImport(Glibc)
      let stack = __rlimit_resource_t(RLIMIT_STACK.rawValue)
    #else
      let stack = RLIMIT_STACK
    #endif
    let isSmall = getrlimit(stack, &limit) == 0 && limit.rlim_cur < stackSize
    withoutActuallyEscaping(body) { body in
      if isSmall, let thread = WorkThread(body) { thread.join() } else { body() }
    }
  }
}

private final class Work {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

#if canImport(Darwin)
  private func threadMain(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
    return nil
  }
#else
  private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
    return nil
  }
#endif
