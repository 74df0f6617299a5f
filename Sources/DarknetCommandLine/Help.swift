import Darknet

/// What `--help` prints, made from the commands' declarations.
package enum Help {
  /// Words that ask for it; `-h` does as well where it is not a flag of pjreddie's.
  package static let words: Set<String> = ["--help", "-help", "help", "-h"]
  private static let width = 100

  /// Whether the words after a command ask for its help.
  package static func isWanted(_ words: ArraySlice<String>, _ command: any Command.Type) -> Bool {
    for (index, word) in words.prefix(while: { $0 != "--" }).enumerated() {
      if word == "--help" || word == "-help" { return true }
      guard word == "-h" else { continue }
      // The height of pjreddie's demo has a number.
      let next = words.dropFirst(index + 1).first
      if next.map({ Number.int($0) == nil }) ?? true { return true }
    }
    return false
  }

  /// Everything about one command.
  package static func text(_ command: any Command.Type) -> String {
    let syntax = command.syntax
    var text = "\(command.program) \(command.usage)\n" + wrapped(sentence(command.about), indent: 2)
    if !syntax.ownFlags.isEmpty { text += "\n" + rows(syntax.ownFlags.map(row)) }
    if !syntax.notes.isEmpty {
      text +=
        "\n"
        + syntax.notes.split(separator: "\n\n").map { wrapped(String($0), indent: 2) }
        .joined(separator: "\n")
    }
    text += "\nEvery command:\n" + rows(FlagGroup.everywhere.flags.map(row))
    let declared = Set(syntax.flags.flatMap { [$0.name] + $0.aliases })
    let ignored = DarknetFlags.all(of: syntax.family).filter { !declared.contains($0.key) }
      .sorted { $0.key < $1.key }.map { $0.value ? "\($0.key) X" : $0.key }
    return text + "\n"
      + wrapped(
        "Accepted without effect, as in Darknet: \(ignored.joined(separator: ", ")).", indent: 2)
  }

  /// A line for each command.
  package static func list(_ commands: [any Command.Type]) -> String {
    rows(commands.map { ($0.name, $0.about) }, column: 22)
  }

  // MARK: Layout

  private static func row(_ flag: any FlagDeclaration) -> (String, String) {
    let names = ([flag.name] + flag.aliases).joined(separator: ", ")
    let limits = flag.limits.isEmpty ? "" : " (\(flag.limits))"
    return (names + flag.shape.text, flag.help + limits)
  }

  /// Two columns; a long left one has a line of its own.
  private static func rows(_ rows: [(String, String)], column: Int? = nil) -> String {
    let longest = rows.map { $0.0.count }.filter { $0 <= 24 }.max() ?? 0
    let column = column ?? longest + 2
    return rows.map { left, right in
      let text = wrapped(right, indent: column + 2)
      guard left.count <= column - 2 || left.count < column else { return "  \(left)\n\(text)" }
      return "  " + left.padded(to: column) + text.dropFirst(column + 2)
    }.joined()
  }

  /// Lines of at most `width` letters, each after `indent` blanks.
  private static func wrapped(_ text: String, indent: Int) -> String {
    let blanks = String(repeating: " ", count: indent)
    var (result, line) = ("", "")
    for word in text.split(whereSeparator: \.isWhitespace) {
      if !line.isEmpty, indent + line.count + 1 + word.count > width {
        result += "\(blanks)\(line)\n"
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return result + "\(blanks)\(line)\n"
  }

  private static func sentence(_ text: String) -> String {
    text.prefix(1).uppercased() + text.dropFirst() + "."
  }
}

extension String {
  /// Blanks after the text until it is `width` long.
  package func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(width - count, 0))
  }
}
