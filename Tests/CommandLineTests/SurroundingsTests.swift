import DarknetKernels
import DarknetTestSupport
import Foundation
import Testing

/// Runs the program by a shell that sets a limit first; 20 seconds are for ever.
private func run(
  _ limit: String, _ arguments: [String], in folder: URL, environment: [String: String] = [:]
) throws -> ProgramRun {
  try ProgramRun(
    ["-c", limit + "; exec timeout 20 \"$0\" \"$@\"", ProgramRun.program.path] + arguments,
    in: folder, program: URL(fileURLWithPath: "/bin/bash"), environment: environment)
}

/// What the program makes of few threads, little address space, a small stack and odd variables.
@Suite struct SurroundingsTests {
  /// OpenBLAS begins before `main`. With threads of its own it would wait for their memory for ever.
  @Test(
    .disabled(if: Sanitizer.isOn, "a sanitizer needs terabytes"),
    arguments: [150_000, 180_000, 210_000, 250_000, 400_000], ["", "8"])
  func `little address space`(kilobytes: Int, threads: String) throws {
    let result = try run(
      "ulimit -v \(kilobytes)", ["--help"], in: TemporaryFolder.make(),
      environment: threads.isEmpty ? [:] : ["OPENBLAS_NUM_THREADS": threads])
    // 127: not even the loader had room, as in a build for tests.
    #expect(result.status == 0 || result.status == 127, "\(result.status) \(result.errors)")
    if result.status == 0 { #expect(result.output.contains("detector train")) }
  }

  /// A user who may have no further process: root may have any number, and so becomes nobody.
  @Test func `no thread to be had`() throws {
    let folder = try TemporaryFolder.make()
    let isRoot = getuid() == 0
    let tool = "/usr/bin/setpriv"
    guard !isRoot || FileManager.default.isExecutableFile(atPath: tool) else {
      print("skipped: no setpriv to become another user with")
      return
    }
    let other = "exec \(tool) --reuid=65534 --regid=65534 --clear-groups"
    let result =
      isRoot
      ? try ProgramRun(
        [
          "-c", "ulimit -u 1; \(other) \"$0\" \"$@\"", ProgramRun.program.path, "--help",
        ], in: folder, program: URL(fileURLWithPath: "/bin/bash"))
      : try ProgramRun(
        ["-c", "ulimit -u 1; exec \"$0\" \"$@\"", ProgramRun.program.path, "--help"], in: folder,
        program: URL(fileURLWithPath: "/bin/bash"))
    if result.status == 126 || result.status == 127 {
      print("skipped: another user may not run the program")
      return
    }
    #expect(result.status == 0 && !result.wasKilled)
    #expect(result.errors == "")
  }

  /// A product that OpenBLAS has no buffer for: a line, not a wait without end. With room for one
  /// buffer products wait for one another, and give the same numbers.
  @Test(.disabled(if: Sanitizer.isOn, "a sanitizer needs terabytes"))
  func `address space for some products or none`() throws {
    let folder = try TemporaryFolder.make()
    let cfg = """
      [net]
      width=16
      height=16
      channels=3
      [convolutional]
      filters=8
      size=3
      groups=1
      stride=2
      activation=leaky
      [connected]
      output=50
      activation=linear
      """
    try Data(cfg.utf8).write(to: folder.appendingPathComponent("c.cfg"))
    let command = ["benchmark", "c.cfg", "-runs", "1", "-threads", "4"]
    var statuses: [Int32] = []
    for megabytes in stride(from: 200, through: 1400, by: 150) {
      let result = try run("ulimit -v \(megabytes * 1000)", command, in: folder)
      guard result.status != 127 else { continue }
      #expect([0, 4].contains(result.status), "\(megabytes) MB: \(result.status) \(result.errors)")
      if result.status == 4 { #expect(result.errors.contains("memory: expected ")) }
      statuses.append(result.status)
    }
    #expect(statuses.last == 0)
  }

  /// Threads have stacks of their own size, whatever the shell's limit is.
  @Test func `a small stack`() throws {
    let folder = try TrainingFolder(net: "max_batches=3")
    let train = try run(
      "ulimit -s 64", ["detector", "train", "x.data", "x.cfg", "-dont_show"], in: folder.url)
    #expect(train.status == 0 && !train.wasKilled, "\(train.status) \(train.errors)")
    let map = try run(
      "ulimit -s 64", ["detector", "map", "x.data", "x.cfg", "backup/x_final.weights"],
      in: folder.url)
    #expect(map.status == 0 && !map.wasKilled, "\(map.status) \(map.errors)")
  }

  @Test func `kernels that are not to be had are reported once`() throws {
    let folder = try TrainingFolder()
    let plain = try ProgramRun(["ops", "x.cfg"], in: folder.url)
    let odd = try ProgramRun(
      ["ops", "x.cfg"], in: folder.url, environment: ["PRN_DARKNET_CPU": "bogus"])
    #expect(odd.status == 0)
    #expect(odd.output == plain.output)
    let first = odd.errors.split(separator: "\n").first.map(String.init) ?? ""
    #expect(first.hasPrefix("PRN_DARKNET_CPU: expected one of baseline"))
    #expect(first.contains(", found 'bogus'; ") && first.hasSuffix(" is used"))
    #expect(odd.errors == first + "\n" + plain.errors)
    for name in ["baseline", ""] {
      let named = try ProgramRun(
        ["ops", "x.cfg"], in: folder.url, environment: ["PRN_DARKNET_CPU": name])
      #expect(named.errors == plain.errors)
    }
  }
}
