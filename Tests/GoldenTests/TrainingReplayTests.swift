import DarknetData
import DarknetImages
import DarknetKernels
import DarknetTestSupport
import Foundation
import Testing

/// Recorded gradients and trainings.
private enum Recordings {
  /// Case folders beside the project, or those that the project has.
  static func cases(_ kind: String) -> [URL] {
    let folder = (ProjectFolder.shared?.appendingPathComponent("golden") ?? ProjectFolder.fixtures)
      .appendingPathComponent(kind)
    let entries =
      (try? FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: nil)) ?? []
    return entries.filter {
      FileManager.default.fileExists(atPath: $0.appendingPathComponent("manifest.json").path)
    }.sorted { $0.path < $1.path }
  }

  static let gradients: [URL] = cases("grad")
  static let trainings: [URL] = cases("train")
  /// Networks of layers whose sums we take in pjreddie's order.
  static let exactTrainings: [URL] = trainings.filter {
    ["prn-bn", "prn-batch4", "prn-nobn", "yolo-bn", "yolo-plain", "shortcut-unequal", "policy"]
      .contains($0.lastPathComponent)
  }
}

/// `darknet-replay` on recorded gradients and trainings, against what the reference programs
/// left in their files.
@Suite struct TrainingReplayTests {
  @Test func `there are cases`() { #expect(Recordings.gradients.count >= 3) }

  // MARK: Gradients

  /// Both in the reference's order of sums and in ours. The tolerance is of the layer's largest
  /// value of that kind; a bias before batch norm moves nothing, so that its gradient is the
  /// rounding of a zero, to be compared with the gradients of the layer's weights.
  ///
  /// Darknet does not differentiate the normalisation of shortcut weights: `GradientGoldenTests`
  /// compares those recordings through the chain rule.
  @Test(
    arguments: Recordings.gradients.filter { $0.lastPathComponent != "weighted-shortcut" },
    [[], ["-fast"]])
  func `gradients`(folder: URL, flags: [String]) throws {
    let output = try TemporaryFolder.make()
    let run = try ProgramRun(
      [folder.path, output.path] + flags, in: output, program: ProgramRun.replay)
    try #require(run.status == 0, "\(folder.lastPathComponent): \(run.errors)")
    let manifest = try jsonObject(folder.appendingPathComponent("manifest.json"))
    var compared = 0
    for layer in manifest["layers"] as? [[String: Any]] ?? [] {
      let files = layer["files"] as? [String: String] ?? [:]
      for (kind, file) in files {
        let expected = try floats(folder.appendingPathComponent(file))
        var largest = expected.lazy.map(abs).max() ?? 0
        if kind == "bias_updates", let weights = files["weight_updates"] {
          let others = try floats(folder.appendingPathComponent(weights))
          largest = max(largest, others.lazy.map(abs).max() ?? 0)
        }
        let found = try floats(output.appendingPathComponent(file))
        let worst = Self.largestDifference(expected, found)
        #expect(worst <= 1e-4 * largest, "\(folder.lastPathComponent) \(file): \(worst)")
        compared += 1
      }
    }
    #expect(compared > 0)
  }

  // MARK: Trainings

  struct Point {
    var iteration: Int
    var deviation: Float
    var limit: Float
  }

  /// The weights at each save point within ten times the case's sensitivity, not below 2e-5.
  @Test(arguments: Recordings.trainings)
  func `weights and losses of 30 updates`(folder: URL) throws {
    let output = try TemporaryFolder.make()
    let name = folder.lastPathComponent
    let run = try ProgramRun(
      [folder.path, output.path], in: output, program: ProgramRun.replay)
    try #require(run.status == 0, "\(name): \(run.errors)")
    let manifest = try jsonObject(folder.appendingPathComponent("manifest.json"))
    let runs = manifest["runs"] as? [String: [String: Any]] ?? [:]
    #expect(!runs.isEmpty)
    for (program, run) in runs {
      for point in try Self.points(run, among: runs, folder, output) {
        #expect(
          point.deviation <= point.limit,
          "\(name) \(program) after \(point.iteration): \(point.deviation)")
      }
      guard let file = run["loss"] as? String else { continue }
      let expected = try Self.losses(folder.appendingPathComponent(file))
      let found = try Self.losses(output.appendingPathComponent(file))
      #expect(expected.count == found.count)
      // Files of command lines have six decimals of numbers near 60.
      for (a, b) in zip(expected, found) { #expect(abs(a - b) <= 2e-5 * (1 + abs(a)), "\(name)") }
    }
  }

  /// Convolutions, pools, shortcuts and [yolo] take the very path of pjreddie's program: the same
  /// bits after 30 updates.
  @Test(arguments: Recordings.exactTrainings)
  func `weights of pjreddie's program to the last bit`(folder: URL) throws {
    let output = try TemporaryFolder.make()
    let run = try ProgramRun(
      [folder.path, output.path], in: output, program: ProgramRun.replay)
    try #require(run.status == 0, "\(run.errors)")
    let manifest = try jsonObject(folder.appendingPathComponent("manifest.json"))
    let runs = manifest["runs"] as? [String: [String: Any]] ?? [:]
    let pjreddie = try #require(runs["pjreddie"])
    for point in try Self.points(pjreddie, among: runs, folder, output) {
      // The library's exp and log may round a last bit otherwise than the recording's did.
      #expect(point.deviation <= 1e-6, "\(folder.lastPathComponent) after \(point.iteration)")
    }
  }

  /// Our own order of sums, until the first kink that rounding decides: the first updates.
  @Test(arguments: Recordings.trainings) func `fast kernels follow the first updates`(folder: URL)
    throws
  {
    let output = try TemporaryFolder.make()
    let run = try ProgramRun(
      [folder.path, output.path, "-fast"], in: output, program: ProgramRun.replay)
    try #require(run.status == 0, "\(run.errors)")
    let manifest = try jsonObject(folder.appendingPathComponent("manifest.json"))
    let runs = manifest["runs"] as? [String: [String: Any]] ?? [:]
    for (program, run) in runs {
      for point in try Self.points(run, among: runs, folder, output) where point.iteration == 1 {
        #expect(point.deviation <= point.limit, "\(folder.lastPathComponent) \(program)")
      }
    }
  }

  // MARK: Parts

  private static func points(
    _ run: [String: Any], among runs: [String: [String: Any]], _ folder: URL, _ output: URL
  ) throws -> [Point] {
    // Runs by command line have no sensitivity of their own; that of the same network's serves.
    let sensitivity = (run["sensitivity"] ?? runs["alexeyab"]?["sensitivity"]) as? [String: Double]
    return try (run["weights"] as? [String: String] ?? [:]).map { point, file in
      let expected = try floats(folder.appendingPathComponent(file)).dropFirst(5)
      let found = try floats(output.appendingPathComponent(file)).dropFirst(5)
      return Point(
        iteration: Int(point) ?? 0,
        deviation: largestDifference(Array(expected), Array(found)),
        limit: Float(max(10 * (sensitivity?[point] ?? 0), 2e-5)))
    }
  }

  private static func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { worst, pair in
      let difference = abs(pair.0 - pair.1)
      return difference.isNaN ? .infinity : max(worst, difference)
    }
  }

  /// Second column of a file with commas or blanks.
  private static func losses(_ file: URL) throws -> [Double] {
    try String(contentsOf: file, encoding: .utf8).split(whereSeparator: \.isNewline)
      .compactMap { line in
        let fields = line.split { $0 == "," || $0 == " " }
        return fields.count > 1 && Int(fields[0]) != nil ? Double(fields[1]) : nil
      }
  }
}
