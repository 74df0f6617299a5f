/// How far a training has come, beside the weights: what a resumed run needs to continue as if it
/// had never stopped.
package struct TrainingState: Hashable, Sendable {
  /// Updates made.
  package var iteration = 0
  /// Decides, with the iteration, every random draw of the run.
  package var seed: UInt64
  /// Running average of the loss; nil before the first iteration.
  package var averageLoss: Float?
  /// Largest first loss, against which explosions are measured.
  package var referenceLoss: Float = 0
  /// Mean average precision, 0...1.
  package var bestPrecision: Double?
  package var lastPrecision: Double?
  /// Iteration of the evaluation that gave `bestPrecision`.
  package var bestIteration = 0
  /// Iteration of the last evaluation, or the one at which the first run started.
  package var lastEvaluation = 0
  /// Iterations at which numbered and `_last` files were written.
  package var lastNumbered = 0
  package var lastSaved = 0
  /// Boxes that heads learned so far, and those that overwrote another one's place.
  package var boxes = 0
  package var rewrittenBoxes = 0

  package init(seed: UInt64) { self.seed = seed }
}
