import Foundation
import Testing

/// Darknet's printed lines are made in `DarknetTranscript`; what reads a cfg and what computes gives
/// facts.
@Suite struct DarknetLineTests {
  private static let modules = ["DarknetConfig", "DarknetLayers", "DarknetNetwork"]

  /// Parts of Darknet's lines.
  private static let phrases = [
    "Using default", "Unused field", "Avg IOU", "Avg (IOU", " BF", "Shortcut Layer:", "nms_kind:",
    "AA:",
    "_loss =", "avg_outputs", "iou loss:",
  ]

  /// The source's lines without remarks, and without line ends that are single characters.
  private static func code(_ text: String) -> [Substring] {
    text.split(separator: "\n").map { line in
      line.range(of: "//").map { line[..<$0.lowerBound] } ?? line
    }.map { Substring($0.replacing(#""\n""#, with: "").replacing(#""\r\n""#, with: "")) }
  }

  @Test(arguments: modules)
  func `no line of Darknet's is made here`(module: String) throws {
    let files = try Sources.swiftFiles(in: "Sources/\(module)")
    #expect(files.count > 4)
    for (path, text) in files {
      for line in Self.code(text) {
        #expect(!line.contains(#"\n"#), "\(path): expected no text with line ends, found '\(line)'")
        let found = Self.phrases.filter { line.contains($0) }
        #expect(found.isEmpty, "\(path): expected facts, found Darknet's words in '\(line)'")
      }
    }
  }

  /// Or the words above could be searched for in vain.
  @Test func `the words are in DarknetTranscript`() throws {
    let text = try Sources.swiftFiles(in: "Sources/DarknetTranscript").map(\.text).joined()
    for phrase in Self.phrases { #expect(text.contains(phrase), "\(phrase)") }
  }
}
