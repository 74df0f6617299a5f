import Darknet
import DarknetCommandLine

/// `classifier predict DATA CFG [WEIGHTS] [IMAGE]`: the most probable classes of pictures.
enum ClassifierPredict: Command {
  static let words = ["classifier", "predict"]
  static let about = "classify pictures, or those named on standard input"
  private static let top = Flag.whole(
    "-t", default: 0, "classes shown; 0 for 'top' of DATA, else 1"
  ).ofDarknet
  static let syntax = Syntax(
    [Words.data, Words.cfg, Words.optionalWeights, Words.images], flags: [top, Flags.quiet],
    groups: [.inference, .weightsFile], family: .classifier,
    notes: """
      IMAGE: pictures, folders of pictures, patterns in quotes, or lists that end in .txt. Without
      IMAGE it reads pictures from standard input, one path per line. Reads 'classes', 'top', and
      'names' or 'labels' of DATA. The picture's shorter side is made the network's, and the middle
      is looked at; in pjreddie's dialect all of it, letterboxed.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let top = arguments[top]
    return try run(PictureWords(arguments), arguments, top: top == 0 ? nil : top)
  }

  /// - Parameter top: classes shown; nil for what the data file says.
  static func run(
    _ words: PictureWords, _ arguments: Arguments, top: Int?
  ) throws -> ExitStatus {
    let setup = try Classification(
      words.data, cfg: words.cfg, weights: words.weights, arguments, needsWeights: true)
    let names = try words.names(setup.data, key: setup.namesKey)
    DetectorFiles.compareNames(names, with: setup.classes, of: words.data)
    let isOriginal = setup.network.network.dialect == .pjreddie
    if !isOriginal {
      let last = setup.network.network.nodes.last!
      let channels = last.layer.onlyCompares ? 0 : last.outputShape.channels
      Console.out(" classes = \(setup.classes), output in cfg = \(channels) \n")
    }
    let classifier = try setup.pictureClassifier(arguments)
    let count = min(try top ?? setup.top(default: 1), setup.classes)
    func predict(_ path: String) throws {
      let (probabilities, time) = classifier.run(try classifier.load(path))
      if isOriginal {
        Console.flush()
        Console.error("\(path): Predicted in \(fixed(time, decimals: 6)) seconds.\n")
      } else {
        Console.out("\(classifier.inputSize.width) \(classifier.inputSize.height)\n")
        Console.out("\(path): Predicted in \(fixed(time * 1000, decimals: 6)) milli-seconds.\n")
      }
      for index in TopAccuracy.classes(probabilities, count: count) {
        let value = probabilities[index]
        if isOriginal {
          Console.out(
            "\(fixed(Double(value * 100), decimals: 2, width: 5))%: \(names[index])\n")
        } else if let tree = classifier.decoder.tree {
          let parent = tree.parents[index]
          Console.out(
            "\(index), \(names[index]): \(fixed(Double(value), decimals: 6)), "
              + "parent: \(parent >= 0 ? names[parent] : "Root") \n")
        } else {
          Console.out("\(names[index]): \(fixed(Double(value), decimals: 6))\n")
        }
      }
    }
    return try PictureWalk(
      words: words.images, arguments: arguments, look: predict, isQuiet: arguments[Flags.quiet]
    ).run()
  }
}

/// `classify CFG WEIGHTS [IMAGE]`: `classifier predict` with `cfg/imagenet1k.data` and five
/// classes.
enum Classify: Command {
  static let words = ["classify"]
  static let about = "'classifier predict' with cfg/imagenet1k.data, the five best classes"
  private static let top = Flag.whole("-t", default: 5, in: 1...1_000_000, "classes shown")
    .ofDarknet
  static let syntax = Syntax(
    [Words.cfg, Words.weights, Words.images], flags: [top, Flags.quiet],
    groups: [.inference, .weightsFile],
    family: .classifier,
    notes: """
      Without IMAGE it reads pictures from standard input, one path per line. Classes and names are
      those of cfg/imagenet1k.data, in the current folder, beside CFG or where the program is
      installed; for others there is 'classifier predict'.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    try ClassifierPredict.run(
      PictureWords(arguments, data: "cfg/imagenet1k.data", command: "classifier predict"),
      arguments, top: arguments[top])
  }
}
