import Darknet

/// What a single word of a command line looks like.
package enum CommandWords {
  /// Words of a shell, and whether a file follows.
  package static let redirections = [
    "<": true, ">": true, ">>": true, "1>": true, "2>": true, "&>": true, "2>&1": false,
  ]

  /// Lists and scripts from Windows leave line ends at the end of words, which Darknet takes off; a
  /// file whose name ends so is still found.
  package static func cleaned(_ word: String) -> String {
    func isEnd(_ byte: UInt8) -> Bool { byte == 9 || byte == 10 || byte == 13 }
    guard word.utf8.last.map(isEnd) == true, !fileExists(word) else { return word }
    let kept = word.utf8.reversed().drop(while: isEnd).reversed()
    return String(decoding: Array(kept), as: UTF8.self)
  }

  /// A dash with something after it that is not a number.
  package static func looksLikeFlag(_ word: String) -> Bool {
    word.hasPrefix("-") && word.utf8.count > 1 && Number.float(word) == nil
  }

  /// The name with one dash, and what follows `=`.
  package static func parts(ofFlag word: String) -> (name: String, value: String?) {
    let short = word.hasPrefix("--") ? String(word.dropFirst()) : word
    guard let equals = short.firstIndex(of: "=") else { return (short, nil) }
    return (String(short[..<equals]), String(short[short.index(after: equals)...]))
  }

  /// Whether the word is numbers with commas between.
  package static func isNumberList(_ word: String) -> Bool {
    !word.isEmpty
      && word.split(separator: ",", omittingEmptySubsequences: true).allSatisfy {
        Number.float($0) != nil
      } && word.utf8.contains { $0 >= 48 && $0 <= 57 }
  }

  /// Whether the name ends as those of cfg, data and weights files.
  package static func isNetworkFile(_ word: String) -> Bool {
    [WordKind.data, .cfg, .weights].contains { word.hasSuffix($0.suffix ?? "") }
  }

  /// The number that C reads from the start of a text, if no digits follow it; else the text:
  /// `0.5,` is 0.5, but `0,5` was meant as something else.
  package static func leadingNumber(_ text: String) -> String {
    var end = text.endIndex
    while end > text.startIndex {
      let before = text.index(before: end)
      if text[before].isASCII, text[before].isNumber || text[before] == "." { break }
      end = before
    }
    let number = String(text[..<end])
    return Number.float(number) == nil ? text : number
  }
}
