import DarknetLayers
import DarknetNetwork
import DarknetTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes a training's weights with the state that belongs to them, and finds it again.
///
/// Every file is written beside its old version and renamed into its place, so whoever reads sees
/// a whole file at any moment. Weights and state are two files, however: the state of the old
/// weights waits under a second name until the new weights stand, so that a run that is killed in
/// between finds a pair that matches.
public final class Checkpoint {
  public let network: Network
  public let parameters: Parameters
  private let optimizer: Optimizer
  private let average: WeightAverage?

  public init(
    _ network: Network, parameters: Parameters, optimizer: Optimizer, average: WeightAverage?
  ) {
    self.network = network
    self.parameters = parameters
    self.optimizer = optimizer
    self.average = average
  }

  /// Images that a weights file of iteration `iteration` has seen.
  private func seen(_ iteration: Int) -> UInt64 {
    UInt64(max(iteration, 0) * network.net.imagesPerUpdate)
  }

  /// Weights alone.
  public func writeWeights(_ state: TrainingState, to path: String) throws(FileError) {
    try WeightsFile.write(parameters, of: network, to: path, seen: seen(state.iteration))
  }

  /// Weights of the moving average, with the present statistics.
  public func writeAverage(_ state: TrainingState, to path: String) throws(FileError) {
    guard let average, average.isStarted else { return }
    try WeightsFile.write(average.values, of: network, to: path, seen: seen(state.iteration))
  }

  /// Weights with their state.
  ///
  /// - Throws: `FileError` if one of them could not be written. The weights are tried all the same
  ///   if it was the state, without which a run goes on with momentum of 0.
  public func write(_ state: TrainingState, to path: String) throws(FileError) {
    let statePath = CheckpointFolder.statePath(of: path)
    let waiting = statePath + "~"
    if access(statePath.onDisk, F_OK) == 0 { rename(statePath.onDisk, waiting.onDisk) }
    var stateError: FileError?
    do throws(FileError) {
      try StateFile.write(
        state,
        identity: StateFile.identity(of: parameters, in: network, iteration: state.iteration),
        values: values(withAverage: average?.isStarted ?? false), adamSteps: optimizer.adamSteps,
        to: statePath)
    } catch {
      // The weights are worth more: a disk that has no room for both may have it for them.
      stateError = error
    }
    try writeWeights(state, to: path)
    unlink(waiting.onDisk)
    if let stateError { throw stateError }
  }

  /// The state that belongs to the parameters as they are loaded now, from the files beside
  /// `path`; momentum and averages are filled from it.
  ///
  /// - Parameters:
  ///   - path: the weights file that was loaded.
  ///   - iteration: its header's.
  /// - Returns: nil if there is none that matches.
  public func restore(beside path: String, iteration: Int) -> TrainingState? {
    let identity = StateFile.identity(of: parameters, in: network, iteration: iteration)
    var paths = [CheckpointFolder.statePath(of: path)]
    // A numbered file, say, has no state of its own, but may be the same as the last one.
    if let last = Self.lastStatePath(beside: path), last != paths[0] { paths.append(last) }
    for candidate in paths.flatMap({ [$0, $0 + "~"] }) {
      for withAverage in average == nil ? [false] : [true, false] {
        let found = StateFile.read(
          candidate, identity: identity, values: values(withAverage: withAverage))
        guard let found, found.state.iteration == iteration else { continue }
        if candidate.hasPrefix(paths[0]) { tidy(candidate) }
        optimizer.adamSteps = found.adamSteps
        if withAverage {
          average?.isStarted = true
          copyStatistics()
        }
        return found.state
      }
    }
    return nil
  }

  /// Of the two states that a killed run left, only the one that matches its weights is kept, under
  /// the first name: the next `write` takes what it finds there for the weights' own.
  private func tidy(_ matching: String) {
    if matching.hasSuffix("~") {
      rename(matching.onDisk, String(matching.dropLast()).onDisk)
    } else {
      unlink((matching + "~").onDisk)
    }
  }

  private static func lastStatePath(beside path: String) -> String? {
    let folderEnd = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    guard let underscore = path[folderEnd...].lastIndex(of: "_") else { return nil }
    return path[..<underscore] + "_last.state"
  }

  /// Everything beside the parameters that changes from iteration to iteration.
  private func values(withAverage: Bool) -> [FloatBuffer] {
    var values: [FloatBuffer] = []
    for node in network.nodes where node.layer.sharesParametersOf == nil {
      for (index, buffer) in optimizer.gradients.buffers[node.index].enumerated() {
        guard let buffer else { continue }
        if !optimizer.moments.isEmpty {
          guard let moments = optimizer.moments[node.index][index] else { continue }
          values += [moments.first, moments.second]
        } else {
          values.append(buffer)
        }
      }
      if withAverage, let average {
        for (parameter, buffer) in zip(node.layer.parameters, average.values.buffers[node.index])
        where parameter.role.isTrained {
          values.append(buffer)
        }
      }
    }
    return values
  }

  private func copyStatistics() {
    guard let average else { return }
    for node in network.nodes {
      for (index, parameter) in node.layer.parameters.enumerated() where !parameter.role.isTrained {
        _ = average.values.buffers[node.index][index].values.update(
          fromContentsOf: parameters.buffers[node.index][index].values)
      }
    }
  }
}
