import DarknetSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes weights and states when they are due, and again where they could not be written.
package final class CheckpointObserver: TrainingObserver {
  private let checkpoint: Checkpoint
  /// nil to write nothing.
  private let folder: CheckpointFolder?
  private let schedule: CheckpointSchedule
  private let average: WeightAverage?
  /// Iteration at which a file that could not be written is tried again.
  private var retryIteration: Int?
  /// Iterations until a file that could not be written is tried again.
  private static let retryInterval = 10

  package init(
    _ checkpoint: Checkpoint, folder: CheckpointFolder?, schedule: CheckpointSchedule,
    average: WeightAverage?
  ) {
    self.checkpoint = checkpoint
    self.folder = folder
    self.schedule = schedule
    self.average = average
  }

  /// The file to continue from.
  package var rolling: CheckpointSchedule.Kind { schedule.dialect == .pjreddie ? .backup : .last }

  package func afterIteration(_ context: TrainingContext) {
    var kinds = schedule.due(&context.state)
    if kinds.contains(.last), average?.isStarted ?? false { kinds.append(.average) }
    if let at = retryIteration, context.state.iteration >= at {
      retryIteration = nil
      // Whatever failed: what matters is that the present weights are safe somewhere.
      if !kinds.contains(rolling) { kinds.append(rolling) }
    }
    if !kinds.isEmpty { save(kinds, context) }
  }

  /// - Parameter isLast: whether the run ends after it.
  /// - Returns: whether everything was written.
  @discardableResult
  package func save(
    _ kinds: [CheckpointSchedule.Kind], _ context: TrainingContext, isLast: Bool = false
  ) -> Bool {
    guard let folder, DivergenceWatch.isSerializable(context.parameters) else { return true }
    // It was there when the training began, but somebody may have tidied up since.
    mkdir(folder.path.cPath, 0o777)
    var isComplete = true
    for kind in kinds {
      let path = folder.path(of: kind)
      context.emit(.saving(kind, path: path))
      do throws(FileError) {
        switch kind {
        case .last, .backup: try checkpoint.write(context.state, to: path)
        case .average: try checkpoint.writeAverage(context.state, to: path)
        case .numbered, .best, .final: try checkpoint.writeWeights(context.state, to: path)
        }
        if kind != .average { context.lastGoodCheckpoint = path }
        context.emit(.saved(kind, path: path))
      } catch {
        isComplete = false
        retryIteration = context.state.iteration + Self.retryInterval
        context.emit(.saveFailed(error, retryAfter: isLast ? nil : Self.retryInterval))
      }
    }
    return isComplete
  }
}
