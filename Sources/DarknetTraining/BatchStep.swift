import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// One iteration: forward, loss and backward of each mini-batch of a batch, then the update.
package final class BatchStep {
  package let executor: TrainingExecutor
  package let optimizer: Optimizer
  /// Seed of the run; with the iteration it decides all draws.
  package var seed: UInt64
  /// Adds gradients to SGD's velocity as Darknet's programs do, for comparisons to the last bit.
  package var sumsOntoVelocity = false

  private let exchange: any GradientExchange
  /// Layers with trained parameters of their own, the last one first.
  private let owners: [Int]
  /// Whether the gradients hold parts of a batch that came to no end.
  private var isMidway = false

  /// - Parameters:
  ///   - method: nil for what the cfg asks for.
  ///   - exchange: what adds the gradients of several processes.
  ///   - context: who computes.
  package init(
    _ network: Network, parameters: Parameters, seed: UInt64 = 0,
    method: Optimizer.Method? = nil, exchange: any GradientExchange = NoExchange(),
    context: ComputeContext = .shared
  ) {
    let gradients = Gradients(of: network)
    executor = TrainingExecutor(
      network, parameters: parameters, gradients: gradients, context: context)
    optimizer = Optimizer(
      network, parameters: parameters, gradients: gradients, method: method,
      context: context)
    self.seed = seed
    self.exchange = exchange
    owners = network.nodes.reversed().filter { node in
      node.layer.sharesParametersOf == nil
        && gradients.buffers[node.index].contains { $0 != nil }
    }.map(\.index)
  }

  /// What a batch gave.
  package struct Result: Sendable {
    /// Darknet's loss of a batch: the mini-batches' costs over the number of images.
    package var loss: Float
    package var rate: Float
    /// Whether the parameters were updated.
    package var isComplete: Bool

    package init(loss: Float, rate: Float, isComplete: Bool) {
      self.loss = loss
      self.rate = rate
      self.isComplete = isComplete
    }
  }

  /// The learning rate of an iteration; `random` draws from the seed.
  package func rate(iteration: Int) -> Float {
    var random = RandomStream.learningRate.generator(seed: seed, iteration)
    return executor.network.net.schedule.rate(iteration: iteration, draw: Float(random.unit()))
  }

  /// Runs the batch of iteration `iteration`, from 1.
  ///
  /// - Parameters:
  ///   - prepare: fills the executor's input for mini-batch k and returns its truth.
  ///   - onMiniBatch: called after each mini-batch's loss, before its backward pass; false stops
  ///     the batch without an update.
  /// - Throws: what `prepare` and the exchange throw; parameters and momentum are as before then,
  ///   but for rolling statistics.
  package func run(
    iteration: Int, prepare: (_ k: Int, _ input: TensorView) throws -> Truth,
    onMiniBatch: (_ k: Int, _ loss: TrainingExecutor.Loss) -> Bool = { _, _ in true }
  ) throws -> Result {
    let net = executor.network.net
    let subdivisions = net.subdivisions
    let gradients = optimizer.gradients
    let rate = rate(iteration: iteration)
    if isMidway { gradients.zero() }
    isMidway = true
    if sumsOntoVelocity { optimizer.moveVelocityIntoGradients() }
    executor.progress.iteration = iteration
    executor.progress.maxBatches = net.maxBatches
    let start = (iteration - 1) * executor.batch * subdivisions
    var costs = [Float?](repeating: nil, count: subdivisions)
    exchange.begin(iteration: iteration, gradients: gradients)
    defer { if isMidway { exchange.abandon() } }
    for k in exchange.share(of: subdivisions) {
      var random = RandomStream.layers.generator(seed: seed, iteration, k)
      executor.seed = random.next()
      executor.progress.seen = start + k * executor.batch
      executor.resetState()
      let truth = try prepare(k, executor.output(-1))
      executor.forward()
      let loss = executor.computeLoss(truth)
      costs[k] = loss.cost
      guard onMiniBatch(k, loss) else {
        let known = costs.compactMap(\.self)
        return Result(
          loss: known.reduce(0, +) / Float(known.count * executor.batch), rate: rate,
          isComplete: false)
      }
      backward(k)
    }
    let total = try exchange.combine(costs: costs).reduce(0, +)
    try exchange.finish(gradients: gradients)
    optimizer.update(iteration: iteration, rate: rate)
    isMidway = false
    return Result(
      loss: total / Float(subdivisions * executor.batch), rate: rate, isComplete: true)
  }

  /// The backward pass of mini-batch `k`. The executor passes over layers that no gradient
  /// reaches; the exchange hears of each owner once all the same.
  private func backward(_ k: Int) {
    var rest = owners[...]
    func report(downTo layer: Int) {
      while let owner = rest.first, owner >= layer {
        rest.removeFirst()
        exchange.onBackward(layer: owner, miniBatch: k, gradients: optimizer.gradients)
      }
    }
    executor.backward { report(downTo: $0) }
    report(downTo: 0)
    exchange.onMiniBatch(k, gradients: optimizer.gradients)
  }
}
