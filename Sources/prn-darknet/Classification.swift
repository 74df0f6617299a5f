import Darknet
import DarknetCommandLine

/// What the classifier commands begin with: network, weights, and what the data file says about
/// classes.
struct Classification {
  let data: DataFile
  let network: LoadedNetwork
  /// `classes` of the data file; Darknet's default is 2.
  let classes: Int

  /// - Parameter file: the data file as it was named.
  /// - Throws: `ConfigError` if the network has another number of classes.
  init(
    _ file: String, cfg: String, weights: String?, _ arguments: Arguments, batch: Int? = 1,
    isTraining: Bool = false, seed: UInt64 = 0, needsWeights: Bool = false
  ) throws {
    data = try DetectorFiles.data(file, arguments)
    classes = try data.classCount() ?? 2
    network = try Load.network(
      cfg, weights: weights, arguments, batch: batch, isTraining: isTraining, seed: seed,
      needsWeights: needsWeights
    ) { [data, classes] network in try Self.check(network, data, classes) }
  }

  private static func check(_ network: Network, _ data: DataFile, _ classes: Int) throws {
    try network.requirePictureInput()
    try Classifier.requireClassifier(network)
    let nodes = network.nodes
    let outputCount = network.shape(of: network.outputIndex).count
    let mustBeEqual = nodes.last?.layer.hasOutputForEachClass ?? false
    guard mustBeEqual ? classes != outputCount : classes > outputCount else { return }
    Console.out(
      "\n Error: num of filters = \(outputCount) in the last conv-layer in cfg-file doesn't match "
        + "to classes = \(classes) in data-file \n")
    throw data.error(
      "classes", expected: "\(outputCount), as \(network.file) has outputs",
      found: data.string("classes") ?? "no such line, so the default of 2",
      fix: "make both agree")
  }

  /// The classifier, packed for inference.
  ///
  /// - Parameter batch: pictures at once; nil chooses.
  func classifier(_ arguments: Arguments, batch: Int? = 1) throws -> ClassDecoder {
    let given = arguments.takes(Flags.batch) ? arguments[Flags.batch] : nil
    let count = given ?? batch ?? DetectorRun.batch(for: network.network)
    return classifier(network.network, batch: count, arguments, leaves: try leaves())
  }

  /// The same for single pictures.
  func pictureClassifier(_ arguments: Arguments) throws -> Classifier {
    var options = Classifier.Options()
    options.leaves = try leaves()
    options.convolutions = arguments.convolutions
    return Classifier(
      network.network, parameters: network.parameters, names: [], options: options,
      afterPacking: { network.file?.releasePages() })
  }

  /// The same for any images of a picture; `-batch` says nothing here.
  func classifier(
    _ views: ClassifierViews, _ arguments: Arguments
  ) throws -> ViewingClassifier {
    let leaves = try leaves()
    return ViewingClassifier(network.network, views: views) { network, batch in
      classifier(network, batch: batch, arguments, leaves: leaves)
    }
  }

  private func classifier(
    _ resized: Network, batch: Int, _ arguments: Arguments, leaves: Set<String>?
  ) -> ClassDecoder {
    let plan = InferencePlan(
      resized, parameters: network.parameters, batch: batch,
      convolutions: arguments.convolutions,
      afterPacking: { network.file?.releasePages() })
    return ClassDecoder(plan, leaves: leaves)
  }

  /// Names of the classes of a tree that count as leaves; nil without `leaves` in the data file.
  func leaves() throws -> Set<String>? {
    try data.path("leaves") == nil ? nil : Set(data.names("leaves").names)
  }

  /// What the pictures' paths contain, by `labels` of the data file.
  func labels() throws -> ClassLabels {
    let names = try data.names("labels")
    guard names.count >= classes else {
      throw ConfigError(
        file: names.path, expected: "a label for each of the \(classes) classes of \(data.path)",
        found: "\(names.count)", fix: "make labels and classes agree")
    }
    return ClassLabels(Array(names.names.prefix(classes)))
  }

  /// What is shown: `names` of the data file, else `labels`.
  func names() throws -> NamesFile { try data.names(namesKey) }

  /// The key of what is shown.
  var namesKey: String { data.path("names") == nil ? "labels" : "names" }

  /// `top` of the data file, at most all classes.
  func top(default fallback: Int) throws -> Int {
    min(try data.int("top", in: 1...1_000_000) ?? fallback, classes)
  }
}
