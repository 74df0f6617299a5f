import Darknet
import DarknetCommandLine

/// `generate NAME`: the cfgs of the zoo, made by rule.
enum Generate: Command {
  static let words = ["generate"]
  static let about = "write a cfg of the zoo to standard output"
  private static let network = Word<String?>(optional: "NAME")
  static let syntax = Syntax(
    [network], notes: "NAME is a network of cfg/, without .cfg; without a name, lists them.")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    guard let name = arguments[network] else {
      for member in Zoo.members { Console.out("\(member.name)\n") }
      return .done
    }
    guard let member = Zoo.member(named: name) else {
      let near = nearestName(to: name, among: Zoo.members.map(\.name) + ["prn", "fprn", "shapes"])
      throw UsageError(
        "NAME: no network is called '\(name)'; "
          + (near.map { "did you mean \($0)?" } ?? "generate without a name lists them"))
    }
    Console.out(try member.text())
    return .done
  }
}

/// `generate prn`: a partial residual network by rule.
enum GeneratePRN: Command {
  static let words = ["generate", "prn"]
  static let about = "write the cfg of a partial residual network by rule"
  private static let base = Flag.choice(
    "-base", default: Zoo.Base.darknet53, "the network that it is made of")
  private static let kind = Flag.choice(
    "-kind", default: Darknet53.Kind.shrink, "how the width of a stage's blocks varies")
  private static let gamma = Flag.share(
    "-gamma", "G", default: 0.5, "the narrowest width of a stage relative to its base")
  private static let sparsity = Flag.share(
    "-sparsity", "S", default: 0, "the share of a shortcut's channels that is left out")
  static let syntax = Syntax(
    flags: [base, kind, gamma, sparsity], notes: "The cfg goes to standard output.")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let network = Zoo.partial(
      arguments[base], arguments[kind], gamma: Double(arguments[gamma]),
      sparsity: arguments[sparsity])
    Console.out(try network.text())
    return .done
  }
}

/// `generate fprn CFG`: a cfg with partial shortcuts in the place of whole ones.
enum GenerateFPRN: Command {
  static let words = ["generate", "fprn"]
  static let about = "write CFG with every [shortcut] as [partial_shortcut]"
  private static let sparsity = Flag.share(
    "-sparsity", "S", default: 0.5, "the share of a shortcut's channels that is left out")
  static let syntax = Syntax(
    [Words.cfg], flags: [sparsity], notes: "The cfg goes to standard output.")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let path = arguments[Words.cfg]
    let bytes = try Load.bytes(path)
    let builder = NetworkBuilder(
      dialect: arguments.dialect, batch: 1, readFile: { try? FileBytes.read($0) })
    // What is wrong already is reported with the lines of the file that was given.
    _ = try builder.build(try ConfigFile(text: bytes, name: path))
    let converted = try Zoo.makingShortcutsPartial(
      bytes, name: path, sparsity: arguments[sparsity])
    // What is printed must build: a shortcut that samples has no partial counterpart.
    _ = try builder.build(try ConfigFile(text: converted, name: path))
    if converted == bytes {
      Console.error("\(path): has no [shortcut]; it is written as it is\n")
    }
    Console.out(String(decoding: converted, as: UTF8.self))
    return .done
  }
}

/// `generate shapes DIR`: a data set of drawn shapes.
enum GenerateShapes: Command {
  static let words = ["generate", "shapes"]
  static let about = "draw a small data set of shapes for trials"
  private static let folder = Word<String>("DIR", .output)
  private static let kind = Flag.choice(
    "-kind", default: Kind.boxes, "for detectors or classifiers")
  private static let count = Flag.whole(
    "-count", default: SyntheticShapes().trainCount, in: 1...9999,
    "training pictures; a quarter as many for validation")
  private static let seed = Flag.whole(
    "-seed", default: 1, in: 0...Int.max, "the same seed gives the same pictures")
  private static let force = Flag.toggle("-force", "write into a folder that already has files")
  static let syntax = Syntax(
    [folder], flags: [kind, count, seed, force],
    notes: "DIR gets pictures, labels, lists, names and shapes.data.")

  /// What is labelled.
  private enum Kind: String, CaseIterable {
    case boxes, classes
  }

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let folder = arguments[folder]
    let isBoxes = arguments[kind] == .boxes
    var shapes = isBoxes ? SyntheticShapes() : SyntheticShapes.single
    shapes.trainCount = arguments[count]
    shapes.validCount = max(1, shapes.trainCount / 4)
    shapes.seed = UInt64(arguments[seed])
    guard arguments[force] || Folder.isEmptyOrMissing(folder) else {
      throw UsageError(
        "DIR: expected a new or an empty folder, found files in '\(folder)'; name another one, or "
          + "overwrite them with -force")
    }
    let threads = ThreadPool.shared.threads
    let files =
      try isBoxes
      ? shapes.write(to: folder, threads: threads)
      : shapes.writeClasses(to: folder, threads: threads)
    Console.out(
      "\(files.data): \(shapes.trainCount) training pictures, \(shapes.validCount) for validation; "
        + "classes \(SyntheticShapes.classNames.joined(separator: ", "))\n")
    return .done
  }
}
