import DarknetConfig
import DarknetData
import DarknetGeometry
import DarknetImages
import DarknetInference
import DarknetNetwork
import DarknetSystem

/// Finds objects in pictures.
///
///     let detector = try Detector(
///       cfg: "yolov3-tiny.cfg", weights: "yolov3-tiny.weights", names: "coco.names")
///     for object in try detector.detect(in: .file("dog.jpg")) {
///       print(object.name, object.confidence, object.box)
///     }
///
/// A detector may be used from several threads: it computes one call at a time, and the others wait
/// for it. For pictures side by side make one detector a thread; the processor's cores are shared
/// by all. It prints nothing and never ends the process.
///
/// A network with recurrent layers remembers the pictures of earlier calls until `resetState`.
public final class Detector: @unchecked Sendable {
  /// What a cfg does not say.
  public struct Options: Sendable {
    /// Whose rules are followed where Darknet's two families differ.
    public var dialect = Dialect.alexeyab
    /// Pictures computed at once, at least 1, for calls with several. More use all cores better in
    /// layers of small maps, and take as many times the memory. Networks with recurrent layers take
    /// one at a time whatever is said here.
    public var batch = 1
    /// Whether pictures keep their proportions, with grey beside them; nil for what the cfg and
    /// the dialect say.
    public var letterbox: Bool?
    /// How convolutions are computed.
    public var convolutions = InferencePlan.Convolutions.fastest

    /// All as described.
    public init() {}
  }

  /// Limits between what is found and what is not.
  public struct Thresholds: Hashable, Sendable {
    /// Objects must be more probable.
    public var confidence: Float
    /// Of two boxes of a class that overlap more (IoU, 0...1) the less probable one is dropped.
    public var overlap: Float
    /// Like `confidence`, for classes inside a class tree.
    public var hierarchy: Float

    /// Darknet's defaults.
    public init(confidence: Float = 0.25, overlap: Float = 0.45, hierarchy: Float = 0.5) {
      self.confidence = confidence
      self.overlap = overlap
      self.hierarchy = hierarchy
    }
  }

  /// One a class, in the order of the network's classes.
  public let names: [String]
  /// What should be known about the files: options without effect, weights of another program. One
  /// line each.
  public let notes: [String]
  /// The heads of the plan that runs. It is not synchronised: only what never changes may be looked
  /// at from outside.
  package let decoder: HeadDecoder
  private let preparation: PicturePreparation
  /// Held by the call that uses the plan.
  private let turn = Locked(())

  /// Reads a network and its weights, and makes it ready to run.
  ///
  /// - Parameters:
  ///   - cfg: a detector's cfg file.
  ///   - weights: its weights file.
  ///   - names: a file with the name of a class a line; nil to name classes by their numbers.
  ///   - options: what the cfg does not say.
  /// - Throws: `DarknetError` if a file cannot be read, is wrong or does not fit the others, the
  ///   network has no detection head, or it takes more memory than the machine has.
  public convenience init(
    cfg: String, weights: String, names: String? = nil, options: Options = Options()
  ) throws(DarknetError) {
    let (model, classNames) = try DarknetError.sorting {
      let model = try LoadedModel(cfg: cfg, weights: weights, dialect: options.dialect) {
        guard $0.lastHead != nil else { throw HeadDecoder.noHead(in: cfg) }
      }
      let classes = model.network.lastHead?.classes ?? 0
      return (model, try LoadedModel.names(names, classes: classes, of: cfg))
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
    precondition(options.batch > 0, "a detector computes at least one picture at once")
    let largest = DetectorRun.batch(for: network)
    let plan = InferencePlan(
      network, parameters: parameters, batch: largest == 1 ? 1 : options.batch,
      convolutions: options.convolutions, afterPacking: afterPacking)
    decoder = HeadDecoder(plan)
    let letterbox = options.letterbox ?? network.usesLetterbox
    preparation = PicturePreparation(for: network, fit: letterbox ? .letterbox : .stretch)
    let missing = names.count..<max(names.count, decoder.classes)
    self.names = names + missing.map(String.init)
    self.notes = notes
  }

  /// Number of classes.
  public var classCount: Int { decoder.classes }

  /// Width and height of the network's input, in pixels; pictures of any size are resized to it.
  public var inputSize: (width: Int, height: Int) {
    (preparation.shape.width, preparation.shape.height)
  }

  /// The objects of a picture, the most probable first: one for each box and class above the
  /// threshold, so that a box of two probable classes comes twice.
  ///
  /// - Parameters:
  ///   - picture: a file, the bytes of one, or pixels.
  ///   - threshold: objects must be more probable, 0...1.
  /// - Returns: boxes in pixels of the upright picture.
  /// - Throws: `ImageError` if the picture cannot be read.
  public func detect(
    in picture: InputPicture, threshold: Float = 0.25
  ) throws(ImageError) -> [DetectedObject] {
    try detect(in: picture, Thresholds(confidence: threshold))
  }

  /// The same with all limits.
  ///
  /// - Throws: `ImageError` if the picture cannot be read.
  public func detect(
    in picture: InputPicture, _ thresholds: Thresholds
  ) throws(ImageError) -> [DetectedObject] {
    try detect(in: [picture], thresholds)[0]
  }

  /// The objects of several pictures, as many computed at once as `Options.batch` says.
  ///
  /// - Parameters:
  ///   - pictures: each of any size.
  ///   - threshold: objects must be more probable, 0...1.
  /// - Returns: the objects of each picture, in the order of `pictures`.
  /// - Throws: `ImageError` for the first picture that cannot be read; `forEach` goes on after such
  ///   ones.
  public func detect(
    in pictures: [InputPicture], threshold: Float = 0.25
  ) throws(ImageError) -> [[DetectedObject]] {
    try detect(in: pictures, Thresholds(confidence: threshold))
  }

  /// The same with all limits.
  ///
  /// - Throws: `ImageError` for the first picture that cannot be read.
  public func detect(
    in pictures: [InputPicture], _ thresholds: Thresholds
  ) throws(ImageError) -> [[DetectedObject]] {
    var results: [[DetectedObject]] = []
    results.reserveCapacity(pictures.count)
    for start in stride(from: 0, to: pictures.count, by: decoder.plan.batch) {
      var bitmaps: [Bitmap] = []
      for picture in pictures[start..<min(start + decoder.plan.batch, pictures.count)] {
        bitmaps.append(try picture.load(preparation))
      }
      for (bitmap, found) in zip(bitmaps, run(bitmaps, thresholds)) {
        results.append(
          found.detections.objects(
            above: thresholds.confidence, names: names, width: bitmap.width,
            height: bitmap.height))
      }
    }
    return results
  }

  /// Forgets earlier pictures, as at the start of a film. Only networks with recurrent layers
  /// remember any.
  public func resetState() { turn.withLock { _ in decoder.plan.resetState() } }

  // MARK: For the program

  /// What a run gives of one picture.
  package struct Found {
    /// In parts of the picture, each with the probabilities of all classes.
    package var detections: DetectionSet
    /// Boxes left out, as no object can be like them.
    package var impossibleCount: Int
    /// Seconds of computing, for all pictures of the run.
    package var seconds: Double
  }

  /// The picture in a file as this detector takes it.
  ///
  /// - Throws: `ImageError` if it cannot be read.
  package func load(_ path: String) throws(ImageError) -> Bitmap { try preparation.load(path) }

  /// Everything found in a picture that `load` gave.
  package func run(_ picture: Bitmap, _ thresholds: Thresholds) -> Found {
    run([picture], thresholds)[0]
  }

  /// No object is this many pictures wide or high, however near.
  package static let boxLimit: Float = 100

  private func run(_ pictures: [Bitmap], _ thresholds: Thresholds) -> [Found] {
    turn.withLock { _ in
      let (plan, shape) = (decoder.plan, preparation.shape)
      for (index, picture) in pictures.enumerated() {
        preparation.write(picture, into: plan.inputView.image(index))
      }
      let start = seconds()
      plan.run()
      let time = seconds() - start
      return pictures.enumerated().map { index, picture in
        var detections = decoder.detections(
          image: index, threshold: thresholds.confidence,
          hierarchyThreshold: thresholds.hierarchy, overlap: thresholds.overlap,
          frame: LetterboxTransform(
            pictureWidth: picture.width, pictureHeight: picture.height, networkWidth: shape.width,
            networkHeight: shape.height, letterbox: preparation.fit == .letterbox))
        let impossible = detections.removeImpossible(limit: Self.boxLimit)
        return Found(detections: detections, impossibleCount: impossible, seconds: time)
      }
    }
  }

  /// Calls `body` with the plan and its heads while no other thread uses them.
  func withDecoder<Value>(_ body: (HeadDecoder) throws -> Value) rethrows -> Value {
    try turn.withLock { _ in try body(decoder) }
  }

  /// Whether pictures keep their proportions.
  var usesLetterbox: Bool { preparation.fit == .letterbox }
}

extension Network {
  /// Whether pictures keep their proportions: pjreddie's program letterboxes always, AlexeyAB's
  /// where the cfg asks for it.
  package var usesLetterbox: Bool { dialect == .pjreddie || net.letterBox }
}
