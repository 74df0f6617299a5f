import DarknetSystem

/// Just enough of JSON to write files for programs, with the fields in the order given.
package enum JSONText {
  case whole(Int)
  /// nil and what is not a finite number become null.
  case number(Double?)
  case text(String)
  case flag(Bool)
  case list([JSONText])
  /// A list in one line.
  case wholes([Int])
  case object([(String, JSONText)])

  /// The value over several lines, with `indent` before all but the first.
  package func text(indent: String = "") -> String {
    let inner = indent + " "
    switch self {
    case .whole(let number): return "\(number)"
    case .number(let number): return number.flatMap { $0.isFinite ? "\($0)" : nil } ?? "null"
    case .text(let text): return text.jsonQuoted
    case .flag(let flag): return flag ? "true" : "false"
    case .list(let values):
      let rows = values.map { inner + $0.text(indent: inner) }
      return rows.isEmpty ? "[]" : "[\n" + rows.joined(separator: ",\n") + "\n\(indent)]"
    case .wholes(let numbers): return "[" + numbers.map { "\($0)" }.joined(separator: ", ") + "]"
    case .object(let fields):
      let rows = fields.map { "\(inner)\($0.jsonQuoted): \($1.text(indent: inner))" }
      return "{\n" + rows.joined(separator: ",\n") + "\n\(indent)}"
    }
  }
}

extension String {
  /// The text as a JSON string, quotes included.
  package var jsonQuoted: String { "\"\(jsonEscaped)\"" }

  /// The text between the quotes of a JSON string.
  ///
  /// JSON is UTF-8; a byte that is not becomes `\udc80`...`\udcff`, as Python writes it: there
  /// `os.fsencode` gives the bytes back, and `open` takes the path as it is.
  package var jsonEscaped: String {
    guard utf8.contains(where: { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C || $0 == 0xF4 }) else {
      return self
    }
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\r": result += "\\r"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default:
        if let byte = scalar.outsideByte {
          result += "\\udc" + String(byte, radix: 16)
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result
  }
}
