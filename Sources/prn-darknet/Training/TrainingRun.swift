import Darknet
import DarknetCommandLine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What `detector train` and `classifier train` have in common: where weights go, where the run
/// continues, and the loop with what it prints and writes.
struct TrainingRun {
  let trainer: Trainer
  let handlers: LoaderSource.Handlers
  let list: ListFile
  let log: ProblemLog
  let console: TrainingConsole
  let files: TrainingFiles
  /// Held until the run is over; nil beside another training, with -force.
  let lock: FileLock?
  private let start = seconds()

  init(
    trainer: Trainer, handlers: LoaderSource.Handlers, list: ListFile, log: ProblemLog,
    console: TrainingConsole, files: TrainingFiles, lock: FileLock?
  ) {
    self.trainer = trainer
    self.handlers = handlers
    self.list = list
    self.log = log
    self.console = console
    self.files = files
    self.lock = lock
  }

  /// What both begin with: DATA CFG [WEIGHTS], and flags that are checked before any file is read.
  static func opening(
    _ arguments: Arguments
  ) throws -> (data: String, cfg: String, weights: String?, seed: UInt64) {
    // Darknet repeats it.
    if let list = arguments[Flags.processors] { Console.out("\(list)\n") }
    try checkChart(arguments)
    let seed = arguments[Flags.trainingSeed].map(UInt64.init)
    return (
      arguments[Words.data], arguments[Words.cfg], arguments[Words.optionalWeights],
      seed ?? UInt64.random(in: 0..<1_000_000_000)
    )
  }

  /// The file of `-chart` is drawn again, so it must be a picture, or not there yet.
  ///
  /// - Throws: `UsageError` if it is another file, `FileError` if it is a folder.
  private static func checkChart(_ arguments: Arguments) throws {
    guard let path = arguments[Flags.chart], fileExists(path) else { return }
    let file = try MappedFile(path)
    let head = withExtendedLifetime(file) { [UInt8](file.bytes.prefix(8)) }
    // Of PNG and JPEG, the two formats that a chart is written in.
    let isPicture =
      head.starts(with: [0x89, 0x50, 0x4E, 0x47])
      || head.starts(with: [0xFF, 0xD8, 0xFF])
    guard isPicture || head.isEmpty else {
      throw UsageError(
        "-chart: expected a chart to continue, found that '\(path)' is not a picture; name the "
          + "chart.png of a training")
    }
  }

  /// Where `results.csv`, charts and lists of problems go, with its slash: the current folder, or
  /// the weights' if that cannot be written.
  static func outputFolder(_ data: DataFile) -> String {
    guard access(".", W_OK | X_OK) != 0 else { return "" }
    let reason = FileError(.write, ".", code: errno).reason
    let folder = data.backupFolder.hasSuffix("/") ? data.backupFolder : data.backupFolder + "/"
    Console.error(
      "the current folder cannot be written (\(reason)): results.csv, chart.png and bad.list go to "
        + "\(folder)\n")
    return folder
  }

  /// Made now, as hours of training would be lost without it.
  static func makeBackupFolder(_ data: DataFile) throws {
    let path = data.backupFolder
    var status = stat()
    if data.string("backup") == nil, stat(path, &status) != 0 {
      throw data.error(
        "backup", expected: "a folder for the weights",
        found: "no such line and no folder '\(path)'",
        fix: "add a line such as 'backup=backup'")
    }
    try Folder.make(path)
    guard access(path, W_OK | X_OK) == 0 else {
      throw FileError(.write, path, code: errno)
    }
  }

  /// A full disk may be emptied in the meantime: for three seconds the last weights are tried again.
  static func waitToSaveAgain(attempts: Int) -> Bool {
    guard attempts <= 3 else { return false }
    sleep(1)
    return true
  }

  /// From now on no other training writes these weights, and signals end this one in good order.
  ///
  /// - Returns: nil beside another training, which -force allows.
  /// - Throws: `TrainingInProgress`, or `FileError` if the lock cannot be made.
  static func lock(_ folder: CheckpointFolder, _ arguments: Arguments) throws -> FileLock? {
    Interruption.watch()
    let path = folder.lockPath
    do throws(FileLock.Failure) {
      return try FileLock(path)
    } catch {
      switch error {
      case .file(let error): throw error
      case .held(let owner):
        guard arguments[Flags.force] else {
          throw TrainingInProgress(path: path, base: folder.base, owner: owner)
        }
        Console.error(
          "\(path): another training of '\(folder.base)' writes there (\(owner)); with -force both "
            + "write the same weights\n")
        return nil
      }
    }
  }

  /// Continues where the weights stopped, unless `-clear` says otherwise.
  static func resume(
    _ trainer: Trainer, _ weights: String?, _ header: WeightsHeader?, _ arguments: Arguments
  ) {
    if let weights, let header, !arguments[Flags.clear] {
      let found = trainer.resume(from: weights, seen: header.seen)
      let (iteration, end) = (trainer.state.iteration, trainer.maxBatches)
      if iteration >= end, !trainer.isEndless {
        Console.error(
          "\(weights): has seen \(header.seen) images, which is iteration \(iteration) of "
            + "max_batches=\(end): nothing is left to train; -clear starts from 0\n")
      } else if iteration > 0 {
        Console.error("resuming after iteration \(iteration)\(text(of: found))\n")
      }
    }
    Console.error("seed \(trainer.state.seed); -seed \(trainer.state.seed) repeats this run\n")
  }

  private static func text(of found: Resumption) -> String {
    switch found {
    case .whole: ", with saved momentum"
    case .withoutMomentum:
      ", with momentum of 0: the previous run ended in the middle of an iteration"
    case .weightsAlone(let fault): ", with momentum of 0: \(fault)"
    }
  }

  /// Trains to the end, or until a signal, a divergence.
  ///
  /// - Parameter shown: `-show_imgs`.
  func run(_ arguments: Arguments, shown: AugmentedPictures?) throws -> ExitStatus {
    for note in files.notes { Console.error("\(note)\n") }
    for problem in log.note(list.problems) { console.line("\(problem)") }
    // The closure must not keep the whole run alive.
    handlers.onBatch = { [console] batch in
      for problem in batch.problems { console.line("\(problem)") }
      do throws(FileError) { try shown?.write(batch) } catch { console.line("\(error)") }
    }
    handlers.shouldStop = { Interruption.isWanted }
    var hasOutput = true
    expect(trainer.state.iteration + 1)
    defer {
      console.pause()
      lock?.release()
    }
    for observer in files.observers(onError: { [console] in console.line("\($0)") }) {
      trainer.add(observer)
    }
    let outcome = try trainer.run { event in
      console.show(event)
      switch event {
      case .saving: Interruption.willDo("saving")
      case .iteration, .evaluated, .saved, .saveFailed: expect(trainer.state.iteration + 1)
      default: break
      }
      if hasOutput, let reason = Console.failureReason, !Console.isReaderGone {
        hasOutput = false
        console.line("\(reason); the training continues without printing")
      }
    }
    console.pause()
    for group in DataProblem.Group.allCases {
      let count = log.count(group)
      if count > 0 { console.line(group.counted(count)) }
    }
    return finish(outcome, isStrict: arguments[Flags.strict])
  }

  /// What a signal during iteration `iteration` leaves to be done.
  private func expect(_ iteration: Int) {
    Interruption.willDo("finishing iteration \(iteration), then saving")
  }

  private func finish(_ outcome: TrainingOutcome, isStrict: Bool) -> ExitStatus {
    let iteration = trainer.state.iteration
    let weights = trainer.lastGoodCheckpoint.map { "; the weights are in \($0)" } ?? ""
    switch outcome {
    case .finished:
      let best = trainer.state.bestPrecision.map {
        ", best \(console.precisionName) \(fixed($0 * 100, decimals: 2)) % after iteration "
          + "\(trainer.state.bestIteration)"
      }
      console.line(
        "trained for \(Progress.duration(seconds() - start)) until iteration "
          + "\(iteration)\(best ?? "")\(weights)")
      // Empty lines of a list are not skipped pictures.
      let isWhole = DataProblem.Group.allCases.allSatisfy { $0 == .lists || log.count($0) == 0 }
      return isStrict && !isWhole ? .skippedInputs : .done
    case .unsaved:
      console.line(
        "ended after iteration \(iteration), which could not be saved"
          + (trainer.lastGoodCheckpoint.map { "; the last weights are in \($0)" } ?? ""))
      return .inputOutput
    case .stopped:
      if Console.isReaderGone {
        console.line("standard output: its reader has gone, so no more lines are printed")
      }
      console.line("stopped after iteration \(iteration)\(weights)")
      return Interruption.isWanted ? Interruption.status : .inputOutput
    case .diverged(let divergence):
      console.line("\(divergence)")
      return .diverged
    }
  }
}

/// Another training has the lock of the weights' folder.
struct TrainingInProgress: ErrorWithStatus, CustomStringConvertible {
  var status: ExitStatus { .inputOutput }

  let path: String
  let base: String
  /// As the lock's file says.
  let owner: String

  var description: String {
    "\(path): expected no other training of '\(base)' in this folder, found \(owner); wait for it, "
      + "change 'backup=' or the cfg's name, or run both with -force"
  }
}
