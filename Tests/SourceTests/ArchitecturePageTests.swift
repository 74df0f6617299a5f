import Foundation
import Testing

/// docs/architecture.md names files that are there, and what they declare.
@Suite struct ArchitecturePageTests {
  private static let page = "docs/architecture.md"

  @Test(arguments: ["way to boxes", "way to an update"])
  func `a way through the sources is 25 files at most, named for what they declare`(
    _ way: String
  ) throws {
    let rows = try Sources.table(way, in: Self.page)
    #expect((10...25).contains(rows.count), "\(rows.count)")
    for row in rows {
      let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      try #require(cells.count == 3, "\(row)")
      let (file, name) = (Self.code(cells[0]), Self.code(cells[1]))
      let url = Sources.root.appendingPathComponent("Sources/" + file)
      let text = try #require(try? String(contentsOf: url, encoding: .utf8), "no file \(file)")
      if file.hasSuffix("/main.swift") {
        #expect(text.contains(name + "."), "\(file)")
        continue
      }
      let kinds = ["struct", "class", "enum", "protocol", "func"]
      #expect(
        kinds.contains { text.contains("\($0) \(name)") } || text.contains("extension \(name)"),
        "\(file) declares no \(name)")
      // A type's file has its name; a file of functions says what they make.
      if name.first?.isUppercase == true, name != "Load", name != "BackwardPass" {
        #expect(file.hasSuffix("/\(name).swift"), "\(file) declares \(name)")
      }
    }
  }

  private static func code(_ cell: String) -> String { cell.filter { $0 != "`" } }

  /// Every module has a row, and no row is of a module that is gone.
  @Test func `the table of modules is that of the package`() throws {
    let text = try String(
      contentsOf: Sources.root.appendingPathComponent(Self.page), encoding: .utf8)
    let table = text.components(separatedBy: "## The modules")[1].components(separatedBy: "\n## ")[
      0]
    let rows = table.split(separator: "\n").filter { $0.hasPrefix("| `") }
    let named = Set(
      rows.flatMap { row in
        row.split(separator: "|")[0].split(separator: " ").map { Self.code(String($0)) }
      })
    let folders = try FileManager.default.contentsOfDirectory(
      atPath: Sources.root.appendingPathComponent("Sources").path
    ).filter { !$0.hasPrefix(".") }
    #expect(named == Set(folders), "\(named.symmetricDifference(folders).sorted())")
  }
}
