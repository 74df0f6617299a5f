/// `ema_alpha`: lets a moving average follow the weights, and puts it in their place near the end.
package final class MovingAverageObserver: TrainingObserver {
  private let average: WeightAverage

  package init(_ average: WeightAverage) { self.average = average }

  package func applyBetweenIterations(_ context: TrainingContext) {
    let iteration = context.state.iteration
    if average.isDue(iteration) {
      if !average.isStarted { context.emit(.averageStarted) }
      average.update(from: context.parameters)
      context.emit(.averageUpdated(alpha: average.alpha))
    }
    if average.isApplied(iteration) {
      average.apply(to: context.parameters)
      context.emit(.averageApplied)
    }
  }
}
