import DarknetImages
import DarknetSystem
import DarknetTensors
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Gives training one batch after another, decoded and varied ahead by threads of its own, so that
/// the training step does not wait.
///
/// Pictures are drawn uniformly with replacement, as Darknet does. What cannot be read is replaced
/// by another draw; problems come with the batches, each once.
///
///     let loader = try BatchLoader(configuration)
///     while let batch = try loader.next() { … }
package final class BatchLoader: Sendable {
  package let configuration: Configuration
  private let crew: LoaderCrew

  /// Starts the threads.
  ///
  /// - Throws: `DataError` if the configuration cannot work.
  package init(_ configuration: Configuration) throws(DataError) {
    do throws(ConfigError) {
      switch configuration.task {
      case .detection(let augmentation, _): try augmentation.check(file: configuration.configName)
      case .classification(let augmentation, _):
        try augmentation.check(file: configuration.configName)
      }
      guard configuration.channels == 1 || configuration.channels == 3 else {
        throw ConfigError(
          file: configuration.configName, section: "net", option: "channels",
          expected: "1 or 3, as pictures have", found: "\(configuration.channels)",
          fix: "change it")
      }
    } catch {
      throw .content(error)
    }
    precondition(configuration.list.count > 0, "a loader needs pictures")
    precondition(configuration.imagesPerBatch > 0, "a batch needs images")
    precondition(configuration.batchesPerIteration > 0, "an iteration needs batches")
    self.configuration = configuration
    crew = LoaderCrew(configuration)
  }

  deinit { crew.dismiss() }

  /// The next batch, waiting for it if need be; nil after the last iteration.
  ///
  /// - Parameter isStopped: asked about ten times a second while it waits; true ends the loader,
  ///   which gives nil from then on.
  /// - Throws: `DataError` if no picture of the list can be read.
  package func next(
    unless isStopped: () -> Bool = { false }
  ) throws(DataError) -> Batch? { try crew.next(unless: isStopped) }
}

/// The threads of a loader and the queue between them and `next`.
///
/// All threads work on the earliest batch that has rows left, so the one that is waited for is
/// done soonest.
private final class LoaderCrew: @unchecked Sendable {
  private final class Job {
    let batch: Batch
    var nextRow = 0
    var rowsLeft: Int
    var error: DataError?

    init(_ batch: Batch) {
      self.batch = batch
      rowsLeft = batch.images
    }
  }

  private let configuration: BatchLoader.Configuration
  private let rows: SampleBuilder
  private let pool: BufferPool
  private let depth: Int
  private let isDetection: Bool

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let roomChanged = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let batchDone = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  // Below: only with the mutex held.
  private var jobs: [Job] = []
  /// Of the next batch that is opened.
  private var iteration: Int
  private var part = 0
  private var isStopping = false
  private var failure: DataError?
  private var workers: [WorkThread] = []

  init(_ configuration: BatchLoader.Configuration) {
    self.configuration = configuration
    rows = SampleBuilder(configuration)
    let largest = configuration.sizes.largest
    let bytes =
      configuration.imagesPerBatch * configuration.channels * largest.width
      * largest.height * MemoryLayout<Float>.stride
    depth = max(
      1, configuration.queueDepth ?? (bytes <= 32 << 20 ? 3 : bytes < 96 << 20 ? 2 : 1))
    pool = BufferPool(limit: depth + 1)
    if case .detection = configuration.task { isDetection = true } else { isDetection = false }
    iteration = configuration.firstIteration
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(roomChanged, nil)
    pthread_cond_init(batchDone, nil)
    for _ in 0..<max(1, configuration.threads) {
      guard let worker = WorkThread({ [self] in work() }) else { break }
      workers.append(worker)
    }
  }

  deinit {
    pthread_cond_destroy(roomChanged)
    pthread_cond_destroy(batchDone)
    pthread_mutex_destroy(mutex)
    roomChanged.deallocate()
    batchDone.deallocate()
    mutex.deallocate()
  }

  /// Ends the threads without waiting: one of them may hang in a file forever. With the mutex
  /// held.
  private func abandon() {
    isStopping = true
    pthread_cond_broadcast(roomChanged)
    for worker in workers { worker.detach() }
    workers = []
  }

  /// Ends the threads and waits for them.
  func dismiss() {
    pthread_mutex_lock(mutex)
    isStopping = true
    pthread_cond_broadcast(roomChanged)
    pthread_mutex_unlock(mutex)
    for worker in workers { worker.join() }
    workers = []
  }

  func next(unless isStopped: () -> Bool) throws(DataError) -> Batch? {
    let start = seconds()
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let failure { throw failure }
      if let job = jobs.first, job.rowsLeft == 0 {
        jobs.removeFirst()
        if let error = job.error {
          failure = error
          throw error
        }
        pthread_cond_broadcast(roomChanged)
        job.batch.waitSeconds = seconds() - start
        return job.batch
      }
      if isStopping || jobs.isEmpty && isExhausted { return nil }
      if isStopped() {
        abandon()
        return nil
      }
      if workers.isEmpty {
        // No thread could be started: the caller does the work.
        let (job, row) = takeRow()!
        make(row, of: job)
      } else {
        waitForBatch()
      }
    }
  }

  /// For a tenth of a second at most.
  private func waitForBatch() {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    time.tv_nsec += 100_000_000
    if time.tv_nsec >= 1_000_000_000 {
      time.tv_sec += 1
      time.tv_nsec -= 1_000_000_000
    }
    pthread_cond_timedwait(batchDone, mutex, &time)
  }

  // MARK: With the mutex held

  private var isExhausted: Bool { configuration.lastIteration.map { iteration > $0 } ?? false }

  /// The next row to be made, of a new batch if the queue has room for one; nil if there is
  /// nothing to do.
  private func takeRow() -> (job: Job, row: Int)? {
    if let job = jobs.first(where: { $0.nextRow < $0.batch.images }) {
      job.nextRow += 1
      return (job, job.nextRow - 1)
    }
    guard jobs.count < depth, !isExhausted, failure == nil else { return nil }
    let size = configuration.sizes.size(at: iteration)
    let shape = Shape(channels: configuration.channels, height: size.height, width: size.width)
    let job = Job(
      Batch(
        iteration: iteration, part: part, images: configuration.imagesPerBatch, shape: shape,
        isDetection: isDetection, pool: pool))
    part += 1
    if part == configuration.batchesPerIteration { (iteration, part) = (iteration + 1, 0) }
    job.nextRow = 1
    jobs.append(job)
    return (job, 0)
  }

  /// Makes a row, without the mutex meanwhile, and enters it.
  private func make(_ row: Int, of job: Job) {
    let batch = job.batch
    pthread_mutex_unlock(mutex)
    let result = Result { () throws(DataError) in
      try rows.make(
        batch.part * batch.images + row, ofIteration: batch.iteration,
        into: PlaneTarget(
          batch.input.pointer + row * batch.shape.count, width: batch.shape.width,
          height: batch.shape.height))
    }
    pthread_mutex_lock(mutex)
    switch result {
    case .success(let made):
      batch.pictures[row] = made.picture
      batch.problems += made.problems
      switch made.truth {
      case .boxes(let boxes): batch.truth[row] = boxes
      case .classShares(let shares): batch.classShares[row] = shares
      }
    case .failure(let error): job.error = error
    }
    job.rowsLeft -= 1
    if job.rowsLeft == 0 { pthread_cond_broadcast(batchDone) }
    // Whoever found all rows taken may open the next batch now.
    if job.rowsLeft == 0 { pthread_cond_broadcast(roomChanged) }
  }

  // MARK: Threads

  private func work() {
    pthread_mutex_lock(mutex)
    while !isStopping {
      if let (job, row) = takeRow() {
        make(row, of: job)
      } else {
        pthread_cond_wait(roomChanged, mutex)
      }
    }
    pthread_mutex_unlock(mutex)
  }
}
