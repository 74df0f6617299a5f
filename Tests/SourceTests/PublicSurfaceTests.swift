import Foundation
import Testing

/// What users of the library see is documented, counted, and named like nothing of the system.
@Suite struct PublicSurfaceTests {
  @Test func `no public declaration without a doc comment, in any module`() {
    for module in Sources.modules {
      let bare = (Sources.surface[module] ?? []).filter { !Self.isDocumented($0.declaration) }
      for (path, declaration) in bare {
        Issue.record(
          """
          \(path):\(declaration.line): \(declaration.keyword) \(declaration.name): \
          expected a doc comment, found none
          """)
      }
    }
  }

  private static func isDocumented(_ declaration: PublicSurface.Declaration) -> Bool {
    declaration.isDocumented || declaration.isSelfEvident
  }

  /// The second number may only fall: who adds a public declaration writes what it means.
  @Test func `docs/development.md counts the public surface`() throws {
    let expected = Sources.modules.map { module in
      let all = Sources.surface[module] ?? []
      let bare = all.count { !Self.isDocumented($0.declaration) }
      return "| `\(module)` | \(all.count) | \(bare) |"
    }
    let rows = try Sources.table("public surface", in: "docs/development.md")
    #expect(rows == expected, "the table should be:\n\(expected.joined(separator: "\n"))")
  }

  @Test func `no public name is one of Swift's or of Apple's frameworks`() {
    for (path, declaration) in Sources.surface.values.joined()
    where declaration.parents.isEmpty && SystemNames.all.contains(declaration.name) {
      Issue.record(
        """
        \(path):\(declaration.line): \(declaration.name): expected a name of its own, found one \
        that users of the library also get from the system
        """)
    }
  }

  @Test func `the sources are found`() {
    #expect(Sources.modules.contains("DarknetPipeline") && Sources.modules.count > 10)
    let pipeline = Sources.surface["DarknetPipeline"] ?? []
    #expect(
      pipeline.contains { $0.declaration.name == "Detector" && $0.declaration.parents.isEmpty })
    #expect(pipeline.count > 50)
  }
}

/// The parser of declarations.
@Suite struct PublicSurfaceParserTests {
  private func found(_ source: String, hidden: Set<String> = []) -> [String] {
    PublicSurface(source, hiddenTypes: hidden).declarations.map {
      let place = ($0.parents + [$0.name]).joined(separator: ".")
      return "\($0.keyword) \(place)\($0.isDocumented ? " +" : "")"
    }
  }

  @Test func `finds declarations and their comments`() {
    let source = """
      /// A type.
      @frozen public struct A: Sendable {
        public let x: Int
        /// Documented.
        @inline(__always)
        public func f() { public() }
        let y = "public var no: Int { }"
        private(set) public var z = 0
        public private(set) var w = 0
        /// Makes one.
        public init() {
          struct Local { var a = 0 }
        }
        // remark
        public static func == (a: A, b: A) -> Bool { true }
      }
      public let after = 1
      """
    #expect(
      found(source) == [
        "struct A +", "let A.x", "func A.f +", "var A.z", "var A.w", "init A. +", "func A.==",
        "let after",
      ])
  }

  @Test func `cases, requirements and extensions`() {
    let source = """
      public enum E {
        /// One.
        case one(Int), two
        case three
        func f() { switch self { case .one: break } }
      }
      enum F { case hidden }
      public protocol P {
        /// Needed.
        var x: Int { get }
        func f()
      }
      extension E {
        public var y: Int { 0 }
      }
      extension Hidden {
        public var y: Int { 0 }
      }
      public extension E {
        func g() {}
      }
      package struct Hidden2 { public var y = 0 }
      extension E:
        P, Q
      {
        public var late: Int { 0 }
      }
      """
    let all = found(source, hidden: ["Hidden"])
    #expect(
      all == [
        "enum E", "case E.one +", "case E.three", "protocol P", "var P.x +", "func P.f", "var E.y",
        "func E.g", "var E.late",
      ])
    #expect(PublicSurface(source).hiddenTypes == ["F", "Hidden2"])
  }

  @Test func `comments and strings hide braces`() {
    let source = #"""
      /* { /* { */ */
      struct S {
        let a = "{ \(f("}")) {"
        let b = """
          public let no = 1 {
          """
      } // }
      public let yes = 1
      """#
    #expect(found(source) == ["let yes"])
  }
}
