import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// Trainings that are stopped, killed, or cannot write: nothing is lost but what the interval
/// between two files allows.
@Suite struct TrainInterruptionTests {
  private static let flags = ["-dont_show", "-seed", "7", "-threads", "2"]

  private func start(
    _ folder: TrainingFolder, weights: String? = nil, limit: Int? = nil
  ) throws -> RunningProgram {
    try RunningProgram(
      ["detector", "train", "x.data", "x.cfg"] + (weights.map { [$0] } ?? []) + Self.flags,
      in: folder.url, limit: limit)
  }

  /// The last iteration whose line was printed whole.
  private func lastIteration(_ output: String) -> Int {
    let line = output.split(separator: "\n").last { $0.contains("hours left") && $0.hasPrefix(" ") }
    return line.flatMap { Int($0.prefix { $0 != ":" }.dropFirst()) } ?? 0
  }

  @Test(arguments: [
    (SIGINT, Int32(130)), (SIGTERM, Int32(143)), (SIGHUP, Int32(129)), (SIGQUIT, Int32(131)),
    (SIGUSR1, Int32(138)), (SIGUSR2, Int32(140)), (SIGALRM, Int32(142)), (SIGXCPU, Int32(152)),
  ])
  func `a signal ends the iteration and saves; the run continues as if nothing had been`(
    signal: Int32, status: Int32
  ) throws {
    let folder = try TrainingFolder(net: "max_batches=1000000")
    let run = try start(folder)
    #expect(run.wait { $0.output.contains("\n 20: ") })
    run.send(signal)
    #expect(try run.finish() == status, "\(run.errors.suffix(300))")
    let last = lastIteration(run.output)
    #expect(
      run.errors.hasSuffix(
        "stopped after iteration \(last); the weights are in backup/x_last.weights\n"))
    #expect(run.errors.contains("; a second signal stops without saving\n"))
    let header = try WeightsFile(folder.url.path + "/backup/x_last.weights").header
    #expect(header.seen == UInt64(last * 8))
    // To an end, and the same without a stop.
    let net = "max_batches=\(last + 5)"
    try folder.write(TrainingFolder.cfg(net), to: "x.cfg")
    #expect(try folder.train("backup/x_last.weights").status == 0)
    let whole = try TrainingFolder(net: net)
    #expect(try whole.train().status == 0)
    #expect(try folder.bytes("backup/x_final.weights") == whole.bytes("backup/x_final.weights"))
    #expect(try folder.text("results.csv").split(separator: "\n").count == last + 6)
  }

  /// Iterations of seconds, nearly all of them spent in the convolutions of a few small pictures: a
  /// signal that comes while pictures are waited for ends the training at once.
  private func slow() throws -> TrainingFolder {
    let wide = "[convolutional]\nfilters=256\nsize=3\nstride=1\npad=1\nactivation=leaky\n"
    let folder = try TrainingFolder(
      net: "max_batches=1000000",
      layers: String(repeating: wide, count: 6) + TrainingFolder.layers, side: 32)
    let cfg = try folder.text("x.cfg").replacing("batch=8", with: "batch=16")
      .replacing("subdivisions=2", with: "subdivisions=4")
    try folder.write(cfg, to: "x.cfg")
    return folder
  }

  @Test func `a signal says what is still done, a second one ends it`() throws {
    let folder = try slow()
    let run = try start(folder)
    // After the first of four mini-batches of iteration 2, whose pictures are all there by then.
    #expect(run.wait { $0.errors.components(separatedBy: " Avg (IOU:").count > 5 })
    run.send(SIGINT)
    #expect(
      run.wait {
        $0.errors.contains(
          "interrupted: finishing iteration 2, then saving; a second signal stops without saving\n")
      })
    // `timeout` sends a signal twice: that is still the first.
    run.send(SIGINT)
    usleep(700_000)
    #expect(run.isRunning)
    run.send(SIGINT)
    #expect(try run.finish() == 130)
    #expect(run.errors.hasSuffix("\ninterrupted: stopped without saving\n"))
    #expect(try folder.files("backup") == ["x.lock"])
  }

  /// Runs a training with its standard output as the shell's words say.
  private func train(_ folder: TrainingFolder, _ script: String) throws -> ProgramRun {
    try ProgramRun(
      ["-c", script, ProgramRun.program.path, "detector", "train", "x.data", "x.cfg"] + Self.flags,
      in: folder.url, program: URL(fileURLWithPath: "/bin/bash"))
  }

  @Test func `a training whose reader goes saves and ends`() throws {
    let folder = try TrainingFolder(net: "max_batches=1000000")
    let run = try train(folder, #""$0" "$@" | head -n 1 > /dev/null; exit ${PIPESTATUS[0]}"#)
    #expect(run.status == 4)
    #expect(
      run.errors.contains(
        "\nstandard output: its reader has gone, so no more lines are printed\nstopped after "
          + "iteration "))
    #expect(try WeightsFile(folder.url.path + "/backup/x_last.weights").header.seen >= 8)
  }

  @Test(arguments: [
    (#""$0" "$@" > /dev/full"#, "No space left on device", "free some space and run again"),
    (#""$0" "$@" >&-"#, "Bad file descriptor", "it is closed; send it to a file, or to /dev/null"),
  ])
  func `a training whose lines cannot be written goes to its end, and says so`(
    script: String, reason: String, advice: String
  ) throws {
    let folder = try TrainingFolder(net: "max_batches=12")
    let run = try train(folder, script)
    #expect(run.status == 4)
    let line = "\nstandard output: cannot write: \(reason); "
    #expect(run.errors.contains(line + "the training continues without printing\n"))
    #expect(run.errors.hasSuffix(line + advice + "\n"))
    #expect(folder.exists("backup/x_final.weights"))
    #expect(try folder.text("results_x.csv").split(separator: "\n").count == 13)
  }

  /// `make kill` tries 1000 moments.
  @Test func `kill -9 at any moment leaves every file whole`() throws {
    let moments = Int(ProcessInfo.processInfo.environment["PRN_DARKNET_KILLS"] ?? "") ?? 12
    let interval = 3
    let net = "max_batches=\(moments * 40)\nema_alpha=0.9"
    let data = "saveweights=7\nsavelast=\(interval)"
    let folder = try TrainingFolder(net: net, data: data)
    var random = Random(seed: 11)
    var weights: String?
    var reached = 0
    var killed = 0
    var checked: Set<String> = []
    while killed < moments, reached < moments * 40 - 10 {
      let run = try start(folder, weights: weights)
      // Any time within some iterations, of a slow machine too.
      let iterations = random.below(4 * interval)
      _ = run.wait { $0.output.components(separatedBy: "avg loss").count > iterations + 1 }
      usleep(UInt32(random.below(20_000)))
      run.send(SIGKILL)
      if try run.finish() != nil { break }
      killed += 1
      let printed = max(reached, lastIteration(run.output))
      if weights != nil {
        #expect(run.errors.contains(", with saved momentum\n"), "\(run.errors.suffix(300))")
      }
      // The first lines may not have led to a file yet.
      guard folder.exists("backup/x_last.weights") else {
        #expect(printed <= interval)
        continue
      }
      for file in try folder.files("backup") {
        // Numbered files are written once.
        guard file.hasSuffix(".weights"), !checked.contains(file) else { continue }
        if file != "x_last.weights", file != "x_ema.weights" { checked.insert(file) }
        let check = try ProgramRun(["statistics", "x.cfg", "backup/\(file)"], in: folder.url)
        #expect(check.status == 0, "\(file): \(check.errors.suffix(300))")
      }
      weights = "backup/x_last.weights"
      let seen = try WeightsFile(folder.url.path + "/backup/x_last.weights").header.seen
      #expect(Int(seen / 8) >= printed - interval)
      reached = Int(seen / 8)
    }
    #expect(killed > 0)
    #expect(try folder.files("backup").count { $0.hasPrefix(".") } <= 3)
    print("killed at \(killed) moments, the last file of iteration \(reached)")
    #expect(try folder.train("backup/x_last.weights").status == 0)
    let whole = try TrainingFolder(net: net, data: data)
    #expect(try whole.train().status == 0)
    // The same files, nothing else, and the last of them bit for bit.
    #expect(try folder.files("backup") == whole.files("backup"))
    #expect(try folder.bytes("backup/x_final.weights") == whole.bytes("backup/x_final.weights"))
    #expect(
      try folder.text("results.csv").split(separator: "\n").count == moments * 40 + 1)
  }

  /// A limit of the size of files stands for a full disk; it is lifted while the training runs.
  @Test func `a full disk is reported, and the training tries again`() throws {
    // Weights of 1.5 MB where 1 is allowed. (Sanitizers need files of half a MB for themselves.)
    let layers = TrainingFolder.layers.replacingOccurrences(of: "filters=16", with: "filters=200")
    let folder = try TrainingFolder(
      net: "max_batches=100000", layers: layers, data: "savelast=2")
    let run = try start(folder, limit: 1 << 20)
    #expect(run.wait { $0.errors.contains("; the training continues and tries again in 10 ") })
    let failed = lastIteration(run.output)
    #expect(!folder.exists("backup/x_last.weights"))
    #expect(run.errors.contains("backup/x_last.state: cannot write the file: File too large"))
    let lift = try Process.run(
      URL(fileURLWithPath: "/usr/bin/prlimit"),
      arguments: ["--pid", "\(run.identifier)", "--fsize=unlimited"])
    lift.waitUntilExit()
    #expect(run.wait { _ in folder.exists("backup/x_last.weights") })
    run.send(SIGTERM)
    #expect(try run.finish() == 143)
    let seen = try WeightsFile(folder.url.path + "/backup/x_last.weights").header.seen
    #expect(Int(seen / 8) >= failed)
    #expect(try folder.files("backup") == ["x_last.state", "x_last.weights"])
  }

  /// Rows are larger than a disk allows from some iteration on, then it has room again.
  @Test func `rows that a full disk refuses are reported once and written later`() throws {
    let limit = 1 << 20
    let folder = try TrainingFolder(net: "max_batches=4", data: "savelast=2")
    #expect(try folder.train().status == 0)
    // As of a training of many iterations: up to two rows below the limit.
    let rows = try folder.text("results_x.csv").split(separator: "\n")
    let head = rows[0] + "\n"
    let tail = rows[2...].joined(separator: "\n") + "\n"
    let count = (limit - 120 - head.utf8.count - tail.utf8.count) / (rows[1].utf8.count + 1)
    try folder.write(
      head + String(repeating: rows[1] + "\n", count: count) + tail, to: "results_x.csv")
    try folder.write(TrainingFolder.cfg("max_batches=1000000"), to: "x.cfg")
    let run = try start(folder, weights: "backup/x_last.weights", limit: limit)
    let line = "results_x.csv: cannot write the file: File too large"
    #expect(run.wait { $0.errors.contains(line) }, "\(run.errors.suffix(300))")
    #expect(try folder.text("results_x.csv").hasSuffix("\n"))
    let failed = lastIteration(run.output)
    #expect(run.wait { lastIteration($0.output) > failed + 4 })
    #expect(run.errors.components(separatedBy: line).count == 2)
    let lift = try Process.run(
      URL(fileURLWithPath: "/usr/bin/prlimit"),
      arguments: ["--pid", "\(run.identifier)", "--fsize=unlimited"])
    lift.waitUntilExit()
    run.send(SIGTERM)
    #expect(try run.finish() == 143)
    let found = TrainingRecords.rows(of: folder.url.path + "/results_x.csv").map(\.iteration)
    #expect(Array(found.dropFirst(count)) == Array(2...lastIteration(run.output)))
    #expect(try folder.text("results.csv") == folder.text("results_x.csv"))
  }

  /// Room for one of the two files: the smaller one is the state, or with an average the weights.
  @Test(arguments: [("", "x_last.weights"), ("\nema_alpha=0.9", "x_last.state")])
  func `without room for both weights and state change together or not at all`(
    net: String, file: String
  ) throws {
    let layers = TrainingFolder.layers.replacingOccurrences(of: "filters=16", with: "filters=200")
    let folder = try TrainingFolder(
      net: "max_batches=5" + net, layers: layers, data: "savelast=2")
    #expect(try folder.train().status == 0)
    let pair = try ["weights", "state"].map { try folder.bytes("backup/x_last.\($0)") }
    let room = (min(pair[0].count, pair[1].count) + 511) / 512 * 512
    #expect(room < max(pair[0].count, pair[1].count))
    try folder.write(TrainingFolder.cfg("max_batches=100000" + net, layers), to: "x.cfg")
    let run = try start(folder, weights: "backup/x_last.weights", limit: room)
    // The second failure is the one that took the state of the weights that are there.
    let line = "backup/\(file): cannot write the file: File too large"
    #expect(run.wait { $0.errors.components(separatedBy: line).count > 3 })
    run.send(SIGKILL)
    _ = try run.finish()
    #expect(try ["weights", "state"].map { try folder.bytes("backup/x_last.\($0)") } == pair)
    try folder.write(TrainingFolder.cfg("max_batches=6" + net, layers), to: "x.cfg")
    let next = try folder.train("backup/x_last.weights")
    #expect(next.errors.contains("resuming after iteration 4, with saved momentum\n"))
    #expect(try !folder.files("backup").contains { $0.hasSuffix("~") })
  }

  @Test func `a stop whose weights cannot be saved is no stop as usual`() throws {
    let layers = TrainingFolder.layers.replacingOccurrences(of: "filters=16", with: "filters=200")
    let folder = try TrainingFolder(net: "max_batches=100000", layers: layers)
    let run = try start(folder, limit: 1 << 20)
    #expect(run.wait { lastIteration($0.output) > 1 })
    run.send(SIGTERM)
    #expect(try run.finish() == 4)
    #expect(run.errors.contains("backup/x_last.state: cannot write the file: File too large"))
    #expect(run.errors.hasSuffix(", which could not be saved\n"))
  }

  @Test func `a run that does not end is killed, and the test that waits for it fails`() throws {
    let run = try start(TrainingFolder(net: "max_batches=1000000"))
    #expect(throws: RunningProgram.StillRunning.self) { try run.finish(within: 0.2) }
    #expect(!run.isRunning)
  }
}
