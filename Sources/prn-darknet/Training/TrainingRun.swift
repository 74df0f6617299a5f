import Darknet

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What `detector train` and `classifier train` have in common: where weights go, where the run
/// goes on, and the loop with what it prints and writes.
struct TrainingRun {
  let trainer: Trainer
  let source: LoaderSource
  let list: ListFile
  let log: ProblemLog
  let console: TrainingConsole
  let files: TrainingFiles

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

  /// The file of `-chart` is drawn anew, so it must be a picture, or not there yet.
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
        "-chart: expected a chart that is drawn anew, found that '\(path)' is no picture; name "
          + "the chart.png of a training")
    }
  }

  /// Made now, as hours of training would be lost without it.
  static func makeBackupFolder(_ data: DataFile) throws {
    let path = data.backupFolder
    var status = stat()
    if data.path("backup") == nil, stat(path, &status) != 0 {
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

  /// Goes on where the weights stopped, unless `-clear` says otherwise.
  static func resume(
    _ trainer: Trainer, _ weights: String?, _ header: WeightsHeader?, _ arguments: Arguments
  ) {
    if let weights, let header, !arguments[Flags.clear] {
      let isWhole = trainer.resume(from: weights, seen: header.seen)
      let (iteration, end) = (trainer.state.iteration, trainer.maxBatches)
      if iteration >= end, !trainer.isEndless {
        Console.error(
          "\(weights): has seen \(header.seen) images, which is iteration \(iteration) of "
            + "max_batches=\(end): nothing is left to train; -clear starts from 0\n")
      } else if iteration > 0 {
        Console.error(
          "goes on behind iteration \(iteration), "
            + (isWhole ? "as if it had not stopped" : "with momentum of 0") + "\n")
      }
    }
    Console.error("seed \(trainer.state.seed); -seed \(trainer.state.seed) repeats this run\n")
  }

  /// Trains to the end, or until a signal, a divergence.
  ///
  /// - Parameter shown: `-show_imgs`.
  func run(_ arguments: Arguments, shown: AugmentedPictures?) throws -> ExitStatus {
    if let chart = arguments[Flags.chart], files.earlierRows == 0 {
      Console.error("\(chart): has no results.csv beside it to go on with; it begins anew\n")
    }
    for problem in log.note(list.problems) { console.line("\(problem)") }
    source.onBatch = { batch in
      for problem in batch.problems { console.line("\(problem)") }
      do throws(FileError) { try shown?.write(batch) } catch { console.line("\(error)") }
    }
    Interruption.watch()
    let outcome = try trainer.run { event in
      console.show(event)
      if let error = files.note(event) { console.line("\(error)") }
    }
    console.pause()
    if let error = files.finish() { console.line("\(error)") }
    for group in DataProblem.Group.allCases {
      let count = log.count(group)
      if count > 0 { console.line(group.counted(count)) }
    }
    return finish(outcome)
  }

  private func finish(_ outcome: TrainingOutcome) -> ExitStatus {
    switch outcome {
    case .finished:
      return .done
    case .unsaved:
      return .inputOutput
    case .stopped:
      console.line("stopped behind iteration \(trainer.state.iteration)")
      return Interruption.status
    case .diverged(let divergence):
      console.line("\(divergence)")
      return .diverged
    }
  }
}
