import DarknetConfig
import DarknetImages

extension BatchLoader {
  /// What is loaded, and how.
  package struct Configuration: Sendable {
    package enum Task: Sendable {
      /// Pictures with boxes of this many classes.
      case detection(DetectionAugmentation, classes: Int)
      /// Pictures with one class each.
      case classification(ClassifierAugmentation, labels: ClassLabels)
    }

    /// Frames of videos that follow one another in the list: `track=1`.
    package struct Sequences: Sendable {
      /// Sequences a batch: row `i` of an iteration belongs to sequence `i % streams`.
      package var streams: Int
      /// Frames are taken in steps of 1 to this many; `augment_speed`.
      package var speed: Int

      package init(streams: Int, speed: Int = 2) {
        self.streams = max(1, streams)
        self.speed = max(1, speed)
      }
    }

    package var list: ListFile
    package var task: Task
    /// The input's sizes; the batch says which it has.
    package var sizes: InputSizes
    /// 3, or 1 for networks that see grey.
    package var channels = 3
    /// Pictures a batch, as the network takes them at once: the cfg's batch / subdivisions.
    package var imagesPerBatch: Int
    /// Batches an iteration: the cfg's subdivisions.
    package var batchesPerIteration: Int
    /// The same seed gives the same batches, bit for bit, whatever the number of threads.
    package var seed: UInt64
    /// Iterations are counted from 1; a resumed run begins later.
    package var firstIteration = 1
    /// `next` gives nil after it; nil continues forever.
    package var lastIteration: Int?
    package var sequences: Sequences?
    /// Whether each second row shows the same picture as the one before, varied otherwise:
    /// `contrastive=1`.
    package var pairs = false
    /// Threads that decode; they only work while the queue has room.
    package var threads = 2
    /// Batches that may be ready or in work beside the one in use; nil chooses by their size,
    /// 3 up to 32 MiB each, then 2, from 96 MiB on 1.
    package var queueDepth: Int?
    /// Memory for decoded pictures, which need not be decoded again when they are drawn again.
    /// Pictures are kept until it is full; none is dropped for another one, as all are equally
    /// likely to be drawn.
    package var cacheBytes = 0
    package var dialect = Dialect.alexeyab
    /// The dialect says how JPEG is rounded, and whether pictures are turned upright.
    package var limits = ImageFile.Limits()
    var readingLimits: ImageFile.Limits {
      var limits = limits
      limits.follow(dialect)
      limits.waitsForPipes = false
      return limits
    }
    /// Where problems are collected; each is given out with one batch.
    package var log: ProblemLog
    /// The cfg, for errors.
    package var configName = "cfg"

    package init(
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
