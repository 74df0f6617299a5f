import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// SIGINT and SIGTERM as a wish to stop: the first is noted, the second ends the program at once.
enum Interruption {
  private static let received = Atomic<Int32>(0)

  /// From now on signals are noted.
  static func watch() {
    // Made before a handler may look at it.
    received.store(0, ordering: .relaxed)
    // Whoever started the program may have blocked them, as threads of a pool do.
    var numbers = sigset_t()
    sigemptyset(&numbers)
    for number in [SIGINT, SIGTERM] {
      sigaddset(&numbers, number)
      signal(number) { number in
        Interruption.received.store(number, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
    pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
  }

  static var isWanted: Bool { received.load(ordering: .relaxed) != 0 }

  /// The exit status that tells of the signal.
  static var status: ExitStatus {
    received.load(ordering: .relaxed) == SIGINT ? .interrupted : .terminated
  }
}
