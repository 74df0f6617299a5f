import Darknet
import DarknetCommandLine

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
