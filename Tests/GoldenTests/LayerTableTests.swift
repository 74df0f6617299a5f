import DarknetImages
import DarknetTestSupport
import Foundation
import Testing

/// The layer tables of real networks, line by line.
@Suite struct LayerTableTests {
  static let tables: [URL] = {
    guard let folder = ProjectFolder.shared?.appendingPathComponent("golden/tables") else {
      return []
    }
    let entries =
      (try? FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: nil)) ?? []
    return entries.filter { $0.pathExtension == "txt" }.sorted { $0.path < $1.path }
  }()

  /// Lines that no table of ours has, each for a reason.
  private static func isComparable(_ line: Substring) -> Bool {
    // OpenCV is not what makes us fast or slow.
    !line.hasPrefix(" OpenCV isn't used")
      // Follow the table: the exit status and what `ops` counts.
      && !line.hasPrefix("exit status") && !line.hasPrefix("Floating Point")
  }

  @Test(arguments: tables)
  func `equal to the reference's`(table: URL) throws {
    let parts = table.deletingPathExtension().lastPathComponent.split(separator: ".")
    let (name, dialect) = (parts[0], parts[1])
    let text = try String(contentsOf: table, encoding: .utf8)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let cfg = table.deletingLastPathComponent().appendingPathComponent("cfg/\(name).cfg")
    let run = try ProgramRun(
      ["ops", cfg.path, "-dialect", String(dialect)], in: try TemporaryFolder.make())
    if text.contains("exit status 134") {
      // The reference stops at an assertion there; ours says what is wrong.
      #expect(run.status == 3 && run.errors.contains("[shortcut] from: expected"))
      return
    }
    #expect(run.status == 0, "\(run.errors.suffix(300))")
    let expected = lines.filter(Self.isComparable).map(String.init)
    // Without our own notes on options that have no effect.
    let found = run.errors.split(separator: "\n", omittingEmptySubsequences: false)
      .map(String.init).filter { !$0.hasPrefix(cfg.path + ":") }
    #expect(found.count >= expected.count - 1)
    for (index, (a, b)) in zip(expected, found).enumerated() where a != b {
      Issue.record("\(name).\(dialect) line \(index + 1):\n  recorded '\(a)'\n  ours     '\(b)'")
      return
    }
    try compareOperations(lines, run, groups: text.contains("/ "))
  }

  /// What `ops` counts; AlexeyAB's forgets the groups of convolutions.
  private func compareOperations(_ lines: [Substring], _ run: ProgramRun, groups: Bool) throws {
    guard let line = lines.first(where: { $0.hasPrefix("Floating Point Operations: ") }) else {
      return
    }
    let isGrouped =
      run.errors.contains("conv")
      && run.errors.split(separator: "\n").contains {
        $0.contains("conv ") && $0.contains("/ ") && $0.prefix(30).contains("/")
          && $0.dropFirst(16).prefix(1) == "/"
      }
    if !isGrouped { #expect(run.output.contains(line)) }
  }
}
