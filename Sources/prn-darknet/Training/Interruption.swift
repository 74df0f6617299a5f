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
  /// The ends of a pipe into which the handler writes, so that a wait for input ends, whichever
  /// thread gets the signal; -1 until signals are watched.
  private static let pipeToRead = Atomic<Int32>(-1)
  private static let pipeToWrite = Atomic<Int32>(-1)

  /// From now on signals are noted.
  static func watch() {
    // Made before a handler may look at them.
    received.store(0, ordering: .relaxed)
    makePipe()
    // Whoever started the program may have blocked them, as threads of a pool do.
    var numbers = sigset_t()
    sigemptyset(&numbers)
    for number in [SIGINT, SIGTERM] {
      sigaddset(&numbers, number)
      signal(number) { number in
        Interruption.received.store(number, ordering: .relaxed)
        signal(number, SIG_DFL)
        let code = errno
        var byte: UInt8 = 0
        _ = write(Interruption.pipeToWrite.load(ordering: .relaxed), &byte, 1)
        errno = code
      }
    }
    pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
  }

  private static func makePipe() {
    guard pipeToWrite.load(ordering: .relaxed) < 0 else { return }
    var ends: [Int32] = [-1, -1]
    // Without it a signal is still noted, between two pieces of work.
    guard pipe(&ends) == 0 else { return }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    pipeToRead.store(ends[0], ordering: .relaxed)
    pipeToWrite.store(ends[1], ordering: .relaxed)
  }

  /// Can be read from once a signal has come; -1 while none is watched.
  static var descriptor: Int32 { pipeToRead.load(ordering: .relaxed) }

  static var isWanted: Bool { received.load(ordering: .relaxed) != 0 }

  /// The exit status that tells of the signal.
  static var status: ExitStatus {
    received.load(ordering: .relaxed) == SIGINT ? .interrupted : .terminated
  }
}
