import Darknet

extension RecordedCase {
  // MARK: Gradients

  /// One forward and one backward pass: outputs, gradients with Darknet's sign, statistics.
  func runGradient() throws {
    let batch = try number("batch", manifest["batch"], in: 1...4096)
    let network = try network(dialect, batch: batch)
    let parameters = try parameters(of: network)
    parameters.detach(in: network)
    let executor = TrainingExecutor(
      network, parameters: parameters, batch: batch, context: context(dialect))
    executor.keepsGradients = true
    let input = try values(
      field("input", manifest["input"]?["file"]?.string), count: batch * network.inputShape.count,
      "input values")
    input.withUnsafeBufferPointer { executor.forward($0) }
    let loss = executor.computeLoss(try gradientTruth(batch: batch, network))
    let layers = try field("layers", manifest["layers"]?.array)
    for layer in layers {
      guard let file = layer["files"]?["headdelta"]?.string else { continue }
      guard let gradient = executor.outputGradient(try index(of: layer, network)) else { continue }
      try RawTensors.write(gradient.values.map { -$0 }, to: output(file))
    }
    executor.backward()
    for layer in layers {
      let node = network.nodes[try index(of: layer, network)]
      for (key, file) in layer["files"]?.object ?? [:] where key != "headdelta" {
        guard let file = file.string else { continue }
        let values = gradientFile(key, node, executor)
        guard let values else {
          throw UsageError("\(source): layer \(node.index) [\(node.name)] has no '\(key)'")
        }
        try RawTensors.write(values, to: output(file))
      }
    }
    Console.out("cost \(loss.cost)\n")
  }

  /// With sums in the order of pjreddie's program, if it is that one's case.
  private func context(_ dialect: Dialect) -> ComputeContext {
    ComputeContext(
      pool: .shared,
      arithmetic: dialect == .pjreddie && !arguments[Replay.fast] ? .reference : .fast)
  }

  private func gradientTruth(batch: Int, _ network: Network) throws -> Truth {
    if let file = manifest["truth"]?["file"]?.string {
      let count = truthCount(of: network)
      return .values(
        try values(file, count: batch * count, "values of truth, \(count) an image"),
        perImage: count)
    }
    let images = try field("boxes", manifest["boxes"]?.array)
    guard images.count == batch else {
      throw fault(expected: "boxes of \(batch) images", found: "\(images.count)")
    }
    return .boxes(
      try images.map { image in
        try field("boxes", image.array).map { box in
          func number(_ key: String) throws -> Float { Float(try field(key, box[key]?.double)) }
          return GroundTruth(
            box: Box(
              x: try number("x"), y: try number("y"), width: try number("w"),
              height: try number("h")),
            classIndex: try self.number("class", box["class"], in: 0...Int(Int32.max)))
        }
      })
  }

  /// What the manifest calls `key`, of one layer; nil if it has no such thing.
  private func gradientFile(
    _ key: String, _ node: Network.Node, _ executor: TrainingExecutor
  ) -> [Float]? {
    let names = [
      "weight_updates": "weights", "bias_updates": "biases", "scale_updates": "scales",
      "rolling_mean": "rolling_mean", "rolling_variance": "rolling_variance",
    ]
    switch key {
    case "output": return Array(executor.output(node.index).values)
    case "delta": return executor.outputGradient(node.index)?.values.map { -$0 }
    case "mean", "variance":
      guard let layer = node.layer as? any BatchNormalizedLayer,
        let statistics = layer.batchStatistics(
          saved: executor.savedValues(node.index).baseAddress!, batch: executor.batch)
      else { return nil }
      return Array(key == "mean" ? statistics.mean : statistics.variance)
    default:
      guard let index = node.layer.parameters.firstIndex(where: { $0.name == names[key] })
      else { return nil }
      return key.hasSuffix("updates")
        ? executor.gradients[node.index][index]?.array.map { -$0 }
        : executor.parameters.buffers[node.index][index].array
    }
  }

  // MARK: Training

  /// The recorded updates of each program, with the same batch every time.
  func runTraining() throws {
    for (name, run) in try field("runs", manifest["runs"]?.object).sorted(by: { $0.key < $1.key }) {
      // A program that only repeats another one's dialect may stand without a prefix of it.
      let program = try field("program", run["program"]?.string)
      try runTraining(run, dialect: Self.dialect(ofProgram: program))
      Console.error("\(name): done\n")
    }
  }

  private func runTraining(_ run: JSON, dialect: Dialect) throws {
    let network = try network(dialect, batch: nil)
    let parameters = try parameters(of: network, key: "initial_weights")
    parameters.detach(in: network)
    let step = BatchStep(network, parameters: parameters, context: context(dialect))
    // As both programs sum up.
    step.sumsOntoVelocity = true
    let batches = try FixedBatches(
      self, network, batch: step.executor.batch, subdivisions: network.net.subdivisions,
      losesTruths: dialect == .pjreddie && run["command"] != nil)
    let points = try numbers("save_points", manifest["save_points"], in: 1...1_000_000)
    let files = try field("weights", run["weights"]?.object)
    var losses = "iteration,loss,rate_of_this_update\n"
    for iteration in 1...max(points.max() ?? 1, 1) {
      let result = try step.run(iteration: iteration) { k, input in
        try batches.fill(input, miniBatch: k)
      }
      losses += "\(iteration),\(result.loss),\(result.rate)\n"
      guard points.contains(iteration), let file = files["\(iteration)"]?.string else { continue }
      try Folder.make(ofFile: output(file))
      try WeightsFile.write(
        parameters, of: network, to: output(file),
        seen: UInt64(iteration * network.net.batch))
    }
    if let file = run["loss"]?.string {
      try AtomicFile.write(to: output(file), durable: false, losses)
    }
  }
}

/// The one batch of a recorded training.
private struct FixedBatches {
  /// Pixels of each image, 0...1.
  private let images: [[Float]]
  /// Image of each row of the batch.
  private let rows: [Int]
  private let truths: Truths
  private let batch: Int
  /// Boxes that the loader packs for each image, where pjreddie's program then looks for those of
  /// image n 90 n boxes further on, whatever `max` is: with less than 90 all images of a
  /// mini-batch but the first seem to show nothing. Its recorded command lines have the fault.
  private let packedBoxes: Int?

  private enum Truths {
    /// By image.
    case boxes([[GroundTruth]])
    /// By row.
    case values([Float], perImage: Int)
  }

  init(
    _ recorded: RecordedCase, _ network: Network, batch: Int, subdivisions: Int, losesTruths: Bool
  ) throws {
    let manifest = recorded.manifest
    self.batch = batch
    packedBoxes = losesTruths ? network.lastHead?.training.maximumBoxes : nil
    let names = try recorded.field("images", manifest["images"]?.array).map {
      try recorded.field("images", $0.string)
    }
    guard !names.isEmpty else { throw recorded.fault(expected: "images", found: "none") }
    rows = try recorded.numbers("batch_rows", manifest["batch_rows"], in: 0...names.count - 1)
    guard rows.count == batch * subdivisions else {
      throw recorded.fault(
        expected: "\(batch * subdivisions) batch_rows, as the cfg's batch has",
        found: "\(rows.count)")
    }
    let count = network.inputShape.count
    if let file = manifest["image_tensor"]?["file"]?.string {
      let values = try recorded.values(
        file, count: names.count * count, "values, \(count) an image")
      images = names.indices.map { Array(values[$0 * count..<($0 + 1) * count]) }
    } else {
      let preparation = PicturePreparation(shape: network.inputShape)
      images = try names.map { name in
        let buffer = FloatBuffer(count: count)
        preparation.write(try preparation.load(recorded.path(name)), into: buffer.pointer)
        return buffer.array
      }
    }
    if let file = manifest["truth"]?["file"]?.string {
      let perImage = recorded.truthCount(of: network)
      let values = try recorded.values(
        file, count: rows.count * perImage, "values of truth, \(perImage) an image")
      truths = .values(values, perImage: perImage)
    } else if manifest["truth"]?["classes"] != nil {
      let outputs = recorded.truthCount(of: network)
      let classes = try recorded.number(
        "truth.classes", manifest["truth"]?["classes"], in: outputs...outputs)
      let labels = try recorded.numbers(
        "truth.class_of_row", manifest["truth"]?["class_of_row"], in: 0...classes - 1)
      guard labels.count == rows.count else {
        throw recorded.fault(
          expected: "a truth.class_of_row for each of the \(rows.count) batch_rows",
          found: "\(labels.count)")
      }
      let values = labels.flatMap { label in (0..<classes).map { Float($0 == label ? 1 : 0) } }
      truths = .values(values, perImage: classes)
    } else {
      truths = .boxes(
        try names.map { name in
          try Self.labels("\(recorded.source)/\(name.prefix { $0 != "." }).txt")
        })
    }
  }

  private static func labels(_ path: String) throws -> [GroundTruth] {
    let text = String(decoding: try FileBytes.read(path), as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).compactMap { line in
      let numbers = line.split(separator: " ").compactMap { Number.float(String($0)) }
      guard numbers.count >= 5, let number = Int(exactly: numbers[0]) else { return nil }
      return GroundTruth(
        box: Box(
          x: Float(numbers[1]), y: Float(numbers[2]), width: Float(numbers[3]),
          height: Float(numbers[4])),
        classIndex: number)
    }
  }

  func fill(_ input: TensorView, miniBatch k: Int) throws -> Truth {
    let part = Array(rows[k * batch..<(k + 1) * batch])
    for (n, row) in part.enumerated() {
      _ = UnsafeMutableBufferPointer(start: input.image(n), count: input.shape.count)
        .update(fromContentsOf: images[row])
    }
    switch truths {
    case .boxes(let boxes):
      let lists = part.map { boxes[$0] }
      guard let packedBoxes else { return .boxes(lists) }
      let packed = lists.flatMap { list -> [GroundTruth?] in
        (0..<packedBoxes).map { $0 < list.count ? list[$0] : nil }
      }
      return .boxes(
        lists.indices.map { n in
          packed.dropFirst(90 * n).prefix(packedBoxes).prefix { $0 != nil }.compactMap(\.self)
        })
    case .values(let values, let perImage):
      return .values(
        Array(values[k * batch * perImage..<(k + 1) * batch * perImage]), perImage: perImage)
    }
  }
}
