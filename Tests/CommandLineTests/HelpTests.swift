import DarknetGeometry
import DarknetTestSupport
import Foundation
import Testing

/// Help, which is made from what the commands declare, and `docs/commands.md`, which lists it.
@Suite struct HelpTests {
  private func help(_ words: String...) throws -> ProgramRun {
    try ProgramRun(words, in: try TemporaryFolder.make())
  }

  /// The commands' names in the list of commands.
  private func names() throws -> [String] {
    let text = try help("--help").output
    let list = text.components(separatedBy: "Detection:\n").last ?? ""
    return list.split(separator: "\n").filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
      .map { line in
        line.dropFirst(2).prefix(22).trimmingCharacters(in: .whitespaces)
      }
  }

  /// The rows of flags in a command's help: what is before and after the gap, lines joined.
  private func rows(_ text: String) -> [String: String] {
    var rows: [String: String] = [:]
    var last: String?
    let own = text.components(separatedBy: "\nEvery command:\n")[0]
    for line in own.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("  -") {
        let parts = line.dropFirst(2).components(separatedBy: "  ")
        last = parts[0]
        rows[parts[0]] = parts.dropFirst().joined(separator: " ")
          .trimmingCharacters(in: .whitespaces)
      } else if line.hasPrefix("     "), let name = last {
        let more = line.trimmingCharacters(in: .whitespaces)
        rows[name] = rows[name]!.isEmpty ? more : rows[name]! + " " + more
      } else {
        last = nil
      }
    }
    return rows
  }

  @Test func `every way to ask for help`() throws {
    let wanted = try help("detector", "train", "--help")
    #expect(wanted.status == 0)
    #expect(wanted.output.hasPrefix("prn-darknet detector train DATA CFG [WEIGHTS] [FLAGS]\n"))
    for words in [
      ["help", "detector", "train"], ["--help", "detector", "train"], ["detector", "train", "-h"],
      ["detector", "train", "a.data", "a.cfg", "-help"], ["detector", "--help", "train"],
    ] {
      let run = try ProgramRun(words, in: try TemporaryFolder.make())
      #expect(run.status == 0)
      #expect(run.output == wanted.output, "\(words)")
    }
    let list = try help("help")
    #expect(list.output == (try help("--help")).output)
    #expect(list.output.contains("Start here:\n"))
    let family = try help("help", "classifier")
    #expect(family.output.hasPrefix("  classifier predict"))
    let unknown = try help("help", "detektor")
    #expect(unknown.status == 2)
  }

  /// pjreddie's demo has a height.
  @Test func `-h with a number is no help`() throws {
    let run = try help("detector", "test", "no.data", "a.cfg", "-h", "416")
    #expect(run.status == 3)
    #expect(run.errors.hasPrefix("no.data: "), "\(run.errors)")
  }

  @Test func `every command has help, in ASCII and 100 columns`() throws {
    let names = try names()
    #expect(names.count == 38)
    for name in names {
      let run = try ProgramRun(
        ["help"] + name.split(separator: " ").map(String.init), in: try TemporaryFolder.make())
      #expect(run.status == 0)
      #expect(run.output.hasPrefix("prn-darknet \(name)"))
      #expect(run.output.utf8.allSatisfy { $0 < 128 }, "\(name)")
      #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 100 }, "\(name)")
      #expect(run.output.contains("\nEvery command:\n  -dialect alexeyab|pjreddie\n"))
    }
  }

  @Test func `docs list every flag of every command, and no other`() throws {
    let text = try String(
      contentsOf: ProjectFolder.root.appendingPathComponent("docs/commands.md"), encoding: .utf8)
    let list = try #require(text.components(separatedBy: "\n## Every flag\n").last)
    var documented: [String: [String: String]] = [:]
    for section in list.components(separatedBy: "\n### ").dropFirst() {
      let lines = section.split(separator: "\n")
      var rows: [String: String] = [:]
      for line in lines where line.hasPrefix("| `-") {
        let cells = line.replacing("\\|", with: "\u{1}").split(separator: "|")
          .map { $0.replacing("\u{1}", with: "|").trimmingCharacters(in: .whitespaces) }
        rows[cells[0].trimmingCharacters(in: ["`"])] = cells[1]
      }
      for name in lines[0].components(separatedBy: ", ") { documented[name] = rows }
    }
    let names = try names()
    #expect(Set(documented.keys) == Set(names))
    for name in names {
      let run = try ProgramRun(
        ["help"] + name.split(separator: " ").map(String.init), in: try TemporaryFolder.make())
      #expect(documented[name] == rows(run.output), "\(name)")
    }
  }
}
