import DarknetData
import DarknetLayers
import DarknetNetwork
import DarknetSystem
import DarknetTensors
import DarknetTestSupport
import DarknetTraining
import Foundation
import Testing

/// Each observer without the others and without a training.
@Suite struct ObserverTests {
  /// A context and the events that were emitted in it.
  private final class Stage {
    let context: TrainingContext
    let step: BatchStep
    var events: [String] = []

    init(_ options: String = "", folder: String? = nil) throws {
      let network = try smallNetwork(options)
      let parameters = Parameters(of: network, seed: 1)
      step = BatchStep(network, parameters: parameters)
      context = TrainingContext(
        network, parameters: parameters, maxBatches: network.net.maxBatches,
        state: TrainingState(seed: 3))
    }

    /// What `body` emits at an iteration, a word each.
    func at(_ iteration: Int, _ body: (TrainingContext) throws -> Void) rethrows -> [String] {
      context.state.iteration = iteration
      events = []
      try context.withHandler {
        switch $0 {
        case .rejectedFilter(let layer, let filter, _): events.append("\(layer)/\(filter)")
        case .averageStarted: events.append("start")
        case .averageUpdated: events.append("average")
        case .averageApplied: events.append("apply")
        case .evaluated(let precision, let isBest): events.append("\(precision) \(isBest)")
        case .saved(let kind, _): events.append("\(kind)")
        case .saveFailed(_, let retry): events.append("failed \(retry ?? 0)")
        default: break
        }
      } _: {
        try body(context)
      }
      return events
    }

    func checkpoints(_ folder: String?, every: Int = 5) -> CheckpointObserver {
      CheckpointObserver(
        Checkpoint(
          context.network, parameters: context.parameters, optimizer: step.optimizer, average: nil),
        folder: folder.map { CheckpointFolder($0, cfg: "small.cfg") },
        schedule: CheckpointSchedule(
          dialect: .alexeyab, maxBatches: 100, numberedInterval: 20, lastInterval: every),
        average: nil)
    }
  }

  private static func report(_ iteration: Int, loss: Float = 2) -> IterationReport {
    IterationReport(
      iteration: iteration, maxBatches: 1000, loss: loss, averageLoss: loss, rate: 0.01,
      seconds: 0.5, wait: 0, images: 4 * iteration, batchImages: 4, hoursLeft: 0,
      input: .init(width: 16, height: 16))
  }

  @Test func `checkpoints: files when they are due, and again where they failed`() throws {
    try withTemporaryFolder { folder in
      let stage = try Stage("max_batches=100")
      let observer = stage.checkpoints(folder + "/gone/backup")
      #expect(stage.at(4) { observer.afterIteration($0) } == [])
      #expect(stage.at(5) { observer.afterIteration($0) } == ["failed 10"])
      #expect(stage.context.lastGoodCheckpoint == nil)
      try FileManager.default.createDirectory(
        atPath: folder + "/gone", withIntermediateDirectories: false)
      stage.context.state.lastSaved = 14
      #expect(stage.at(14) { observer.afterIteration($0) } == [])
      #expect(stage.at(16) { observer.afterIteration($0) } == ["last"])
      #expect(stage.context.lastGoodCheckpoint == "\(folder)/gone/backup/small_last.weights")
      #expect(stage.at(40) { observer.afterIteration($0) } == ["numbered(40)", "last"])
      // Weights that would not be read again are not written.
      stage.context.parameters.buffers[0][0].pointer[0] = .nan
      #expect(stage.at(60) { observer.afterIteration($0) } == [])
    }
  }

  @Test func `evaluation: its interval, the best, and a best that could not be saved`() throws {
    try withTemporaryFolder { folder in
      let stage = try Stage("max_batches=100")
      var values: [Double?] = [0.5, 0.25, nil, 0.75]
      let observer = EvaluationObserver(
        interval: 10, first: 7, checkpoints: stage.checkpoints(folder)
      ) { values.removeFirst() }
      #expect(observer.next(stage.context) == 10)
      #expect(try stage.at(9) { try observer.afterIteration($0) } == [])
      #expect(try stage.at(10) { try observer.afterIteration($0) } == ["0.5 true", "best"])
      #expect(observer.next(stage.context) == 20)
      #expect(try stage.at(20) { try observer.afterIteration($0) } == ["0.25 false"])
      #expect(stage.context.state.lastPrecision == 0.25)
      #expect(stage.context.state.bestIteration == 10)
      // Interrupted: it comes again.
      #expect(try stage.at(30) { try observer.afterIteration($0) } == [])
      #expect(observer.next(stage.context) == 30)
      // At the end, whenever that is; nothing can be written there.
      let blocked = EvaluationObserver(
        interval: 1000, first: 0, checkpoints: stage.checkpoints("\(folder)/no/folder")
      ) { 0.75 }
      #expect(
        try stage.at(100) { try blocked.afterIteration($0) } == ["0.75 true", "failed 10"])
      #expect(stage.context.state.bestPrecision == 0.5)
      #expect(stage.context.state.bestIteration == 10)
    }
  }

  @Test func `evaluation: one that fails saves the weights`() throws {
    struct Lost: Error {}
    try withTemporaryFolder { folder in
      let stage = try Stage()
      let observer = EvaluationObserver(
        interval: 4, first: 0, checkpoints: stage.checkpoints(folder)
      ) { throw Lost() }
      #expect(throws: Lost.self) { _ = try stage.at(4) { try observer.afterIteration($0) } }
      #expect(stage.events == ["last"])
    }
  }

  /// e = a e + (1 - a) w from half of max_batches on, in the weights' place 1000 before the end.
  @Test func `moving average`() throws {
    let stage = try Stage("max_batches=2200\nema_alpha=0.75")
    let average = try #require(WeightAverage(stage.context.network))
    let observer = MovingAverageObserver(average)
    let weight = stage.context.parameters.buffers[1][1].pointer
    weight[0] = 8
    #expect(stage.at(1099) { observer.applyBetweenIterations($0) } == [])
    #expect(
      stage.at(1100) { observer.applyBetweenIterations($0) } == ["start", "average"])
    weight[0] = 16
    #expect(stage.at(1101) { observer.applyBetweenIterations($0) } == ["average"])
    #expect(weight[0] == 16)
    #expect(average.values.buffers[1][1].pointer[0] == 10)
    #expect(
      stage.at(1200) { observer.applyBetweenIterations($0) } == ["average", "apply"])
    #expect(weight[0] == 11.5)
  }

  @Test func `filter rejection: one of two equal filters, the same for the same seed`() throws {
    let cfg = """
      [net]
      width=8
      height=8
      channels=1
      max_batches=100
      weights_reject_freq=10

      """
    let hidden = "[convolutional]\nfilters=3\nsize=3\npad=1\nactivation=leaky\n"
    func rejected(seed: UInt64, at iteration: Int) throws -> [Float] {
      let fixture = try NetworkFixture(
        cfg + hidden + hidden + "[convolutional]\nfilters=3\nsize=1\nactivation=linear\n")
      let weights = fixture.parameters.buffers[1][1]
      // Filters 0 and 1 are equal, 2 is unlike them.
      for i in 0..<weights.count {
        weights.pointer[i] = i < 54 ? (i % 27 < 13 ? 1 : 0) : (i % 27 < 13 ? 0 : 1)
      }
      let context = TrainingContext(
        fixture.network, parameters: fixture.parameters, maxBatches: 100,
        state: TrainingState(seed: seed))
      context.state.iteration = iteration
      let before = weights.array
      var layers: [Int] = []
      context.withHandler {
        if case .rejectedFilter(let layer, _, _) = $0 { layers.append(layer) }
      } _: {
        FilterRejectionObserver().applyBetweenIterations(context)
      }
      let isDue = iteration % 10 == 0 && iteration < 75
      #expect(layers.contains(1) == isDue)
      #expect((weights.array == before) == !isDue)
      #expect(Array(weights.array[54...]) == Array(before[54...]))
      return weights.array
    }
    #expect(try rejected(seed: 1, at: 20) == rejected(seed: 1, at: 20))
    #expect(try rejected(seed: 1, at: 20) != rejected(seed: 2, at: 20))
    #expect(try rejected(seed: 1, at: 20) != rejected(seed: 1, at: 30))
    _ = try rejected(seed: 1, at: 21)
    _ = try rejected(seed: 1, at: 80)
  }

  @Test func `divergence: a loss that is not a number, and where it began`() throws {
    let stage = try Stage()
    let observer = DivergenceObserver()
    let input = stage.step.executor.output(-1)
    input.values.update(repeating: 0.5)
    stage.step.executor.forward()
    let fine = TrainingExecutor.Loss()
    #expect(observer.afterLoss(fine, of: stage.step.executor, in: stage.context))
    var bad = TrainingExecutor.Loss()
    bad.reports = [(2, LossReport(cost: .nan))]
    input.pointer[3] = .infinity
    #expect(!observer.afterLoss(bad, of: stage.step.executor, in: stage.context))
    let found = observer.afterUpdate(
      .init(loss: .nan, rate: 0.25, isComplete: false), iteration: 9, in: stage.context)
    #expect(found?.cause == .notFinite(loss: "nan"))
    #expect(found?.location == .input)
    #expect(found?.iteration == 9 && found?.rate == 0.25)
  }

  @Test func `divergence: a loss a hundred times that of the first iterations`() throws {
    let stage = try Stage()
    let observer = DivergenceObserver()
    func update(_ iteration: Int, _ loss: Float) -> Divergence? {
      stage.context.state.iteration = iteration - 1
      return observer.afterUpdate(
        .init(loss: loss, rate: 0.1, isComplete: true), iteration: iteration, in: stage.context)
    }
    #expect(update(1, 5) == nil && update(2, 3) == nil)
    #expect(stage.context.state.referenceLoss == 5)
    #expect(update(20, 501) == nil && update(21, 400) == nil)
    // Three in a row.
    #expect(update(22, 501) == nil && update(23, 600) == nil)
    #expect(update(24, 700)?.cause == .exploding(loss: 700, reference: 5))
  }

  @Test func `records: a row an iteration, and what could not be written is reported`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/results.csv"
      var errors = 0
      let observer = RecordsObserver(try TrainingRecords([path], after: [])) { _ in errors += 1 }
      observer.onEvent(.iteration(Self.report(1)))
      observer.onEvent(.iteration(Self.report(2)))
      // The last row waits for its measurement.
      #expect(TrainingRecords.rows(of: path).map(\.iteration) == [1])
      observer.onEvent(.evaluated(precision: 0.5, isBest: true))
      #expect(TrainingRecords.rows(of: path).map(\.precision) == [nil, 0.5])
      observer.onEvent(.iteration(Self.report(3)))
      observer.onEvent(.saving(.last, path: "x"))
      #expect(TrainingRecords.rows(of: path).map(\.iteration) == [1, 2, 3])
      observer.onEvent(.iteration(Self.report(4)))
      observer.onEnd()
      #expect(TrainingRecords.rows(of: path).count == 4)
      #expect(errors == 0)
    }
  }

  @Test func `chart: every ten seconds, at measurements and at the end`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/chart.png"
      var now = 100.0
      var errors = 0
      let records = try TrainingRecords([folder + "/results.csv"], after: [])
      let observer = ChartObserver(
        of: records, at: [path], title: "small", maxBatches: 1000, precisionName: "mAP",
        clock: { now }, onError: { _ in errors += 1 })
      func isDrawn(after seconds: Double, _ event: TrainingEvent?) throws -> Bool {
        try? FileManager.default.removeItem(atPath: path)
        now += seconds
        if let event { observer.onEvent(event) } else { observer.onEnd() }
        return FileManager.default.fileExists(atPath: path)
      }
      #expect(try !isDrawn(after: 0, nil), "a chart without rows")
      _ = records.add(TrainingRecords.Row(Self.report(1)))
      #expect(try !isDrawn(after: 9.5, .iteration(Self.report(1))))
      #expect(try isDrawn(after: 0.5, .iteration(Self.report(2))))
      #expect(try !isDrawn(after: 0.9, .iteration(Self.report(100))))
      #expect(try isDrawn(after: 0.1, .iteration(Self.report(200))))
      #expect(try isDrawn(after: 0, .evaluated(precision: 0.5, isBest: true)))
      #expect(try isDrawn(after: 0, nil))
      // A folder in its place: the first of failures in a row is reported.
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.createDirectory(
        atPath: path + "/x", withIntermediateDirectories: true)
      observer.onEnd()
      observer.onEnd()
      #expect(errors == 1)
    }
  }
}

/// What a trainer gives its source, and who is asked before it gives up its last weights.
@Suite struct TrainerSeamTests {
  private static func trainer(
    _ folder: String?, seed: UInt64, made: @escaping (SourceState) -> any BatchSource,
    change: (inout Trainer.Options) -> Void = { _ in }
  ) throws -> Trainer {
    let network = try smallNetwork("max_batches=6")
    var options = Trainer.Options(
      seed: seed, folder: folder.map { CheckpointFolder($0, cfg: "small.cfg") },
      schedule: CheckpointSchedule(dialect: .alexeyab, maxBatches: 6, lastInterval: 2),
      maxBatches: 6)
    options.random = 1
    change(&options)
    return Trainer(
      network, parameters: Parameters(of: network, seed: 1), source: made, options: options)
  }

  /// Only a trainer makes a `SourceState`, and not before it runs: a source cannot be that of another
  /// run.
  @Test func `a source is made of the state that was resumed`() throws {
    try withTemporaryFolder { folder in
      var stop = false
      let first = try Self.trainer(folder, seed: 3, made: { _ in NoiseSource() }) {
        $0.shouldStop = { stop }
      }
      _ = try first.run { if case .iteration(let report) = $0 { stop = report.iteration == 4 } }

      var made: [LoaderSource] = []
      var sizes: [InputSizes.Size] = []
      let second = try Self.trainer(
        folder, seed: 99,
        made: { state in
          var loading = BatchLoader.Configuration(
            for: try! smallNetwork(), head: try! smallNetwork().lastHead!,
            list: ListFile(pictures: ["a.png"], name: "list"), log: ProblemLog())
          loading.seed = 42
          made.append(LoaderSource(loading, at: state))
          sizes = [1, 500].map { state.sizes.size(at: $0) }
          return NoiseSource()
        })
      let path = "\(folder)/small_last.weights"
      let file = try WeightsFile(path)
      let header = try file.load(into: second.parameters, of: second.network).header
      second.parameters.detach(in: second.network)
      guard case .whole = second.resume(from: path, seen: header.seen) else {
        Issue.record("not resumed")
        return
      }
      #expect(made.isEmpty)
      _ = try second.run { _ in }
      #expect(made.count == 1)
      #expect(made.first?.configuration.seed == 3)
      let own = InputSizes(second.network, random: 1, seed: 3)
      #expect(sizes == [1, 500].map { own.size(at: $0) })
    }
  }

  /// The library does not wait itself: whoever runs it says whether to try again.
  @Test func `the last save is tried again as long as the caller says so`() throws {
    try withTemporaryFolder { folder in
      for tries in [0, 2] {
        var asked: [Int] = []
        let target = "\(folder)/\(tries)/backup"
        let trainer = try Self.trainer(target, seed: 3, made: { _ in NoiseSource() }) {
          $0.shouldRetryLastSave = { attempts in
            asked.append(attempts)
            if attempts == 2 {
              try? FileManager.default.createDirectory(
                atPath: "\(folder)/\(tries)", withIntermediateDirectories: true)
            }
            return attempts <= tries
          }
        }
        let outcome = try trainer.run { _ in }
        if tries == 0 {
          guard case .unsaved = outcome else {
            Issue.record("\(outcome)")
            return
          }
          #expect(asked == [1])
          // The next run tries again.
          try FileManager.default.createDirectory(
            atPath: "\(folder)/0", withIntermediateDirectories: true)
          guard case .finished = try trainer.run({ _ in }) else {
            Issue.record("not finished")
            return
          }
        } else {
          guard case .finished = outcome else {
            Issue.record("\(outcome)")
            return
          }
          #expect(asked == [1, 2])
        }
      }
    }
  }

  @Test func `observers hear of events after the caller, and of the end`() throws {
    final class Witness: TrainingObserver {
      var heard: [String] = []
      func onEvent(_ event: TrainingEvent) {
        if case .iteration(let report) = event { heard.append("observer \(report.iteration)") }
      }
      func onEnd() { heard.append("end") }
    }
    let witness = Witness()
    let source = NoiseSource()
    source.lost = (3, 0)
    let trainer = try Self.trainer(nil, seed: 3, made: { _ in source })
    trainer.add(witness)
    #expect(throws: NoiseSource.Lost.self) {
      try trainer.run {
        if case .iteration(let report) = $0 { witness.heard.append("caller \(report.iteration)") }
      }
    }
    #expect(witness.heard == ["caller 1", "observer 1", "caller 2", "observer 2", "end"])
  }
}
