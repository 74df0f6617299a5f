/// How far a training has come, beside the weights: what a resumed run needs to continue as if it
/// had never stopped.
public struct TrainingState: Hashable, Sendable {
  /// Updates made.
  public var iteration = 0
  /// Decides, with the iteration, every random draw of the run.
  public var seed: UInt64
  /// Running average of the loss; nil before the first iteration.
  public var averageLoss: Float?
  /// Largest first loss, against which explosions are measured.
  public var referenceLoss: Float = 0
  /// Mean average precision, 0...1.
  public var bestPrecision: Double?
  public var lastPrecision: Double?
  /// Iteration of the evaluation that gave `bestPrecision`.
  public var bestIteration = 0
  /// Iteration of the last evaluation, or the one at which the first run started.
  public var lastEvaluation = 0
  /// Iterations at which numbered and `_last` files were written.
  public var lastNumbered = 0
  public var lastSaved = 0
  /// Boxes that heads learned so far, and those that overwrote another one's place.
  public var boxes = 0
  public var rewrittenBoxes = 0

  public init(seed: UInt64) { self.seed = seed }
}
