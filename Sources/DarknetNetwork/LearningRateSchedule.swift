import DarknetConfig
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The learning rate of each iteration, as `policy=` and its options say.
package struct LearningRateSchedule: Hashable, Sendable {
  package enum Policy: String, Sendable, CaseIterable {
    case constant, step, steps, exp, poly, random, sigmoid, sgdr
  }

  package var policy = Policy.constant
  package var learningRate: Float = 0.001
  /// Floor of `sgdr`.
  package var minimum: Float = 0.00001
  /// Warm-up iterations.
  package var burnIn = 0
  /// Exponent of the warm-up, of `poly` and of `random`.
  package var power: Float = 4
  package var step = 1
  package var scale: Float = 1
  package var gamma: Float = 1
  package var steps: [Int] = []
  package var scales: [Float] = []
  /// First cycle of `sgdr`: `sgdr_cycle`, by default `max_batches`.
  package var cycle: Int { explicitCycle ?? maxBatches }
  var explicitCycle: Int?
  package var cycleFactor = 2
  package var maxBatches = 0

  package init() {}

  mutating func read(_ options: inout OptionReader) throws(ConfigError) {
    let name = try options.string("policy", default: "constant", loud: true)
    if let known = Policy(rawValue: name == "sig" ? "sigmoid" : name) {
      policy = known
    } else {
      let near = nearestName(to: name, among: Policy.allCases.map(\.rawValue))
      throw options.error(
        "policy", expected: "one of \(Policy.allCases.map(\.rawValue).joined(separator: ", "))",
        found: "'\(name)'", fix: near.map { "did you mean '\($0)'?" } ?? "choose one of these")
    }
    burnIn = try options.int("burn_in", default: 0, in: 0...Int(Int32.max))
    power = try options.float("power", default: 4)
    // Options of other policies than the chosen one stand in many cfgs; Darknet does not report
    // unused ones of [net].
    step = try options.int("step", default: 1, loud: policy == .step)
    scale = try options.float("scale", default: 1, loud: policy == .step)
    gamma = try options.float("gamma", default: 1, loud: policy == .exp || policy == .sigmoid)
    explicitCycle = try options.int("sgdr_cycle")
    cycleFactor = try options.int("sgdr_mult", default: 2)
    steps = try options.ints("steps") ?? []
    scales = try options.floats("scales") ?? []
    if policy == .step, step < 1 {
      throw options.error(
        "step", expected: "at least 1", found: "\(step)", fix: "change it")
    }
    if policy == .steps, steps.isEmpty || scales.count < steps.count {
      throw options.error(
        steps.isEmpty ? "steps" : "scales",
        expected: "steps and as many scales (STEPS policy must have steps and scales in cfg file)",
        found: "\(steps.count) steps and \(scales.count) scales",
        fix: "give each step its scale")
    }
  }

  /// Rate of update `n`; the first update has n = 1.
  ///
  /// `draw` is a uniform number of 0..<1, which only the `random` policy looks at.
  package func rate(iteration n: Int, draw: Float = 0.5) -> Float {
    if n < burnIn {
      return learningRate * powf(Float(n) / Float(burnIn), power)
    }
    switch policy {
    case .constant: return learningRate
    case .step: return learningRate * powf(scale, Float(n / step))
    case .steps:
      var rate = learningRate
      for (step, scale) in zip(steps, scales) {
        if step > n { break }
        rate *= scale
      }
      return rate
    case .exp: return learningRate * powf(gamma, Float(n))
    case .poly:
      guard maxBatches > 0 else { return learningRate }
      return learningRate * powf(max(1 - Float(n) / Float(maxBatches), 0), power)
    case .random: return learningRate * powf(draw, power)
    case .sigmoid: return learningRate / (1 + expf(gamma * Float(n - step)))
    case .sgdr: return warmRestart(n)
    }
  }

  /// Cosine annealing with warm restarts (Loshchilov and Hutter 2017, eq. 5).
  private func warmRestart(_ n: Int) -> Float {
    guard cycle > 0 else { return learningRate }
    var start = 0
    var length = cycle
    while start + length < n {
      start += length
      let (next, overflows) = length.multipliedReportingOverflow(by: max(cycleFactor, 1))
      length = overflows ? Int.max / 2 : next
    }
    let phase = 3.14159265 * Float(n - start) / Float(length)
    return minimum + 0.5 * (learningRate - minimum) * (1 + cosf(phase))
  }
}
