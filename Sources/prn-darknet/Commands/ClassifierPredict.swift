import Darknet

/// `classifier predict DATA CFG [WEIGHTS] [IMAGE]`: the most probable classes of pictures.
enum ClassifierPredict: Command {
  static let words = ["classifier", "predict"]
  static let usage = "DATA CFG [WEIGHTS] [IMAGE] [-t N]"
  static let about = "classify one picture, or those named on standard input"
  static let details = """
      -t N            classes shown ('top' of DATA; 1)
      -strict         exit 1 if a picture of a list could not be read
      -exact          the plain im2col executor instead of the fastest kernels
      Reads 'classes', 'top', and 'names' or 'labels' of DATA. The picture's shorter side is made
      the network's, and the middle is looked at; in pjreddie's dialect all of it, letterboxed.

    """

  static func run(_ arguments: inout Arguments) throws -> ExitStatus {
    let words = try PictureWords(&arguments)
    let top = try arguments.int("-t", default: 0)
    return try run(words, arguments, top: top == 0 ? nil : top)
  }

  /// - Parameter top: classes shown; nil for what the data file says.
  static func run(
    _ words: PictureWords, _ arguments: Arguments, top: Int?
  ) throws -> ExitStatus {
    let setup = try Classification(words.data, cfg: words.cfg, weights: words.weights, arguments)
    let names = try setup.names()
    DetectorFiles.compareNames(names, with: setup.classes, of: words.data)
    let isOriginal = setup.network.network.dialect == .pjreddie
    if !isOriginal {
      let last = setup.network.network.nodes.last!
      let channels = last.name == "cost" ? 0 : setup.network.network.shape(of: last.index).channels
      Console.out(" classes = \(setup.classes), output in cfg = \(channels) \n")
    }
    let classifier = try setup.classifier(arguments)
    let count = min(try top ?? setup.top(default: 1), setup.classes)
    let shape = classifier.plan.network.inputShape
    func predict(_ path: String) throws {
      let picture = try Pictures.load(path, for: setup.network.network)
      let view = classifier.plan.inputView
      picture.write(
        into: PlaneTarget(view.pointer, width: shape.width, height: shape.height),
        fit: isOriginal ? .letterbox : .centerCrop)
      let start = seconds()
      classifier.plan.run()
      let time = seconds() - start
      let probabilities = classifier.probabilities(onlyLeaves: isOriginal)
      if isOriginal {
        Console.flush()
        Console.error("\(path): Predicted in \(fixed(time, decimals: 6)) seconds.\n")
      } else {
        Console.out("\(shape.width) \(shape.height)\n")
        Console.out("\(path): Predicted in \(fixed(time * 1000, decimals: 6)) milli-seconds.\n")
      }
      for index in TopAccuracy.classes(probabilities, count: count) {
        let value = probabilities[index]
        if isOriginal {
          Console.out(
            "\(fixed(Double(value * 100), decimals: 2, width: 5))%: \(names[index])\n")
        } else if let tree = classifier.tree {
          let parent = tree.parents[index]
          Console.out(
            "\(index), \(names[index]): \(fixed(Double(value), decimals: 6)), "
              + "parent: \(parent >= 0 ? names[parent] : "Root") \n")
        } else {
          Console.out("\(names[index]): \(fixed(Double(value), decimals: 6))\n")
        }
      }
    }
    if let image = words.image {
      try predict(image)
      return .done
    }
    return try PicturePrompt.run(arguments, predict)
  }
}

/// `classify CFG WEIGHTS [IMAGE]`: `classifier predict` with `cfg/imagenet1k.data` and five
/// classes.
enum Classify: Command {
  static let words = ["classify"]
  static let usage = "CFG WEIGHTS [IMAGE] [flags of classifier predict]"
  static let about = "classifier predict with cfg/imagenet1k.data, the five best classes"

  static func run(_ arguments: inout Arguments) throws -> ExitStatus {
    let words = try PictureWords(&arguments, data: "cfg/imagenet1k.data")
    return try ClassifierPredict.run(
      words, arguments, top: arguments.int("-t", default: 5, in: 1...1_000_000))
  }
}
