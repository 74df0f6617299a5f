import DarknetKernels
import DarknetSystem
import DarknetTestSupport
import DarknetTraining
import Foundation
import Testing

/// Executors of one process do not know of one another.
@Suite struct ComputeContextTests {
  private static let cfg = """
    [net]
    batch=2
    width=9
    height=7
    channels=3
    [convolutional]
    filters=24
    size=3
    pad=1
    batch_normalize=1
    activation=leaky
    [maxpool]
    size=2
    stride=2
    [convolutional]
    filters=40
    size=1
    batch_normalize=1
    activation=mish
    [local]
    filters=2
    size=3
    activation=tanh
    [connected]
    output=5
    activation=logistic
    [cost]
    type=sse

    """

  /// Outputs and gradients of one update's passes, as bits.
  private static func run(_ context: ComputeContext) throws -> [UInt32] {
    let fixture = try NetworkFixture(cfg)
    let executor = TrainingExecutor(
      fixture.network, parameters: fixture.parameters, batch: 2, context: context)
    executor.keepsGradients = true
    fixture.randomInput().withUnsafeBufferPointer { executor.forward($0) }
    _ = executor.computeLoss(.values(Values.random(10, seed: 5), perImage: 5))
    executor.backward()
    let outputs = fixture.network.nodes.flatMap { Array(executor.output($0.index).values) }
    let gradients = executor.gradients.joined().compactMap { $0?.array }.joined()
    return (outputs + gradients).map(\.bitPattern)
  }

  @Test func `threads and order belong to an executor`() throws {
    let contexts = [
      ComputeContext(threads: 1), ComputeContext(threads: 3),
      ComputeContext(threads: 2, arithmetic: .reference),
      ComputeContext(threads: 5, arithmetic: .reference),
    ]
    let alone = try contexts.map { try Self.run($0) }
    #expect(alone[0] == alone[1], "threads change bits")
    #expect(alone[2] == alone[3], "threads change bits of the reference order")
    // Otherwise the orders would not be told apart here.
    #expect(alone[0] != alone[2])

    let equal = Locked([Int](repeating: 0, count: contexts.count))
    let threads = contexts.indices.map { index in
      Thread {
        for _ in 0..<20 where (try? Self.run(contexts[index])) == alone[index] {
          equal.withLock { $0[index] += 1 }
        }
      }
    }
    for thread in threads { thread.start() }
    while threads.contains(where: { !$0.isFinished }) { usleep(1000) }
    #expect(equal.withLock { $0 } == [20, 20, 20, 20])
  }

  /// What the reference order makes of a plan's layers is as near to the fast one as rounding is.
  @Test func `orders differ by rounding only`() throws {
    let values = try [Arithmetic.fast, .reference].map { arithmetic in
      try Self.run(ComputeContext(threads: 2, arithmetic: arithmetic)).map { Float(bitPattern: $0) }
    }
    let largest = values[0].reduce(0) { max($0, abs($1)) }
    for (a, b) in zip(values[0], values[1]) { #expect(abs(a - b) <= 1e-4 * max(largest, 1)) }
  }
}
