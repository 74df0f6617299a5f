import DarknetConfig
import DarknetGeometry
import DarknetLayers
import DarknetNetwork
import DarknetSystem
import DarknetTensors
import DarknetTestSupport
import DarknetTraining
import Foundation
import Testing

/// Where the processes of a test put the gradients of their mini-batches, and wait for the others'.
private final class TreeBoard: @unchecked Sendable {
  /// By layer, then by parameter.
  typealias Sums = [Int: [[Float]?]]
  struct Abandoned: Error {}

  private let condition = NSCondition()
  private var sums: [Int: [Int: Sums]] = [:]
  private var costs: [Int: [Int: Float]] = [:]
  private var isAbandoned = false

  private func locked(_ body: () -> Void) {
    condition.lock()
    body()
    condition.broadcast()
    condition.unlock()
  }

  func put(_ sum: Sums, _ iteration: Int, _ k: Int) {
    locked { sums[iteration, default: [:]][k] = sum }
  }
  func put(_ cost: Float, _ iteration: Int, _ k: Int) {
    locked { costs[iteration, default: [:]][k] = cost }
  }
  func abandon() { locked { isAbandoned = true } }

  private func wait<T>(_ ready: () -> T?) throws -> T {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let value = ready() { return value }
      if isAbandoned { throw Abandoned() }
      condition.wait()
    }
  }

  func sums(_ iteration: Int, of count: Int) throws -> [Sums] {
    try wait {
      guard let all = sums[iteration], all.count == count else { return nil }
      return (0..<count).compactMap { all[$0] }
    }
  }

  func costs(_ iteration: Int, of count: Int) throws -> [Float] {
    try wait {
      guard let all = costs[iteration], all.count == count else { return nil }
      return (0..<count).compactMap { all[$0] }
    }
  }
}

/// Sums in a fixed binary tree over the numbers of the mini-batches, whoever computed them.
private final class TreeExchange: GradientExchange {
  private let board: TreeBoard
  private let rank: Int
  private let ranks: Int
  private var iteration = 0
  private var miniBatches = 0
  private var sums: TreeBoard.Sums = [:]
  /// Layers in the order in which they were reported, by mini-batch.
  private(set) var reported: [Int: [Int]] = [:]

  init(_ board: TreeBoard, rank: Int, of ranks: Int) {
    (self.board, self.rank, self.ranks) = (board, rank, ranks)
  }

  func share(of count: Int) -> Range<Int> {
    miniBatches = count
    return count * rank / ranks..<count * (rank + 1) / ranks
  }

  func begin(iteration: Int, gradients: Gradients) {
    self.iteration = iteration
    reported = [:]
    #expect(gradients.buffers.joined().allSatisfy { $0?.array.allSatisfy { $0 == 0 } ?? true })
  }

  func onBackward(layer: Int, miniBatch: Int, gradients: Gradients) {
    reported[miniBatch, default: []].append(layer)
    sums[layer] = gradients.buffers[layer].map { buffer in
      guard let buffer else { return nil }
      let values = buffer.array
      buffer.values.update(repeating: 0)
      return values
    }
  }

  func onMiniBatch(_ index: Int, gradients: Gradients) {
    // Nothing was added after a layer was said to be whole.
    #expect(gradients.buffers.joined().allSatisfy { $0?.array.allSatisfy { $0 == 0 } ?? true })
    board.put(sums, iteration, index)
    sums = [:]
  }

  func combine(costs: [Float?]) throws -> [Float] {
    for (k, cost) in costs.enumerated() { if let cost { board.put(cost, iteration, k) } }
    return try board.costs(iteration, of: costs.count)
  }

  func finish(gradients: Gradients) throws {
    let total = Self.tree(try board.sums(iteration, of: miniBatches)[...])
    for (layer, parameters) in total {
      for case (let buffer?, let values?) in zip(gradients.buffers[layer], parameters) {
        _ = buffer.values.update(fromContentsOf: values)
      }
    }
  }

  private static func tree(_ parts: ArraySlice<TreeBoard.Sums>) -> TreeBoard.Sums {
    guard parts.count > 1 else { return parts.first ?? [:] }
    let middle = parts.startIndex + parts.count / 2
    return tree(parts[..<middle]).merging(tree(parts[middle...])) { a, b in
      zip(a, b).map { a, b in
        guard let a, let b else { return nil }
        return zip(a, b).map(+)
      }
    }
  }

  func abandon() { board.abandon() }
}

@Suite struct GradientExchangeTests {
  /// Without batch norm, whose rolling statistics couple mini-batches; with draws of layers and
  /// shared parameters.
  private static func text(_ options: String = "") -> String {
    """
    [net]
    width=8
    height=8
    channels=2
    batch=8
    subdivisions=4
    learning_rate=0.05
    momentum=0.9
    decay=0.001
    max_batches=100
    \(options)
    [convolutional]
    filters=3
    size=3
    pad=1
    activation=leaky
    [convolutional]
    filters=3
    size=3
    pad=1
    activation=leaky
    [convolutional]
    filters=3
    size=3
    pad=1
    activation=leaky
    share_index=1
    [dropout]
    probability=0.3
    [connected]
    output=5
    activation=linear
    [softmax]
    """
  }

  private static func prepare(_ iteration: Int, _ k: Int, _ input: TensorView) -> Truth {
    var random = Random(seed: UInt64(iteration * 64 + k))
    for i in 0..<input.count { input.pointer[i] = random.uniform(-1, 1) }
    var truth = [Float](repeating: 0, count: 5 * input.batch)
    for n in 0..<input.batch { truth[5 * n + random.below(5)] = 1 }
    return .values(truth, perImage: 5)
  }

  private struct Lost: Error {}

  /// A process' part of a training: its parameters and losses at the end.
  ///
  /// - Parameter lost: the mini-batch that cannot be read.
  private static func train(
    _ text: String, exchange: any GradientExchange, iterations: Int = 5,
    lost: (iteration: Int, index: Int)? = nil
  ) throws -> (weights: [[Float]], losses: [Float]) {
    let fixture = try NetworkFixture(text)
    let step = BatchStep(
      fixture.network, parameters: fixture.parameters, seed: 3, exchange: exchange)
    var losses: [Float] = []
    for iteration in 1...iterations {
      let result = try step.run(iteration: iteration) { k, input in
        if let lost, lost == (iteration, k) { throw Lost() }
        return prepare(iteration, k, input)
      }
      losses.append(result.loss)
    }
    return (fixture.parameters.buffers.joined().map(\.array), losses)
  }

  private final class Outcomes: @unchecked Sendable {
    let lock = NSLock()
    var all: [Int: Result<(weights: [[Float]], losses: [Float]), any Error>] = [:]
  }

  /// The same by several "processes", a thread each.
  private static func train(
    _ text: String, ranks: Int, lost: (iteration: Int, index: Int)? = nil
  ) throws -> [Result<(weights: [[Float]], losses: [Float]), any Error>] {
    let (board, outcomes) = (TreeBoard(), Outcomes())
    let threads = try (0..<ranks).map { rank in
      try #require(
        WorkThread {
          let outcome = Result {
            try train(
              text, exchange: TreeExchange(board, rank: rank, of: ranks), lost: lost)
          }
          outcomes.lock.withLock { outcomes.all[rank] = outcome }
        })
    }
    for thread in threads { thread.join() }
    return try (0..<ranks).map { try #require(outcomes.all[$0]) }
  }

  /// The order of sums is that of the tree, not that of the processes: 3 have uneven shares.
  @Test(arguments: ["", "adam=1"], [2, 3, 4])
  func `several processes train as one, bit for bit`(options: String, ranks: Int) throws {
    let text = Self.text(options)
    let one = try Self.train(text, exchange: TreeExchange(TreeBoard(), rank: 0, of: 1))
    for result in try Self.train(text, ranks: ranks) {
      let (weights, losses) = try result.get()
      #expect(weights == one.weights)
      #expect(losses == one.losses)
    }
    // They learn what a training without exchange learns, but for the order of sums.
    let plain = try Self.train(text, exchange: NoExchange())
    for (a, b) in zip(plain.weights.joined(), one.weights.joined()) { #expect(abs(a - b) < 1e-4) }
  }

  @Test func `each layer is reported once a mini-batch, the last one first`() throws {
    let exchange = TreeExchange(TreeBoard(), rank: 0, of: 1)
    _ = try Self.train(Self.text(), exchange: exchange, iterations: 1)
    // Layer 2 shares the parameters of layer 1, dropout and softmax have none.
    #expect(exchange.reported == [0: [4, 1, 0], 1: [4, 1, 0], 2: [4, 1, 0], 3: [4, 1, 0]])
  }

  /// Nobody waits for a process whose pictures could not be read.
  @Test func `a process that fails ends the others`() throws {
    let results = try Self.train(Self.text(), ranks: 2, lost: (3, 2))
    #expect(throws: TreeBoard.Abandoned.self) { try results[0].get() }
    #expect(throws: Lost.self) { try results[1].get() }
  }

  /// A batch that came to no end leaves nothing in the next one.
  @Test func `a batch that fails changes nothing`() throws {
    let fixture = try NetworkFixture(Self.text())
    let step = BatchStep(fixture.network, parameters: fixture.parameters, seed: 3)
    _ = try step.run(iteration: 1) { k, input in Self.prepare(1, k, input) }
    #expect(throws: Lost.self) {
      try step.run(iteration: 2) { k, input in
        if k == 3 { throw Lost() }
        return Self.prepare(7, k, input)
      }
    }
    let stopped = try step.run(iteration: 2) { k, input in
      Self.prepare(8, k, input)
    } onMiniBatch: { k, _ in
      k < 2
    }
    #expect(!stopped.isComplete)
    _ = try step.run(iteration: 2) { k, input in Self.prepare(2, k, input) }
    let whole = try Self.train(Self.text(), exchange: NoExchange(), iterations: 2)
    #expect(fixture.parameters.buffers.joined().map(\.array) == whole.weights)
  }
}
