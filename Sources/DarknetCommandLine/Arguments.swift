import Darknet

/// The command line after the command's words, read and checked against what the command declares.
///
/// Flags and words are asked for by their declarations, so that they have a type and a default. A
/// declaration that the running command does not have is a mistake of ours, and traps.
package struct Arguments {
  private let syntax: Syntax
  /// By the flag's name.
  private let values: [String: any Sendable]
  private let words: [String: [String]]
  /// Files that are written, with the flag or word that names them, and files that are read.
  private let outputs: [(name: String, path: String)]

  package init(
    _ syntax: Syntax, values: [String: any Sendable], words: [String: [String]],
    outputs: [(name: String, path: String)]
  ) {
    self.syntax = syntax
    self.values = values
    self.words = words
    self.outputs = outputs
  }

  /// The flag's value, or its default.
  package subscript<Value>(flag: Flag<Value>) -> Value {
    precondition(syntax.flag(flag.name) != nil, "\(flag.name) is not declared by this command")
    return values[flag.name] as? Value ?? flag.fallback
  }

  /// What came at the word's place.
  package subscript<Value>(word: Word<Value>) -> Value {
    precondition(
      syntax.words.contains { $0.name == word.name }, "\(word.name) is not declared here")
    return word(words[word.name] ?? [])
  }

  /// Whether the command line has the flag.
  package func has(_ flag: some FlagDeclaration) -> Bool {
    precondition(syntax.flag(flag.name) != nil, "\(flag.name) is not declared by this command")
    return values[flag.name] != nil
  }

  /// Whether the command takes the flag at all; for code that several commands share.
  package func takes(_ flag: some FlagDeclaration) -> Bool { syntax.flag(flag.name) != nil }

  package var dialect: Dialect { self[Flags.dialect] }

  /// `-exact`, which every command that runs networks takes.
  package var convolutions: InferencePlan.Convolutions { self[Flags.exact] ? .exact : .fastest }

  /// - Throws: `UsageError` if a file to be written would take the place of one that is read.
  package func checkOutputs(spare inputs: [String]) throws {
    for (name, path) in outputs { try Output.check(path, name, isNoneOf: inputs) }
  }
}
