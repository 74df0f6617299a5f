import DarknetData
import DarknetLayers
import DarknetSystem
import DarknetTensors

/// Where a training's pictures come from.
package protocol BatchSource: AnyObject {
  /// Fills `input` with the pictures of mini-batch `index` of iteration `iteration` (from 1), in
  /// the size of `input`, and returns what they show. Waits until they are ready.
  ///
  /// The same numbers must always give the same pictures, so that a resumed run sees what the
  /// uninterrupted one would have seen.
  func fill(_ input: TensorView, iteration: Int, index: Int) throws -> Truth
}

/// What decides which pictures a run sees, beside the iteration. Only a `Trainer` makes one, of its
/// state after it was resumed, so no source can be made of another run's.
package struct SourceState: Sendable {
  package let seed: UInt64
  /// The input sizes of the run.
  package let sizes: InputSizes
}

/// What an iteration was like.
public struct IterationReport: Sendable {
  /// From 1.
  public var iteration: Int
  /// The last iteration; 0 for a classifier that trains without end.
  public var maxBatches: Int
  /// Mean over the images of the iteration.
  public var loss: Float
  /// Its running average: nine parts of the one before, one of `loss`.
  public var averageLoss: Float
  /// The learning rate.
  public var rate: Float
  /// Seconds of computing, without waiting for data.
  public var seconds: Double
  /// Seconds of waiting for data.
  public var wait: Double
  /// Images of all iterations so far.
  public var images: Int
  /// Images of this iteration.
  public var batchImages: Int
  /// The smoothed estimate of the iterations before; -1 in the first.
  public var hoursLeft: Double
  /// The size of the network's input.
  public var input: InputSizes.Size
  /// Iteration of the next evaluation, if there are any.
  public var nextEvaluation: Int?
  /// Of the last evaluation, 0...1; nil before the first.
  public var lastPrecision: Double?
  /// Of the best evaluation, 0...1; nil before the first.
  public var bestPrecision: Double?

  package init(
    iteration: Int, maxBatches: Int, loss: Float, averageLoss: Float, rate: Float,
    seconds: Double, wait: Double, images: Int, batchImages: Int, hoursLeft: Double,
    input: InputSizes.Size, nextEvaluation: Int? = nil, lastPrecision: Double? = nil,
    bestPrecision: Double? = nil
  ) {
    self.iteration = iteration
    self.maxBatches = maxBatches
    self.loss = loss
    self.averageLoss = averageLoss
    self.rate = rate
    self.seconds = seconds
    self.wait = wait
    self.images = images
    self.batchImages = batchImages
    self.hoursLeft = hoursLeft
    self.input = input
    self.nextEvaluation = nextEvaluation
    self.lastPrecision = lastPrecision
    self.bestPrecision = bestPrecision
  }
}

/// What a trainer reports while it runs, in order.
public enum TrainingEvent {
  /// A new input size: its factor's limit and the size.
  case resized(coefficient: Float, InputSizes.Size)
  /// The first pictures of an iteration are there, after this many seconds of waiting.
  case loaded(seconds: Double, isFirst: Bool)
  /// The heads' reports of a mini-batch.
  case losses([(layer: Int, report: LossReport)], boxes: Int, rewritten: Int)
  /// An iteration is over, its update made.
  case iteration(IterationReport)
  /// Filters that were reinitialised, and the layers and similarities.
  case rejectedFilter(layer: Int, filter: Int, similarity: Double)
  /// The moving average of the weights begins.
  case averageStarted
  /// It took in the weights, with this share of its old value.
  case averageUpdated(alpha: Float)
  /// It took the place of the weights.
  case averageApplied
  /// The result of an evaluation, 0...1.
  case evaluated(precision: Double, isBest: Bool)
  /// A weights file is about to be written.
  case saving(CheckpointSchedule.Kind, path: String)
  /// It is written, whole.
  case saved(CheckpointSchedule.Kind, path: String)
  /// The file could not be written; training continues, and tries again after this many iterations;
  /// nil where it ends.
  case saveFailed(FileError, retryAfter: Int?)
}

/// How a training ended.
public enum TrainingOutcome {
  /// At max_batches.
  case finished
  /// At max_batches or by `shouldStop`, but the last weights could not be written; running again
  /// tries again.
  case unsaved
  /// Because `shouldStop` said so; the state is saved.
  case stopped
  /// The loss went wrong.
  case diverged(Divergence)
}
