import Darknet

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How the program ends, as `docs/commands.md` lists it.
package enum ExitStatus: Int32 {
  case done = 0
  /// Done, but inputs of a list were skipped and `-strict` was given.
  case skippedInputs = 1
  case usage = 2
  case badInput = 3
  case inputOutput = 4
  case diverged = 5
  case interrupted = 130
  case terminated = 143
  // Other signals, as a shell counts them.
  case hungUp = 129
  case quit = 131
  case userSignal1 = 138
  case userSignal2 = 140
  case alarm = 142
  case cpuTime = 152
  case virtualAlarm = 154
  case profilingAlarm = 155

  /// Of a run that a signal ended.
  package static func signal(_ number: Int32) -> ExitStatus {
    ExitStatus(rawValue: 128 + number) ?? .terminated
  }
}

/// A wrong command line.
package struct UsageError: ErrorWithStatus, CustomStringConvertible {
  package var description: String
  package var status: ExitStatus { .usage }

  /// - Parameter description: words of the command line may be in it, control characters and all.
  package init(_ description: String) { self.init(lines: [description]) }

  package init(lines: [String]) {
    description = lines.map { $0.shown(limit: 2000) }.joined(separator: "\n")
  }
}

/// The two streams of the program: stdout carries what scripts parse, stderr the rest.
package enum Console {
  /// Whole lines at once on a terminal, whole blocks in a pipe.
  package static func start() {
    // A stream that the caller closed must not become the first file that is opened.
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", O_RDWR)
      if descriptor == STDOUT_FILENO { startedWithoutOutput = true }
    }
    // A reader that closes its pipe ends the program by an error of the write, not by a signal.
    signal(SIGPIPE, SIG_IGN)
    // So does a limit of the size of files.
    signal(SIGXFSZ, SIG_IGN)
    FloatBuffer.outOfMemory = { bytes in
      error(
        "memory: expected \(bytes >> 20) MiB more, found less; \(memoryAdvice.withLock { $0 })\n")
      finish(.inputOutput)
    }
    if outputIsTerminal { setvbuf(stdoutStream, nil, _IOLBF, 1 << 16) }
  }

  /// The program's name as it was called.
  package static var programName: String { word(0) ?? "prn-darknet" }

  /// The words after the program's name, whatever their bytes.
  package static var arguments: [String] { (1..<max(Int(CommandLine.argc), 1)).compactMap(word) }

  private static func word(_ index: Int) -> String? {
    guard index < Int(CommandLine.argc) else { return nil }
    return CommandLine.unsafeArgv[index].map {
      String(rawBytes: UnsafeRawBufferPointer(start: $0, count: strlen($0)))
    }
  }

  /// Makes a file standard input.
  package static func readInput(from path: String) throws(FileError) {
    let file = open(path.cPath, O_RDONLY)
    guard file >= 0 else { throw FileError(.open, path, code: errno) }
    dup2(file, STDIN_FILENO)
    close(file)
  }

  package static func out(_ text: String) {
    write(text, stdoutStream)
  }

  /// Lines of text. Words of the command line and of files are in them, so what would move the
  /// cursor or clear the screen is shown as `\\x1B`.
  package static func error(_ text: String) {
    let isPlain = text.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x0A || $0 == 0x09 }
    guard !isPlain else { return write(text, stderrStream) }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    write(lines.map { String($0).shown(limit: .max) }.joined(separator: "\n"), stderrStream)
  }

  /// What moves the cursor of a terminal.
  package static func terminal(_ text: String) { write(text, stderrStream) }

  package static func flush() {
    if fflush(stdoutStream) != 0, failure == 0 { failure = errno }
  }

  /// Whether whoever read standard error closed it, for commands whose results go there.
  package static var isErrorClosed: Bool { errorFailure == EPIPE }

  /// Lines of a file that have no effect; each once, however often a command reads the file.
  package static func show(_ notes: [ConfigNote]) {
    for note in notes where shownNotes.withLock({ $0.insert(note).inserted }) {
      error("\(note)\n")
    }
  }

  /// What to do about too little memory; what changes least comes first.
  package static let memoryAdvice = Locked("use a smaller input (width= and height= of [net])")

  private static let shownNotes = Locked<Set<ConfigNote>>([])

  /// Whether people look at standard error, where progress goes.
  package static var isTerminal: Bool { isatty(STDERR_FILENO) != 0 }

  /// Whether people, not scripts, look at standard output.
  package static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) != 0 }

  /// Flushes and leaves. A full disk or a closed pipe at stdout is an error of its own.
  package static func finish(_ status: ExitStatus) -> Never {
    var status = status
    flush()
    if failure != 0 {
      if !isReaderGone, let reason = failureReason { error("\(reason); \(failureAdvice)\n") }
      if status == .done { status = .inputOutput }
    }
    exit(status.rawValue)
  }

  /// Whether whoever read standard output closed it, so that there is no use in writing to it.
  package static var isReaderGone: Bool { failure == EPIPE }

  /// Why nothing more can be written to standard output; nil if it can.
  package static var failureReason: String? {
    guard failure != 0 else { return nil }
    return "standard output: cannot write: \(FileError(.write, "", code: failure).reason)"
  }

  private static var failureAdvice: String {
    switch failure {
    case ENOSPC, EDQUOT: "free some space and run again"
    case EFBIG: "raise 'ulimit -f' and run again"
    case EBADF: "it is closed; send it to a file, or to /dev/null"
    default: "check where it goes and run again"
    }
  }

  /// Whether the caller closed standard output: what is written is lost, and that is an error.
  nonisolated(unsafe) private static var startedWithoutOutput = false

  private static func write(_ text: String, _ stream: UnsafeMutablePointer<FILE>) {
    let bytes = text.rawBytes
    if startedWithoutOutput, stream == stdoutStream, failure == 0 { failure = EBADF }
    guard fwrite(bytes, 1, bytes.count, stream) < bytes.count else { return }
    if stream == stdoutStream {
      if failure == 0 { failure = errno }
    } else if errorFailure == 0 {
      errorFailure = errno
    }
  }

  /// Why the first write to standard output failed; 0 if none did.
  nonisolated(unsafe) private static var failure: Int32 = 0
  nonisolated(unsafe) private static var errorFailure: Int32 = 0

  // Streams of our own, since C's `stdout` is a variable that anybody might change. stderr is
  // unbuffered, so that its lines stand where they were written.
  nonisolated(unsafe) private static let stdoutStream = fdopen(STDOUT_FILENO, "w")!
  nonisolated(unsafe) private static let stderrStream = {
    let stream = fdopen(STDERR_FILENO, "w")!
    setvbuf(stream, nil, _IONBF, 0)
    return stream
  }()
}
