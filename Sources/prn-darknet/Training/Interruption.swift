import Darknet
import DarknetCommandLine
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Signals as a wish to stop: the first is noted, and what is still to be done is said; the second
/// ends the program at once.
enum Interruption {
  /// Those that would end the program. A limit of CPU time repeats its signal each second.
  private static let numbers = [
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU,
  ]
  /// `timeout` and others send a signal twice, to the program and to its group.
  private static let pause = 0.5

  private static let received = Atomic<Int32>(0)
  /// Where the handler tells the watching thread of a signal; -1 without one.
  private static let pipeEnd = Atomic<Int32>(-1)
  /// A pipe that the handler writes into and nobody empties, so that a wait for input ends,
  /// whichever thread gets the signal; -1 until signals are watched.
  private static let wakeRead = Atomic<Int32>(-1)
  private static let wakeWrite = Atomic<Int32>(-1)
  private static let next = Locked("ending")

  /// What is still done after a signal, for the line that says so: "finishing iteration 17, then
  /// saving".
  static func willDo(_ text: String) { next.withLock { $0 = text } }

  /// From now on signals are noted.
  static func watch() {
    // Made before a handler may look at it.
    received.store(0, ordering: .relaxed)
    startThread()
    // Whoever started the program may have blocked them, as threads of a pool do.
    var unblocked = sigset_t()
    sigemptyset(&unblocked)
    for number in numbers {
      // `nohup` stays in force.
      if number == SIGHUP, isIgnored(number) { continue }
      sigaddset(&unblocked, number)
      signal(number) { Interruption.note($0) }
    }
    pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
  }

  /// Can be read from once a signal has come; -1 while none is watched.
  static var descriptor: Int32 { wakeRead.load(ordering: .relaxed) }

  static var isWanted: Bool { received.load(ordering: .relaxed) != 0 }

  /// The exit status that tells of the signal.
  static var status: ExitStatus { .signal(received.load(ordering: .relaxed)) }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return withUnsafeBytes(of: &action) { bytes in
      // SIG_IGN is the pointer 1, at the action's start.
      bytes.loadUnaligned(as: UInt.self) == 1
    }
  }

  /// In the signal handler: only what is safe there.
  private static func note(_ number: Int32) {
    let code = errno
    _ = received.compareExchange(expected: 0, desired: number, ordering: .relaxed)
    var byte = UInt8(truncatingIfNeeded: number)
    _ = write(wakeWrite.load(ordering: .relaxed), &byte, 1)
    let end = pipeEnd.load(ordering: .relaxed)
    if end >= 0 {
      _ = write(end, &byte, 1)
    } else if number != SIGXCPU {
      signal(number, SIG_DFL)
    }
    errno = code
  }

  /// Two ends of a new pipe that no child inherits; nil if the system has none to give.
  private static func makePipe() -> (read: Int32, write: Int32)? {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    return (ends[0], ends[1])
  }

  /// A thread may print and lock where a handler must not.
  private static func startThread() {
    guard pipeEnd.load(ordering: .relaxed) < 0 else { return }
    if let wake = makePipe() {
      wakeRead.store(wake.read, ordering: .relaxed)
      wakeWrite.store(wake.write, ordering: .relaxed)
    }
    guard let ends = makePipe() else { return }
    guard WorkThread({ read(from: ends.read) }) != nil else {
      close(ends.read)
      close(ends.write)
      return
    }
    pipeEnd.store(ends.write, ordering: .relaxed)
  }

  private static func read(from source: Int32) {
    var first: (number: Int32, time: Double)?
    var byte: UInt8 = 0
    while true {
      let count = readByte(source, &byte)
      guard count == 1 else {
        if count < 0, errno == EINTR { continue }
        return
      }
      let number = Int32(byte)
      guard let before = first else {
        first = (number, seconds())
        line("\(name(number)): \(next.withLock { $0 }); a second signal stops without saving")
        continue
      }
      // A limit of CPU time warns again and again until it kills.
      guard seconds() - before.time >= pause, number != SIGXCPU else { continue }
      line("\(name(number)): stopped without saving")
      _exit(ExitStatus.signal(number).rawValue)
    }
  }

  private static func readByte(_ source: Int32, _ byte: inout UInt8) -> Int {
    #if canImport(Glibc)
      Glibc.read(source, &byte, 1)
    #elseif canImport(Musl)
      Musl.read(source, &byte, 1)
    #else
      Darwin.read(source, &byte, 1)
    #endif
  }

  /// On a terminal ^C and a line of progress may be there already.
  private static func line(_ text: String) {
    if Console.isTerminal { Console.terminal("\r\u{1B}[K") }
    Console.error(text + "\n")
  }

  private static func name(_ number: Int32) -> String {
    switch number {
    case SIGHUP: "SIGHUP"
    case SIGINT: "interrupted"
    case SIGQUIT: "SIGQUIT"
    case SIGTERM: "SIGTERM"
    case SIGUSR1: "SIGUSR1"
    case SIGUSR2: "SIGUSR2"
    case SIGXCPU: "the limit of CPU time is reached"
    default: "signal \(number)"
    }
  }
}
