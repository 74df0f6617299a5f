/// One command of the program.
protocol Command: SendableMetatype {
  /// The words that call it: `detector test`.
  static var words: [String] { get }
  /// One line for the list of commands.
  static var about: String { get }
  /// Its words and flags.
  static var syntax: Syntax { get }

  /// - Parameter arguments: read and checked already.
  static func run(_ arguments: Arguments) throws -> ExitStatus
}

extension Command {
  static var name: String { words.joined(separator: " ") }
  /// `detector test DATA CFG [WEIGHTS] [IMAGE] [FLAGS]`.
  static var usage: String {
    [name, syntax.usage, syntax.ownFlags.isEmpty ? "" : "[FLAGS]"].filter { !$0.isEmpty }
      .joined(separator: " ")
  }
}
