import Darknet
import DarknetCommandLine

/// `darknet-replay CASEDIR OUTDIR`: runs a recorded case again and writes the files that its manifest
/// names, to be compared with the recorded ones.
enum Replay: Command {
  static let program = "darknet-replay"
  static let words: [String] = []
  static let about = "run a recorded case, and write the files that its manifest names"
  private static let source = Word<String>("CASEDIR")
  private static let target = Word<String>("OUTDIR", .output)
  static let weights = Flag.text(
    "-weights", "weights for a case that holds none"
  ).readable
  static let fast = Flag.toggle(
    "-fast",
    "gradients and trainings of pjreddie's program with sums in our order, not its own: "
      + "trainings can then diverge from it near a kink or a tied maximum")
  static let syntax = Syntax(
    [source, target], flags: [weights, fast], groups: [.inference],
    notes: "CASEDIR has manifest.json, a cfg, inputs and usually weights.")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let source = arguments[source]
    let target = arguments[target]
    let manifestPath = "\(source)/manifest.json"
    let bytes = try FileBytes.read(manifestPath)
    guard let manifest = try? JSON(parsing: bytes) else {
      throw ConfigError(
        file: manifestPath, expected: "a JSON object", found: "something else or broken JSON",
        fix: "check the case")
    }
    try Folder.make(target)
    let replay = RecordedCase(
      source: source, target: target, manifest: manifest, arguments: arguments)
    if manifest["runs"]?.array != nil {
      try replay.runRealNetwork()
    } else if manifest["save_points"] != nil {
      try replay.runTraining()
    } else if manifest["input"]?["frames"] != nil {
      try replay.runForward()
    } else {
      try replay.runGradient()
    }
    return .done
  }
}

/// A case folder and what its manifest says.
struct RecordedCase {
  let source: String
  let target: String
  let manifest: JSON
  let arguments: Arguments

  /// A field that the manifest must have.
  func field<Value>(_ name: String, _ value: Value?) throws -> Value {
    guard let value else {
      throw ConfigError(
        file: "\(source)/manifest.json", expected: "a field '\(name)'", found: "none of that type",
        fix: "check the case")
    }
    return value
  }

  /// A whole number that the manifest must have, within `range`.
  func number(_ name: String, _ value: JSON?, in range: ClosedRange<Int>) throws -> Int {
    let number = try field(name, value?.int)
    guard range.contains(number) else {
      throw fault(
        expected: "\(name) in \(range.lowerBound)...\(range.upperBound)", found: "\(number)")
    }
    return number
  }

  /// All whole numbers of a list that the manifest must have, within `range`.
  func numbers(_ name: String, _ value: JSON?, in range: ClosedRange<Int>) throws -> [Int] {
    try field(name, value?.array).map { try number(name, $0, in: range) }
  }

  /// An error in the manifest.
  func fault(expected: String, found: String) -> ConfigError {
    ConfigError(
      file: "\(source)/manifest.json", expected: expected, found: found, fix: "check the case")
  }

  /// Where a result goes.
  ///
  /// - Throws: `ConfigError` for a name that leads out of the folder, as cases come from elsewhere.
  func output(_ name: String) throws -> String {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !name.utf8.contains(0), !parts.contains(where: { ["", ".", ".."].contains($0) }) else {
      throw fault(expected: "names of files below OUTDIR", found: "'\(name)'")
    }
    return "\(target)/\(name)"
  }

  /// Values of a file of the case.
  func values(_ name: String, count: Int, _ what: String) throws -> [Float] {
    let values = try RawTensors.read(path(name))
    guard values.count == count else {
      throw ConfigError(
        file: path(name), expected: "\(count) \(what)", found: "\(values.count)",
        fix: "check the case")
    }
    return values
  }

  /// Values that the true answer for one image has.
  func truthCount(of network: Network) -> Int {
    let counts = network.nodes.lazy.compactMap { ($0.layer as? any DetectionHead)?.truthCount }
    return counts.last ?? network.shape(of: network.outputIndex).count
  }

  /// A file of the case; manifests of `dump` name others by whole paths.
  func path(_ name: String) -> String { name.hasPrefix("/") ? name : "\(source)/\(name)" }

  static func dialect(ofProgram name: String) -> Dialect {
    name.lowercased().hasPrefix("alexeyab") ? .alexeyab : .pjreddie
  }

  var dialect: Dialect {
    manifest["dialect"]?.string.flatMap(Dialect.init(rawValue:))
      ?? Self.dialect(ofProgram: manifest["reference"]?.string ?? "alexeyab")
  }

  func network(_ dialect: Dialect, batch: Int? = 1) throws -> Network {
    let name = try field("cfg", manifest["cfg"]?.string)
    return try NetworkBuilder(
      dialect: dialect, batch: batch, memoryLimit: MachineMemory.total,
      readFile: { try? FileBytes.read($0) }
    ).build(
      try ConfigFile(text: try FileBytes.read(path(name), limit: 1 << 26), name: path(name)))
  }

  /// Weights from the case, from `-weights`, or from the generator whose seed the case names.
  func parameters(of network: Network, key: String = "weights") throws -> Parameters {
    if let seed = manifest["weights_generator_seed"], manifest[key] == nil {
      let number = try number("weights_generator_seed", seed, in: 0...Int.max)
      return GeneratedWeights.parameters(of: network, seed: UInt64(number))
    }
    let named = manifest[key]?.string.map(path)
    if let path = named ?? arguments[Replay.weights] {
      let parameters = Parameters(of: network, randomize: false)
      let file = try WeightsFile(path, dialect: network.dialect, order: network.dialect)
      _ = try file.load(into: parameters, of: network)
      return parameters
    }
    throw UsageError("\(source): the case holds no weights; name a file with -weights")
  }

  // MARK: Small networks

  /// Every layer's output, frame after frame, and the boxes of heads.
  func runForward() throws {
    let network = try network(dialect)
    let plan = InferencePlan(
      network, parameters: try parameters(of: network), keeping: nil,
      convolutions: arguments.convolutions)
    let input = try field("input", manifest["input"])
    let size = network.inputShape.count
    let frames = try number("frames", input["frames"], in: 1...(1 << 40) / size)
    let values = try values(
      field("file", input["file"]?.string), count: frames * size,
      "values, \(frames) inputs of \(size)")
    var outputs = [[Float]](repeating: [], count: network.nodes.count)
    for frame in 0..<frames {
      plan.inputView.pointer.update(
        from: Array(values[frame * size..<(frame + 1) * size]), count: size)
      plan.run()
      for index in outputs.indices { outputs[index] += plan.output(index).values }
    }
    for layer in try field("layers", manifest["layers"]?.array) {
      guard let file = layer["file"]?.string else { continue }
      try RawTensors.write(outputs[try index(of: layer, network)], to: output(file))
    }
    if let boxes = manifest["boxes"] { try writeBoxes(boxes, plan) }
  }

  func index(of layer: JSON, _ network: Network) throws -> Int {
    let index = try field("index", layer["index"]?.int)
    guard network.nodes.indices.contains(index) else {
      throw ConfigError(
        file: source, expected: "a layer in 0..<\(network.nodes.count)", found: "\(index)",
        fix: "check the case")
    }
    return index
  }

  /// The decoded boxes of a picture of the size that the manifest names: a row a box of x, y,
  /// width, height, objectness and a score a class.
  private func writeBoxes(_ boxes: JSON, _ plan: InferencePlan) throws {
    let size = try numbers("boxes.image", boxes["image"], in: 1...Int(Int32.max))
    let threshold = Float(try field("thresh", boxes["thresh"]?.double))
    let overlap = Float(boxes["nms"]?.double ?? 0.45)
    guard size.count == 2 else {
      throw fault(expected: "width and height in boxes.image", found: "\(size.count) numbers")
    }
    for (key, letterbox, suppresses) in [
      ("stretched", false, false), ("letterboxed", true, false),
      ("stretched_after_nms", false, true), ("letterboxed_after_nms", true, true),
    ] {
      guard let file = boxes[key]?["file"]?.string else { continue }
      // The references leave the boxes of [detection] in the network's frame, in pixels of the
      // picture, letterboxed or not.
      let isDetection = plan.network.lastHead.map { $0.boxesPerCell == nil } ?? false
      let frame = LetterboxTransform(
        pictureWidth: size[0], pictureHeight: size[1],
        networkWidth: plan.network.inputShape.width, networkHeight: plan.network.inputShape.height,
        letterbox: letterbox && !isDetection)
      let scale: (x: Float, y: Float) = isDetection ? (Float(size[0]), Float(size[1])) : (1, 1)
      let detections = HeadDecoder(plan).detections(
        threshold: threshold, overlap: suppresses ? overlap : nil, frame: frame)
      var rows: [Float] = []
      for detection in detections {
        let box = detection.box.scaled(scale.x, scale.y)
        rows += [box.x, box.y, box.width, box.height, detection.objectness]
        rows += detection.probabilities
      }
      try RawTensors.write(rows, to: output(file))
    }
  }

  // MARK: Real networks

  /// The layers that each run of a real network recorded as files.
  func runRealNetwork() throws {
    for run in try field("runs", manifest["runs"]?.array) {
      let dialect = Self.dialect(ofProgram: try field("program", run["program"]?.string))
      let network = try network(dialect)
      let plan = InferencePlan(
        network, parameters: try parameters(of: network), keeping: nil,
        convolutions: arguments.convolutions)
      // A run at another size than the cfg's is another network's.
      let values = try RawTensors.read(path(field("input", run["input"]?.string)))
      guard values.count == network.inputShape.count else { continue }
      plan.inputView.pointer.update(from: values, count: values.count)
      plan.run()
      let key = try field("key", run["key"]?.string)
      for layer in try field("layers", run["layers"]?.array) {
        let index = try index(of: layer, network)
        let name = "L" + String(repeating: "0", count: max(3 - "\(index)".count, 0)) + "\(index)"
        try RawTensors.write(
          Array(plan.output(index).values),
          to: output(layer["file"]?.string ?? "\(key).\(name).f32"))
      }
    }
  }
}
