/// Text files as programs of other systems save them.
package enum TextBytes {
  /// The text as UTF-8 without its byte-order mark. UTF-16 is read if it begins with its mark;
  /// all else, damaged UTF-16 included, is returned as it is.
  package static func utf8(_ source: some Collection<UInt8>) -> [UInt8] {
    let bytes = Array(source)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
    guard let isBigEndian = utf16Mark(bytes), bytes.count % 2 == 0 else { return bytes }
    let units = stride(from: 2, to: bytes.count, by: 2).map { (place: Int) -> UInt16 in
      let (first, second) = (UInt16(bytes[place]), UInt16(bytes[place + 1]))
      return isBigEndian ? first << 8 | second : second << 8 | first
    }
    return String(validating: units, as: UTF16.self).map { Array($0.utf8) } ?? bytes
  }

  /// What bytes of value 0 in a text file mean, for an error: what was found, and what to do.
  package static func wordsForZeros(
    in bytes: some Collection<UInt8>
  ) -> (found: String, fix: String) {
    let start = Array(bytes.prefix(64))
    if utf16Mark(start) != nil { return ("damaged UTF-16 text", "save it as UTF-8") }
    // Latin letters in UTF-16: every second byte is 0.
    for odd in [0, 1] where start.count >= 4 {
      if start.indices.allSatisfy({ (start[$0] == 0) == ($0 % 2 == odd) }) {
        return ("UTF-16 text without its mark", "save it as UTF-8")
      }
    }
    return ("zero bytes, as in pictures and weights", "check that the right file was named")
  }

  /// Whether the high byte comes first; nil without a mark.
  private static func utf16Mark(_ bytes: [UInt8]) -> Bool? {
    if bytes.starts(with: [0xFF, 0xFE]) { return false }
    return bytes.starts(with: [0xFE, 0xFF]) ? true : nil
  }
}

extension String {
  /// A path or word from outside, fit for a message: control characters as `\x1B`, and of more
  /// than `limit` characters only the first.
  package func shown(limit: Int = 400) -> String {
    var text = ""
    var count = 0
    for scalar in unicodeScalars {
      guard count < limit else { return text + "…" }
      count += 1
      if scalar.value < 0x20 || scalar.value == 0x7F {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        text += "\\x" + (digits.count == 1 ? "0" : "") + digits
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
