import DarknetConfig
import DarknetLayers
import DarknetNetwork
import DarknetSystem
import DarknetTensors
import DarknetTraining

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A network made from a cfg's text, with random parameters at which every formula is well
/// conditioned.
package final class NetworkFixture {
  package let network: Network
  package let parameters: Parameters
  package let batch: Int

  /// - Parameters:
  ///   - batch: images per pass; the cfg's mini-batch times time steps if nil.
  ///   - isDeep: weights stay as a training would begin with them, or the values of a network of
  ///     many layers would leave what a float can hold.
  package init(
    _ cfg: String, dialect: Dialect = .alexeyab, batch: Int? = nil, seed: UInt64 = 11,
    isDeep: Bool = false,
    readFile: @escaping @Sendable (String) -> [UInt8]? = { _ in nil }
  ) throws {
    let file = try ConfigFile(text: Array(cfg.utf8), name: "net.cfg")
    network = try NetworkBuilder(dialect: dialect, readFile: readFile).build(file)
    self.batch = batch ?? network.net.miniBatch * network.net.timeSteps
    parameters = Parameters(of: network, seed: seed)
    randomize(seed: seed, keepsWeights: isDeep)
  }

  private func randomize(seed: UInt64, keepsWeights: Bool) {
    var random = Random(seed: seed)
    for node in network.nodes where node.layer.sharesParametersOf == nil {
      for (parameter, buffer) in zip(node.layer.parameters, parameters.buffers[node.index]) {
        if keepsWeights, parameter.role == .weight { continue }
        for i in buffer.values.indices { buffer.values[i] = parameter.role.testValue(&random) }
      }
    }
  }

  package func executor(isTraining: Bool = false) -> TrainingExecutor {
    TrainingExecutor(network, parameters: parameters, batch: batch, isTraining: isTraining)
  }

  /// Random input for the whole batch.
  package func randomInput(seed: UInt64 = 7, in range: ClosedRange<Double> = -1...1) -> [Float] {
    Values.random(batch * network.inputShape.count, seed: seed, in: range)
  }

  /// Output of every layer at inference.
  package func forward(_ input: [Float]) -> [[Float]] {
    let executor = executor()
    input.withUnsafeBufferPointer { executor.forward($0) }
    return network.nodes.map { Array(executor.output($0.index).values) }
  }

  /// The worst relative error of the gradients of every trained parameter, and of the input where
  /// layer 0 is a [route] or a layer that has no parameters is tried through it.
  package func worstGradientError(
    truth: Truth, factor: Float = 1, seed: UInt64 = 7, stride: Int = 1, tolerance: Double = 1e-3
  ) -> GradientCheck.Worst {
    var worst = GradientCheck.Worst(tensor: "", index: 0, analytic: 0, numeric: 0, error: 0)
    let reported = { (executor: TrainingExecutor) in
      executor.computeLoss(truth).reports.reduce(0) { $0 + Double($1.report.cost) }
    }
    forEachGradient(truth: truth, factor: factor, seed: seed, cost: reported) {
      name, values, gradient, difference in
      worst = max(
        worst,
        GradientCheck.worst(
          name, of: values, gradient: gradient, tolerance: tolerance, stride: stride,
          difference: difference))
    }
    return worst
  }

  /// The largest deviation of a whole parameter's gradient, and how many values were compared
  /// (`GradientCheck.deviation`).
  ///
  /// - Parameters:
  ///   - factor: by which the gradients differ from the slopes of `cost`.
  ///   - cost: in double, of what the loss layer at the network's end reads. Its own, a sum in
  ///     float32, hides the slopes of single parameters.
  package func gradientDeviation(
    truth: Truth, factor: Float = 1, seed: UInt64 = 7, stride: Int, tolerance: Double,
    cost: @escaping (UnsafeMutableBufferPointer<Float>) -> Double
  ) -> GradientCheck.Deviation {
    let last = network.nodes[network.nodes.count - 1].layer.sources[0]
    let once = executor(isTraining: true)
    randomInput(seed: seed).withUnsafeBufferPointer { once.forward($0) }
    let noise = Self.noise(once.output(last).values, cost)
    let costOfLast = { (executor: TrainingExecutor) in cost(executor.output(last).values) }
    var all = GradientCheck.Deviation("")
    forEachGradient(truth: truth, factor: factor, seed: seed, cost: costOfLast) {
      name, values, gradient, difference in
      all.add(
        GradientCheck.deviation(
          name, of: values, gradient: gradient, stride: stride, noise: noise,
          tolerance: tolerance, difference: difference))
    }
    return all
  }

  /// What rounding in the layers before, some units in the last place of each value, makes of a
  /// cost.
  private static func noise(
    _ values: UnsafeMutableBufferPointer<Float>,
    _ cost: (UnsafeMutableBufferPointer<Float>) -> Double
  ) -> Double {
    let before = cost(values)
    var squares = 0.0
    for i in values.indices {
      let old = values[i]
      values[i] += 16 * max(abs(old), 1).ulp
      let change = cost(values) - before
      values[i] = old
      squares += change * change
    }
    return squares.squareRoot()
  }

  /// Checks one trained parameter after another. `check` gets a parameter's name, values and
  /// gradient, and the difference of the cost between two values.
  private func forEachGradient(
    truth: Truth, factor: Float, seed: UInt64,
    cost costAfterForward: @escaping (TrainingExecutor) -> Double,
    check: (
      String, UnsafeMutableBufferPointer<Float>, [Float],
      (_ move: (Float) -> Void, _ h: Float) -> Double
    ) -> Void
  ) {
    let executor = executor(isTraining: true)
    let input = randomInput(seed: seed)
    let rolling = parameters.buffers.map { $0.map(\.array) }
    let cost = { [self] () -> Double in
      for node in network.nodes {
        for (k, parameter) in node.layer.parameters.enumerated() where !parameter.role.isTrained {
          _ = parameters.buffers[node.index][k].values.update(
            fromContentsOf: rolling[node.index][k])
        }
      }
      input.withUnsafeBufferPointer { executor.forward($0) }
      return costAfterForward(executor)
    }
    _ = cost()
    _ = executor.computeLoss(truth)
    executor.backward()
    for node in network.nodes where node.layer.sharesParametersOf == nil {
      for (k, parameter) in node.layer.parameters.enumerated() {
        guard let gradient = executor.gradients[node.index][k] else { continue }
        check(
          "layer \(node.index) [\(node.name)] \(parameter.name)",
          parameters.buffers[node.index][k].values, gradient.array.map { $0 * factor }
        ) { move, h in
          move(h)
          let above = cost()
          move(-h)
          return above - cost()
        }
      }
    }
  }

  /// Writes the parameters to a file and reads them into a second set: whether all came back, and
  /// the file's size.
  package func weightsRoundTrip() throws -> (isEqual: Bool, byteCount: Int) {
    try withTemporaryFolder { folder in
      let path = folder + "/round-trip.weights"
      try WeightsFile.write(parameters, of: network, to: path, seen: 12345)
      let file = try WeightsFile(path, dialect: network.dialect, order: network.dialect)
      let copy = Parameters(of: network, seed: 99)
      let report = try file.load(into: copy, of: network)
      var isEqual = report.layersLoaded == network.nodes.count && file.header.seen == 12345
      for node in network.nodes {
        let stored = Set(node.layer.fileOrder(network.dialect))
        for (k, pair) in zip(parameters.buffers[node.index], copy.buffers[node.index]).enumerated()
        where stored.contains(k) {
          isEqual = isEqual && pair.0.array == pair.1.array
        }
      }
      return (isEqual, file.count)
    }
  }
}

/// The text of the error that a cfg gives; nil if it builds. The file is called `net.cfg`.
package func buildError(
  _ cfg: String, dialect: Dialect = .alexeyab,
  readFile: @escaping @Sendable (String) -> [UInt8]? = { _ in nil }
) -> String? {
  do {
    _ = try NetworkFixture(cfg, dialect: dialect, readFile: readFile)
    return nil
  } catch {
    return "\(error)"
  }
}

/// Runs `body` with a new folder, which is removed afterwards.
package func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let root = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
  var template = Array("\(root)/prn-darknet-test-XXXXXX".utf8CString)
  guard let made = mkdtemp(&template) else { throw FileError(.create, root, code: errno) }
  let folder = String(cString: made)
  defer { remove(folder) }
  return try body(folder)
}

private func remove(_ folder: String) {
  if let directory = opendir(folder) {
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { unlink("\(folder)/\(name)") }
    }
    closedir(directory)
  }
  rmdir(folder)
}

/// The folder of reference outputs: PRN_DARKNET_SHARED, or `shared` beside the package; nil where
/// there is none.
package let sharedFolder: String? = {
  // Tests/DarknetTestSupport/NetworkFixture.swift
  let package = #filePath.split(separator: "/").dropLast(3)
  // Checkouts that share a folder stand one level deeper.
  var candidates = [1, 2].map {
    "/" + (package.dropLast($0) + ["shared"]).joined(separator: "/")
  }
  if let given = getenv("PRN_DARKNET_SHARED") { candidates = [String(cString: given)] }
  return candidates.first { access($0 + "/golden", R_OK) == 0 }
}()
