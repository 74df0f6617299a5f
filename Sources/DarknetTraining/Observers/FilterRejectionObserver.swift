import DarknetTensors

/// `weights_reject_freq`: reinitialises filters that are like others.
package final class FilterRejectionObserver: TrainingObserver {
  package init() {}

  package func applyBetweenIterations(_ context: TrainingContext) {
    let iteration = context.state.iteration
    guard SimilarFilters.isDue(iteration, context.network.net) else { return }
    var random = RandomStream.rejectedFilters.generator(seed: context.state.seed, iteration)
    let rejected = SimilarFilters.reject(
      in: context.network, parameters: context.parameters, random: &random)
    for one in rejected {
      context.emit(
        .rejectedFilter(layer: one.layer, filter: one.filter, similarity: one.similarity))
    }
  }
}
