import DarknetNetwork

/// Ends a training whose loss is not a number any more or explodes, and says where it began.
package final class DivergenceObserver: TrainingObserver {
  private var watch = DivergenceWatch()
  private var location: Divergence.Location?

  package init() {}

  package func afterLoss(
    _ loss: TrainingExecutor.Loss, of executor: TrainingExecutor, in context: TrainingContext
  ) -> Bool {
    location = nil
    guard !loss.cost.isFinite else { return true }
    location = DivergenceWatch.location(in: executor)
    return false
  }

  package func afterUpdate(
    _ result: BatchStep.Result, iteration: Int, in context: TrainingContext
  ) -> Divergence? {
    guard let cause = watch.check(result.loss, &context.state) else { return nil }
    return Divergence(
      file: context.network.file, iteration: iteration, cause: cause, location: location,
      rate: result.rate, checkpoint: context.lastGoodCheckpoint)
  }

  /// What the last update may have spoilt, after which no loss was computed.
  ///
  /// - Parameter rate: of that update.
  func check(_ context: TrainingContext, rate: Float) -> Divergence? {
    guard !DivergenceWatch.isSerializable(context.parameters) else { return nil }
    return Divergence(
      file: context.network.file, iteration: context.state.iteration,
      cause: .notFinite(loss: "nan"),
      location: DivergenceWatch.location(in: context.parameters, of: context.network),
      rate: rate, checkpoint: context.lastGoodCheckpoint)
  }
}
