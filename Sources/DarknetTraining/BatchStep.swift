import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// One iteration: forward, loss and backward of each mini-batch of a batch, then the update.
package final class BatchStep {
  package let executor: TrainingExecutor
  package let optimizer: Optimizer
  /// Seed of the run; with the iteration it decides all draws.
  package var seed: UInt64

  package init(
    _ network: Network, parameters: Parameters, seed: UInt64 = 0,
    method: Optimizer.Method? = nil
  ) {
    let gradients = Gradients(of: network)
    executor = TrainingExecutor(network, parameters: parameters, gradients: gradients)
    optimizer = Optimizer(
      network, parameters: parameters, gradients: gradients, method: method)
    self.seed = seed
  }

  /// What a batch gave.
  package struct Result: Sendable {
    /// Darknet's loss of a batch: the mini-batches' costs over the number of images.
    package var loss: Float
    package var rate: Float
    /// Whether the parameters were updated.
    package var isComplete: Bool
  }

  /// The learning rate of an iteration; `random` draws from the seed.
  package func rate(iteration: Int) -> Float {
    var random = Random(seed: seed).split(UInt64(iteration) &* 2 &+ 1)
    return executor.network.net.schedule.rate(iteration: iteration, draw: Float(random.unit()))
  }

  /// Runs the batch of iteration `iteration`, from 1.
  ///
  /// - Parameters:
  ///   - prepare: fills the executor's input for mini-batch k and returns its truth.
  ///   - onMiniBatch: called after each mini-batch's loss, before its backward pass; false stops
  ///     the batch without an update.
  package func run(
    iteration: Int, prepare: (_ k: Int, _ input: TensorView) throws -> Truth,
    onMiniBatch: (_ k: Int, _ loss: TrainingExecutor.Loss) -> Bool = { _, _ in true }
  ) rethrows -> Result {
    let net = executor.network.net
    let subdivisions = net.subdivisions
    let rate = rate(iteration: iteration)
    var total: Float = 0
    executor.progress.iteration = iteration
    executor.progress.maxBatches = net.maxBatches
    let start = (iteration - 1) * executor.batch * subdivisions
    for k in 0..<subdivisions {
      var random = Random(seed: seed).split(UInt64(iteration) << 16 | UInt64(k) & 0xFFFF)
      executor.seed = random.next()
      executor.progress.seen = start + k * executor.batch
      executor.resetState()
      let truth = try prepare(k, executor.output(-1))
      executor.forward()
      let loss = executor.computeLoss(truth)
      total += loss.cost
      guard onMiniBatch(k, loss) else {
        return Result(
          loss: total / Float((k + 1) * executor.batch), rate: rate, isComplete: false)
      }
      executor.backward()
    }
    optimizer.update(iteration: iteration, rate: rate)
    return Result(
      loss: total / Float(subdivisions * executor.batch), rate: rate, isComplete: true)
  }
}
