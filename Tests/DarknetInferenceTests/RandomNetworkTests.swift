import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// Networks drawn at random, one after another until the time is over: `PRN_DARKNET_NETWORKS`
/// seconds for each test (20 by default, and at most 200 networks, so that every machine draws the
/// same), from the seed `PRN_DARKNET_SEED` on.
@Suite(.serialized)
struct RandomNetworkTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let firstSeed = environment["PRN_DARKNET_SEED"].flatMap { UInt64($0) } ?? 1
  private static let seconds: Double = {
    if let given = environment["PRN_DARKNET_NETWORKS"].flatMap({ Double($0) }) { return given }
    // Loops over tensors are a hundred times slower without optimisation.
    #if DEBUG
      return 3
    #else
      return 20
    #endif
  }()

  private static let limit = environment["PRN_DARKNET_NETWORKS"] == nil ? 200 : Int.max

  /// Runs `body` for seed after seed; at the first that fails it says which network it was.
  /// For 0 seconds it prints the one that it draws, before anything can crash.
  private func forEachNetwork(
    isTraining: Bool = false, _ body: (RandomNetwork) throws -> RandomNetworkOutcome
  ) throws {
    let start = Date()
    var (seed, count) = (Self.firstSeed, 0)
    var sum = RandomNetworkOutcome()
    repeat {
      let drawn = RandomNetwork(seed: seed, isTraining: isTraining)
      if Self.seconds == 0 { FileHandle.standardError.write(Data(drawn.cfg.utf8)) }
      let outcome = try body(drawn)
      if !outcome.failures.isEmpty {
        Issue.record(
          "PRN_DARKNET_SEED=\(seed): \(outcome.failures.prefix(5).joined(separator: "; "))\n\(drawn.cfg)"
        )
        return
      }
      sum.add(outcome)
      (seed, count) = (seed + 1, count + 1)
    } while Date().timeIntervalSince(start) < Self.seconds && count < Self.limit
    print("\(count) random networks from seed \(Self.firstSeed) on: \(sum)")
    guard count >= 50 else { return }
    // What is not compared must stay the exception.
    #expect(sum.skipped * 5 < count, "\(sum)")
    #expect(sum.gradients.atKinks * 20 < max(sum.gradients.tried, 1), "\(sum)")
  }

  @Test func `plans equal the layers' own rules, with any number of threads`() throws {
    try forEachNetwork { drawn in
      let fixture = try NetworkFixture(drawn.cfg, dialect: drawn.dialect, seed: drawn.seed)
      let batch = fixture.batch
      let input = Values.random(batch * fixture.network.inputShape.count, seed: 3, in: 0...1)
      let expected = fixture.forward(input)
      var outcome = RandomNetworkOutcome()
      for keeping: Set<Int>? in [[], nil] {
        for way in [InferencePlan.Convolutions.fastest, .exact] {
          let found = PlanTests.outputs(fixture, way, batch: batch, keeping: keeping)
          for (layer, values) in found {
            outcome.compare(
              values, expected[layer],
              "layer \(layer) of the \(way) plan\(keeping == nil ? ", all kept" : "")")
          }
        }
      }
      let one = PlanTests.outputs(
        fixture, .fastest, batch: batch, context: ComputeContext(threads: 1))
      for threads in [2, 7] {
        let other = PlanTests.outputs(
          fixture, .fastest, batch: batch, context: ComputeContext(threads: threads))
        for (a, b) in zip(one, other)
        where a.values.map(\.bitPattern) != b.values.map(\.bitPattern) {
          outcome.failures.append("layer \(a.layer) with \(threads) threads")
        }
      }
      return outcome
    }
  }

  @Test func `kernels of all variants that the CPU runs agree`() throws {
    let folder = try TemporaryFolder.make()
    try forEachNetwork { drawn in
      let fixture = try NetworkFixture(
        drawn.cfg, dialect: drawn.dialect, batch: 1, seed: drawn.seed)
      var outcome = RandomNetworkOutcome()
      // `dump` runs one step of time.
      guard fixture.network.net.timeSteps == 1 else { return outcome }
      let path = { (name: String) in folder.appendingPathComponent(name).path }
      try Data(drawn.cfg.utf8).write(to: folder.appendingPathComponent("net.cfg"))
      try WeightsFile.write(
        fixture.parameters, of: fixture.network, to: path("net.weights"), seen: 0)
      // Files do not hold everything: biases of [batchnorm] are left out in one of the dialects.
      let read = Parameters(of: fixture.network, randomize: false)
      _ = try WeightsFile(
        path("net.weights"), dialect: drawn.dialect, order: drawn.dialect
      ).load(into: read, of: fixture.network)
      for (own, other) in zip(fixture.parameters.buffers.joined(), read.buffers.joined()) {
        _ = own.values.update(fromContentsOf: other.values)
      }
      let input = Values.random(fixture.network.inputShape.count, seed: 3, in: 0...1)
      try input.withUnsafeBytes { try Data($0).write(to: folder.appendingPathComponent("x.f32")) }
      let expected = fixture.forward(input)
      for variant in KernelVariant.available {
        var outputs: [[Float]] = []
        for threads in ["1", "2", "7"] {
          let run = try ProgramRun(
            [
              "dump", "net.cfg", "net.weights", "x.f32", "out", "-threads", threads, "-dialect",
              drawn.dialect.rawValue,
            ], in: folder, environment: ["PRN_DARKNET_CPU": variant])
          guard run.status == 0 else {
            outcome.failures.append("\(variant): exit \(run.status): \(run.errors.suffix(300))")
            return outcome
          }
          let values = try fixture.network.nodes.map { node in
            let digits = "\(node.index)"
            let name = "L" + String(repeating: "0", count: 3 - digits.count) + digits + ".f32"
            return try floats(folder.appendingPathComponent("out").appendingPathComponent(name))
          }
          for (index, (a, b)) in zip(values, expected).enumerated() {
            outcome.compare(a, b, "layer \(index), \(variant), \(threads) threads")
          }
          outputs.append(values.flatMap { $0 })
        }
        for (other, threads) in zip(outputs.dropFirst(), [2, 7])
        where other.map(\.bitPattern) != outputs[0].map(\.bitPattern) {
          outcome.failures.append("\(variant): \(threads) threads change bits")
        }
      }
      return outcome
    }
  }

  /// The slope of the whole network's cost by some of its parameters, tensor by tensor.
  @Test func `gradients of one update equal central differences`() throws {
    try forEachNetwork(isTraining: true) { drawn in
      let fixture = try NetworkFixture(drawn.cfg, dialect: drawn.dialect, seed: drawn.seed)
      let outputs = fixture.network.nodes.last!.layer.outputShape.count
      var outcome = RandomNetworkOutcome()
      let isFinite = fixture.forward(fixture.randomInput(seed: 7)).joined().allSatisfy {
        abs($0) < 1e3
      }
      guard isFinite else {
        outcome.skipped = 1
        return outcome
      }
      let values = Values.random(
        fixture.batch * outputs, seed: 5, in: drawn.isLogistic ? 0...1 : -1...1)
      // Some of the parameters, evenly over all.
      let count = fixture.network.nodes.flatMap(\.layer.parameters).reduce(0) { $0 + $1.count }
      // Darknet's cost is the sum of squares, its gradient half of the slope.
      outcome.gradients = fixture.gradientDeviation(
        truth: Truth.values(values, perImage: outputs), factor: drawn.isLogistic ? 1 : 2,
        stride: max(3, count / 40), tolerance: 0.05
      ) { x in
        zip(x, values).reduce(0) { sum, pair in
          let (x, t) = (Double(pair.0), Double(pair.1))
          // softplus(x) - t x is the cross entropy of the logistic function.
          return sum
            + (drawn.isLogistic ? max(x, 0) + log1p(exp(-abs(x))) - t * x : (x - t) * (x - t))
        }
      }
      let worst = outcome.gradients.worst
      if !(worst.error < 0.05) { outcome.failures.append("\(worst)") }
      return outcome
    }
  }
}

/// What came of one random network, or of several.
private struct RandomNetworkOutcome: CustomStringConvertible {
  var failures: [String] = []
  /// Networks of which something left what a float can hold, where there is nothing to compare.
  var skipped = 0
  var gradients = GradientCheck.Deviation("")

  mutating func add(_ other: RandomNetworkOutcome) {
    skipped += other.skipped
    gradients.add(other.gradients)
  }

  /// The tolerance of `PlanTests`, of a layer as a whole.
  mutating func compare(_ found: [Float], _ expected: [Float], _ place: String) {
    guard expected.allSatisfy({ $0.isFinite }) else {
      skipped = 1
      return
    }
    // Nothing but rounding, or nothing at all.
    if expected.allSatisfy({ abs($0) <= 1e-12 }) {
      if !found.allSatisfy({ abs($0) <= 1e-9 }) { failures.append(place + ", expected zeros") }
    } else if !(PlanTests.deviation(found, from: expected) < PlanTests.tolerance) {
      failures.append(place)
    }
  }

  var description: String {
    "\(skipped) not compared as a whole; \(gradients.tried) slopes, "
      + "\(gradients.atKinks) of them next to a kink"
  }
}
