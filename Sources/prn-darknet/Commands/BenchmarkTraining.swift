import Darknet
import DarknetCommandLine

/// `benchmark -train`: the time of a training step, and of each layer's part in it.
struct TrainingBenchmark {
  private let network: Network
  private let step: BatchStep
  private let picture: [Float]
  private let truth: Truth
  private let runs: Int

  /// - Parameter batch: images of an update, in one mini-batch; the cfg's `batch` and
  ///   `subdivisions` if nil.
  init(
    _ cfg: String, weights: String?, _ arguments: Arguments, batch: Int?, runs: Int
  ) throws {
    var config = try Load.config(cfg)
    if let batch { config.setNet(["batch": "\(batch)", "subdivisions": "1"]) }
    network = try Load.builder(arguments, batch: nil).build(config)
    let parameters = Parameters(of: network, seed: 1)
    if let weights {
      _ = try Load.load(weights, into: parameters, of: network, arguments, isTraining: true)
    }
    parameters.detach(in: network)
    self.runs = runs
    step = BatchStep(network, parameters: parameters, seed: 1)
    var random = Random(seed: 1)
    picture = (0..<step.executor.output(-1).count).map { _ in random.uniform(0, 1) }
    truth = Self.truth(for: network, images: step.executor.batch, &random)
  }

  /// Some objects a picture for detectors, a class for classifiers.
  private static func truth(
    for network: Network, images: Int, _ random: inout Random
  ) -> Truth {
    if let head = network.nodes.lazy.compactMap({ $0.layer as? any DetectionHead }).first {
      return .boxes(
        (0..<images).map { _ in
          (0..<5).map { _ in
            GroundTruth(
              box: Box(
                x: random.uniform(0.2, 0.8), y: random.uniform(0.2, 0.8),
                width: random.uniform(0.05, 0.4), height: random.uniform(0.05, 0.4)),
              classIndex: random.below(head.classes))
          }
        })
    }
    let count = network.shape(of: network.outputIndex).count
    var values = [Float](repeating: 0, count: count * images)
    for n in 0..<images { values[n * count + random.below(count)] = 1 }
    return .values(values, perImage: count)
  }

  /// Images of an update.
  private var images: Int { step.executor.batch * network.net.subdivisions }

  /// One update, with the rate of the first iteration so that the weights hardly move.
  private func run() throws {
    _ = try step.run(iteration: 1) { _, input in
      input.pointer.update(from: picture, count: picture.count)
      return truth
    }
  }

  func run(_ cfg: String, showsLayers: Bool) throws {
    for _ in 0..<2 { try run() }
    if showsLayers { try showLayers() }
    var times: [Double] = []
    for _ in 0..<runs {
      let start = seconds()
      try run()
      times.append((seconds() - start) * 1000 / Double(images))
    }
    times.sort()
    Console.error(
      "\(cfg): training, \(network.inputShape), batch \(images) in \(network.net.subdivisions) "
        + "parts, \(ThreadPool.shared.threads) threads, \(runs) runs: min "
        + "\(fixed(times[0], decimals: 2)), median \(fixed(times[runs / 2], decimals: 2)), max "
        + "\(fixed(times[runs - 1], decimals: 2)) ms per image; "
        + "\(fixed(Double(step.executor.memoryCount) / 1e6, decimals: 1)) MB for a mini-batch, "
        + "\(fixed(Double(MachineMemory.peakOfProcess) / 1e6, decimals: 1)) MB at most in total\n")
    Console.out("\(fixed(times[runs / 2], decimals: 3))\n")
  }

  /// Times of the parts of a step, in ms an image; the last two rows are the losses and the update.
  private func showLayers() throws {
    let count = network.nodes.count
    var forward = [Double](repeating: 0, count: count + 1)
    var backward = [Double](repeating: 0, count: count + 1)
    var last = 0.0
    func lap(_ total: inout Double) {
      let now = seconds()
      total += now - last
      last = now
    }
    step.executor.onForward = { lap(&forward[$0]) }
    step.executor.onBackward = { lap(&backward[$0]) }
    for _ in 0..<runs {
      _ = try step.run(iteration: 1) { _, input in
        input.pointer.update(from: picture, count: picture.count)
        last = seconds()
        return truth
      } onMiniBatch: { _, _ in
        lap(&forward[count])
        return true
      }
      lap(&backward[count])
    }
    step.executor.onForward = nil
    step.executor.onBackward = nil
    let scale = 1000 / Double(runs * images)
    let total = (forward + backward).reduce(0, +)
    Console.out("layer  type              output          forward  backward  share\n")
    func row(_ start: String, _ forward: Double, _ backward: Double) {
      Console.out(
        start.padded(to: 39) + fixed(forward * scale, decimals: 3, width: 9)
          + fixed(backward * scale, decimals: 3, width: 10)
          + fixed((forward + backward) / total * 100, decimals: 1, width: 6) + "%\n")
    }
    for node in network.nodes {
      let start = "\(padded(node.index, 5))  \(node.name.padded(to: 18))\(node.outputShape)"
      row(start, forward[node.index], backward[node.index])
    }
    row("       losses", forward[count], 0)
    row("       update", 0, backward[count])
    row("       all", forward.reduce(0, +), backward.reduce(0, +))
  }
}

extension ConfigFile {
  /// Replaces options of the first section.
  fileprivate mutating func setNet(_ values: [String: String]) {
    guard !sections.isEmpty else { return }
    for (key, value) in values {
      sections[0].options.removeAll { $0.key == key }
      sections[0].options.append(
        Option(key: key, value: value, verbatim: value, line: sections[0].line))
    }
  }
}
