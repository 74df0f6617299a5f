/// Measures the weights every few epochs, and has the best ones saved.
package final class EvaluationObserver: TrainingObserver {
  private let interval: Int
  private let first: Int
  private let evaluate: () throws -> Double?
  private let checkpoints: CheckpointObserver

  /// - Parameters:
  ///   - interval: iterations between evaluations.
  ///   - first: no evaluation before this iteration, nor before burn_in is over.
  ///   - checkpoints: saves the best weights, and the present ones if an evaluation fails.
  ///   - evaluate: precision, 0...1, of the parameters as they are; nil if it was interrupted.
  package init(
    interval: Int, first: Int, checkpoints: CheckpointObserver,
    evaluate: @escaping () throws -> Double?
  ) {
    self.interval = interval
    self.first = first
    self.checkpoints = checkpoints
    self.evaluate = evaluate
  }

  /// The iteration after which the next evaluation runs.
  package func next(_ context: TrainingContext) -> Int {
    max(context.state.lastEvaluation + interval, context.network.net.schedule.burnIn, first)
  }

  package func afterIteration(_ context: TrainingContext) throws {
    let iteration = context.state.iteration
    guard iteration >= next(context) || iteration == context.maxBatches else { return }
    let result: Double?
    do {
      result = try evaluate()
    } catch {
      // Whatever became of its pictures, the training so far is kept.
      checkpoints.save([checkpoints.rolling], context)
      throw error
    }
    guard let precision = result else { return }
    context.state.lastEvaluation = iteration
    context.state.lastPrecision = precision
    let (best, bestIteration) = (context.state.bestPrecision, context.state.bestIteration)
    let isBest = precision >= best ?? -1
    if isBest {
      (context.state.bestPrecision, context.state.bestIteration) = (precision, iteration)
    }
    context.emit(.evaluated(precision: precision, isBest: isBest))
    // A best that could not be written does not count: the next one tries again.
    if isBest, !checkpoints.save([.best], context) {
      (context.state.bestPrecision, context.state.bestIteration) = (best, bestIteration)
    }
  }
}
