import Foundation
import Testing

/// docs/library.md shows the examples, which `make test` builds and runs.
@Suite struct LibraryPageTests {
  private static let page = "docs/library.md"

  /// The code after each `<!-- path -->`.
  private static func examples(in text: String) -> [(path: String, code: String)] {
    text.components(separatedBy: "<!-- ").dropFirst().compactMap { part in
      guard let mark = part.range(of: " -->\n```swift\n") else { return nil }
      let code = part[mark.upperBound...].components(separatedBy: "```")[0]
      return (String(part[..<mark.lowerBound]), code)
    }
  }

  @Test func `the code of the page is that of the examples`() throws {
    let page = Sources.root.appendingPathComponent(Self.page)
    let text = try String(contentsOf: page, encoding: .utf8)
    let shown = Self.examples(in: text)
    for (path, code) in shown {
      let source = try String(
        contentsOf: Sources.root.appendingPathComponent(path), encoding: .utf8)
      #expect(code == source, "\(Self.page): expected the text of \(path), found another")
    }
    // No code but the examples', and no example that is not shown.
    #expect(text.components(separatedBy: "```swift").count - 1 == shown.count)
    let files = try Sources.swiftFiles(in: "Examples/Sources").map(\.path)
    #expect(Set(shown.map(\.path)) == Set(files) && files.count == 5)
  }

  @Test func `the code of README.md is from an example`() throws {
    func lines(_ path: String) throws -> [String] {
      try String(contentsOf: Sources.root.appendingPathComponent(path), encoding: .utf8)
        .components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    let code = try lines("README.md").drop { $0 != "```swift" }.dropFirst().prefix { $0 != "```" }
    let example = try lines("Examples/Sources/detect/main.swift")
    #expect(code.count > 3 && code.allSatisfy(example.contains))
  }

  @Test func `each example is run`() throws {
    let script = try String(
      contentsOf: Sources.root.appendingPathComponent("Examples/run"), encoding: .utf8)
    for file in try Sources.swiftFiles(in: "Examples/Sources") {
      let name = file.path.split(separator: "/")[2]
      #expect(
        script.split(separator: "\n").contains {
          $0.contains("expect ") && $0.contains(" \(name) ") || $0.hasPrefix("  \(name) ")
        }, "Examples/run does not run \(name)")
      #expect(file.text.split(separator: "\n").count < 40)
    }
  }
}
