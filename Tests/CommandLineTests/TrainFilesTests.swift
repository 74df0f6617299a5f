import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// Whose files a training writes: one training at a time has a name in a folder, and what an
/// earlier one wrote stays.
@Suite struct TrainFilesTests {
  private static let flags = ["-dont_show", "-seed", "7", "-threads", "2"]

  private func start(_ folder: TrainingFolder, _ cfg: String = "x.cfg") throws -> RunningProgram {
    let run = try RunningProgram(
      ["detector", "train", "x.data", cfg] + Self.flags, in: folder.url)
    #expect(run.wait { $0.output.contains("\n 2: ") }, "\(run.errors.suffix(300))")
    return run
  }

  private func train(_ folder: TrainingFolder, _ words: String...) throws -> ProgramRun {
    try ProgramRun(["detector", "train", "x.data"] + words + Self.flags, in: folder.url)
  }

  @Test func `a second training of the same files is refused, unless it is forced`() throws {
    let folder = try TrainingFolder(net: "max_batches=1000000")
    let run = try start(folder)
    #expect(try folder.text("backup/x.lock").hasPrefix("process \(run.identifier) on "))
    let rows = try folder.text("results.csv")
    let second = try folder.train()
    #expect(second.status == 4)
    #expect(
      second.errors.contains(
        "backup/x.lock: expected no other training of 'x' in this folder, found process "
          + "\(run.identifier) on "))
    #expect(
      second.errors.hasSuffix(
        "; wait for it, change 'backup=' or the cfg's name, or run both with -force\n"))
    #expect(try folder.text("results.csv").hasPrefix(rows))
    // Forced it writes the same weights, but rows and chart of its own.
    try folder.write(TrainingFolder.cfg("max_batches=4"), to: "x.4.cfg")
    let forced = try train(folder, "x.4.cfg", "-force")
    #expect(forced.status == 0, "\(forced.errors.suffix(300))")
    #expect(forced.errors.contains("backup/x.lock: another training of 'x' writes there (process "))
    #expect(try folder.text("results_x_1.csv").split(separator: "\n").count == 5)
    #expect(folder.exists("chart_x_1.png"))
    #expect(try folder.text("results.csv").hasPrefix(rows))
    run.send(SIGTERM)
    #expect(try run.finish() == 143)
    #expect(try folder.text("results.csv") == folder.text("results_x.csv"))
    #expect(!folder.exists("backup/x.lock"))
  }

  @Test func `the lock of a killed training locks nobody out`() throws {
    let folder = try TrainingFolder(net: "max_batches=1000000")
    let run = try start(folder)
    run.send(SIGKILL)
    _ = try run.finish()
    #expect(folder.exists("backup/x.lock"))
    try folder.write(TrainingFolder.cfg("max_batches=3"), to: "x.cfg")
    let next = try folder.train()
    #expect(next.status == 0, "\(next.errors.suffix(300))")
    #expect(!folder.exists("backup/x.lock"))
  }

  @Test func `two networks in one folder: each has its rows and chart`() throws {
    let folder = try TrainingFolder(net: "max_batches=1000000")
    try folder.write(TrainingFolder.cfg("max_batches=5"), to: "y.cfg")
    let run = try start(folder)
    let other = try train(folder, "y.cfg")
    #expect(other.status == 0, "\(other.errors.suffix(300))")
    #expect(
      other.errors.contains(
        "another training writes results.csv and its chart; this one writes results_y.csv and "
          + "chart_y.png\n"))
    #expect(try folder.text("results_y.csv").split(separator: "\n").count == 6)
    run.send(SIGTERM)
    #expect(try run.finish() == 143)
    #expect(try folder.text("results.csv") == folder.text("results_x.csv"))
    #expect(try folder.bytes("chart.png") == folder.bytes("chart_x.png"))
    #expect(folder.exists("chart_y.png"))
  }

  @Test func `a training that begins again keeps the rows of the one before`() throws {
    let folder = try TrainingFolder(net: "max_batches=4")
    try folder.write("mine\n", to: "results.csv")
    #expect(
      try folder.train().errors.contains(
        "results.csv of another run is kept as results_1.csv\n"))
    #expect(try folder.text("results_1.csv") == "mine\n")
    let rows = try folder.text("results_x.csv")
    #expect(rows.split(separator: "\n").count == 5)
    let chart = try folder.bytes("chart_x.png")
    let second = try folder.train()
    #expect(second.errors.contains("results_x.csv of an earlier run is kept as results_x_1.csv\n"))
    #expect(try folder.text("results_x_1.csv") == rows)
    #expect(try folder.bytes("chart_x_1.png") == chart)
    #expect(try folder.text("results.csv") == folder.text("results_x.csv"))
    // Another network: results.csv is a copy, so that nothing is lost.
    try folder.write(TrainingFolder.cfg("max_batches=3"), to: "y.cfg")
    let other = try train(folder, "y.cfg")
    #expect(!other.errors.contains(" is kept as "))
    #expect(try folder.text("results.csv") == folder.text("results_y.csv"))
    #expect(!folder.exists("results_2.csv"))
  }

  @Test func `rows of another run are not continued`() throws {
    let folder = try TrainingFolder(net: "max_batches=4", data: "savelast=2")
    #expect(try folder.train().status == 0)
    let own = try folder.text("results_x.csv")
    // A resumed run takes its own rows up to its start.
    try folder.write(TrainingFolder.cfg("max_batches=6"), to: "x.cfg")
    let resumed = try folder.train("backup/x_last.weights")
    #expect(resumed.errors.contains("resuming after iteration 4, with saved momentum\n"))
    #expect(!resumed.errors.contains(" is kept as "))
    #expect(try folder.text("results_x.csv").hasPrefix(own))
    // Rows with another loss at the iteration where it starts are those of another run.
    let rows = try folder.text("results_x.csv").split(separator: "\n").map { row in
      var fields = row.split(separator: ",", omittingEmptySubsequences: false)
      if fields[0] == "6" { fields[2] = "123.5" }
      return fields.joined(separator: ",")
    }
    try folder.write(rows.joined(separator: "\n") + "\n", to: "results_x.csv")
    try FileManager.default.removeItem(at: folder.url.appendingPathComponent("results.csv"))
    try folder.write(TrainingFolder.cfg("max_batches=8"), to: "x.cfg")
    let third = try folder.train("backup/x_last.weights")
    #expect(third.errors.contains("results_x.csv of an earlier run is kept as results_x_1.csv\n"))
    #expect(try folder.text("results_x.csv").split(separator: "\n").count == 3)
  }

  /// Root may write everywhere, so another user runs the program.
  @Test func `a current folder that cannot be written`() throws {
    let folder = try TrainingFolder(net: "max_batches=3")
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("backup"), withIntermediateDirectories: true)
    let isRoot = geteuid() == 0
    let script =
      "chmod 777 backup; chmod 555 .; " + (isRoot ? "setpriv --reuid=65534 --clear-groups " : "")
      + #""$0" "$@"; status=$?; chmod 755 .; exit $status"#
    let run = try ProgramRun(
      ["-c", script, ProgramRun.program.path, "detector", "train", "x.data", "x.cfg"] + Self.flags,
      in: folder.url, program: URL(fileURLWithPath: "/bin/sh"))
    #expect(run.status == 0, "\(run.errors.suffix(300))")
    #expect(
      run.errors.contains(
        "the current folder cannot be written (Permission denied): results.csv, chart.png and "
          + "bad.list go to backup/\n"))
    #expect(
      try folder.files("backup") == [
        "chart.png", "chart_x.png", "results.csv", "results_x.csv", "x_final.weights",
      ])
    #expect(!folder.exists("results.csv"))
  }
}
