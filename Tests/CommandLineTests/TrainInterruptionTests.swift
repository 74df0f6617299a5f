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

  @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
  func `a signal ends the iteration and saves; the run goes on as if nothing had been`(
    signal: Int32, status: Int32
  ) throws {
    let folder = try TrainingFolder(net: "max_batches=1000000")
    let run = try start(folder)
    #expect(run.wait { $0.output.contains("\n 20: ") })
    run.send(signal)
    #expect(try run.finish() == status, "\(run.errors.suffix(300))")
    let last = lastIteration(run.output)
    #expect(run.errors.hasSuffix("stopped behind iteration \(last)\n"))
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

  /// `make kill` tries 200 moments.
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
        #expect(run.errors.contains("as if it had not stopped\n"), "\(run.errors.suffix(300))")
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
    // The same files, nothing left behind, and the last of them bit for bit.
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
    #expect(run.wait { $0.errors.contains("; the training goes on and tries again in 10 ") })
    let failed = lastIteration(run.output)
    #expect(!folder.exists("backup/x_last.weights"))
    #expect(run.errors.contains("backup/x_last.weights: cannot write the file: File too large"))
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

  @Test func `a stop whose weights cannot be saved is no stop as usual`() throws {
    let layers = TrainingFolder.layers.replacingOccurrences(of: "filters=16", with: "filters=200")
    let folder = try TrainingFolder(net: "max_batches=100000", layers: layers)
    let run = try start(folder, limit: 1 << 20)
    #expect(run.wait { lastIteration($0.output) > 1 })
    run.send(SIGTERM)
    #expect(try run.finish() == 4)
    #expect(run.errors.contains("backup/x_last.weights: cannot write the file: File too large"))
  }

  @Test func `a run that does not end is killed, and the test that waits for it fails`() throws {
    let run = try start(TrainingFolder(net: "max_batches=1000000"))
    #expect(throws: RunningProgram.StillRunning.self) { try run.finish(within: 0.2) }
    #expect(!run.isRunning)
  }
}
