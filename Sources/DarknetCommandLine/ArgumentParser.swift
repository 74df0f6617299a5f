import Darknet

/// Reads the words after a command's name against its `Syntax`, before any work.
///
/// Darknet takes the flags it knows out of the line wherever they are; what is left over are the
/// command's words, and what is not needed is ignored. So here, but what is ignored is reported: a
/// line for each flag or word that the command does not know, an error with `-strict`. Flags of
/// Darknet's that need a value and stand last are ignored as well; our own are errors.
package struct ArgumentParser {
  private let command: String
  private let syntax: Syntax
  private let ignored: [String: Bool]
  private var values: [String: any Sendable] = [:]
  /// Files that flags name.
  private var files: [(flag: any FlagDeclaration, path: String)] = []
  private var items: [Item] = []
  package private(set) var notices: [String] = []
  /// A list that takes the place of standard input, as `<` came as a word.
  package private(set) var inputFile: String?

  /// A word that is not a flag, or that may belong to the flag before it.
  private struct Item {
    var text: String
    var claim: Claim?
  }

  /// Who takes a word if the command does not need it.
  private enum Claim {
    case unknown(flag: String)
    /// A number after a flag that has no value: `-clear 1`.
    case toggle(String)
    case optionalFile(any FlagDeclaration)
  }

  package init(_ command: any Command.Type) {
    self.command = command.name.isEmpty ? command.program : command.name
    syntax = command.syntax
    ignored = DarknetFlags.all(of: command.syntax.family)
  }

  /// - Throws: `UsageError` for a missing word, an invalid value, an output over an input.
  package mutating func parse(_ words: some Sequence<String>) throws -> Arguments {
    try scan(Array(words))
    let positional = try assign(settle())
    let arguments = try checked(positional)
    if arguments[Flags.strict], !notices.isEmpty {
      throw UsageError(lines: notices)
    }
    return arguments
  }

  // MARK: Flags

  private mutating func scan(_ words: [String]) throws {
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        items += rest.map { Item(text: $0) }
        return
      }
      if redirects(word, &rest) { continue }
      guard CommandWords.looksLikeFlag(word) else {
        items.append(Item(text: word))
        continue
      }
      let (name, attached) = CommandWords.parts(ofFlag: word)
      if let flag = syntax.flag(name) {
        try take(flag, word, attached, &rest)
      } else if let hasValue = ignored[name] {
        pass(over: name, word, attached, hasValue: hasValue, &rest)
      } else {
        meetUnknown(word, name, attached, &rest)
      }
    }
  }

  private mutating func take(
    _ flag: any FlagDeclaration, _ word: String, _ attached: String?,
    _ rest: inout ArraySlice<String>
  ) throws {
    if let attached, flag.origin == .darknet {
      noteEqualsSign(word, flag.name, attached)
      return
    }
    switch flag.shape {
    case .alone:
      guard attached == nil else {
        throw UsageError("\(word): expected no value; write '\(flag.name)'")
      }
      try set(flag, nil)
      claimNumber(after: flag.name, &rest)
    case .optionalValue:
      if let attached {
        try set(flag, attached)
      } else if let next = rest.first, !isFlag(next), !CommandWords.isNetworkFile(next) {
        items.append(Item(text: rest.removeFirst(), claim: .optionalFile(flag)))
      } else {
        try set(flag, nil)
      }
    case .value:
      if let attached {
        try set(flag, attached)
      } else if let next = rest.first, next != "--", !isFlag(next) {
        try set(flag, rest.removeFirst())
      } else if flag.origin == .darknet {
        notices.append("\(word): no value after it, so it is ignored, as in Darknet")
      } else {
        throw UsageError("\(word) needs a value; put it after the flag")
      }
    }
  }

  private mutating func set(_ flag: any FlagDeclaration, _ text: String?) throws {
    var text = text
    if flag.origin == .darknet, flag.isNumber, let given = text {
      let number = CommandWords.leadingNumber(given)
      if number != given { notices.append("\(flag.name): '\(given)' is read as \(number)") }
      text = number
    }
    let value: any Sendable
    do {
      value = try flag.read(text)
    } catch {
      throw UsageError("\(flag.name): \(error.text)")
    }
    if let first = values[flag.name] {
      guard let sum = flag.adding(value, to: first) else {
        if flag.shape.text != "" {
          notices.append("\(flag.name): given twice; the first value counts, as in Darknet")
        }
        return
      }
      values[flag.name] = sum
    } else {
      values[flag.name] = value
    }
    if flag.file != .none, let text { files.append((flag, text)) }
  }

  /// A flag of Darknet's that has no effect here.
  private mutating func pass(
    over name: String, _ word: String, _ attached: String?, hasValue: Bool,
    _ rest: inout ArraySlice<String>
  ) {
    if let attached {
      noteEqualsSign(word, name, attached)
    } else if !hasValue {
      claimNumber(after: name, &rest)
    } else if let next = rest.first, next != "--", !isFlag(next) {
      rest.removeFirst()
    } else {
      notices.append("\(word): no value after it, so it is ignored, as in Darknet")
    }
  }

  private mutating func noteEqualsSign(_ word: String, _ name: String, _ value: String) {
    let isAlone = syntax.flag(name).map { $0.shape.text.isEmpty } ?? (ignored[name] == false)
    notices.append("\(word): ignored, as in Darknet; write '\(name)\(isAlone ? "" : " " + value)'")
  }

  /// `-clear 1`: the number is nobody's.
  private mutating func claimNumber(after name: String, _ rest: inout ArraySlice<String>) {
    guard let next = rest.first, CommandWords.isNumberList(next), !fileExists(next) else { return }
    items.append(Item(text: rest.removeFirst(), claim: .toggle(name)))
  }

  /// A flag that is unknown, with what may be its value: a number, or a plain word.
  private mutating func meetUnknown(
    _ word: String, _ name: String, _ attached: String?, _ rest: inout ArraySlice<String>
  ) {
    if attached == nil, let next = rest.first, !CommandWords.looksLikeFlag(next),
      CommandWords.isNumberList(next) || !next.contains(where: { $0 == "." || $0 == "/" }),
      !CommandWords.redirections.keys.contains(next), !fileExists(next)
    {
      items.append(Item(text: rest.removeFirst(), claim: .unknown(flag: name)))
    } else {
      noteUnknown(name, shown: word, value: nil)
    }
  }

  private mutating func noteUnknown(_ name: String, shown: String, value: String?) {
    let with = value.map { " with its value '\($0)'" } ?? ""
    let hint = nearest(to: name).map { "; did you mean \($0)?" } ?? ""
    notices.append("\(shown): unknown to '\(command)', ignored\(with)\(hint)")
  }

  private func nearest(to name: String) -> String? {
    if let flag = syntax.flags.first(where: { $0.nicknames.contains(name) }) { return flag.name }
    let names = syntax.flags.map(\.name)
    let longer = names.filter { $0.hasPrefix(name) && name.utf8.count > 2 }
    if longer.count == 1 { return longer[0] }
    return nearestName(to: name, among: names)
      ?? nearestName(
        to: name, among: ignored.keys.filter { $0.prefix(2) == name.prefix(2) }.sorted())
  }

  /// Whether a word is a flag that this command, or Darknet's, knows.
  private func isFlag(_ word: String) -> Bool {
    guard CommandWords.looksLikeFlag(word) else { return false }
    let name = CommandWords.parts(ofFlag: word).name
    return syntax.flag(name) != nil || ignored[name] != nil
  }

  /// `<`, `>` and the like, which come as words where no shell reads the line.
  private mutating func redirects(_ word: String, _ rest: inout ArraySlice<String>) -> Bool {
    guard let takesFile = CommandWords.redirections[word] else { return false }
    let hasFile = takesFile && rest.first.map { !isFlag($0) } == true
    let file = hasFile ? rest.popFirst() : nil
    if word == "<", let file {
      inputFile = inputFile ?? file
      notices.append("'<' came as a word, not from a shell; '\(file)' is read as standard input")
    } else {
      let what = file.map { "with '\($0)' after it" } ?? "there is nothing to do for it"
      notices.append("'\(word)' came as a word, not from a shell; it is ignored, \(what)")
    }
    return true
  }

  // MARK: Words

  /// The words in order: those that may belong to a flag go to it unless the command needs them.
  private mutating func settle() throws -> [String] {
    var words: [String] = []
    var free = items.count { $0.claim == nil }
    let takesNumbers = syntax.words.contains { $0.kind == .number }
    for item in items {
      guard let claim = item.claim else {
        words.append(item.text)
        continue
      }
      let isWanted =
        free < syntax.requiredCount
        || takesNumbers && free < syntax.words.count && CommandWords.isNumberList(item.text)
      if isWanted {
        words.append(item.text)
        free += 1
      }
      switch claim {
      case .unknown(let flag):
        noteUnknown(flag, shown: flag, value: isWanted ? nil : item.text)
      case .toggle(let flag):
        if !isWanted, item.text != "1" {
          notices.append("\(flag): takes no value; it is on, and '\(item.text)' is ignored")
        }
      case .optionalFile(let flag):
        try set(flag, isWanted ? nil : item.text)
      }
    }
    return words
  }

  /// Each word to its place.
  private mutating func assign(_ given: [String]) throws -> [String: [String]] {
    let slots = syntax.words
    var places: [String: [String]] = [:]
    var rest = given[...]
    for (slot, word) in zip(slots, inOrder(given)) where !slot.repeats {
      guard let word else { continue }
      places[slot.name] = [word]
      if let index = rest.firstIndex(of: word) { rest.remove(at: index) }
    }
    if let last = slots.last, last.repeats, !rest.isEmpty {
      places[last.name] = Array(rest)
      rest = []
    }
    for slot in slots where slot.isRequired && places[slot.name] == nil {
      throw UsageError("\(slot.name) is missing")
    }
    for word in rest { notices.append("unexpected argument '\(word)' is ignored, as in Darknet") }
    return places
  }

  /// A word for each place, as they came; if one that is known by its ending is in another's place,
  /// those are put right first, as hank-ai's program takes DATA, CFG and WEIGHTS in any order.
  private func inOrder(_ given: [String]) -> [String?] {
    let slots = syntax.words
    let suffixes = slots.compactMap(\.kind.suffix)
    let inPlace = slots.indices.map { given.indices.contains($0) ? given[$0] : nil }
    let isMisplaced = zip(slots, given).contains { slot, word in
      suffixes.contains { word.hasSuffix($0) && $0 != slot.kind.suffix }
    }
    guard syntax.family != .utility, isMisplaced else { return inPlace }
    var rest = given
    var places: [String?] = slots.map { slot in
      guard let suffix = slot.kind.suffix,
        let index = rest.firstIndex(where: { $0.hasSuffix(suffix) })
      else { return nil }
      return rest.remove(at: index)
    }
    for index in places.indices where places[index] == nil && !rest.isEmpty {
      places[index] = rest.removeFirst()
    }
    return places
  }

  // MARK: Files

  private func checked(_ places: [String: [String]]) throws -> Arguments {
    var inputs = files.filter { $0.flag.file == .read }.map(\.path)
    for word in syntax.words where !word.kind.isOutput && word.kind != .number {
      inputs += places[word.name] ?? []
    }
    var outputs = files.filter { $0.flag.file == .written }.map { ($0.flag.name, $0.path) }
    for word in syntax.words where word.kind == .output {
      outputs += (places[word.name] ?? []).map { (word.name, $0) }
    }
    for (index, (name, path)) in outputs.enumerated() {
      try Output.check(path, name, isNoneOf: inputs)
      for (other, same) in outputs[..<index] where same == path {
        throw UsageError("\(name): expected a file of its own, found that of \(other), '\(path)'")
      }
    }
    for word in syntax.words where word.kind == .outputInPlace {
      for path in places[word.name] ?? [] {
        let others = syntax.words.filter { $0.kind == .cfg }.flatMap { places[$0.name] ?? [] }
        try Output.check(path, word.name, isNoneOf: others)
        outputs.append((word.name, path))
      }
    }
    return Arguments(
      syntax, values: values, words: places,
      outputs: outputs.map { (name: $0.0, path: $0.1) })
  }
}
