import DarknetConfig
import DarknetImages

extension BatchLoader {
  /// What is loaded, and how.
  public struct Configuration: Sendable {
    public enum Task: Sendable {
      /// Pictures with boxes of this many classes.
      case detection(DetectionAugmentation, classes: Int)
      /// Pictures with one class each.
      case classification(ClassifierAugmentation, labels: ClassLabels)
    }

    /// Frames of videos that follow one another in the list: `track=1`.
    public struct Sequences: Sendable {
      /// Sequences a batch: row `i` of an iteration belongs to sequence `i % streams`.
      public var streams: Int
      /// Frames are taken in steps of 1 to this many; `augment_speed`.
      public var speed: Int

      public init(streams: Int, speed: Int = 2) {
        self.streams = max(1, streams)
        self.speed = max(1, speed)
      }
    }

    public var list: ListFile
    public var task: Task
    /// The input's sizes; the batch says which it has.
    public var sizes: InputSizes
    /// 3, or 1 for networks that see grey.
    public var channels = 3
    /// Pictures a batch, as the network takes them at once: the cfg's batch / subdivisions.
    public var imagesPerBatch: Int
    /// Batches an iteration: the cfg's subdivisions.
    public var batchesPerIteration: Int
    /// The same seed gives the same batches, bit for bit, whatever the number of threads.
    public var seed: UInt64
    /// Iterations are counted from 1; a resumed run begins later.
    public var firstIteration = 1
    /// `next` gives nil after it; nil continues forever.
    public var lastIteration: Int?
    public var sequences: Sequences?
    /// Whether each second row shows the same picture as the one before, varied otherwise:
    /// `contrastive=1`.
    public var pairs = false
    /// Threads that decode; they only work while the queue has room.
    public var threads = 2
    /// Batches that may be ready or in work beside the one in use; nil chooses by their size,
    /// 3 up to 32 MiB each, then 2, from 96 MiB on 1.
    public var queueDepth: Int?
    /// Memory for decoded pictures, which need not be decoded again when they are drawn again.
    /// Pictures are kept until it is full; none is dropped for another one, as all are equally
    /// likely to be drawn.
    public var cacheBytes = 0
    public var dialect = Dialect.alexeyab
    /// The dialect says how JPEG is rounded, and whether pictures are turned upright.
    public var limits = ImageFile.Limits()
    var readingLimits: ImageFile.Limits {
      var limits = limits
      limits.follow(dialect)
      limits.waitsForPipes = false
      return limits
    }
    /// Where problems are collected; each is given out with one batch.
    public var log: ProblemLog
    /// The cfg, for errors.
    public var configName = "cfg"

    public init(
      list: ListFile, task: Task, sizes: InputSizes, imagesPerBatch: Int,
      batchesPerIteration: Int = 1, seed: UInt64, log: ProblemLog = ProblemLog()
    ) {
      self.list = list
      self.task = task
      self.sizes = sizes
      self.imagesPerBatch = imagesPerBatch
      self.batchesPerIteration = batchesPerIteration
      self.seed = seed
      self.log = log
    }
  }
}
