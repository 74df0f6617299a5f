import Darknet

/// A word that a command takes by its place, declared once: `DATA`, `[IMAGE]`, `WEIGHTS...`.
package struct Word<Value: Sendable>: WordDeclaration {
  package let name: String
  package let kind: WordKind
  package let isRequired: Bool
  package let repeats: Bool
  /// What the words that came there are as a value; there is at least one if it is required.
  fileprivate let value: @Sendable ([String]) -> Value

  package func callAsFunction(_ words: [String]) -> Value { value(words) }
}

/// What the parser and the help ask of a word.
package protocol WordDeclaration: Sendable {
  var name: String { get }
  var kind: WordKind { get }
  var isRequired: Bool { get }
  /// Takes all words that are left.
  var repeats: Bool { get }
}

extension WordDeclaration {
  /// As in a usage line.
  package var usage: String {
    let name = repeats ? "\(name)..." : name
    return isRequired ? name : "[\(name)]"
  }
}

/// What a word names.
package enum WordKind: Sendable {
  /// Files known by their ending, which may come in any order.
  case data, cfg, weights
  /// Another file or folder that is read.
  case input
  case number
  /// A file or folder that is written, never over one that is read.
  case output
  /// The same, but changing weights in place is allowed, as in Darknet.
  case outputInPlace

  /// The ending of a file's name that tells its kind.
  package var suffix: String? {
    switch self {
    case .data: ".data"
    case .cfg: ".cfg"
    case .weights: ".weights"
    default: nil
    }
  }

  package var isOutput: Bool {
    switch self {
    case .output, .outputInPlace: true
    default: false
    }
  }
}

extension Word where Value == String {
  package init(_ name: String, _ kind: WordKind = .input) {
    self.init(name: name, kind: kind, isRequired: true, repeats: false) { $0[0] }
  }
}

extension Word where Value == String? {
  package init(optional name: String, _ kind: WordKind = .input) {
    self.init(name: name, kind: kind, isRequired: false, repeats: false) { $0.first }
  }
}

extension Word where Value == [String] {
  /// At least one.
  package init(list name: String, _ kind: WordKind = .input) {
    self.init(name: name, kind: kind, isRequired: true, repeats: true) { $0 }
  }

  /// Any number of words.
  package init(optionalList name: String, _ kind: WordKind = .input) {
    self.init(name: name, kind: kind, isRequired: false, repeats: true) { $0 }
  }
}

/// Words that several commands take.
package enum Words {
  package static let data = Word<String>("DATA", .data)
  package static let cfg = Word<String>("CFG", .cfg)
  package static let weights = Word<String>("WEIGHTS", .weights)
  package static let optionalCfg = Word<String?>(optional: "CFG", .cfg)
  package static let optionalWeights = Word<String?>(optional: "WEIGHTS", .weights)
  package static let image = Word<String?>(optional: "IMAGE")
  package static let images = Word<[String]>(optionalList: "IMAGE")
  package static let output = Word<String>("OUT", .output)
}
