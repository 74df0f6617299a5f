import DarknetNetwork
import DarknetSystem
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
/// a whole file at any moment. Weights and state are two files, however. Both are on the device
/// before one of them gets its name, so a disk without room for both changes neither; the new state
/// waits as `NAME.state~` until its weights are in place, so that a run that is killed in between
/// finds a pair that matches.
package final class Checkpoint {
  package let network: Network
  package let parameters: Parameters
  private let optimizer: Optimizer
  private let average: WeightAverage?

  package init(
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
  package func writeWeights(_ state: TrainingState, to path: String) throws(FileError) {
    try WeightsFile.write(parameters, of: network, to: path, seen: seen(state.iteration))
  }

  /// Weights of the moving average, with the present statistics.
  package func writeAverage(_ state: TrainingState, to path: String) throws(FileError) {
    guard let average, average.isStarted else { return }
    try WeightsFile.write(average.values, of: network, to: path, seen: seen(state.iteration))
  }

  /// Weights with their state: both change, or neither.
  ///
  /// - Throws: `FileError` if one of them could not be written.
  package func write(_ state: TrainingState, to path: String) throws(FileError) {
    let statePath = CheckpointFolder.statePath(of: path)
    let waiting = statePath + "~"
    settle(waiting, beside: path)
    let stateFile: AtomicFile
    do throws(FileError) {
      stateFile = try StateFile.prepare(
        state,
        identity: StateFile.identity(of: parameters, in: network, iteration: state.iteration),
        values: values(withMomentum: true, withAverage: average?.isStarted ?? false),
        hasMomentum: true, adamSteps: optimizer.adamSteps, at: waiting)
    } catch {
      throw FileError(error.action, statePath, code: error.code)
    }
    let weights = try WeightsFile.prepare(
      parameters, of: network, to: path, seen: seen(state.iteration))
    do throws(FileError) {
      try stateFile.commit()
      try weights.commit()
    } catch {
      unlink(waiting.cPath)
      throw error
    }
    try AtomicFile.move(waiting, to: statePath)
  }

  /// A state that waits was left by a run that was killed while it saved. If the weights there are
  /// its own it takes its place, before another one waits in it.
  private func settle(_ waiting: String, beside path: String) {
    guard access(waiting.cPath, F_OK) == 0, let state = try? StateFile(waiting).state,
      let seen = try? WeightsFile(path).header.seen, seen == self.seen(state.iteration)
    else { return }
    rename(waiting.cPath, String(waiting.dropLast()).cPath)
  }

  /// The state that belongs to the parameters as they are loaded now, from the files beside
  /// `path`; momentum and averages are filled from it.
  ///
  /// - Parameters:
  ///   - path: the weights file that was loaded.
  ///   - iteration: its header's.
  /// - Returns: the state, and whether momentum came with it.
  /// - Throws: `StateFault` if there is none that matches.
  package func restore(
    beside path: String, iteration: Int
  ) throws(StateFault) -> (state: TrainingState, hasMomentum: Bool) {
    let identity = StateFile.identity(of: parameters, in: network, iteration: iteration)
    var paths = [CheckpointFolder.statePath(of: path)]
    // A numbered file, say, has no state of its own, but may be the same as the last one.
    if let last = Self.lastStatePath(beside: path), last != paths[0] { paths.append(last) }
    var fault = StateFault.missing(paths[0])
    for candidate in paths.flatMap({ [$0, $0 + "~"] }) {
      do throws(StateFault) {
        let file = try StateFile(candidate)
        guard file.identity == identity, file.state.iteration == iteration else {
          throw .ofOtherWeights(candidate, iteration: file.state.iteration)
        }
        try fill(from: file)
        if candidate.hasPrefix(paths[0]) { tidy(candidate) }
        return (file.state, file.hasMomentum)
      } catch {
        if error.weight > fault.weight { fault = error }
      }
    }
    throw fault
  }

  private func fill(from file: StateFile) throws(StateFault) {
    for withAverage in average == nil ? [false] : [true, false] {
      let values = values(withMomentum: file.hasMomentum, withAverage: withAverage)
      guard try file.fill(values) else { continue }
      optimizer.adamSteps = file.adamSteps
      if withAverage {
        average?.isStarted = true
        copyStatistics()
      }
      return
    }
    throw .ofOtherOptions(file.path)
  }

  /// Of the two states that a killed run left, only the one that matches its weights is kept, under
  /// the first name.
  private func tidy(_ matching: String) {
    if matching.hasSuffix("~") {
      rename(matching.cPath, String(matching.dropLast()).cPath)
    } else {
      unlink((matching + "~").cPath)
    }
  }

  private static func lastStatePath(beside path: String) -> String? {
    let folderEnd = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    guard let underscore = path[folderEnd...].lastIndex(of: "_") else { return nil }
    return path[..<underscore] + "_last.state"
  }

  /// Everything beside the parameters that changes from iteration to iteration.
  private func values(withMomentum: Bool, withAverage: Bool) -> [FloatBuffer] {
    var values: [FloatBuffer] = []
    for node in network.nodes where node.layer.sharesParametersOf == nil {
      if withMomentum { values += optimizer.memory(ofLayer: node.index) }
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
