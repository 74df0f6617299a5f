import Darknet

/// A word that a command takes by its place, declared once: `DATA`, `[IMAGE]`, `WEIGHTS...`.
struct Word<Value: Sendable>: WordDeclaration {
  let name: String
  let kind: WordKind
  let isRequired: Bool
  let repeats: Bool
  /// What the words that came there are as a value; there is at least one if it is required.
  fileprivate let value: @Sendable ([String]) -> Value

  func callAsFunction(_ words: [String]) -> Value { value(words) }
}

/// What the parser and the help ask of a word.
protocol WordDeclaration: Sendable {
  var name: String { get }
  var kind: WordKind { get }
  var isRequired: Bool { get }
  /// Takes all words that are left.
  var repeats: Bool { get }
}

extension WordDeclaration {
  /// As in a usage line.
  var usage: String {
    let name = repeats ? "\(name)..." : name
    return isRequired ? name : "[\(name)]"
  }
}

/// What a word names.
enum WordKind: Sendable {
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
  var suffix: String? {
    switch self {
    case .data: ".data"
    case .cfg: ".cfg"
    case .weights: ".weights"
    default: nil
    }
  }

  var isOutput: Bool {
    switch self {
    case .output, .outputInPlace: true
    default: false
    }
  }
}

extension Word where Value == String {
  init(_ name: String, _ kind: WordKind = .input) {
    self.init(name: name, kind: kind, isRequired: true, repeats: false) { $0[0] }
  }
}

extension Word where Value == String? {
  init(optional name: String, _ kind: WordKind = .input) {
    self.init(name: name, kind: kind, isRequired: false, repeats: false) { $0.first }
  }
}

extension Word where Value == [String] {
  /// At least one.
  init(list name: String, _ kind: WordKind = .input) {
    self.init(name: name, kind: kind, isRequired: true, repeats: true) { $0 }
  }

  /// Any number of words.
  init(optionalList name: String, _ kind: WordKind = .input) {
    self.init(name: name, kind: kind, isRequired: false, repeats: true) { $0 }
  }
}

/// Words that several commands take.
enum Words {
  static let data = Word<String>("DATA", .data)
  static let cfg = Word<String>("CFG", .cfg)
  static let weights = Word<String>("WEIGHTS", .weights)
  static let optionalCfg = Word<String?>(optional: "CFG", .cfg)
  static let optionalWeights = Word<String?>(optional: "WEIGHTS", .weights)
  static let image = Word<String?>(optional: "IMAGE")
  static let images = Word<[String]>(optionalList: "IMAGE")
  static let output = Word<String>("OUT", .output)
}
