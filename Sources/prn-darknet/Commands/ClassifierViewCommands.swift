import Darknet
import DarknetCommandLine

/// A command that measures accuracy by several images of each picture.
protocol ViewedAccuracy: Command {
  /// Which images, the one thing in which these commands differ.
  static func views(_ dialect: Dialect) -> ClassifierViews
}

extension ViewedAccuracy {
  static var syntax: Syntax {
    ClassifierList.syntax(groups: [], notes: ClassifierValid.notes)
  }

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    var valid = try ClassifierAccuracy(arguments)
    let run = valid.run
    let classifier = try run.setup.classifier(
      views(run.setup.network.network.dialect), arguments)
    try run.run(classifier) { path, sums in
      valid.add(sums, of: path)
      Console.out("\(valid.accuracy.line)\n")
    }
    return try valid.finish(arguments)
  }
}

/// `classifier valid10 DATA CFG WEIGHTS`: accuracy by five windows and their mirror images.
enum ClassifierValid10: ViewedAccuracy {
  static let words = ["classifier", "valid10"]
  static let about = "accuracy by ten windows of each picture"
  static func views(_ dialect: Dialect) -> ClassifierViews { .tenCrops }
}

/// `classifier validmulti DATA CFG WEIGHTS`: accuracy by pictures in several sizes, and mirrored.
enum ClassifierValidMulti: ViewedAccuracy {
  static let words = ["classifier", "validmulti"]
  static let about = "accuracy by each picture in several sizes, and mirrored"
  static func views(_ dialect: Dialect) -> ClassifierViews { .severalSizes(dialect) }
}

/// `classifier validfull DATA CFG WEIGHTS`: accuracy by whole pictures, nothing cut off.
enum ClassifierValidFull: ViewedAccuracy {
  static let words = ["classifier", "validfull"]
  static let about = "accuracy by whole pictures, the network resized to their proportions"
  static func views(_ dialect: Dialect) -> ClassifierViews { .whole }
}

/// `classifier validcrop DATA CFG WEIGHTS`: accuracy by pictures stretched to the input, a thousand
/// at a time.
enum ClassifierValidCrop: Command {
  static let words = ["classifier", "validcrop"]
  static let about = "accuracy by pictures stretched to the input, a line for each thousand"
  static let syntax = ClassifierList.syntax(notes: ClassifierValid.notes)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    var valid = try ClassifierAccuracy(arguments)
    let run = valid.run
    let classifier = try run.setup.classifier(arguments, batch: nil)
    // Parts of a thousand or a little more, as many as Darknet makes; at least one.
    let parts = max(1, run.list.count / 1000)
    var (part, start, counted) = (1, seconds(), 0)
    func endPart() {
      let time = fixed(seconds() - start, decimals: 6)
      let images = valid.accuracy.pictures - counted
      // Pictures are loaded while others are computed, so that one time says all.
      Console.out(
        "Loaded: \(images) images in \(time) seconds\n"
          + "\(valid.accuracy.line(number: part)), \(time) seconds, \(images) images\n")
      (part, start, counted) = (part + 1, seconds(), valid.accuracy.pictures)
    }
    try run.run(classifier, .init(.stretch)) { picture in
      while picture.index >= part * run.list.count / parts { endPart() }
      valid.add(picture.probabilities, of: picture.path)
    }
    endPart()
    return try valid.finish(arguments)
  }
}

/// `classifier try DATA CFG WEIGHTS IMAGE LAYER`: what a layer and the network make of a picture
/// that is prepared as ImageNet's networks of other programs want it.
enum ClassifierTry: Command {
  static let words = ["classifier", "try"]
  static let about = "a layer's values, and the classes, of a picture minus ImageNet's mean"
  private static let image = Word<String>("IMAGE")
  private static let layer = Word<String?>(optional: "LAYER", .number)
  static let syntax = Syntax(
    [Words.data, Words.cfg, Words.weights, image, layer], groups: [.inference, .weightsFile],
    family: .classifier,
    notes: """
      LAYER is counted from 0; the default is the last one. Prints the mean, variance and scale of
      each of its channels if it has batch norm, its output, then the most probable classes ('top'
      of DATA). The picture is taken as networks of other programs want it: its shorter side 256/224
      of the network's, the middle of it, minus ImageNet's mean colour, divided by its deviation.
      """)

  /// Red, green and blue of ImageNet's pictures.
  private static let means: [Float] = [0.482633, 0.452302, 0.400991]
  private static let deviations: [Float] = [0.225903, 0.221209, 0.221040]

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let image = arguments[image]
    let setup = try Classification(
      arguments[Words.data], cfg: arguments[Words.cfg], weights: arguments[Words.weights],
      arguments)
    let network = setup.network.network
    let index = try layerIndex(arguments[layer], of: network)
    let names = try setup.names()
    let top = try setup.top(default: 1)

    let input = try prepare(image, for: network)
    let plan = InferencePlan(
      network, parameters: setup.network.parameters, keeping: [index],
      convolutions: arguments.convolutions)
    plan.inputView.pointer.update(from: input.pointer, count: input.shape.count)
    let start = seconds()
    plan.run()
    let time = seconds() - start

    Console.out(statistics(of: network.nodes[index], setup.network.parameters))
    let output = plan.output(index)
    for value in UnsafeBufferPointer(start: output.pointer, count: output.shape.count) {
      Console.out(fixed(Double(value), decimals: 6) + "\n")
    }
    let probabilities = ClassDecoder(plan, leaves: try setup.leaves()).probabilities(
      onlyLeaves: true)
    Console.out("\(image): Predicted in \(fixed(time, decimals: 6)) seconds.\n")
    for index in TopAccuracy.classes(probabilities, count: top) {
      Console.out("\(names[index]): \(fixed(Double(probabilities[index]), decimals: 6))\n")
    }
    return .done
  }

  private static func layerIndex(_ word: String?, of network: Network) throws -> Int {
    let last = network.nodes.count - 1
    guard let word else { return last }
    guard let index = Int(word), (0...last).contains(index) else {
      throw UsageError("LAYER: expected a layer of \(network.file), 0...\(last), found '\(word)'")
    }
    return index
  }

  private static func prepare(_ path: String, for network: Network) throws -> Image {
    let shape = network.inputShape
    let picture = try Pictures.load(path, for: network)
    let resized = picture.withoutFarEnds.resized(
      shorterSide: max(shape.width, shape.height) * 256 / 224)
    // Of an odd rest the larger half is cut off on the left and above.
    let image = resized.cropped(
      x: (resized.width - shape.width + 1) / 2, y: (resized.height - shape.height + 1) / 2,
      width: shape.width, height: shape.height)
    for c in 0..<shape.channels {
      // Grey pictures have the mean of the three.
      let known = shape.channels == 3
      let mean = known ? means[c] : means.reduce(0, +) / 3
      let deviation = known ? deviations[c] : deviations.reduce(0, +) / 3
      for i in 0..<shape.area { image.plane(c)[i] = (image.plane(c)[i] - mean) / deviation }
    }
    return image
  }

  /// A line a channel: rolling mean, rolling variance and scale; nothing without batch norm.
  private static func statistics(of node: Network.Node, _ parameters: Parameters) -> String {
    func values(_ role: Parameter.Role) -> UnsafeMutableBufferPointer<Float>? {
      node.layer.parameters.firstIndex { $0.role == role }.map {
        parameters.buffers[node.index][$0].values
      }
    }
    guard let means = values(.rollingMean), let variances = values(.rollingVariance),
      let scales = values(.scale)
    else { return "" }
    return means.indices.map { channel in
      [means, variances, scales].map { fixed(Double($0[channel]), decimals: 6) }
        .joined(separator: " ") + "\n"
    }.joined()
  }
}
