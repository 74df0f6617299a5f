import DarknetConfig
import DarknetData
import DarknetGeometry
import DarknetLayers
import DarknetNetwork
import DarknetTensors
import DarknetTestSupport
import DarknetTraining
import Foundation
import Testing

/// Pictures of noise with a box each, made from the iteration alone.
final class NoiseSource: BatchSource {
  var calls = 0
  /// Iteration from which on the pictures hold a NaN.
  var poisonedFrom = Int.max
  /// The mini-batch that cannot be read.
  var lost: (iteration: Int, index: Int)?
  var factor: Float = 1

  /// The mini-batch that is waited for in vain.
  var stopped: (iteration: Int, index: Int)?

  struct Lost: Error {}

  func fill(_ input: TensorView, iteration: Int, index: Int) throws -> Truth {
    calls += 1
    if let lost, lost == (iteration, index) { throw Lost() }
    if let stopped, stopped == (iteration, index) { throw Trainer.Stopped() }
    var random = Random(seed: 5).split(UInt64(iteration * 64 + index))
    for i in 0..<input.count { input.pointer[i] = random.uniform(0, 1) * factor }
    if iteration >= poisonedFrom { input.pointer[0] = .nan }
    return .boxes(
      (0..<input.batch).map { _ in
        [
          GroundTruth(
            box: Box(x: 0.5, y: 0.5, width: 0.3, height: 0.4), classIndex: 0)
        ]
      })
  }
}

/// A small detector: batch norm, weights of all roles, two mini-batches a batch.
func smallNetwork(_ options: String = "", batchNormalize: Bool = true) throws -> Network {
  let text = """
    [net]
    width=16
    height=16
    channels=3
    batch=4
    subdivisions=2
    learning_rate=0.01
    burn_in=3
    \(options)
    [convolutional]
    filters=4
    size=3
    stride=2
    pad=1
    batch_normalize=\(batchNormalize ? 1 : 0)
    activation=leaky
    [convolutional]
    filters=18
    size=1
    activation=linear
    [yolo]
    mask=0,1,2
    anchors=4,4,8,8,12,12
    classes=1
    num=3
    """
  let file = try ConfigFile(text: Array(text.utf8), name: "small.v1.cfg")
  return try NetworkBuilder().build(file)
}

extension Resumption {
  /// Why there is only the weights.
  fileprivate var fault: String? {
    if case .weightsAlone(let fault) = self { fault.description } else { nil }
  }
}

@Suite struct TrainerTests {
  /// A trainer of the small network; weights are written to `folder` every `every` iterations.
  private static func trainer(
    _ folder: String?, maxBatches: Int, options: String = "", every: Int = 5,
    source: NoiseSource = NoiseSource(), seed: UInt64 = 3, weights: String? = nil,
    batchNormalize: Bool = true, change: (inout Trainer.Options) -> Void = { _ in }
  ) throws -> Trainer {
    let network = try smallNetwork(
      "max_batches=\(maxBatches)\n" + options, batchNormalize: batchNormalize)
    let parameters = Parameters(of: network, seed: 1)
    var seen: UInt64?
    if let weights {
      let file = try WeightsFile(weights)
      seen = try file.load(into: parameters, of: network).header.seen
    }
    var settings = Trainer.Options(
      seed: seed, folder: folder.map { CheckpointFolder($0, cfg: "cfg/small.v1.cfg") },
      schedule: CheckpointSchedule(
        dialect: .alexeyab, maxBatches: maxBatches, numberedInterval: 1000, lastInterval: every),
      maxBatches: maxBatches)
    change(&settings)
    let trainer = Trainer(
      network, parameters: parameters, source: { _ in source }, options: settings)
    if let weights, let seen { trainer.resume(from: weights, seen: seen) }
    return trainer
  }

  private static func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @Test func `files have Darknet's names`() throws {
    try withTemporaryFolder { folder in
      let trainer = try Self.trainer(folder, maxBatches: 7) {
        $0.schedule = CheckpointSchedule(
          dialect: .alexeyab, maxBatches: 7, numberedInterval: 6, lastInterval: 5)
      }
      guard case .finished = try trainer.run({ _ in }) else {
        Issue.record("not finished")
        return
      }
      #expect(
        try Self.files(folder)
          == ["small_6.weights", "small_final.weights", "small_last.state", "small_last.weights"])
      #expect(try WeightsFile("\(folder)/small_final.weights").header.seen == 28)
      #expect(try WeightsFile("\(folder)/small_6.weights").header.seen == 24)
    }
  }

  /// A run that was stopped goes on as the one that was not: every bit of the weights.
  @Test(arguments: ["", "adam=1", "ema_alpha=0.9", "momentum=0.95\ndecay=0.01"])
  func `a resumed run follows the uninterrupted one`(options: String) throws {
    try withTemporaryFolder { folder in
      let whole = try Self.trainer(nil, maxBatches: 12, options: options)
      var wholeLosses: [Float] = []
      _ = try whole.run {
        if case .iteration(let report) = $0 { wholeLosses.append(report.averageLoss) }
      }

      var losses: [Float] = []
      var stop = 8
      let first = try Self.trainer(folder, maxBatches: 12, options: options) {
        $0.shouldStop = { losses.count >= stop }
      }
      let outcome = try first.run {
        if case .iteration(let report) = $0 { losses.append(report.averageLoss) }
      }
      guard case .stopped = outcome else {
        Issue.record("not stopped")
        return
      }
      stop = 100
      // Another seed on the command line of the second run: the state's wins.
      let second = try Self.trainer(
        folder, maxBatches: 12, options: options, seed: 99,
        weights: "\(folder)/small_last.weights")
      #expect(second.state.iteration == 8)
      #expect(second.state.seed == 3)
      _ = try second.run {
        if case .iteration(let report) = $0 { losses.append(report.averageLoss) }
      }
      #expect(losses == wholeLosses)
      for (a, b) in zip(whole.parameters.buffers.joined(), second.parameters.buffers.joined()) {
        #expect(a.array == b.array)
      }
    }
  }

  /// Killed while state and weights were written, at each place: the new state waits already, and
  /// the weights are the old ones or the new.
  @Test func `a run that is killed between its two files keeps its state`() throws {
    try withTemporaryFolder { folder in
      func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
      }
      func put(_ data: Data, _ name: String) throws {
        try data.write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
      }
      _ = try Self.trainer(folder, maxBatches: 10).run { _ in }
      let (weights, state) = try (bytes("small_last.weights"), bytes("small_last.state"))
      let path = "\(folder)/small_last.weights"
      var next = 12
      for _ in 0..<3 {
        let run = try Self.trainer(folder, maxBatches: next, every: 2, seed: 8, weights: path)
        #expect(run.state.iteration == 10)
        #expect(run.state.seed == 3)
        #expect(try bytes("small_last.state") == state)
        _ = try run.run { _ in }
        try put(bytes("small_last.state"), "small_last.state~")
        try put(weights, "small_last.weights")
        try put(state, "small_last.state")
        next += 2
      }
      // The new weights have their name, their state not yet.
      let run = try Self.trainer(folder, maxBatches: 12, every: 2, seed: 8, weights: path)
      _ = try run.run { _ in }
      let last = try bytes("small_last.state")
      try put(last, "small_last.state~")
      try put(state, "small_last.state")
      let late = try Self.trainer(folder, maxBatches: 20, seed: 8, weights: path)
      #expect(late.state.iteration == 12)
      #expect(late.state.seed == 3)
      #expect(try bytes("small_last.state") == last)
      #expect(try !Self.files(folder).contains("small_last.state~"))
    }
  }

  /// One of the two cannot be written: neither changes.
  @Test(arguments: ["small_last.weights", "small_last.state~"])
  func `weights and state change together or not at all`(blocked: String) throws {
    try withTemporaryFolder { folder in
      _ = try Self.trainer(folder, maxBatches: 5).run { _ in }
      let before = try ["small_last.state", "small_last.weights"].map {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))
      }
      let path = "\(folder)/small_last.weights"
      let run = try Self.trainer(folder, maxBatches: 12, every: 2, weights: path)
      if blocked.hasSuffix("weights") {
        try FileManager.default.moveItem(atPath: path, toPath: path + ".kept")
      }
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(blocked)", withIntermediateDirectories: false)
      var errors: Set<String> = []
      _ = try run.run { if case .saveFailed(let error, _) = $0 { errors.insert(error.path) } }
      #expect(errors == ["\(folder)/" + (blocked.hasSuffix("~") ? "small_last.state" : blocked)])
      try FileManager.default.removeItem(atPath: "\(folder)/\(blocked)")
      if blocked.hasSuffix("weights") {
        try FileManager.default.moveItem(atPath: path + ".kept", toPath: path)
      }
      let after = try ["small_last.state", "small_last.weights"].map {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))
      }
      #expect(before == after)
    }
  }

  /// A trainer that is resumed from the last weights, and what it found.
  private static func resumption(_ folder: String) throws -> (Trainer, Resumption) {
    let trainer = try Self.trainer(folder, maxBatches: 20, seed: 8)
    let path = "\(folder)/small_last.weights"
    let file = try WeightsFile(path)
    let header = try file.load(into: trainer.parameters, of: trainer.network).header
    trainer.parameters.detach(in: trainer.network)
    return (trainer, trainer.resume(from: path, seen: header.seen))
  }

  @Test func `a state of other weights is not used`() throws {
    try withTemporaryFolder { folder in
      _ = try Self.trainer(folder, maxBatches: 10).run { _ in }
      let path = "\(folder)/small_last.weights"
      let found = try Self.trainer(folder, maxBatches: 20, seed: 8, weights: path)
      #expect(found.state.seed == 3)
      // One bit of a weight.
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      bytes[200] ^= 1
      try bytes.write(to: URL(fileURLWithPath: path))
      let other = try Self.trainer(folder, maxBatches: 20, seed: 8, weights: path)
      #expect(other.state.seed == 8)
      #expect(other.state.iteration == 10)
      let fault = try Self.resumption(folder).1.fault
      #expect(fault == "\(folder)/small_last.state belongs to other weights, of iteration 10")
      try FileManager.default.removeItem(atPath: "\(folder)/small_last.state")
      #expect(
        try Self.resumption(folder).1.fault == "there is no \(folder)/small_last.state")
    }
  }

  /// Damage is told apart from a missing file and from other weights, with its byte.
  @Test(arguments: [
    (0, "byte 0: expected the word PRNSTATE, found other bytes; the file is damaged"),
    (7, "byte 0: expected the word PRNSTATE, found other bytes; the file is damaged"),
    (9, "byte 8: expected version 2 with 112 bytes, found 16386 with 112; the file is damaged or"),
    (20, "byte 136: expected "), (40, "byte 136: expected "), (150, "byte LAST: expected "),
    (-8, "byte LAST: expected "), (-1, "byte LAST: expected "),
  ])
  func `a damaged state is not used, and reported`(place: Int, text: String) throws {
    try withTemporaryFolder { folder in
      _ = try Self.trainer(folder, maxBatches: 10).run { _ in }
      let path = "\(folder)/small_last.state"
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      bytes[place < 0 ? bytes.count + place : place] ^= 0x40
      try bytes.write(to: URL(fileURLWithPath: path))
      let trainer = try Self.trainer(
        folder, maxBatches: 20, seed: 8, weights: "\(folder)/small_last.weights")
      #expect(trainer.state.seed == 8)
      let fault = try Self.resumption(folder).1.fault ?? ""
      #expect(
        fault.hasPrefix(
          "\(path): " + text.replacingOccurrences(of: "LAST", with: "\(bytes.count - 8)")),
        "\(fault)")
      try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: path))
      let cut = try Self.trainer(
        folder, maxBatches: 20, seed: 8, weights: "\(folder)/small_last.weights")
      #expect(cut.state.seed == 8)
      try Data(bytes.prefix(3)).write(to: URL(fileURLWithPath: path))
      #expect(
        try Self.resumption(folder).1.fault
          == "\(path): byte 3: expected a state of at least 144 bytes, found the file's end; the "
          + "file is damaged")
    }
  }

  /// Whoever forges the checksum can write any counts.
  @Test(
    arguments: [
      (24, Int64.max), (24, Int64(-1)), (72, .min), (128, .max / 4), (128, -5),
    ] as [(Int, Int64)])
  func `counts that no training has are damage`(place: Int, count: Int64) throws {
    try withTemporaryFolder { folder in
      _ = try Self.trainer(folder, maxBatches: 10).run { _ in }
      let path = "\(folder)/small_last.state"
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      withUnsafeBytes(of: count.littleEndian) { bytes.replaceSubrange(place..<place + 8, with: $0) }
      var sum = Checksum()
      bytes.prefix(136).withUnsafeBytes { sum.add($0) }
      withUnsafeBytes(of: sum.value.littleEndian) { bytes.replaceSubrange(136..<144, with: $0) }
      try bytes.write(to: URL(fileURLWithPath: path))
      #expect(
        try Self.resumption(folder).1.fault
          == "\(path): byte 16: expected counts of 0...2^53, found others; the file is damaged")
    }
  }

  @Test func `a whole state that is cut is damaged, not of other options`() throws {
    try withTemporaryFolder { folder in
      _ = try Self.trainer(folder, maxBatches: 10).run { _ in }
      let path = "\(folder)/small_last.state"
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      try bytes.dropLast(5).write(to: URL(fileURLWithPath: path))
      #expect(
        try Self.resumption(folder).1.fault
          == "\(path): byte \(bytes.count - 5): expected \(bytes.count) bytes, found "
          + "\(bytes.count - 5); the file is damaged")
    }
  }

  /// The pictures do not come, and a signal does.
  @Test(arguments: [0, 1])
  func `a source that is stopped while it waits ends the run with the last iteration`(
    index: Int
  ) throws {
    try withTemporaryFolder { folder in
      let source = NoiseSource()
      source.stopped = (8, index)
      let trainer = try Self.trainer(folder, maxBatches: 20, source: source)
      guard case .stopped = try trainer.run({ _ in }) else {
        Issue.record("not stopped")
        return
      }
      #expect(try WeightsFile("\(folder)/small_last.weights").header.seen == 28)
      let (next, found) = try Self.resumption(folder)
      #expect(next.state.iteration == 7 && next.state.seed == 3)
      guard case .whole = found else {
        Issue.record("\(found)")
        return
      }
    }
  }

  /// Stopped in the middle of an iteration, whose first gradients are summed up already: it
  /// continues as the run that was not.
  @Test(arguments: ["", "adam=1"])
  func `a run that is stopped within an iteration loses nothing`(options: String) throws {
    try withTemporaryFolder { folder in
      let whole = try Self.trainer(nil, maxBatches: 12, options: options)
      _ = try whole.run { _ in }
      let source = NoiseSource()
      source.stopped = (8, 1)
      let first = try Self.trainer(folder, maxBatches: 12, options: options, source: source)
      _ = try first.run { _ in }
      let second = try Self.trainer(
        folder, maxBatches: 12, options: options, weights: "\(folder)/small_last.weights")
      _ = try second.run { _ in }
      // The same trainer goes on, too.
      source.stopped = nil
      _ = try first.run { _ in }
      for run in [first, second] {
        for (a, b) in zip(whole.parameters.buffers.joined(), run.parameters.buffers.joined()) {
          #expect(a.array == b.array)
        }
      }
    }
  }

  /// As earlier versions wrote it after a stop within an iteration.
  @Test func `a state without momentum is read`() throws {
    try withTemporaryFolder { folder in
      _ = try Self.trainer(folder, maxBatches: 10).run { _ in }
      let path = "\(folder)/small_last.state"
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(144)
      bytes.replaceSubrange(120..<136, with: Data(count: 16))
      func sum(_ bytes: Data?) -> Data {
        var sum = Checksum()
        bytes?.withUnsafeBytes { sum.add($0) }
        return withUnsafeBytes(of: sum.value.littleEndian) { Data($0) }
      }
      bytes.replaceSubrange(136..<144, with: sum(bytes.prefix(136)))
      try (bytes + sum(nil)).write(to: URL(fileURLWithPath: path))
      let (next, found) = try Self.resumption(folder)
      #expect(next.state.iteration == 10 && next.state.seed == 3)
      guard case .withoutMomentum = found else {
        Issue.record("\(found)")
        return
      }
    }
  }

  @Test func `a stop before the first iteration leaves the files of an earlier run`() throws {
    try withTemporaryFolder { folder in
      try Data([7]).write(to: URL(fileURLWithPath: folder + "/small_last.weights"))
      let trainer = try Self.trainer(folder, maxBatches: 20) { $0.shouldStop = { true } }
      guard case .stopped = try trainer.run({ _ in }) else {
        Issue.record("not stopped")
        return
      }
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: folder + "/small_last.weights")) == Data([7]))
    }
  }

  @Test func `a file that cannot be written is tried again`() throws {
    try withTemporaryFolder { folder in
      // Only the last folder of a path is made anew.
      let target = folder + "/gone/backup"
      var failures: [Int] = []
      var saved: [String] = []
      var iteration = 0
      let trainer = try Self.trainer(target, maxBatches: 18, every: 5)
      let outcome = try trainer.run { event in
        switch event {
        case .iteration(let report):
          iteration = report.iteration
          if iteration == 12 {
            try? FileManager.default.createDirectory(
              atPath: target, withIntermediateDirectories: true)
          }
        case .saveFailed(let error, _):
          failures.append(iteration)
          #expect(error.path.hasPrefix(target))
        case .saved(let kind, _): saved.append("\(iteration) \(kind)")
        default: break
        }
      }
      guard case .finished = outcome else {
        Issue.record("not finished")
        return
      }
      #expect(failures == [5, 10])
      #expect(saved == ["15 last", "18 final"])
    }
  }

  @Test func `NaN in the pictures stops the run and keeps the last good weights`() throws {
    try withTemporaryFolder { folder in
      let source = NoiseSource()
      source.poisonedFrom = 7
      let trainer = try Self.trainer(folder, maxBatches: 20, source: source)
      guard case .diverged(let divergence) = try trainer.run({ _ in }) else {
        Issue.record("not diverged")
        return
      }
      #expect(divergence.iteration == 7)
      #expect(
        divergence.description
          == "small.v1.cfg: iteration 7: expected a loss that falls, found nan, and the pictures "
          + "themselves hold values that are not numbers; lower learning_rate (it was 0.01), raise "
          + "burn_in, or check the labels with 'detector check'; the last good weights are in "
          + "\(folder)/small_last.weights")
      #expect(try Self.files(folder) == ["small_last.state", "small_last.weights"])
      #expect(try WeightsFile("\(folder)/small_last.weights").header.seen == 20)
    }
  }

  @Test func `a spoilt parameter is named`() throws {
    let trainer = try Self.trainer(nil, maxBatches: 20)
    trainer.parameters.buffers[1][1].pointer[3] = .infinity
    guard case .diverged(let divergence) = try trainer.run({ _ in }) else {
      Issue.record("not diverged")
      return
    }
    #expect(divergence.iteration == 2)
    #expect(
      divergence.location == .parameter(layer: 1, section: "convolutional", name: "weights"))
  }

  @Test func `an exploding loss stops within a few iterations`() throws {
    let trainer = try Self.trainer(
      nil, maxBatches: 400, options: "learning_rate=40", batchNormalize: false)
    guard case .diverged(let divergence) = try trainer.run({ _ in }) else {
      Issue.record("not diverged")
      return
    }
    #expect(divergence.iteration < 30)
  }

  @Test func `the best evaluation is kept, and its next iteration told`() throws {
    try withTemporaryFolder { folder in
      var values = [0.25, 0.75, 0.5]
      var next: [Int?] = []
      var results: [Bool] = []
      let trainer = try Self.trainer(folder, maxBatches: 10, every: 100) {
        $0.evaluationInterval = 4
        $0.evaluate = { values.removeFirst() }
      }
      _ = try trainer.run { event in
        if case .iteration(let report) = event { next.append(report.nextEvaluation) }
        if case .evaluated(_, let isBest) = event { results.append(isBest) }
      }
      #expect(next == [4, 4, 4, 4, 8, 8, 8, 8, 12, 12])
      #expect(results == [true, true, false])
      #expect(try WeightsFile("\(folder)/small_best.weights").header.seen == 32)
      #expect(trainer.state.bestPrecision == 0.75)
    }
  }

  @Test func `an evaluation that fails ends the training with its weights saved`() throws {
    struct Lost: Error {}
    try withTemporaryFolder { folder in
      let trainer = try Self.trainer(folder, maxBatches: 10, every: 100) {
        $0.evaluationInterval = 4
        $0.evaluate = { throw Lost() }
      }
      #expect(throws: Lost.self) { try trainer.run { _ in } }
      #expect(try WeightsFile("\(folder)/small_last.weights").header.seen == 16)
    }
  }

  /// Weights and state are those of a run that was stopped before, statistics and momentum among
  /// them.
  @Test(arguments: [0, 1])
  func `pictures that fail end the training with the last iteration saved`(index: Int) throws {
    try withTemporaryFolder { folder in
      try withTemporaryFolder { other in
        let source = NoiseSource()
        source.lost = (8, index)
        let trainer = try Self.trainer(folder, maxBatches: 20, source: source)
        #expect(throws: NoiseSource.Lost.self) { try trainer.run { _ in } }
        var done = 0
        let stopped = try Self.trainer(other, maxBatches: 20) { $0.shouldStop = { done == 7 } }
        _ = try stopped.run { if case .iteration(let report) = $0 { done = report.iteration } }
        func same(_ name: String) throws -> Bool {
          let files = try [folder, other].map {
            try Data(contentsOf: URL(fileURLWithPath: $0 + name))
          }
          return files[0] == files[1]
        }
        #expect(try same("/small_last.weights"))
        #expect(try same("/small_last.state"))
      }
      let next = try Self.trainer(
        folder, maxBatches: 20, seed: 9, weights: folder + "/small_last.weights")
      #expect(next.state.iteration == 7)
      #expect(next.state.seed == 3)
    }
  }

  @Test func `pictures that fail at once leave the files of an earlier run`() throws {
    try withTemporaryFolder { folder in
      let source = NoiseSource()
      source.lost = (1, 0)
      try Data([7]).write(to: URL(fileURLWithPath: folder + "/small_last.weights"))
      let trainer = try Self.trainer(folder, maxBatches: 20, source: source)
      #expect(throws: NoiseSource.Lost.self) { try trainer.run { _ in } }
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: folder + "/small_last.weights")) == Data([7]))
    }
  }

  @Test func `weights that are done already give the final file at once`() throws {
    try withTemporaryFolder { folder in
      _ = try Self.trainer(folder, maxBatches: 5).run { _ in }
      let source = NoiseSource()
      let again = try Self.trainer(
        folder, maxBatches: 5, source: source, weights: "\(folder)/small_last.weights")
      try FileManager.default.removeItem(atPath: "\(folder)/small_final.weights")
      _ = try again.run { _ in }
      #expect(source.calls == 0)
      #expect(FileManager.default.fileExists(atPath: "\(folder)/small_final.weights"))
    }
  }
}

@Suite struct LoaderConfigurationTests {
  static let speeds: [(String, Int?)] = [
    ("", nil), ("track=1", 2), ("track=1\naugment_speed=5", 5),
  ]

  @Test(arguments: speeds)
  func `sequences of frames`(options: String, speed: Int?) throws {
    let network = try smallNetwork(options + "\ntime_steps=2")
    let configuration = BatchLoader.Configuration(
      for: network, head: try #require(network.lastHead),
      list: ListFile(pictures: ["a.png"], name: "list"), log: ProblemLog())
    #expect(configuration.sequences?.speed == speed)
    // Two mini-batches of a batch of four.
    #expect(configuration.sequences?.streams == (speed == nil ? nil : 2))
    #expect(configuration.imagesPerBatch == 4)
  }
}

@Suite struct CheckpointScheduleTests {
  /// The kinds written at each iteration of a run.
  private static func run(
    _ schedule: CheckpointSchedule, to end: Int, from start: Int = 0
  ) -> [Int: [CheckpointSchedule.Kind]] {
    var state = TrainingState(seed: 0)
    (state.lastNumbered, state.lastSaved) = (start, start)
    var result: [Int: [CheckpointSchedule.Kind]] = [:]
    for iteration in (start + 1)...end {
      state.iteration = iteration
      let kinds = schedule.due(&state)
      if !kinds.isEmpty { result[iteration] = kinds }
    }
    return result
  }

  @Test func `the default: last each 100, numbered each 1000`() {
    let schedule = CheckpointSchedule(dialect: .alexeyab, maxBatches: 9999)
    let found = Self.run(schedule, to: 2000)
    #expect(found.count == 20)
    #expect(found[100] == [.last])
    #expect(found[1000] == [.numbered(1000), .last])
    #expect(
      CheckpointSchedule(dialect: .alexeyab, maxBatches: 10_000).numberedInterval == 10_000)
  }

  @Test func `no last file where numbered ones come as often`() {
    let schedule = CheckpointSchedule(
      dialect: .alexeyab, maxBatches: 100, numberedInterval: 10, lastInterval: 10)
    #expect(Self.run(schedule, to: 25) == [10: [.numbered(10)], 20: [.numbered(20)]])
  }

  @Test func `a resumed run counts from where it starts and on round numbers`() {
    let schedule = CheckpointSchedule(
      dialect: .alexeyab, maxBatches: 100, numberedInterval: 1000, lastInterval: 100)
    #expect(Self.run(schedule, to: 260, from: 130) == [200: [.last]])
  }

  @Test func `pjreddie's names and intervals`() {
    let schedule = CheckpointSchedule(dialect: .pjreddie, maxBatches: 50_000)
    let found = Self.run(schedule, to: 10_000)
    #expect(found[100] == [.numbered(100), .backup])
    #expect(found[1000] == [.backup])
    #expect(found[10_000] == [.numbered(10_000), .backup])
    let folder = CheckpointFolder("backup/", cfg: "a.b/yolo.v3.cfg", dialect: .pjreddie)
    #expect(folder.path(of: .backup) == "backup/yolo.backup")
    #expect(folder.path(of: .numbered(100)) == "backup/yolo_100.weights")
  }

  @Test(arguments: [
    ("cfg/yolov4-tiny.3l.cfg", "yolov4-tiny"), ("C:\\nets\\a.cfg", "a"), ("plain", "plain"),
  ])
  func `the base of names`(cfg: String, base: String) {
    #expect(CheckpointFolder.base(of: cfg) == base)
  }
}
