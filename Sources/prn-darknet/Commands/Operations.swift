import Darknet
import DarknetCommandLine

/// `ops CFG`: how many floating-point operations one image takes.
enum Operations: Command {
  static let words = ["ops"]
  static let about = "print the layer table and the floating-point operations of one image"
  static let syntax = Syntax([Words.cfg])

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let network = try Load.network(arguments[Words.cfg], arguments, batch: nil)
    let count = network.nodes.reduce(0) { $0 + $1.layer.productOperations }
    Console.out("Floating Point Operations: \(count)\n")
    Console.out(
      "Floating Point Operations: \(fixed(Double(count) / 1e9, decimals: 2)) Bn\n")
    return .done
  }
}
