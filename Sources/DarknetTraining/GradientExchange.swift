/// Stands between the backward passes of a batch and its update, where several processes that
/// train one network add up what each has computed.
///
/// The unit is the mini-batch: it is computed by one process alone, with its own batch statistics
/// and draws. For one batch, a `BatchStep` calls
///
///     begin                                  once
///     onBackward(layer: n … 0, miniBatch: k) for each layer with trained parameters of its own,
///                                            last first, as soon as its gradient is whole
///     onMiniBatch(k)                         after the backward pass of mini-batch k
///     combine(costs:)                        after the last mini-batch of this process
///     finish                                 before the update
///
/// with k in `share`, ascending. Every mini-batch reports the same layers in the same order, those
/// that no gradient reached included, so that processes can wait for one another layer by layer.
/// `gradients` sums over mini-batches unless the exchange takes them out in between: one that adds
/// mini-batches in an order of its own copies a layer's gradient in `onBackward` and zeroes it.
package protocol GradientExchange: AnyObject {
  /// The mini-batches, of 0..<count in a batch, that this process computes.
  func share(of count: Int) -> Range<Int>

  /// A batch begins; `gradients` are zero, but for SGD's velocity in comparisons with Darknet.
  func begin(iteration: Int, gradients: Gradients)

  /// The gradient of the layer's own parameters, of those that share them included, is whole for
  /// this mini-batch. Called in the middle of the backward pass: what takes long belongs elsewhere.
  func onBackward(layer: Int, miniBatch: Int, gradients: Gradients)

  /// A mini-batch's backward pass is over.
  func onMiniBatch(_ index: Int, gradients: Gradients)

  /// The costs of all mini-batches, in order.
  ///
  /// - Parameter costs: by mini-batch; nil for those that another process computed.
  /// - Throws: if they cannot be had.
  func combine(costs: [Float?]) throws -> [Float]

  /// Leaves the sums over all mini-batches of the batch in `gradients`.
  ///
  /// - Throws: if they cannot be had; the parameters are not updated then.
  func finish(gradients: Gradients) throws

  /// This batch ends without an update: its loss is not a number, its pictures could not be read,
  /// or the run is stopped. Whoever waits for it must not wait any longer.
  func abandon()
}

/// One process computes everything: its gradients are the sums.
package final class NoExchange: GradientExchange {
  package init() {}
  package func share(of count: Int) -> Range<Int> { 0..<count }
  package func begin(iteration: Int, gradients: Gradients) {}
  package func onBackward(layer: Int, miniBatch: Int, gradients: Gradients) {}
  package func onMiniBatch(_ index: Int, gradients: Gradients) {}
  package func combine(costs: [Float?]) -> [Float] { costs.compactMap(\.self) }
  package func finish(gradients: Gradients) {}
  package func abandon() {}
}
