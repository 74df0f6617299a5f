import Darknet
import DarknetCommandLine

/// `benchmark CFG [WEIGHTS]`: the time of one forward pass, or of a training step.
enum Benchmark: Command {
  static let words = ["benchmark"]
  static let about =
    "time the forward pass or a training step; the last line is the median in ms per image"
  private static let runs = Flag.whole(
    "-runs", default: 20, in: 1...100_000, "timed runs, after three warm-up runs")
  static let batch = Flag<Int?>.whole(
    "-batch", in: 1...4096, without: "1; with -train what the cfg says",
    "images in a run, or in an update")
  private static let layers = Flag.toggle(
    "-layers", "a row for each layer: ms, GFLOP/s, share of the time")
  private static let plan = Flag.toggle(
    "-plan", "print the network's operators before and after each pass, and run nothing")
  private static let training = Flag.toggle(
    "-train", "time forward, loss, backward and update of a batch")
  private static let sizes = sizeList("-sizes", "time and memory at each size, as CSV")
  private static let batches = sizeList("-batches", "time and memory at each batch, as CSV")
  static let table = Flag.text("-out", "keep the table of -sizes or -batches").written
  static let chart = Flag.text("-chart", "FILE.png", "draw that table").written
  private static let weightsCopy = Flag.text(
    "-write_weights", "keep the weights that were run, for other programs to run"
  ).written
  static let syntax = Syntax(
    [Words.cfg, Words.optionalWeights],
    flags: [runs, batch, layers, plan, training, sizes, batches, table, chart, weightsCopy],
    groups: [.inference, .weightsFile],
    notes:
      "Without WEIGHTS they are random. Give only one of -train, -sizes, -batches and "
      + "-write_weights.")

  private static func sizeList(_ name: String, _ help: String) -> Flag<[Int]> {
    .list(name, "N,N,...", help) { text throws(FlagFault) in
      guard let value = Int(text), (1...8192).contains(value) else {
        throw FlagFault(
          text: "expected whole numbers in 1...8192, separated by commas, found '\(text)'; change "
            + "it")
      }
      return value
    }
  }

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let cfg = arguments[Words.cfg]
    let weights = arguments[Words.optionalWeights]
    try checkFlags(arguments)
    let runs = arguments[runs]
    if arguments[plan] {
      let network = try Load.network(cfg, arguments, showsTable: false)
      showPasses(network, arguments)
      return .done
    }
    if arguments[training] {
      try TrainingBenchmark(
        cfg, weights: weights, arguments, batch: arguments[batch], runs: runs
      ).run(cfg, showsLayers: arguments[layers])
      return .done
    }
    for (flag, axis) in [(sizes, Scaling.Axis.size), (batches, .batch)] where arguments.has(flag) {
      try scale(cfg, weights, arguments[flag], axis, runs: runs, arguments)
      return .done
    }
    let batch = arguments[batch] ?? 1
    let loaded = try Load.network(cfg, weights: weights, arguments, batch: batch, showsTable: false)
    if weights == nil { keepVariance(loaded.parameters, of: loaded.network) }
    if let path = arguments[weightsCopy] {
      try WeightsFile.write(loaded.parameters, of: loaded.network, to: path, seen: 0)
    }
    let plan = InferencePlan(
      loaded.network, parameters: loaded.parameters, batch: batch,
      convolutions: arguments.convolutions,
      afterPacking: { loaded.file?.releasePages() })
    var random = Random(seed: 1)
    let picture = (0..<plan.inputView.count).map { _ in random.uniform(0, 1) }
    for _ in 0..<3 {
      fill(plan, with: picture)
      plan.run()
    }
    if arguments[layers] { showLayers(plan, runs: runs, picture) }
    var times: [Double] = []
    for _ in 0..<runs {
      fill(plan, with: picture)
      let start = seconds()
      plan.run()
      times.append((seconds() - start) * 1000 / Double(batch))
    }
    times.sort()
    Console.error(
      "\(cfg): \(loaded.network.inputShape), batch \(batch), \(ThreadPool.shared.threads) threads, "
        + "\(runs) runs: min \(fixed(times[0], decimals: 2)), median "
        + "\(fixed(times[runs / 2], decimals: 2)), max \(fixed(times[runs - 1], decimals: 2)) ms "
        + "per image\n")
    Console.out("\(fixed(times[runs / 2], decimals: 3))\n")
    return .done
  }

  /// Each of these asks for runs of its own; one of them would be ignored.
  private static func checkFlags(_ arguments: Arguments) throws {
    let modes: [any FlagDeclaration] = [training, sizes, batches, weightsCopy]
    let given = modes.filter { arguments.has($0) }.map(\.name)
    guard given.count < 2 else {
      throw UsageError(
        "\(given[1]) cannot be combined with \(given[0]); run them one after the other")
    }
    if given.first == "-batches", arguments.has(batch) {
      throw UsageError("-batch cannot be combined with -batches; drop one of them")
    }
    if arguments[layers], let flag = given.first, flag == "-sizes" || flag == "-batches" {
      throw UsageError("-layers cannot be combined with \(flag); run them one after the other")
    }
    for flag in [table, chart] where arguments.has(flag) {
      guard ["-sizes", "-batches"].contains(given.first) else {
        throw UsageError(
          "\(flag.name) needs -sizes or -batches, whose table it keeps; add one of them")
      }
    }
  }

  /// Makes random weights ones whose maps keep their variance from layer to layer (He et al. 2015),
  /// so that the numbers are as large as in a trained network. AlexeyAB's uniform draws shrink it:
  /// in deep networks values become subnormal, for which processors take several times as long. A
  /// rolling variance of 0, as nothing was learnt, lets them grow beyond all numbers.
  static func keepVariance(_ parameters: Parameters, of network: Network) {
    for node in network.nodes {
      for (index, parameter) in node.layer.parameters.enumerated() {
        let buffer = parameters.buffers[node.index][index]
        switch parameter.role {
        case .weight where network.dialect == .alexeyab:
          Vector.scale(buffer.pointer, by: Float(3).squareRoot(), count: buffer.count)
        case .rollingVariance: buffer.values.update(repeating: 1)
        default: break
        }
      }
    }
  }

  /// A run may overwrite its input.
  static func fill(_ plan: InferencePlan, with picture: [Float]) {
    plan.inputView.pointer.update(from: picture, count: picture.count)
  }

  /// The graph as the layers say it, and after each pass that changes it.
  private static func showPasses(_ network: Network, _ arguments: Arguments) {
    var last = ""
    for (pass, graph) in InferencePlan.graphs(
      of: network, convolutions: arguments.convolutions)
    {
      let text = graph.text
      Console.out("# \(pass)" + (text == last ? ": nothing to do\n" : "\n\(text)"))
      last = text
    }
  }

  /// Median time of each layer.
  private static func showLayers(_ plan: InferencePlan, runs: Int, _ picture: [Float]) {
    let nodes = plan.network.nodes
    var times = nodes.map { _ in [Double]() }
    for _ in 0..<runs {
      fill(plan, with: picture)
      var last = seconds()
      plan.run { index in
        let now = seconds()
        times[index].append(now - last)
        last = now
      }
    }
    // A step may take several times of one layer: conversions, then the work.
    let medians = times.map { $0.isEmpty ? 0 : median($0, groups: $0.count / runs) }
    let total = medians.reduce(0, +)
    Console.out("layer  type              output              ms   GFLOP/s  share\n")
    // Layers that a later step computes along have no time of their own.
    var operations = 0.0
    for node in nodes {
      let time = medians[node.index]
      operations += node.layer.operations * Double(plan.batch)
      let speed = time > 0 ? operations / time / 1e9 : 0
      if time > 0 { operations = 0 }
      Console.out(
        "\(padded(node.index, 5))  "
          + node.name.padded(to: 18) + "\(node.outputShape)".padded(to: 14)
          + fixed(time * 1000, decimals: 3, width: 10) + fixed(speed, decimals: 1, width: 10)
          + fixed(time / total * 100, decimals: 1, width: 6) + "%\n")
    }
  }
}

extension Benchmark {
  /// Median of the sums of `groups` successive times.
  fileprivate static func median(_ times: [Double], groups: Int) -> Double {
    let sums = stride(from: 0, to: times.count, by: groups).map {
      times[$0..<min($0 + groups, times.count)].reduce(0, +)
    }
    return sums.sorted()[sums.count / 2]
  }
}
