import DarknetSystem
import DarknetTensors
import Foundation

/// Broken inputs for one family of readers: each is refused with an error of one clean line, or
/// gives a value that makes sense, in time and without eating memory.
///
/// `PRN_DARKNET_FUZZ` says how many (a few thousand by default), `PRN_DARKNET_FUZZ_SEED` the seed.
/// Each input follows from the seed and its own number, so `PRN_DARKNET_FUZZ_FROM=n` begins at
/// any of them. Inputs that fail are written to the folder `PRN_DARKNET_FUZZ_FOLDER`
/// (`prn-darknet-fuzz` among the temporary files). So is the number of the last mark, every 10,000
/// inputs, or each one after `PRN_DARKNET_FUZZ_FROM`: a crash ends the process, and the mark
/// says where to look for it.
package struct Fuzzing: Sendable {
  private static func variable(_ name: String) -> Int? {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
  }

  /// How many inputs the longer runs ask for; nil in `make test`.
  package static let asked = variable("PRN_DARKNET_FUZZ")

  /// Seconds that an input may take.
  package static let timeLimit = 5.0
  /// Bytes by which a run may grow the process, when it runs alone.
  package static let memoryLimit = 1 << 30

  package let family: String
  package let count: Int
  package let seed: UInt64
  private let first: Int
  private let folder: URL

  /// What became of the inputs.
  package struct Outcome: Sendable {
    package var accepted = 0
    package var refused = 0
    package var longestSeconds = 0.0
    /// At most twenty, a line each.
    package var failures: [String] = []
  }

  package init(_ family: String, count: Int) {
    self.family = family
    self.count = count
    seed = UInt64(Self.variable("PRN_DARKNET_FUZZ_SEED") ?? 2026)
    first = Self.variable("PRN_DARKNET_FUZZ_FROM") ?? 0
    folder =
      ProcessInfo.processInfo.environment["PRN_DARKNET_FUZZ_FOLDER"].map {
        URL(fileURLWithPath: $0)
      } ?? FileManager.default.temporaryDirectory.appendingPathComponent("prn-darknet-fuzz")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  /// - Parameter read: reads an input. It throws the reader's error, and returns nil, or what is
  ///   wrong with the value that it got.
  package func run(
    _ mutator: Mutator, prepare: (inout [UInt8], inout Random) -> Void = { _, _ in },
    read: ([UInt8], inout Random) throws -> String?
  ) -> Outcome {
    var outcome = Outcome()
    let memory = Self.peakMemory
    let interval = Self.variable("PRN_DARKNET_FUZZ_FROM") == nil ? 10_000 : 1
    for number in first..<first + count {
      if number % interval == 0 { mark(number) }
      var random = Random(seed: seed).split(UInt64(number))
      var input = mutator.make(&random)
      prepare(&input, &random)
      let start = DispatchTime.now().uptimeNanoseconds
      var fault: String?
      do {
        fault = try read(input, &random)
        outcome.accepted += 1
      } catch {
        fault = Self.fault(ofText: "\(error)")
        outcome.refused += 1
      }
      let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
      outcome.longestSeconds = max(outcome.longestSeconds, seconds)
      if seconds > Self.timeLimit { fault = fault ?? "it took \(seconds) s" }
      if let fault, outcome.failures.count < 20 {
        outcome.failures.append(report(fault, number, input))
      }
    }
    // Suites that run beside this one would count, so only runs that were asked for are looked at.
    let growth = Self.peakMemory - memory
    if Self.asked != nil, growth > Self.memoryLimit {
      outcome.failures.append("\(family): the process grew by \(growth >> 20) MB")
    }
    if Self.asked != nil { print(line(outcome)) }
    return outcome
  }

  private func line(_ outcome: Outcome) -> String {
    "fuzz: \(family): \(count) inputs, \(outcome.accepted) accepted, \(outcome.refused) refused, "
      + "longest \(Int((outcome.longestSeconds * 1000).rounded(.up))) ms, seed \(seed)"
  }

  private func mark(_ number: Int) {
    try? Data("\(family) seed \(seed) input \(number)\n".utf8)
      .write(to: folder.appendingPathComponent("\(family).mark"))
  }

  private func report(_ fault: String, _ number: Int, _ input: [UInt8]) -> String {
    let file = folder.appendingPathComponent("\(family)-\(seed)-\(number)")
    try? Data(input).write(to: file)
    return "\(family): seed \(seed), input \(number), kept as \(file.path): \(fault)"
  }

  /// What is wrong with an error's text: it is one line that a terminal can show.
  package static func fault(ofText text: String) -> String? {
    if text.isEmpty { return "the error says nothing" }
    if text.utf8.count > 4096 { return "the error has \(text.utf8.count) bytes" }
    guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
      return nil
    }
    return "the error has control characters: \(text.debugDescription)"
  }

  private static var peakMemory: Int {
    var usage = rusage()
    // RUSAGE_SELF, whose type differs from the parameter's.
    getrusage(0, &usage)
    return usage.ru_maxrss << 10
  }
}
