import DarknetData
import DarknetKernels
import DarknetTestSupport
import Foundation
import Testing

/// `darknet-replay` on recorded forward cases, against what the reference programs computed.
@Suite struct ForwardReplayTests {
  /// Case folders beside the project, or those that the project has.
  static let cases: [URL] = {
    let folder =
      ProjectFolder.shared?.appendingPathComponent("golden/forward")
      ?? ProjectFolder.fixtures.appendingPathComponent("forward")
    let entries =
      (try? FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: nil)) ?? []
    return entries.filter {
      FileManager.default.fileExists(atPath: $0.appendingPathComponent("manifest.json").path)
    }.sorted { $0.path < $1.path }
  }()

  /// The tolerance that the recordings' own README suggests: 1e-4 (1 + |value|). The references
  /// differ among themselves by up to 1e-6 relative, ours sums in another order.
  static let tolerance: Float = 1e-4

  @Test func `there are cases`() { #expect(Self.cases.count >= 10) }

  /// With the kernels of each instruction set: those that this machine lacks are not chosen.
  @Test(arguments: cases, ["fastest", "exact", "baseline", "avx2"])
  func `every layer and box as recorded`(folder: URL, kernels: String) throws {
    let output = try TemporaryFolder.make()
    let run = try ProgramRun(
      [folder.path, output.path] + (kernels == "exact" ? ["-exact"] : []), in: output,
      program: ProgramRun.replay,
      environment: ["baseline", "avx2"].contains(kernels) ? ["PRN_DARKNET_CPU": kernels] : [:])
    #expect(run.status == 0, "\(folder.lastPathComponent): \(run.errors)")
    guard run.status == 0 else { return }
    let manifest = try jsonObject(folder.appendingPathComponent("manifest.json"))
    var compared = 0
    for layer in manifest["layers"] as? [[String: Any]] ?? [] {
      guard let file = layer["file"] as? String, let index = layer["index"] as? Int,
        RecordedFaults.isRight(folder.lastPathComponent, layer: index)
      else { continue }
      let worst = try worstDeviation(file, folder, output)
      #expect(worst <= Self.tolerance, "\(folder.lastPathComponent) \(file): \(worst)")
      compared += 1
    }
    #expect(compared > 0)
    for (key, value) in manifest["boxes"] as? [String: Any] ?? [:] where !key.hasPrefix("other") {
      guard let entry = value as? [String: Any], let file = entry["file"] as? String,
        let rows = entry["rows"] as? Int
      else { continue }
      try compareBoxes(file, rows: rows, folder, output)
    }
  }

  /// Largest |a - b| / (1 + |a|) of two files.
  private func worstDeviation(_ file: String, _ folder: URL, _ output: URL) throws -> Float {
    let expected = try floats(folder.appendingPathComponent(file))
    let found = try floats(output.appendingPathComponent(file))
    guard expected.count == found.count else { return .infinity }
    return zip(expected, found).reduce(0) { worst, pair in
      let deviation = abs(pair.0 - pair.1) / (1 + abs(pair.0))
      return deviation <= worst ? worst : deviation.isNaN ? .infinity : deviation
    }
  }

  /// Rows of boxes, as sets: each recorded row must have one of ours near it.
  private func compareBoxes(_ file: String, rows: Int, _ folder: URL, _ output: URL) throws {
    let expected = try floats(folder.appendingPathComponent(file))
    let found = try floats(output.appendingPathComponent(file))
    try #require(expected.count == found.count, "\(folder.lastPathComponent) \(file)")
    guard rows > 0 else { return }
    let width = expected.count / rows
    var free = Set(0..<rows)
    for row in 0..<rows {
      let wanted = expected[row * width..<(row + 1) * width]
      let match = free.first { candidate in
        zip(wanted, found[candidate * width..<(candidate + 1) * width]).allSatisfy {
          abs($0 - $1) <= Self.tolerance * (1 + abs($0))
        }
      }
      guard let match else {
        Issue.record("\(folder.lastPathComponent) \(file): row \(row) has no match")
        return
      }
      free.remove(match)
    }
  }
}
