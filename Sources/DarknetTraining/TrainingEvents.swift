import DarknetData
import DarknetLayers
import DarknetSystem
import DarknetTensors

/// Where a training's pictures come from.
public protocol BatchSource: AnyObject {
  /// Fills `input` with the pictures of mini-batch `index` of iteration `iteration` (from 1), in
  /// the size of `input`, and returns what they show. Waits until they are ready.
  ///
  /// The same numbers must always give the same pictures, so that a resumed run sees what the
  /// uninterrupted one would have seen.
  func fill(_ input: TensorView, iteration: Int, index: Int) throws -> Truth
}

/// What an iteration was like.
public struct IterationReport: Sendable {
  public var iteration: Int
  public var maxBatches: Int
  public var loss: Float
  public var averageLoss: Float
  public var rate: Float
  /// Seconds of computing, without waiting for data.
  public var seconds: Double
  /// Seconds of waiting for data.
  public var wait: Double
  /// Images of all iterations so far, and of this one.
  public var images: Int
  public var batchImages: Int
  /// The smoothed estimate of the iterations before; -1 in the first.
  public var hoursLeft: Double
  public var input: InputSizes.Size
  /// Iteration of the next evaluation, if there are any.
  public var nextEvaluation: Int?
  public var lastPrecision: Double?
  public var bestPrecision: Double?
}

/// What a trainer tells while it runs, in order.
public enum TrainingEvent {
  /// A new input size: its factor's limit and the size.
  case resized(coefficient: Float, InputSizes.Size)
  /// The first pictures of an iteration are there, after this many seconds of waiting.
  case loaded(seconds: Double, isFirst: Bool)
  /// The heads' reports of a mini-batch.
  case losses([(layer: Int, report: LossReport)], boxes: Int, rewritten: Int)
  case iteration(IterationReport)
  /// Filters that were reinitialised, and the layers and similarities.
  case rejectedFilter(layer: Int, filter: Int, similarity: Double)
  case averageStarted
  case averageUpdated(alpha: Float)
  case averageApplied
  /// The result of an evaluation, 0...1.
  case evaluated(precision: Double, isBest: Bool)
  case saving(CheckpointSchedule.Kind, path: String)
  case saved(CheckpointSchedule.Kind, path: String)
  /// The file could not be written; training continues, and tries again after this many iterations;
  /// nil where it ends.
  case saveFailed(FileError, retryAfter: Int?)
}

/// How a training ended.
public enum TrainingOutcome {
  /// At max_batches.
  case finished
  /// At max_batches or by `shouldStop`, but the last weights could not be written.
  case unsaved
  /// Because `shouldStop` said so; the state is saved.
  case stopped
  /// The loss went wrong.
  case diverged(Divergence)
}
