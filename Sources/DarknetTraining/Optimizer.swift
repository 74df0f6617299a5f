import DarknetKernels
import DarknetNetwork
import DarknetTensors

/// Changes the parameters after each batch, as `[net]` and each section's options say.
///
/// Per layer: `learning_rate` multiplies the rate; `dont_update` and frozen layers keep their
/// values; `burnin_update=k` waits for k burn-ins; `train_only_bn` trains biases and scales only,
/// in all earlier layers, too; `clip` limits the weights.
package final class Optimizer {
  package enum Method: Hashable, Sendable {
    case sgd(momentum: Float)
    case adam(NetOptions.Adam)
  }

  package let method: Method
  package let network: Network
  package let parameters: Parameters
  package let gradients: Gradients
  /// What the method keeps of each trained parameter, as `gradients`: SGD its velocity, the
  /// momentum times the last step's; Adam its first and second moment. All start at 0.
  private let memories: [[[FloatBuffer]]]
  private let context: ComputeContext
  /// Updates that Adam has made.
  var adamSteps = 0
  /// The last layer with `train_only_bn`.
  private let lastNormalizationOnlyLayer: Int

  package init(
    _ network: Network, parameters: Parameters, gradients: Gradients, method: Method? = nil,
    context: ComputeContext = .shared
  ) {
    self.network = network
    self.parameters = parameters
    self.gradients = gradients
    self.context = context
    self.method =
      method ?? network.net.adam.map { .adam($0) } ?? .sgd(momentum: network.net.momentum)
    lastNormalizationOnlyLayer =
      network.nodes.last { $0.common.trainOnlyBatchNormalization }?.index ?? -1
    let copies = if case .adam = self.method { 2 } else { 1 }
    memories = network.nodes.map { node in
      gradients.buffers[node.index].map { buffer in
        guard let buffer, node.layer.sharesParametersOf == nil else { return [] }
        return (0..<copies).map { _ in FloatBuffer(count: buffer.count) }
      }
    }
  }

  /// What must be kept, beside the parameters and `adamSteps`, for the next update of a layer: of
  /// each trained parameter in turn the velocity, or Adam's first and second moment.
  package func memory(ofLayer index: Int) -> [FloatBuffer] { Array(memories[index].joined()) }

  /// Images per update, as Darknet divides by: mini-batch, time steps and subdivisions.
  private var batch: Int { network.net.imagesPerUpdate }

  /// Lets the next batch's gradients be added to SGD's velocity, mini-batch by mini-batch, as
  /// Darknet's programs add them: (v + g1) + g2 where an update has v + (g1 + g2). For comparisons
  /// with their results to the last bit.
  ///
  /// - Precondition: the gradients are zero.
  package func moveVelocityIntoGradients() {
    guard case .sgd = method else { return }
    for (buffers, memory) in zip(gradients.buffers, memories) {
      for case (let gradient?, let velocity?) in zip(buffers, memory.map(\.first)) {
        Vector.copy(velocity.pointer, to: gradient.pointer, count: velocity.count)
        velocity.values.update(repeating: 0)
      }
    }
  }

  /// One update from the sums in `gradients`, which are zero after it.
  ///
  /// - Parameters:
  ///   - iteration: of this update, from 1.
  ///   - rate: the schedule's learning rate.
  package func update(iteration: Int, rate: Float) {
    adamSteps += 1
    for node in network.nodes where node.layer.sharesParametersOf == nil {
      let isUpdated = isUpdated(node, iteration: iteration)
      for (index, parameter) in node.layer.parameters.enumerated() {
        guard let gradient = gradients.buffers[node.index][index] else { continue }
        let onlyNormalization = node.index <= lastNormalizationOnlyLayer
        guard isUpdated, !(onlyNormalization && parameter.role == .weight) else {
          // What was summed up for a layer that stays as it is must not pile up.
          gradient.values.update(repeating: 0)
          continue
        }
        let values = parameters.buffers[node.index][index]
        update(
          values, gradient, memory: memories[node.index][index],
          rate: rate * node.common.learningRateScale, isWeight: parameter.role == .weight)
        if node.common.clip > 0, parameter.role == .weight {
          limit(values, to: node.common.clip)
        }
      }
    }
  }

  private func isUpdated(_ node: Network.Node, iteration: Int) -> Bool {
    let common = node.common
    if common.dontUpdate { return false }
    let (start, overflows) = common.burnInUpdate.multipliedReportingOverflow(
      by: network.net.schedule.burnIn)
    return !overflows && iteration >= start
  }

  private func update(
    _ values: FloatBuffer, _ gradient: FloatBuffer, memory: [FloatBuffer], rate: Float,
    isWeight: Bool
  ) {
    let decay = network.net.weightDecay * Float(batch)
    switch method {
    case .sgd(let momentum):
      let step = SGD(rate: rate / Float(batch), decay: isWeight ? decay : 0, momentum: momentum)
      inParts(values.count) { start, count in
        step.apply(
          to: values.pointer + start, velocity: memory[0].pointer + start,
          gradient: gradient.pointer + start, count: count, arithmetic: context.arithmetic)
      }
    case .adam(let options):
      let step = Adam(options, rate: rate, decay: decay, step: adamSteps)
      inParts(values.count) { start, count in
        step.apply(
          to: values.pointer + start, gradient: gradient.pointer + start,
          first: memory[0].pointer + start, second: memory[1].pointer + start,
          count: count)
      }
    }
  }

  private func limit(_ values: FloatBuffer, to bound: Float) {
    for i in 0..<values.count { values.pointer[i] = min(max(values.pointer[i], -bound), bound) }
  }

  /// Parts that keep a thread busy for some microseconds.
  private func inParts(_ count: Int, _ body: (_ start: Int, _ count: Int) -> Void) {
    let part = 1 << 15
    context.run((count + part - 1) / part) { index in
      body(index * part, min(part, count - index * part))
    }
  }
}

/// Stochastic gradient descent with momentum and weight decay, scaled as Darknet scales it.
///
/// With g = +dLoss/dw, summed over the batch of B images, and the velocity v that the updates
/// before have left:
///
///     v += g + decay B w       (decay for weights only)
///     w -= rate / B v
///     v *= momentum,   g = 0
struct SGD {
  /// Learning rate over B.
  let rate: Float
  /// Weight decay times B; 0 for biases and scales.
  let decay: Float
  let momentum: Float

  func apply(
    to w: UnsafeMutablePointer<Float>, velocity v: UnsafeMutablePointer<Float>,
    gradient g: UnsafeMutablePointer<Float>, count: Int, arithmetic: Arithmetic
  ) {
    Vector.stepSGD(
      w, velocity: v, gradient: g, rate: rate, decay: decay, momentum: momentum, count: count,
      arithmetic: arithmetic)
  }
}

/// Adam (Kingma and Ba 2015), as Darknet's GPU code has it: the decay of B w goes into the
/// gradient of weights, biases and scales alike, and the rate is not divided by B.
///
///     g += decay B w,   m = b1 m + (1 - b1) g,   v = b2 v + (1 - b2) g^2
///     w -= rate m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon),   g = 0
struct Adam {
  private let options: NetOptions.Adam
  private let rate: Float
  private let decay: Float
  /// 1 / (1 - b^t).
  private let firstCorrection: Float
  private let secondCorrection: Float

  /// - Parameter step: t, from 1.
  init(_ options: NetOptions.Adam, rate: Float, decay: Float, step: Int) {
    self.options = options
    self.rate = rate
    self.decay = decay
    firstCorrection = 1 / (1 - Self.power(options.beta1, step))
    secondCorrection = 1 / (1 - Self.power(options.beta2, step))
  }

  private static func power(_ base: Float, _ exponent: Int) -> Float {
    var (result, base, exponent) = (1.0, Double(base), exponent)
    while exponent > 0 {
      if exponent & 1 == 1 { result *= base }
      base *= base
      exponent >>= 1
    }
    return Float(result)
  }

  func apply(
    to w: UnsafeMutablePointer<Float>, gradient g: UnsafeMutablePointer<Float>,
    first m: UnsafeMutablePointer<Float>, second v: UnsafeMutablePointer<Float>, count: Int
  ) {
    let (b1, b2) = (options.beta1, options.beta2)
    for i in 0..<count {
      let sum = g[i] + decay * w[i]
      m[i] = b1 * m[i] + (1 - b1) * sum
      v[i] = b2 * v[i] + (1 - b2) * sum * sum
      w[i] -=
        rate * m[i] * firstCorrection
        / ((v[i] * secondCorrection).squareRoot() + options.epsilon)
      g[i] = 0
    }
  }
}
