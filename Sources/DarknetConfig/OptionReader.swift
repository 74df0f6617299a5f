/// Reads the options of one section by name and type, remembers which were asked for, and
/// collects what Darknet would print about them.
public struct OptionReader: Sendable {
  public let file: String
  public let section: ConfigFile.Section
  public private(set) var messages: [Message] = []
  /// How many of `messages` stand before the layer's row of the table; the rest stand behind it.
  private var countBeforeRow: Int?
  private var used: Set<Int> = []

  public init(_ section: ConfigFile.Section, file: String) {
    self.section = section
    self.file = file
  }

  // MARK: Whole numbers

  /// A whole number, or nil if the option is absent.
  ///
  /// - Throws: `ConfigError` if it does not parse or lies outside `range`.
  public mutating func int(
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

  /// A whole number with a default, which Darknet announces if the option is `loud`.
  public mutating func int(
    _ key: String, default fallback: Int, loud: Bool = false,
    in range: ClosedRange<Int> = Int(Int32.min)...Int(Int32.max)
  ) throws(ConfigError) -> Int {
    if let number = try int(key, in: range) { return number }
    if loud { announceDefault(key, "\(fallback)") }
    return fallback
  }

  /// A size, count or stride: at least 1, and small enough for checked products to stay in range.
  public mutating func size(
    _ key: String, default fallback: Int, loud: Bool = false
  ) throws(ConfigError) -> Int {
    try int(key, default: fallback, loud: loud, in: 1...(1 << 28))
  }

  /// 0 or absent is false, any other whole number true.
  public mutating func flag(
    _ key: String, default fallback: Bool = false, loud: Bool = false
  ) throws(ConfigError) -> Bool {
    try int(key, default: fallback ? 1 : 0, loud: loud) != 0
  }

  // MARK: Real numbers

  /// A finite number, or nil if the option is absent.
  public mutating func float(
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

  public mutating func float(
    _ key: String, default fallback: Float, loud: Bool = false
  ) throws(ConfigError) -> Float {
    if let number = try float(key) { return number }
    if loud { announceDefault(key, fixed(Double(fallback), decimals: 6)) }
    return fallback
  }

  // MARK: Text and lists

  public mutating func string(_ key: String) throws(ConfigError) -> String? { try value(key) }

  public mutating func string(
    _ key: String, default fallback: String, loud: Bool = false
  ) throws(ConfigError) -> String {
    if let text = try value(key) { return text }
    if loud { announceDefault(key, fallback) }
    return fallback
  }

  /// Whole numbers separated by commas; a comma at the end is passed over.
  public mutating func ints(_ key: String) throws(ConfigError) -> [Int]? {
    try list(key, expected: "whole numbers separated by commas") { Number.int($0) }
  }

  /// Numbers separated by commas; a comma at the end is passed over.
  public mutating func floats(_ key: String) throws(ConfigError) -> [Float]? {
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
    let text = value.prefix { $0 != "#" && $0 != ";" }
    var pieces = text.split(separator: ",", omittingEmptySubsequences: false)
    if pieces.last?.isEmpty == true { pieces.removeLast() }
    var elements: [Element] = []
    for (position, piece) in pieces.enumerated() {
      guard let element = parse(piece) else {
        throw error(
          key, expected: expected, found: "'\(piece)' in place \(position + 1)",
          fix: "mend the list")
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
  public func has(_ key: String) -> Bool { section.options.contains { $0.key == key } }

  /// The option's line, or the section's if the option is absent.
  public func line(of key: String) -> Int {
    section.options.first { $0.key == key }?.line ?? section.line
  }

  /// An error at the option's line, or at the section's if the option is absent.
  public func error(
    _ key: String?, expected: String, found: String, fix: String
  ) -> ConfigError {
    ConfigError(
      file: file, line: key.map { line(of: $0) } ?? section.line, section: section.name,
      option: key, expected: expected, found: found, fix: fix)
  }

  /// Something that Darknet prints while it reads this section.
  public mutating func say(_ stream: Message.Stream, _ text: String) {
    messages.append(Message(stream, text))
  }

  /// Says that Darknet prints the layer's row of the table here: messages of options read later
  /// stand behind it.
  public mutating func markRow() { countBeforeRow = messages.count }

  /// What Darknet prints before the layer's row of the table.
  public var messagesBeforeRow: [Message] {
    Array(messages.prefix(countBeforeRow ?? messages.count))
  }

  /// What Darknet prints behind the layer's row of the table.
  public var messagesBehindRow: [Message] {
    Array(messages.dropFirst(countBeforeRow ?? messages.count)) + unusedFieldMessages
  }

  /// Darknet's `Unused field` lines, for options that nobody asked for.
  public var unusedFieldMessages: [Message] {
    section.options.indices.filter { !used.contains($0) }.map { index in
      let option = section.options[index]
      return Message(
        .standardError, "Unused field: '\(option.key) = \(option.value ?? "(null)")'\n")
    }
  }

  /// Counts an option as known without reading it.
  public mutating func ignore(_ keys: String...) {
    for key in keys {
      if let index = section.options.firstIndex(where: { $0.key == key }) { used.insert(index) }
    }
  }

  private mutating func value(_ key: String) throws(ConfigError) -> String? {
    guard let index = section.options.firstIndex(where: { $0.key == key }) else { return nil }
    used.insert(index)
    guard let value = section.options[index].value else {
      throw error(key, expected: "'\(key)=…'", found: "a line without '='", fix: "give it a value")
    }
    return value
  }

  private mutating func announceDefault(_ key: String, _ shown: String) {
    messages.append(Message(.standardError, "\(key): Using default '\(shown)'\n"))
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
