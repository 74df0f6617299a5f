import Darknet
import DarknetCommandLine

/// The commands, and how one is found by its words.
enum Program {
  static let version = "0.1.0"

  /// The commands in the order in which people meet them.
  static let groups: [(title: String, commands: [any Command.Type])] = [
    (
      "Detection",
      [
        DetectorTest.self, Detect.self, DetectorMap.self, DetectorValid.self,
        DetectorRecallCommand.self,
      ]
    ),
    (
      "Training",
      [DetectorCheck.self, CalculateAnchors.self, DetectorTrain.self, TransplantCommand.self]
    ),
    (
      "Classification",
      [
        ClassifierPredict.self, Classify.self, ClassifierTrain.self, ClassifierValid.self,
        ClassifierValid10.self, ClassifierValidMulti.self, ClassifierValidFull.self,
        ClassifierValidCrop.self, ClassifierTest.self, ClassifierLabel.self, ClassifierTry.self,
      ]
    ),
    (
      "Weights",
      [
        Partial.self, Average.self, Statistics.self, Normalize.self, Denormalize.self, Reset.self,
        Rescale.self, SwapColors.self,
      ]
    ),
    (
      "Networks",
      [
        Operations.self, Memory.self, GradientsCommand.self, Benchmark.self, Generate.self,
        GeneratePRN.self, GenerateFPRN.self, Dump.self,
      ]
    ),
    ("Data", [GenerateShapes.self, ImageTest.self]),
  ]

  static let commands = groups.flatMap(\.commands)

  /// - Parameters:
  ///   - name: the program's name as it was called, for Darknet's usage lines.
  ///   - words: what follows it.
  static func run(_ name: String, _ words: [String]) -> ExitStatus {
    var words = subcommandFirst(commandFirst(words.map(CommandWords.cleaned)))
    guard let first = words.first else {
      // Darknet's line and exit code.
      Console.error("usage: \(name) <function>\nprn-darknet --help lists the functions\n")
      return .done
    }
    switch first {
    case "--version", "-version", "version":
      Console.out("prn-darknet \(version)\n")
      return .done
    case _ where Help.words.contains(first):
      words.removeFirst()
      return showHelp(words)
    default: break
    }
    guard let (command, count) = find(words) else { return unknown(words, name) }
    return CommandRun.run(command, words.dropFirst(count))
  }

  /// Runs what the command line asks for.
  static func start() -> ExitStatus {
    CommandRun.withEnoughStack { run(Console.programName, Console.arguments) }
  }

  // MARK: Finding the command

  /// Darknet takes some flags before the command's name; they are moved after it.
  private static func commandFirst(_ words: [String]) -> [String] {
    let ours = FlagGroup.everywhere.flags
    var place = 0
    while place < words.count, CommandWords.looksLikeFlag(words[place]) {
      let name = CommandWords.parts(ofFlag: words[place]).name
      if let flag = ours.first(where: { $0.name == name }) {
        place += flag.shape.text.isEmpty ? 1 : 2
      } else if let hasValue = DarknetFlags.all(of: .utility)[name] {
        place += hasValue ? 2 : 1
      } else {
        break
      }
    }
    return place < words.count ? Array(words[place...] + words[..<place]) : words
  }

  /// Moves flags between a family's word and its subcommand after both.
  private static func subcommandFirst(_ words: [String]) -> [String] {
    guard let family = words.first.map({ commands(ofFamily: $0) }), !family.isEmpty else {
      return words
    }
    var place = 1
    while place < words.count, CommandWords.looksLikeFlag(words[place]) {
      let name = CommandWords.parts(ofFlag: words[place]).name
      if Help.words.contains(words[place]) { break }
      let flag = family.lazy.compactMap { $0.syntax.flag(name) }.first
      let known = DarknetFlags.all(of: family[0].syntax.family)[name]
      guard let hasValue = flag.map({ !$0.shape.text.isEmpty }) ?? known else { break }
      place += hasValue ? 2 : 1
    }
    guard place > 1, place < words.count else { return words }
    return [words[0], words[place]] + words[1..<place] + words[(place + 1)...]
  }

  /// The commands of two words that begin with `word`.
  private static func commands(ofFamily word: String) -> [any Command.Type] {
    commands.filter { $0.words.count > 1 && $0.words[0] == word }
  }

  private static func find(_ words: [String]) -> (any Command.Type, Int)? {
    commands.filter { words.starts(with: $0.words) }.max { $0.words.count < $1.words.count }
      .map { ($0, $0.words.count) }
  }

  private static func showHelp(_ words: [String]) -> ExitStatus {
    let words = words.filter { !Help.words.contains($0) }
    guard let first = words.first else {
      Console.out(Help.overview)
      return .done
    }
    let family = commands(ofFamily: first)
    if let (command, count) = find(words) {
      Console.out(Help.text(command))
      // `generate` is a command and a family.
      if count == 1, !family.isEmpty { Console.out("\n" + Help.list(family)) }
      return .done
    }
    guard !family.isEmpty, words.count == 1 else { return unknown(words, "prn-darknet") }
    Console.out(Help.list(family))
    return .done
  }

  private static func unknown(_ words: [String], _ program: String) -> ExitStatus {
    let family = commands(ofFamily: words[0])
    guard !family.isEmpty else {
      let near = nearestName(to: words[0], among: commands.map { $0.words[0] })
      let hint = near.map { "; did you mean '\($0)'?" } ?? ""
      Console.error("Not an option: \(words[0])\(hint)\nprn-darknet --help lists the commands\n")
      return .usage
    }
    guard words.count > 1 else {
      Console.error(
        Help.darknetUsage(program, words[0])
          + "prn-darknet \(words[0]) --help lists the commands\n")
      return .done
    }
    if Help.words.contains(words[1]) { return showHelp(words) }
    let names = family.map { $0.words[1] }
    let near = nearestName(to: words[1], among: names)
    let hint =
      words[1] == "demo"
      ? "; videos and cameras are not read: ffmpeg -i VIDEO f%05d.jpg, then "
        + "ls f*.jpg | prn-darknet detector test ..."
      : near.map { "; did you mean '\($0)'?" } ?? ""
    Console.error(
      " There isn't such command: \(words[1])\(hint)\n"
        + "usage: prn-darknet \(words[0]) [\(names.joined(separator: "|"))] ...\n")
    return .usage
  }
}
