import Darknet

/// One command of the program.
protocol Command: SendableMetatype {
  /// The words that call it: `detector test`.
  static var words: [String] { get }
  /// What stands behind the words.
  static var usage: String { get }
  /// One line for the list of commands.
  static var about: String { get }
  /// What `--help` prints behind usage and about: flags and files, a line each.
  static var details: String { get }

  static func run(_ arguments: inout Arguments) throws -> ExitStatus
}

extension Command {
  static var details: String { "" }
  static var name: String { words.joined(separator: " ") }
}

/// Finds the command and turns what it throws into one line and an exit status.
enum Program {
  static let version = "0.1.0"

  static let commands: [any Command.Type] = [
    DetectorMap.self, DetectorValid.self, DetectorRecallCommand.self, CalculateAnchors.self,
    DetectorTest.self, DetectorTrain.self, DetectorCheck.self, Detect.self,
    ClassifierPredict.self, ClassifierTrain.self, ClassifierValid.self, ClassifierTest.self,
    ClassifierValid10.self, ClassifierValidMulti.self, ClassifierValidFull.self,
    ClassifierValidCrop.self, ClassifierTry.self,
    ClassifierLabel.self, Classify.self, Partial.self, Operations.self, Average.self,
    Normalize.self, Denormalize.self, Rescale.self, Reset.self, SwapColors.self, Statistics.self,
    ImageTest.self,
    Dump.self, Replay.self, Benchmark.self,
    Generate.self, TransplantCommand.self, Memory.self, GradientsCommand.self,
  ]

  static func run(_ words: [String]) -> ExitStatus {
    var words = words
    // Darknet takes these before the command word.
    while let first = words.first,
      ["-i", "-gpus", "-nogpu", "-dialect", "-threads"].contains(first)
    {
      let count = first == "-nogpu" ? 1 : 2
      words = Array(words.dropFirst(count)) + words.prefix(count)
    }
    words = Self.subcommandFirst(words)
    switch words.first {
    case "--version", "-version", "version":
      Console.out("prn-darknet \(version)\n")
      return .done
    case "--help", "-help", "-h", "help":
      Console.out(overview)
      return .done
    case nil:
      Console.error("usage: prn-darknet <function>\n" + overview)
      return .usage
    default: break
    }
    guard let (command, count) = find(words) else { return unknown(words) }
    do {
      var arguments = try Arguments(words.dropFirst(count))
      if arguments.wantsHelp {
        Console.out(help(command))
        return .done
      }
      let threads = try arguments.int("-threads", default: 0, in: 0...1024)
      if threads > 0 { ThreadPool.configure(threads: threads) }
      return try command.run(&arguments)
    } catch let error as UsageError {
      Console.flush()
      Console.error("\(error)\nusage: prn-darknet \(command.name) \(command.usage)\n")
      return .usage
    } catch {
      Console.flush()
      Console.error("\(error)\n")
      return status(of: error)
    }
  }

  /// Moves flags between a family's word and its subcommand behind both.
  private static func subcommandFirst(_ words: [String]) -> [String] {
    guard let family = words.first,
      commands.contains(where: { $0.words.count > 1 && $0.words[0] == family })
    else { return words }
    var place = 1
    while place < words.count {
      if Arguments.valueFlags.contains(words[place]) {
        place += 2
      } else if Arguments.plainFlags.contains(words[place]) {
        place += 1
      } else {
        break
      }
    }
    guard place > 1, place < words.count else { return words }
    return [family, words[place]] + words[1..<place] + words[(place + 1)...]
  }

  /// What an error means for scripts.
  static func status(of error: any Error) -> ExitStatus {
    switch error {
    case let error as FileError:
      error.action == .open || error.action == .read ? .badInput : .inputOutput
    case DataError.file(let error): status(of: error)
    case is UsageError: .usage
    default: .badInput
    }
  }

  private static func find(_ words: [String]) -> (any Command.Type, Int)? {
    commands.filter { words.starts(with: $0.words) }.max { $0.words.count < $1.words.count }
      .map { ($0, $0.words.count) }
  }

  private static func unknown(_ words: [String]) -> ExitStatus {
    let family = commands.filter { $0.words.count > 1 && $0.words[0] == words[0] }
    if !family.isEmpty {
      let names = family.map { $0.words[1] }.joined(separator: ", ")
      if words.count > 1, ["--help", "-help", "-h"].contains(words[1]) {
        Console.out(family.map(help).joined(separator: "\n"))
        return .done
      }
      let given = words.count > 1 ? " There isn't such command: \(words[1])\n" : ""
      Console.error("\(given)usage: prn-darknet \(words[0]) [\(names)] …\n")
    } else {
      let near = nearestName(to: words[0], among: commands.map { $0.words[0] })
      let hint = near.map { "; did you mean '\($0)'?" } ?? ""
      Console.error("Not an option: \(words[0])\(hint)\n" + overview)
    }
    return .usage
  }

  private static func help(_ command: any Command.Type) -> String {
    "prn-darknet \(command.name) \(command.usage)\n  \(command.about)\n\(command.details)"
  }

  private static var overview: String {
    let rows = commands.map { "  \(($0.name).padded(to: 21)) \($0.about)\n" }.joined()
    return """
      prn-darknet: Darknet networks on CPUs, with partial residual networks.

      \(rows)
      Flags may stand anywhere; prn-darknet COMMAND --help tells more.
      Everywhere: -dialect alexeyab|pjreddie, -threads N; -i, -gpus and -nogpu are accepted.

      """
  }
}

extension String {
  /// Blanks behind until the text is `width` long.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(width - count, 0))
  }
}
