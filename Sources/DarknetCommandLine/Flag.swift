import Darknet

/// A flag of a command, declared once: from it come the parser, the checks before any work, the
/// help, and the type that the command gets.
///
///     static let runs = Flag.whole("-runs", default: 20, in: 1...100_000, "counted runs")
///     …
///     arguments[runs]  // Int
package struct Flag<Value: Sendable>: FlagDeclaration {
  package let name: String
  package private(set) var aliases: [String] = []
  package private(set) var nicknames: [String] = []
  package let shape: FlagShape
  package let help: String
  package private(set) var limits: String
  package private(set) var origin = FlagOrigin.ours
  package private(set) var file = FlagFile.none
  package private(set) var isNumber = false
  /// Without the flag.
  package let fallback: Value
  /// The value of what follows the flag; nil is a flag without a value.
  fileprivate let parse: @Sendable (String?) throws(FlagFault) -> Value
  /// How a second one adds to the first; nil if the first one counts.
  fileprivate var combine: (@Sendable (Value, Value) -> Value)?

  package func read(_ text: String?) throws(FlagFault) -> any Sendable { try parse(text) }

  package func adding(_ second: any Sendable, to first: any Sendable) -> (any Sendable)? {
    guard let combine, let first = first as? Value, let second = second as? Value else {
      return nil
    }
    return combine(first, second)
  }

  /// The same, read as leniently as Darknet reads its own.
  package var ofDarknet: Self { changed { $0.origin = .darknet } }
  /// The same, whose value is a file that the command writes.
  package var written: Self { changed { $0.file = .written } }
  /// The same, whose value is a file that the command reads.
  package var readable: Self { changed { $0.file = .read } }

  /// The same under other names, too.
  package func orAlso(_ names: String...) -> Self { changed { $0.aliases += names } }

  /// What other programs call it: not taken, but answered with this flag's name.
  package func calledElsewhere(_ names: String...) -> Self { changed { $0.nicknames += names } }

  private func changed(_ change: (inout Self) -> Void) -> Self {
    var copy = self
    change(&copy)
    return copy
  }
}

/// What the parser and the help ask of a flag, whatever its type.
package protocol FlagDeclaration: Sendable {
  /// With one dash; two are taken as well.
  var name: String { get }
  var aliases: [String] { get }
  /// Names by which other programs have it.
  var nicknames: [String] { get }
  var shape: FlagShape { get }
  /// What it does, without its range and default.
  var help: String { get }
  /// Range, choices and default for people; empty if there is nothing to say.
  var limits: String { get }
  var origin: FlagOrigin { get }
  var file: FlagFile { get }
  var isNumber: Bool { get }

  /// - Throws: `FlagFault` if the text is not a value of this flag.
  func read(_ text: String?) throws(FlagFault) -> any Sendable
  /// Both values together; nil if the flag counts once.
  func adding(_ second: any Sendable, to first: any Sendable) -> (any Sendable)?
}

/// What follows a flag.
package enum FlagShape: Sendable {
  case alone
  case value(String)
  /// Taken where the next word can be nothing else.
  case optionalValue(String)

  /// As in the help: ` FILE`, ` [FILE]`.
  package var text: String {
    switch self {
    case .alone: ""
    case .value(let name): " \(name)"
    case .optionalValue(let name): " [\(name)]"
    }
  }
}

/// Whose flag it is. Darknet drops a flag without its value, and reads numbers up to the first
/// other letter; for flags of our own both are errors.
package enum FlagOrigin: Sendable { case darknet, ours }

/// What a flag's value names. A result must not take the place of a file that is read.
package enum FlagFile: Sendable { case none, read, written }

/// Why a value is invalid: `expected …, found '…'; …`, without the flag's name.
package struct FlagFault: Error {
  package var text: String

  package init(text: String) { self.text = text }
}

// MARK: - Kinds

extension Flag where Value == Bool {
  /// On or off.
  package static func toggle(_ name: String, _ help: String) -> Self {
    Flag(name: name, shape: .alone, help: help, limits: "", fallback: false) { _ in true }
  }
}

extension Flag where Value == String? {
  /// Any text, or the path of a file.
  package static func text(_ name: String, _ shown: String, _ help: String) -> Self {
    Flag(name: name, shape: .value(shown), help: help, limits: "", fallback: nil) { $0 }
  }

  /// The path of a file.
  package static func text(_ name: String, _ help: String) -> Self { text(name, "FILE", help) }
}

extension Flag where Value == OptionalFile {
  /// A flag that works with and without a file after it.
  package static func optionalFile(_ name: String, _ help: String) -> Self {
    Flag(
      name: name, shape: .optionalValue("FILE"), help: help, limits: "", fallback: .notGiven
    ) { $0.map(OptionalFile.file) ?? .withoutFile }
  }
}

/// What `Flag.optionalFile` gives.
package enum OptionalFile: Sendable, Equatable {
  case notGiven, withoutFile
  case file(String)
}

extension Flag where Value == Int {
  package static func whole(
    _ name: String, _ shown: String = "N", default fallback: Int,
    in range: ClosedRange<Int> = 0...Int(Int32.max), _ help: String
  ) -> Self {
    var flag = Flag(
      name: name, shape: .value(shown), help: help,
      limits: limitsText(range, default: "\(fallback)"), fallback: fallback
    ) { text throws(FlagFault) in try readWhole(text, in: range) }
    flag.isNumber = true
    return flag
  }
}

extension Flag where Value == Int? {
  /// - Parameter fallback: what help says of the default; empty for nothing.
  package static func whole(
    _ name: String, _ shown: String = "N", in range: ClosedRange<Int> = 0...Int(Int32.max),
    without fallback: String = "", _ help: String
  ) -> Self {
    var flag = Flag(
      name: name, shape: .value(shown), help: help, limits: limitsText(range, default: fallback),
      fallback: nil
    ) { text throws(FlagFault) in try readWhole(text, in: range) }
    flag.isNumber = true
    return flag
  }
}

extension Flag where Value == Float {
  /// A number in 0...1.
  package static func share(
    _ name: String, _ shown: String = "X", default fallback: Float, _ help: String
  ) -> Self {
    var flag = Flag(
      name: name, shape: .value(shown), help: help,
      limits: "0...1; default \(general(Double(fallback)))", fallback: fallback
    ) { text throws(FlagFault) in try readShare(text) }
    flag.isNumber = true
    return flag
  }
}

extension Flag where Value == Float? {
  /// A number in 0...1, whose default depends on something that `fallback` says.
  package static func share(
    _ name: String, _ shown: String = "X", without fallback: String, _ help: String
  ) -> Self {
    var flag = Flag(
      name: name, shape: .value(shown), help: help, limits: "0...1; default \(fallback)",
      fallback: nil
    ) { text throws(FlagFault) in try readShare(text) }
    flag.isNumber = true
    return flag
  }
}

extension Flag
where Value: RawRepresentable, Value: CaseIterable, Value.RawValue == String {
  /// One of the names of `Value`.
  package static func choice(_ name: String, default fallback: Value, _ help: String) -> Self {
    let names = Value.allCases.map(\.rawValue)
    return Flag(
      name: name, shape: .value(names.joined(separator: "|")), help: help,
      limits: "default \(fallback.rawValue)", fallback: fallback
    ) { text throws(FlagFault) in try readChoice(text, names) }
  }
}

extension Flag {
  /// One of the names of `Choice`; nil without the flag, which `fallback` explains.
  package static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, without fallback: String, _ help: String
  ) -> Self where Value == Choice? {
    let names = Choice.allCases.map(\.rawValue)
    return Flag(
      name: name, shape: .value(names.joined(separator: "|")), help: help, limits: fallback,
      fallback: nil
    ) { text throws(FlagFault) in try readChoice(text, names) as Choice }
  }

  /// Values that `read` takes from text with a comma between; more of the same flag add up if
  /// `addsUp`.
  package static func list<Element: Sendable>(
    _ name: String, _ shown: String, addsUp: Bool = false, _ help: String,
    read: @escaping @Sendable (Substring) throws(FlagFault) -> Element
  ) -> Self where Value == [Element] {
    var flag = Flag(
      name: name, shape: .value(shown), help: help, limits: "", fallback: []
    ) { text throws(FlagFault) in
      var values: [Element] = []
      for part in (text ?? "").split(separator: ",", omittingEmptySubsequences: false) {
        values.append(try read(part))
      }
      return values
    }
    if addsUp { flag.combine = { $0 + $1 } }
    return flag
  }
}

// MARK: - Texts to values

private func readWhole(_ text: String?, in range: ClosedRange<Int>) throws(FlagFault) -> Int {
  let text = text ?? ""
  guard let value = Int(text), range.contains(value) else {
    throw FlagFault(
      text: "expected a whole number in \(range.lowerBound)...\(range.upperBound), found "
        + "'\(text)'; change it")
  }
  return value
}

private func readShare(_ text: String?) throws(FlagFault) -> Float {
  let text = text ?? ""
  let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
  guard let value = Number.float(digits), digits.count == text.count || value > 1 else {
    throw FlagFault(text: "expected a number in 0...1, found '\(text)'; change it")
  }
  guard (0...1).contains(value) else {
    let isPercent = value > 1 && value <= 100
    let fix =
      isPercent ? "for \(general(value)) % write \(general(value / 100))" : "change it"
    throw FlagFault(text: "expected a number in 0...1, found '\(text)'; \(fix)")
  }
  return Float(value)
}

private func readChoice<Choice: RawRepresentable<String>>(
  _ text: String?, _ names: [String]
) throws(FlagFault) -> Choice {
  let text = text ?? ""
  guard let value = Choice(rawValue: text) else {
    let near = nearestName(to: text, among: names).map { "did you mean \($0)?" } ?? "change it"
    throw FlagFault(
      text: "expected \(names.dropLast().joined(separator: ", ")) or \(names.last ?? ""), found "
        + "'\(text)'; \(near)")
  }
  return value
}

private func limitsText(_ range: ClosedRange<Int>, default fallback: String) -> String {
  let isOpen = range.upperBound >= Int(Int32.max)
  let bounds = isOpen ? "" : "\(range.lowerBound)...\(range.upperBound)"
  let fallback = fallback.isEmpty ? "" : "default \(fallback)"
  return [bounds, fallback].filter { !$0.isEmpty }.joined(separator: "; ")
}
