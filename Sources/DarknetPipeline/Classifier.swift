import DarknetConfig
import DarknetData
import DarknetEvaluation
import DarknetImages
import DarknetInference
import DarknetLayers
import DarknetNetwork
import DarknetSystem
import DarknetText

/// A class and its probability.
public struct ClassScore: Hashable, Sendable, CustomStringConvertible {
  /// The number of the class, from 0.
  public var classIndex: Int
  /// The name of the class, or the number if the classifier has no names.
  public var name: String
  /// The probability that the picture is of this class, 0...1.
  public var confidence: Float

  /// For those who have probabilities from elsewhere.
  public init(classIndex: Int, name: String, confidence: Float) {
    self.classIndex = classIndex
    self.name = name
    self.confidence = confidence
  }

  /// `malamute 71%`.
  public var description: String {
    // Written so that NaN does not trap.
    let percent = confidence >= 0 && confidence <= 1 ? "\(Int((confidence * 100).rounded()))%" : "?"
    return "\(name) \(percent)"
  }
}

/// Says what a picture shows.
///
///     let classifier = try Classifier(
///       cfg: "darknet19.cfg", weights: "darknet19.weights", names: "imagenet.shortnames.list")
///     print(try classifier.classify(.file("dog.jpg"), top: 5))
///
/// A classifier may be used from several threads: it computes one call at a time, and the others
/// wait for it. It prints nothing and never ends the process.
public final class Classifier: @unchecked Sendable {
  /// What a cfg does not say.
  public struct Options: Sendable {
    /// Whose rules are followed where Darknet's two families differ.
    public var dialect = Dialect.alexeyab
    /// Pictures computed at once, at least 1, for calls with several. Networks with recurrent
    /// layers take one at a time whatever is said here.
    public var batch = 1
    /// Which part of a picture is looked at; nil for what `classifier predict` looks at in this
    /// dialect.
    public var fit: PictureFit?
    /// In a class tree, names of the classes that count as leaves; nil for those without children.
    public var leaves: Set<String>?
    /// How convolutions are computed.
    public var convolutions = InferencePlan.Convolutions.fastest

    /// All as described.
    public init() {}
  }

  /// One a class, in the order of the network's outputs.
  public let names: [String]
  /// What should be known about the files: options without effect, weights of another program. One
  /// line each.
  public let notes: [String]
  /// How the plan's output is read. It is not synchronised: only what never changes may be looked
  /// at from outside.
  package let decoder: ClassDecoder
  private let preparation: PicturePreparation
  /// Held by the call that uses the plan.
  private let turn = Locked(())

  /// Reads a network and its weights, and makes it ready to run.
  ///
  /// - Parameters:
  ///   - cfg: a classifier's cfg file.
  ///   - weights: its weights file.
  ///   - names: a file with the name of a class a line; nil to name classes by their numbers.
  ///   - options: what the cfg does not say.
  /// - Throws: `DarknetError` if a file cannot be read, is wrong or does not fit the others, the
  ///   network finds boxes, or it takes more memory than the machine has.
  public convenience init(
    cfg: String, weights: String, names: String? = nil, options: Options = Options()
  ) throws(DarknetError) {
    let (model, classNames) = try DarknetError.sorting {
      let model = try LoadedModel(
        cfg: cfg, weights: weights, dialect: options.dialect, check: Self.requireClassifier)
      let count = model.network.shape(of: model.network.outputIndex).count
      return (model, try LoadedModel.names(names, classes: count, of: cfg))
    }
    self.init(
      model.network, parameters: model.parameters, names: classNames, notes: model.notes,
      options: options, afterPacking: { model.file?.releasePages() })
  }

  /// From a network that was read elsewhere.
  ///
  /// - Parameters:
  ///   - names: classes beyond their end are named by their numbers.
  ///   - afterPacking: called when a layer's parameters are not looked at any more.
  package init(
    _ network: Network, parameters: Parameters, names: [String], notes: [String] = [],
    options: Options = Options(), afterPacking: @escaping () -> Void = {}
  ) {
    precondition(options.batch > 0, "a classifier computes at least one picture at once")
    let largest = DetectorRun.batch(for: network)
    let plan = InferencePlan(
      network, parameters: parameters, batch: largest == 1 ? 1 : options.batch,
      convolutions: options.convolutions, afterPacking: afterPacking)
    decoder = ClassDecoder(plan, leaves: options.leaves)
    preparation = PicturePreparation(
      for: network, fit: options.fit ?? (network.dialect == .pjreddie ? .letterbox : .centerCrop))
    let missing = names.count..<max(names.count, decoder.outputCount)
    self.names = names + missing.map(String.init)
    self.notes = notes
  }

  /// - Throws: `ConfigError` if the network finds boxes.
  package static func requireClassifier(_ network: Network) throws(ConfigError) {
    guard network.lastHead != nil else { return }
    throw ConfigError(
      file: network.file, expected: "a classifier", found: "a network that finds boxes",
      fix: "name a classifier's cfg, or use the 'detector' commands")
  }

  /// Number of classes.
  public var classCount: Int { decoder.outputCount }

  /// Width and height of the network's input, in pixels; pictures of any size are resized to it.
  public var inputSize: (width: Int, height: Int) {
    (preparation.shape.width, preparation.shape.height)
  }

  /// The most probable classes of a picture, the most probable first; of equals the first class.
  ///
  /// - Parameters:
  ///   - picture: a file, the bytes of one, or pixels.
  ///   - top: how many; all if there are fewer.
  /// - Throws: `ImageError` if the picture cannot be read.
  public func classify(
    _ picture: InputPicture, top: Int = 5
  ) throws(ImageError) -> [ClassScore] {
    try classify([picture], top: top)[0]
  }

  /// The same for several pictures, as many computed at once as `Options.batch` says.
  ///
  /// - Parameters:
  ///   - pictures: each of any size.
  ///   - top: how many classes of each; all if there are fewer.
  /// - Returns: the classes of each picture, in the order of `pictures`.
  /// - Throws: `ImageError` for the first picture that cannot be read; `forEach` goes on after such
  ///   ones.
  public func classify(
    _ pictures: [InputPicture], top: Int = 5
  ) throws(ImageError) -> [[ClassScore]] {
    try probabilities(of: pictures).map { scores($0, top: top) }
  }

  /// The most probable classes.
  func scores(_ probabilities: [Float], top: Int) -> [ClassScore] {
    TopAccuracy.classes(probabilities, count: max(top, 0)).map {
      ClassScore(classIndex: $0, name: names[$0], confidence: probabilities[$0])
    }
  }

  /// The probability of every class, in the order of `names`, for each picture. In a class tree
  /// they are absolute: a class is at most as probable as its parent.
  ///
  /// - Throws: `ImageError` for the first picture that cannot be read.
  public func probabilities(of pictures: [InputPicture]) throws(ImageError) -> [[Float]] {
    var results: [[Float]] = []
    results.reserveCapacity(pictures.count)
    for start in stride(from: 0, to: pictures.count, by: decoder.plan.batch) {
      var bitmaps: [Bitmap] = []
      for picture in pictures[start..<min(start + decoder.plan.batch, pictures.count)] {
        bitmaps.append(try picture.load(preparation))
      }
      results += run(bitmaps).probabilities
    }
    return results
  }

  /// Forgets earlier pictures, as at the start of a film. Only networks with recurrent layers
  /// remember any.
  public func resetState() { turn.withLock { _ in decoder.plan.resetState() } }

  // MARK: For the program

  /// The picture in a file as this classifier takes it.
  ///
  /// - Throws: `ImageError` if it cannot be read.
  package func load(_ path: String) throws(ImageError) -> Bitmap { try preparation.load(path) }

  /// The probabilities of a picture that `load` gave, and the seconds that it took.
  package func run(_ picture: Bitmap) -> (probabilities: [Float], seconds: Double) {
    let result = run([picture])
    return (result.probabilities[0], result.seconds)
  }

  private func run(_ pictures: [Bitmap]) -> (probabilities: [[Float]], seconds: Double) {
    turn.withLock { _ in
      let plan = decoder.plan
      for (index, picture) in pictures.enumerated() {
        preparation.write(picture, into: plan.inputView.image(index))
      }
      let start = seconds()
      plan.run()
      let time = seconds() - start
      let values = pictures.indices.map {
        decoder.probabilities(image: $0, onlyLeaves: showsOnlyLeaves)
      }
      return (values, time)
    }
  }

  /// In a tree pjreddie's program shows leaves only.
  var showsOnlyLeaves: Bool { decoder.plan.network.dialect == .pjreddie }

  /// Which part of a picture is looked at.
  var fit: PictureFit { preparation.fit }

  /// Calls `body` with the plan and its reading while no other thread uses them.
  func withDecoder<Value>(_ body: (ClassDecoder) throws -> Value) rethrows -> Value {
    try turn.withLock { _ in try body(decoder) }
  }
}
