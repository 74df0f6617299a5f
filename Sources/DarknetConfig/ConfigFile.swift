import DarknetTensors

/// A Darknet `.cfg` or `.data` file: options, in sections.
///
/// The rules are Darknet's: blanks vanish everywhere in a line, `#` and `;` at its start make a
/// comment, an option is split at the first `=`, the first of two options of a name wins.
public struct ConfigFile: Sendable {
  public struct Option: Hashable, Sendable {
    public var key: String
    /// Without blanks; nil if the line has no `=`.
    public var value: String?
    /// What stands behind `=`, blanks inside it kept.
    public var verbatim: String
    public var line: Int

    public init(key: String, value: String?, verbatim: String, line: Int) {
      self.key = key
      self.value = value
      self.verbatim = verbatim
      self.line = line
    }
  }

  public struct Section: Hashable, Sendable {
    /// Without brackets.
    public var name: String
    public var line: Int
    public var options: [Option] = []
  }

  /// As the user wrote it; it stands in every error.
  public var name: String
  /// Options before the first section: all of a `.data` file, none of a `.cfg`.
  public var preamble: [Option] = []
  public var sections: [Section] = []
  public var messages: [Message] = []

  /// Reads `text`, which may have a byte-order mark and any line ends.
  ///
  /// - Throws: `ConfigError` for a section without its closing bracket or a file that is no text.
  public init(text: some Collection<UInt8>, name: String) throws(ConfigError) {
    self.name = name
    var bytes = ArraySlice(Array(text))
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    if bytes.contains(0) {
      throw ConfigError(
        file: name, expected: "a text file", found: "a file with zero bytes",
        fix: "check that the right file was named")
    }
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      try read(line, number: index + 1)
    }
  }

  private mutating func read(_ line: ArraySlice<UInt8>, number: Int) throws(ConfigError) {
    let blanks: [UInt8] = [0x20, 0x09, 0x0D, 0x0A]
    let text = line.filter { !blanks.contains($0) }
    guard let first = text.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else {
      return
    }
    if first == UInt8(ascii: "[") {
      guard text.last == UInt8(ascii: "]"), text.count > 2 else {
        throw ConfigError(
          file: name, line: number, expected: "a section such as [convolutional]",
          found: "'\(String(outside: text))'", fix: "close the bracket")
      }
      let sectionName = String(outside: text.dropFirst().dropLast())
      sections.append(Section(name: sectionName, line: number))
      return
    }
    guard let option = readOption(text, verbatim: line, number: number) else { return }
    if sections.isEmpty {
      preamble.append(option)
    } else {
      sections[sections.count - 1].options.append(option)
    }
  }

  private mutating func readOption(
    _ text: [UInt8], verbatim line: ArraySlice<UInt8>, number: Int
  ) -> Option? {
    guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else {
      return Option(
        key: String(outside: text), value: nil, verbatim: "", line: number)
    }
    let value = text[(equals + 1)...]
    guard !value.isEmpty else {
      let shown = String(outside: text)
      messages.append(
        Message(.standardError, "Config file error line \(number), could parse: \(shown)\n"))
      return nil
    }
    let behind = line.split(separator: UInt8(ascii: "="), maxSplits: 1)[1...].first ?? []
    return Option(
      key: String(outside: text[..<equals]),
      value: String(outside: value),
      verbatim: String(outside: behind).trimmingBlanks(), line: number)
  }
}

extension String {
  /// Without blanks at both ends; blanks inside stay.
  package func trimmingBlanks() -> String {
    let blanks: Set<Character> = [" ", "\t", "\r", "\n", "\r\n"]
    guard let first = firstIndex(where: { !blanks.contains($0) }),
      let last = lastIndex(where: { !blanks.contains($0) })
    else { return "" }
    return String(self[first...last])
  }
}
