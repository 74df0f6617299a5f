import DarknetNetwork

/// What a training does beside its updates: files, evaluations, a moving average of the weights.
/// One type each, in `Observers/`; a `Trainer` asks them in their order at each place.
package protocol TrainingObserver: AnyObject {
  /// A mini-batch has its loss, but no gradients yet.
  ///
  /// - Returns: false to end the iteration here, without an update; `afterUpdate` has to return why.
  func afterLoss(
    _ loss: TrainingExecutor.Loss, of executor: TrainingExecutor, in context: TrainingContext
  ) -> Bool

  /// An iteration has its loss and, if it is complete, its update; the state is that of the one
  /// before.
  ///
  /// - Returns: why the training has to end, if it has to.
  func afterUpdate(
    _ result: BatchStep.Result, iteration: Int, in context: TrainingContext
  ) -> Divergence?

  /// Changes the weights between two iterations, before anybody measures or saves them.
  func applyBetweenIterations(_ context: TrainingContext)

  /// Looks at the weights between two iterations.
  ///
  /// - Throws: what ends the training.
  func afterIteration(_ context: TrainingContext) throws

  /// Hears of every event, after the training's caller.
  func onEvent(_ event: TrainingEvent)

  /// A run is over, however it ended.
  func onEnd()
}

extension TrainingObserver {
  package func afterLoss(
    _ loss: TrainingExecutor.Loss, of executor: TrainingExecutor, in context: TrainingContext
  ) -> Bool { true }

  package func afterUpdate(
    _ result: BatchStep.Result, iteration: Int, in context: TrainingContext
  ) -> Divergence? { nil }

  package func applyBetweenIterations(_ context: TrainingContext) {}
  package func afterIteration(_ context: TrainingContext) throws {}
  package func onEvent(_ event: TrainingEvent) {}
  package func onEnd() {}
}

/// What the observers of a training share.
package final class TrainingContext {
  package let network: Network
  package let parameters: Parameters
  /// Iterations of the whole training; 0 for one without end.
  package let maxBatches: Int
  package var state: TrainingState
  /// The last file with weights that can be read again, or that the run started from.
  package var lastGoodCheckpoint: String?
  /// Hears of each event.
  var onEvent: (TrainingEvent) -> Void = { _ in }

  package init(
    _ network: Network, parameters: Parameters, maxBatches: Int, state: TrainingState
  ) {
    self.network = network
    self.parameters = parameters
    self.maxBatches = maxBatches
    self.state = state
  }

  /// Reports an event to the training's caller and to all observers.
  package func emit(_ event: TrainingEvent) { onEvent(event) }

  /// Calls `body` while `handler` hears of all events.
  package func withHandler<Result>(
    _ handler: (TrainingEvent) -> Void, _ body: () throws -> Result
  ) rethrows -> Result {
    try withoutActuallyEscaping(handler) { handler in
      onEvent = handler
      defer { onEvent = { _ in } }
      return try body()
    }
  }
}
