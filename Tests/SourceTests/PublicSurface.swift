import Foundation

/// The declarations of a Swift source that users of the library see, found line by line.
///
/// It knows as much of Swift as these sources use: a declaration begins on a line of its own, with
/// its attributes and modifiers. What is public without saying so counts as well: the cases of a
/// public enum, the requirements of a public protocol.
struct PublicSurface {
  struct Declaration: Hashable {
    /// 1-based.
    var line: Int
    /// `struct`, `func`, `case` …
    var keyword: String
    /// Empty for an initialiser or a subscript.
    var name: String
    /// The types around it, outermost first.
    var parents: [String]
    /// Whether the lines before it, or above its attributes, are a doc comment.
    var isDocumented: Bool

    /// Whether its protocol says all that there is to say.
    var isSelfEvident: Bool {
      ["description", "debugDescription", "==", "<", "hash"].contains(name)
    }
  }

  private(set) var declarations: [Declaration] = []
  /// Names of types that the source declares without making them public.
  private(set) var hiddenTypes: Set<String> = []

  private struct Scope {
    var name: String
    /// Whether members that say nothing are public: protocols and public extensions.
    var givesAccess: Bool
    /// The same for its cases.
    var givesAccessToCases: Bool
    /// Whether a public member is seen from outside at all.
    var isVisible: Bool
    /// Whether it is a type or extension, not a body of code.
    var isType: Bool
  }

  private static let types: Set = ["struct", "enum", "class", "protocol", "actor", "extension"]
  private static let modifiers: Set = [
    "public", "package", "internal", "private", "fileprivate", "open", "static", "final", "class",
    "mutating", "nonmutating", "override", "convenience", "required", "nonisolated", "indirect",
    "lazy", "unowned", "weak", "dynamic", "prefix", "postfix", "infix", "optional", "isolated",
    "consuming", "borrowing",
  ]
  private static let keywords: Set = [
    "struct", "enum", "class", "protocol", "actor", "extension", "func", "var", "let", "init",
    "subscript", "case", "typealias", "associatedtype", "operator",
  ]

  /// - Parameter hiddenTypes: types that are declared elsewhere and not public, so that members
  ///   of their extensions are not either.
  init(_ source: String, hiddenTypes: Set<String> = []) {
    var scopes: [Scope] = []
    // A type whose brace comes on a later line, after a long list of protocols.
    var pending: Scope?
    var isDocumented = false
    var lines = CodeLines()
    for (index, text) in source.split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      let trimmed = text.drop { $0 == " " || $0 == "\t" }
      let code = lines.code(of: text)
      defer {
        // Attributes and remarks may be between a comment and its declaration.
        let isBetween =
          trimmed.hasPrefix("//")
          || (trimmed.hasPrefix("@") && Self.declaration(code) == nil)
        if !isBetween || trimmed.hasPrefix("///") { isDocumented = trimmed.hasPrefix("///") }
      }
      var opened = pending
      pending = nil
      let isInCode = scopes.last.map { !$0.isType } ?? false
      if !isInCode, let found = Self.declaration(code) {
        let outer = scopes.last
        let isVisible = scopes.allSatisfy(\.isVisible)
        let says = !found.modifiers.isDisjoint(with: ["public", "open"])
        let hides = !found.modifiers.isDisjoint(
          with: ["package", "internal", "private", "fileprivate"])
        let isGiven =
          found.keyword == "case" ? outer?.givesAccessToCases : outer?.givesAccess
        let isPublic = isVisible && (says || (!hides && (isGiven ?? false)))
        if isPublic, found.keyword != "extension" {
          declarations.append(
            Declaration(
              line: index + 1, keyword: found.keyword, name: found.name,
              parents: scopes.map(\.name), isDocumented: isDocumented))
        }
        if Self.types.contains(found.keyword) {
          let isExtension = found.keyword == "extension"
          if !isExtension, !isPublic { self.hiddenTypes.insert(found.name) }
          let root = String(found.name.prefix { $0 != "." })
          opened = Scope(
            name: found.name,
            givesAccess: isPublic && (found.keyword == "protocol" || isExtension),
            givesAccessToCases: isPublic && found.keyword == "enum",
            isVisible: isExtension ? !hiddenTypes.contains(root) : isPublic, isType: true)
        }
      }
      for character in code {
        if character == "{" {
          scopes.append(
            opened
              ?? Scope(
                name: "", givesAccess: false, givesAccessToCases: false, isVisible: true,
                isType: false))
          opened = nil
        } else if character == "}", !scopes.isEmpty {
          scopes.removeLast()
        }
      }
      pending = opened
    }
  }

  private static func declaration(
    _ code: String
  ) -> (keyword: String, name: String, modifiers: Set<String>)? {
    var modifiers: Set<String> = []
    var rest = Substring(code).drop { $0 == " " || $0 == "\t" }
    while true {
      if rest.hasPrefix("@") {
        // An attribute, with its arguments.
        rest = rest.dropFirst().drop { $0.isLetter || $0.isNumber || $0 == "_" }
        if rest.hasPrefix("(") { rest = rest.drop { $0 != ")" }.dropFirst() }
        rest = rest.drop { $0 == " " }
        continue
      }
      let word = String(rest.prefix { $0.isLetter || $0 == "_" || $0.isNumber })
      guard !word.isEmpty else { return nil }
      var next = rest.dropFirst(word.count)
      // `private(set)` says nothing about reading.
      if next.hasPrefix("(set)") {
        rest = next.dropFirst(5).drop { $0 == " " }
        continue
      }
      if next.hasPrefix("(unsafe)") { next = next.dropFirst(8) }
      let following = next.drop { $0 == " " }
      if word == "class", next.hasPrefix(" "),
        following.hasPrefix("func ") || following.hasPrefix("var ")
      {
        rest = following
        continue
      }
      if keywords.contains(word) {
        let isOperator = following.first.map { !$0.isLetter && $0 != "_" && $0 != "`" } ?? false
        let name = following.prefix { isOperator ? $0 != " " : !" (<:{=,".contains($0) }
        let isNameless = ["init", "subscript"].contains(word)
        return (word, isNameless ? "" : String(name), modifiers)
      }
      guard Self.modifiers.contains(word) else { return nil }
      modifiers.insert(word)
      rest = following
    }
  }
}

/// Takes comments and the contents of string literals out of lines of Swift.
private struct CodeLines {
  private var commentDepth = 0
  private var isInLongString = false

  mutating func code(of line: Substring) -> String {
    var result = ""
    var rest = line
    while let character = rest.first {
      if commentDepth > 0 {
        if rest.hasPrefix("*/") {
          commentDepth -= 1
          rest = rest.dropFirst(2)
        } else if rest.hasPrefix("/*") {
          commentDepth += 1
          rest = rest.dropFirst(2)
        } else {
          rest = rest.dropFirst()
        }
      } else if isInLongString {
        if rest.hasPrefix("\"\"\"") {
          isInLongString = false
          rest = rest.dropFirst(3)
        } else {
          rest = rest.dropFirst(rest.hasPrefix("\\") ? 2 : 1)
        }
      } else if rest.hasPrefix("//") {
        return result
      } else if rest.hasPrefix("/*") {
        commentDepth += 1
        rest = rest.dropFirst(2)
      } else if rest.hasPrefix("\"\"\"") {
        isInLongString = true
        rest = rest.dropFirst(3)
      } else if character == "\"" {
        rest = Self.afterString(rest)
        result += "\"\""
      } else {
        result.append(character)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  /// What follows a literal, whose interpolations may hold literals of their own.
  private static func afterString(_ text: Substring) -> Substring {
    var rest = text.dropFirst()
    while let character = rest.first, character != "\"" {
      guard rest.hasPrefix("\\(") else {
        rest = rest.dropFirst(character == "\\" ? 2 : 1)
        continue
      }
      rest = rest.dropFirst(2)
      var depth = 1
      while depth > 0, let inner = rest.first {
        if inner == "\"" {
          rest = afterString(rest)
          continue
        }
        if inner == "(" { depth += 1 }
        if inner == ")" { depth -= 1 }
        rest = rest.dropFirst()
      }
    }
    return rest.dropFirst()
  }
}
