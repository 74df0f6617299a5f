/// One command of the program.
package protocol Command: SendableMetatype {
  /// The program that has it.
  static var program: String { get }
  /// The words that call it: `detector test`; none for the only command of a program.
  static var words: [String] { get }
  /// One line for the list of commands.
  static var about: String { get }
  /// Its words and flags.
  static var syntax: Syntax { get }

  /// - Parameter arguments: read and checked already.
  static func run(_ arguments: Arguments) throws -> ExitStatus
}

extension Command {
  package static var program: String { "prn-darknet" }
  package static var name: String { words.joined(separator: " ") }
  /// `detector test DATA CFG [WEIGHTS] [IMAGE] [FLAGS]`.
  package static var usage: String {
    [name, syntax.usage, syntax.ownFlags.isEmpty ? "" : "[FLAGS]"].filter { !$0.isEmpty }
      .joined(separator: " ")
  }
}
