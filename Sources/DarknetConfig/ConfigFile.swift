import DarknetSystem
import DarknetText

/// A Darknet `.cfg` or `.data` file: options, in sections.
///
/// The rules are Darknet's: blanks vanish everywhere in a line, `#` and `;` at its start make a
/// comment, an option is split at the first `=`, the first of two options of a name wins. Three
/// things go beyond them. A remark may follow a value or a section: `#` or `;` with a blank before
/// it (Darknet keeps it in the value, which numbers survive and words do not). An option
/// without a value is an error, where Darknet drops the line. So are the lines that a merge
/// conflict of git leaves.
package struct ConfigFile: Sendable {
  package struct Option: Hashable, Sendable {
    package var key: String
    /// Without blanks and remark; nil if the line has no `=`.
    package var value: String?
    /// What follows `=`, blanks inside it kept, without a remark.
    package var verbatim: String
    /// What follows `=`, blanks and remark kept: paths may hold a `#`.
    package var whole: String
    package var line: Int

    package init(key: String, value: String?, verbatim: String, whole: String? = nil, line: Int) {
      self.key = key
      self.value = value
      self.verbatim = verbatim
      self.whole = whole ?? verbatim
      self.line = line
    }

    /// As messages show it.
    package var shown: String { value.map { "\(key)=\($0)" } ?? key }
  }

  package struct Section: Hashable, Sendable {
    /// Without brackets.
    package var name: String
    package var line: Int
    package var options: [Option] = []
  }

  /// As the user wrote it; every error begins with it.
  package var name: String
  /// Options before the first section: all of a `.data` file, none of a `.cfg`.
  package var preamble: [Option] = []
  package var sections: [Section] = []
  /// Lines that are ignored.
  package var notes: [ConfigNote] = []

  /// Reads `text`, which may have a byte-order mark and any line ends.
  ///
  /// - Throws: `ConfigError` for a file that is not text, a section without its closing bracket, an
  ///   option without a value, a list that continues on another line, a conflict of a merge.
  package init(text: some Collection<UInt8>, name: String) throws(ConfigError) {
    self.name = name
    var bytes = ArraySlice(Array(text))
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    if bytes.contains(0) { throw Self.notText(bytes, name: name) }
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      try read(line, number: index + 1, next: lines[(index + 1)...])
    }
  }

  private static func notText(_ bytes: ArraySlice<UInt8>, name: String) -> ConfigError {
    let kind = bytes.withUnsafeBytes { FileKind.identify($0) }
    let isUTF16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
    return ConfigError(
      file: name, expected: "a text file",
      found: isUTF16 ? "UTF-16" : kind?.name ?? "a file with zero bytes",
      fix: isUTF16 ? "save it as UTF-8" : "check that the right file was named")
  }

  private mutating func read(
    _ line: ArraySlice<UInt8>, number: Int, next: ArraySlice<ArraySlice<UInt8>>
  ) throws(ConfigError) {
    let text = line.withoutBlanks
    guard let first = text.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else {
      return
    }
    if Self.isConflict(text) {
      throw ConfigError(
        file: name, line: number, expected: "an option or a section",
        found: "'\(String(rawBytes: line).trimmingBlanks())', which a git merge conflict leaves",
        fix: "keep one of the two versions and drop the marks")
    }
    if first == UInt8(ascii: "[") {
      sections.append(Section(name: try sectionName(text, number: number), line: number))
      return
    }
    guard let option = try readOption(text, line, number: number, next: next) else { return }
    if sections.isEmpty {
      preamble.append(option)
    } else {
      sections[sections.count - 1].options.append(option)
    }
  }

  /// `<<<<<<< ours`, `=======`, `>>>>>>> theirs`, and `||||||| base` of some settings.
  private static func isConflict(_ text: [UInt8]) -> Bool {
    guard let first = text.first, "<=>|".utf8.contains(first) else { return false }
    let length = text.prefix { $0 == first }.count
    return length == 7 && (first != UInt8(ascii: "=") || text.count == 7)
  }

  private func sectionName(_ text: [UInt8], number: Int) throws(ConfigError) -> String {
    let closing = text.firstIndex(of: UInt8(ascii: "]"))
    let rest = closing.map { text[($0 + 1)...] } ?? []
    guard let closing, closing > 1, rest.first.map({ "#;/".utf8.contains($0) }) ?? true else {
      throw ConfigError(
        file: name, line: number, expected: "a section such as [convolutional]",
        found: "'\(String(rawBytes: text))'",
        fix: closing == nil
          ? "close the bracket"
          : rest.isEmpty ? "give it a name" : "put what follows the bracket on a line of its own")
    }
    return String(rawBytes: text[1..<closing])
  }

  private mutating func readOption(
    _ text: [UInt8], _ line: ArraySlice<UInt8>, number: Int, next: ArraySlice<ArraySlice<UInt8>>
  ) throws(ConfigError) -> Option? {
    guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
      return try readBareLine(line, number: number)
    }
    let whole = line[(equals + 1)...]
    let kept = whole.withoutRemark
    let key = String(rawBytes: line[..<equals].withoutBlanks)
    guard !key.isEmpty else {
      notes.append(
        ConfigNote(
          file: name, line: number, section: sections.last?.name, option: nil, kind: .unknown,
          text: "'\(String(rawBytes: text))' has no name before '=', ignored; drop the line"))
      return nil
    }
    let value = kept.withoutBlanks
    guard !value.isEmpty else {
      throw noValue(key, number: number, next: next)
    }
    return Option(
      key: key, value: String(rawBytes: value), verbatim: String(rawBytes: kept).trimmingBlanks(),
      whole: String(rawBytes: whole).trimmingBlanks(), line: number)
  }

  private func noValue(
    _ key: String, number: Int, next: ArraySlice<ArraySlice<UInt8>>
  ) -> ConfigError {
    let follows = next.first.map { $0.withoutRemark.withoutBlanks.isListOfNumbers } ?? false
    return ConfigError(
      file: name, line: number, section: sections.last?.name, option: key,
      expected: "a value after '\(key)='", found: "none",
      fix: follows
        ? "a list is read from one line only: join the following lines to this one"
        : "give it one or drop the line")
  }

  /// A line without `=`. Darknet keeps it as an option without a value.
  private func readBareLine(
    _ line: ArraySlice<UInt8>, number: Int
  ) throws(ConfigError) -> Option {
    let word = line.withoutRemark.withoutBlanks
    let options = sections.last?.options ?? preamble
    if word.isListOfNumbers {
      throw ConfigError(
        file: name, line: number, section: sections.last?.name,
        expected: "'name=value'", found: "numbers without a name, '\(String(rawBytes: word))'",
        fix: options.last.map {
          "if they belong to '\($0.key.shown())=' in line \($0.line), join the lines: a list is read "
            + "from one line only"
        } ?? "drop the line")
    }
    return Option(key: String(rawBytes: word), value: nil, verbatim: "", line: number)
  }
}

extension Sequence<UInt8> {
  /// Without the blanks and line ends that Darknet's reader takes out.
  fileprivate var withoutBlanks: [UInt8] { filter { !$0.isBlank } }
}

extension UInt8 {
  fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0D || self == 0x0A }
}

extension Collection<UInt8> {
  /// Numbers and commas only, at least one digit among them: a part of a list.
  fileprivate var isListOfNumbers: Bool {
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    return contains { digits.contains($0) }
      && allSatisfy { digits.contains($0) || ",.+-eE".utf8.contains($0) }
  }
}

extension ArraySlice<UInt8> {
  /// Up to a remark: `#` or `;` with a blank before it, or at the very start.
  fileprivate var withoutRemark: ArraySlice<UInt8> {
    let start = indices.first { index in
      (self[index] == UInt8(ascii: "#") || self[index] == UInt8(ascii: ";"))
        && (index == startIndex || self[index - 1].isBlank)
    }
    return start.map { self[..<$0] } ?? self
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
