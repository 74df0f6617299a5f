import DarknetText

/// Reads the options of one section by name and type, remembers which were asked for, and
/// collects what Darknet would say about them.
package struct OptionReader: Sendable {
  package let file: String
  package let section: ConfigFile.Section
  package private(set) var events: [ReadingEvent] = []
  /// How many of `events` come before the layer's row of the table; the rest come after it.
  private var countBeforeRow: Int?
  private var used: Set<Int> = []
  /// Every option that was asked for, there or not: what this section knows.
  package private(set) var known: Set<String> = []
  private var withoutEffect: [ConfigNote] = []
  /// Index of the first option of each name, the one that counts.
  private let firstIndex: [String: Int]

  package init(_ section: ConfigFile.Section, file: String) {
    self.section = section
    self.file = file
    firstIndex = Dictionary(
      section.options.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
  }

  // MARK: Whole numbers

  /// A whole number, or nil if the option is absent.
  ///
  /// - Throws: `ConfigError` if it does not parse or lies outside `range`.
  package mutating func int(
    _ key: String, in range: ClosedRange<Int> = Int(Int32.min)...Int(Int32.max)
  ) throws(ConfigError) -> Int? {
    guard let value = try value(key) else { return nil }
    guard let number = Number.int(value), range.contains(number) else {
      throw error(
        key, expected: "a whole number\(Self.bounds(range))", found: "'\(value)'",
        fix: "change it or drop the line")
    }
    return number
  }

  /// A whole number with a default, which is noted if the option is `loud`, as Darknet announces it.
  package mutating func int(
    _ key: String, default fallback: Int, loud: Bool = false,
    in range: ClosedRange<Int> = Int(Int32.min)...Int(Int32.max)
  ) throws(ConfigError) -> Int {
    if let number = try int(key, in: range) { return number }
    if loud { note(.defaultTaken(key: key, value: .int(fallback))) }
    return fallback
  }

  /// A size, count or stride: at least 1, and small enough for checked products to stay in range.
  package mutating func size(
    _ key: String, default fallback: Int, loud: Bool = false
  ) throws(ConfigError) -> Int {
    try int(key, default: fallback, loud: loud, in: 1...(1 << 28))
  }

  /// 0 or absent is false, any other whole number true.
  package mutating func flag(
    _ key: String, default fallback: Bool = false, loud: Bool = false
  ) throws(ConfigError) -> Bool {
    try int(key, default: fallback ? 1 : 0, loud: loud) != 0
  }

  // MARK: Real numbers

  /// A finite number, or nil if the option is absent.
  package mutating func float(
    _ key: String,
    in range: ClosedRange<Float> = -Float
      .greatestFiniteMagnitude...Float
      .greatestFiniteMagnitude
  ) throws(ConfigError) -> Float? {
    guard let value = try value(key) else { return nil }
    guard let number = Number.float(value), range.contains(Float(number)) else {
      let limits =
        range.upperBound < .greatestFiniteMagnitude
        ? " in \(range.lowerBound)...\(range.upperBound)" : ""
      throw error(
        key, expected: "a number\(limits)", found: "'\(value)'", fix: "change it or drop the line")
    }
    return Float(number)
  }

  package mutating func float(
    _ key: String, default fallback: Float, loud: Bool = false
  ) throws(ConfigError) -> Float {
    if let number = try float(key) { return number }
    if loud { note(.defaultTaken(key: key, value: .float(fallback))) }
    return fallback
  }

  // MARK: Text and lists

  /// A word, without a remark that follows it: `leaky#first` is `leaky`.
  package mutating func string(_ key: String) throws(ConfigError) -> String? {
    guard let value = try value(key) else { return nil }
    let word = value.prefix { $0 != "#" && $0 != ";" && $0 != "/" }
    guard !word.isEmpty else {
      throw error(
        key, expected: "a word", found: "'\(value)'", fix: "give it a value or drop the line")
    }
    return String(word)
  }

  /// The path of a file, which may hold any character.
  package mutating func path(_ key: String) throws(ConfigError) -> String? { try value(key) }

  package mutating func string(
    _ key: String, default fallback: String, loud: Bool = false
  ) throws(ConfigError) -> String {
    if let text = try string(key) { return text }
    if loud { note(.defaultTaken(key: key, value: .word(fallback))) }
    return fallback
  }

  /// Whole numbers separated by commas; a comma at the end is ignored.
  package mutating func ints(_ key: String) throws(ConfigError) -> [Int]? {
    try list(key, expected: "whole numbers separated by commas") { Number.int($0) }
  }

  /// Numbers separated by commas; a comma at the end is ignored.
  package mutating func floats(_ key: String) throws(ConfigError) -> [Float]? {
    try list(key, expected: "numbers separated by commas") { piece in
      Number.float(piece).flatMap {
        abs($0) <= Double(Float.greatestFiniteMagnitude) ? Float($0) : nil
      }
    }
  }

  private mutating func list<Element>(
    _ key: String, expected: String, _ parse: (Substring) -> Element?
  ) throws(ConfigError) -> [Element]? {
    guard let value = try value(key) else { return nil }
    let text = value.prefix { $0 != "#" && $0 != ";" && $0 != "/" }
    var pieces = text.split(separator: ",", omittingEmptySubsequences: false)
    if pieces.last?.isEmpty == true { pieces.removeLast() }
    var elements: [Element] = []
    for (position, piece) in pieces.enumerated() {
      guard let element = parse(piece) else {
        throw error(
          key, expected: expected, found: "'\(piece)' in place \(position + 1)",
          fix: "fix the list")
      }
      elements.append(element)
    }
    guard !elements.isEmpty else {
      throw error(key, expected: expected, found: "'\(value)'", fix: "fill or drop the line")
    }
    return elements
  }

  // MARK: The section as a whole

  /// Whether the option is there; it does not count as used by that.
  package mutating func has(_ key: String) -> Bool {
    known.insert(key)
    return firstIndex[key] != nil
  }

  /// Counts options as known that are not looked at because of others.
  package mutating func passOver(_ keys: String...) { known.formUnion(keys) }

  /// The option's line, or the section's if the option is absent.
  package func line(of key: String) -> Int {
    firstIndex[key].map { section.options[$0].line } ?? section.line
  }

  /// An error at the option's line, or at the section's if the option is absent.
  package func error(
    _ key: String?, expected: String, found: String, fix: String
  ) -> ConfigError {
    ConfigError(
      file: file, line: key.map { line(of: $0) } ?? section.line, section: section.name,
      option: key, expected: expected, found: found, fix: fix)
  }

  /// Something that Darknet says while it reads this section.
  package mutating func note(_ event: ReadingEvent) { events.append(event) }

  /// The layer is known here: what is noted of options read later comes after its row of the table.
  package mutating func markRow() { countBeforeRow = events.count }

  /// What comes before the layer's row of the table.
  package var eventsBeforeRow: [ReadingEvent] {
    Array(events.prefix(countBeforeRow ?? events.count))
  }

  /// What comes after the layer's row of the table.
  package var eventsAfterRow: [ReadingEvent] {
    Array(events.dropFirst(countBeforeRow ?? events.count)) + unusedOptions.map { .unused($0) }
  }

  /// Options that nobody asked for.
  package var unusedOptions: [ConfigFile.Option] {
    section.options.indices.filter { !used.contains($0) }.map { section.options[$0] }
  }

  /// Options that Darknet's programs know and nothing here looks at: each that asks for something
  /// is noted.
  ///
  /// - Parameters:
  ///   - off: the value that asks for nothing.
  ///   - reason: why it has none, after a colon.
  package mutating func readWithoutEffect(
    _ keys: String..., off: Double = 0, because reason: String
  ) {
    for key in keys {
      known.insert(key)
      guard let index = firstIndex[key] else { continue }
      used.insert(index)
      let option = section.options[index]
      if let value = option.value, Number.float(value) == off { continue }
      withoutEffect.append(
        ConfigNote(
          file: file, line: option.line, section: section.name, option: key, kind: .withoutEffect,
          text: "'\(option.shown)' has no effect: \(reason)"))
    }
  }

  /// What people should know about lines of this section, in their order, once all its options
  /// were read.
  ///
  /// - Parameter others: the options that other sections know, by the sections' names.
  package func notes(others: [String: Set<String>] = [:]) -> [ConfigNote] {
    var notes = withoutEffect
    for (index, option) in section.options.enumerated() {
      let first = section.options[firstIndex[option.key]!]
      if first.line != option.line, known.contains(option.key) {
        let isSame = first.value == option.value
        notes.append(
          ConfigNote(
            file: file, line: option.line, section: section.name, option: option.key,
            kind: .repeated,
            text: "'\(option.shown)' is ignored: line \(first.line) has "
              + (isSame ? "the same" : "'\(first.shown)', which is used") + "; drop one of the two",
            isFault: !isSame))
      } else if !known.contains(option.key) {
        notes.append(unknown(option, others: others))
      } else if !used.contains(index) {
        notes.append(
          ConfigNote(
            file: file, line: option.line, section: section.name, option: option.key,
            kind: .withoutEffect,
            text: "'\(option.shown)' is ignored: other options of the section decide instead"))
      }
    }
    return notes.sorted { $0.line < $1.line }
  }

  private func unknown(
    _ option: ConfigFile.Option, others: [String: Set<String>]
  ) -> ConfigNote {
    let owners = others.filter { $0.key != section.name && $0.value.contains(option.key) }
      .keys.sorted()
    let near = nearestName(to: option.key, among: known.sorted())
    var text = "'\(option.shown)' is ignored: [\(section.name)] has no such option"
    if let near, owners.isEmpty || near.lowercased() == option.key.lowercased() {
      text += "; did you mean '\(near)'?"
    } else if !owners.isEmpty {
      text += "; it is one of " + owners.map { "[\($0)]" }.joined(separator: ", ")
    }
    return ConfigNote(
      file: file, line: option.line, section: section.name, option: option.key, kind: .unknown,
      text: text, isFault: near != nil || !owners.isEmpty)
  }

  private mutating func value(_ key: String) throws(ConfigError) -> String? {
    known.insert(key)
    guard let index = firstIndex[key] else { return nil }
    used.insert(index)
    guard let value = section.options[index].value else {
      throw error(
        key, expected: "a value after '\(key)='", found: "a line without '='",
        fix: "give it one or drop the line")
    }
    return value
  }

  private static func bounds(_ range: ClosedRange<Int>) -> String {
    switch (range.lowerBound, range.upperBound) {
    case (Int(Int32.min), Int(Int32.max)): ""
    case (1, _) where range.upperBound >= 1 << 28: " of at least 1"
    case (0, _) where range.upperBound >= 1 << 28: " of at least 0"
    default: " in \(range.lowerBound)...\(range.upperBound)"
    }
  }
}
