import Darknet

/// `generate NAME`: the cfgs of the zoo, made by rule; `generate shapes DIR`: a data set.
enum Generate: Command {
  static let words = ["generate"]
  static let usage = "NAME | prn | fprn CFG | shapes DIR"
  static let about = "write a cfg: of the zoo, a partial residual or a converted one; or a data set"
  static let details = """
      NAME       a network of cfg/ (without .cfg); without a name, lists them
      prn        -base darknet53|yolov3 (darknet53), -kind shrink|expand|bottleneck (shrink),
                 -gamma G: the narrowest width of a stage relative to its base (0.5),
                 -sparsity S: the share of a shortcut's channels that is left out (0)
      fprn CFG   CFG with every [shortcut] as [partial_shortcut]; -sparsity S (0.5)
      shapes DIR a small data set of drawn shapes for trials: pictures, labels, lists, names,
                 DIR/shapes.data. -kind boxes|classes: for detectors or classifiers (boxes),
                 -count N: pictures to train with (320), and a quarter of it to measure with,
                 -seed N (1): the same seed gives the same pictures,
                 -force: into a folder that has files, too
      A cfg goes to standard output.

    """

  static func run(_ arguments: inout Arguments) throws -> ExitStatus {
    guard let name = arguments.optional() else {
      for member in Zoo.members { Console.out("\(member.name)\n") }
      return .done
    }
    switch name {
    case "prn": try partial(&arguments)
    case "fprn": try convert(&arguments)
    case "shapes": try shapes(&arguments)
    default:
      try arguments.finish()
      guard let member = Zoo.member(named: name) else {
        let near = nearestName(
          to: name, among: Zoo.members.map(\.name) + ["prn", "fprn", "shapes"])
        throw UsageError(
          "NAME: no network is called '\(name)'; "
            + (near.map { "did you mean \($0)?" } ?? "generate without a name lists them"))
      }
      Console.out(try member.text())
    }
    return .done
  }

  private static func partial(_ arguments: inout Arguments) throws {
    try arguments.finish()
    let base = try choice("-base", Zoo.Base.allCases, default: .darknet53, arguments)
    let kind = try choice("-kind", Darknet53.Kind.allCases, default: .shrink, arguments)
    let gamma = try share("-gamma", default: 0.5, arguments)
    let sparsity = try share("-sparsity", default: 0, arguments)
    Console.out(
      try Zoo.partial(base, kind, gamma: Double(gamma), sparsity: sparsity).text())
  }

  private static func convert(_ arguments: inout Arguments) throws {
    let path = try arguments.require("CFG")
    try arguments.finish()
    let sparsity = try share("-sparsity", default: 0.5, arguments)
    let bytes = try Load.bytes(path)
    let builder = NetworkBuilder(
      dialect: try arguments.dialect, batch: 1, readFile: { try? FileBytes.read($0) })
    // What is wrong already is told with the lines of the file that was given.
    _ = try builder.build(try ConfigFile(text: bytes, name: path))
    let converted = try Zoo.makingShortcutsPartial(bytes, name: path, sparsity: sparsity)
    // What is printed must build: a shortcut that samples has no partial counterpart.
    _ = try builder.build(try ConfigFile(text: converted, name: path))
    if converted == bytes {
      Console.error("\(path): has no [shortcut]; it is written as it is\n")
    }
    Console.out(String(decoding: converted, as: UTF8.self))
  }

  /// What `shapes` labels.
  private enum ShapesKind: String, CaseIterable {
    case boxes, classes
  }

  private static func shapes(_ arguments: inout Arguments) throws {
    let folder = try arguments.require("DIR")
    try arguments.finish()
    let kind = try choice("-kind", ShapesKind.allCases, default: .boxes, arguments)
    var shapes = kind == .boxes ? SyntheticShapes() : SyntheticShapes.single
    shapes.trainCount = try arguments.int("-count", default: shapes.trainCount, in: 1...9999)
    shapes.validCount = max(1, shapes.trainCount / 4)
    shapes.seed = UInt64(try arguments.int("-seed", default: 1, in: 0...Int.max))
    guard arguments.has("-force") || Folder.isEmptyOrMissing(folder) else {
      throw UsageError(
        "DIR: expected a new or an empty folder, found files in '\(folder)'; name another one, or "
          + "write over them with -force")
    }
    let threads = ThreadPool.shared.threads
    let files =
      try kind == .boxes
      ? shapes.write(to: folder, threads: threads)
      : shapes.writeClasses(to: folder, threads: threads)
    Console.out(
      "\(files.data): \(shapes.trainCount) pictures to train with, \(shapes.validCount) to measure "
        + "with; classes \(SyntheticShapes.classNames.joined(separator: ", "))\n")
  }

  private static func choice<T: RawRepresentable<String>>(
    _ flag: String, _ all: [T], default fallback: T, _ arguments: Arguments
  ) throws -> T {
    guard let text = arguments.string(flag) else { return fallback }
    guard let value = T(rawValue: text) else {
      throw UsageError(
        "\(flag): expected \(all.map(\.rawValue).joined(separator: ", ")), found '\(text)'")
    }
    return value
  }

  private static func share(
    _ flag: String, default fallback: Float, _ arguments: Arguments
  ) throws -> Float {
    try arguments.float(flag, default: fallback, in: 0...1)
  }
}
