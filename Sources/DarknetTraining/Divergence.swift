import DarknetLayers
import DarknetNetwork
import DarknetText

/// Why a training was stopped: its loss is not a number any more, or grows without bound.
public struct Divergence: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong with the loss.
  public enum Cause: Hashable, Sendable {
    /// The loss is NaN or infinite.
    case notFinite(loss: String)
    /// The loss is far above that of the first iterations.
    case exploding(loss: Float, reference: Float)
  }

  /// Where the first number that is not finite is.
  public enum Location: Hashable, Sendable {
    /// In the pictures themselves.
    case input
    /// A parameter, which the update before has spoilt.
    case parameter(layer: Int, section: String, name: String)
    /// The output of a layer whose parameters are finite.
    case output(layer: Int, section: String)
    /// Everything is finite but the loss itself.
    case loss
  }

  /// The cfg.
  public var file: String
  /// The iteration that went wrong, from 1.
  public var iteration: Int
  /// What is wrong with the loss.
  public var cause: Cause
  /// Where it begins; nil if that is not known.
  public var location: Location?
  /// The learning rate of the iteration.
  public var rate: Float
  /// The last weights file that was written before, if any.
  public var checkpoint: String?

  public var description: String {
    var text = "\(file): iteration \(iteration): expected a loss that falls, found "
    switch cause {
    case .notFinite(let loss): text += loss
    case .exploding(let loss, let reference):
      text +=
        "\(general(Double(loss))), more than a hundred times the "
        + "\(general(Double(reference))) of the first iterations"
    }
    switch location {
    case .input: text += ", and the pictures themselves hold values that are not numbers"
    case .parameter(let layer, let section, let name):
      text += ", first in the \(name) of layer \(layer) [\(section)]"
    case .output(let layer, let section):
      text += ", first in the output of layer \(layer) [\(section)]"
    case .loss: text += ", while all layers' outputs are finite"
    case nil: break
    }
    text +=
      "; lower learning_rate (it was \(general(Double(rate)))), raise burn_in, or check the "
      + "labels with 'detector check'"
    if let checkpoint { text += "; the last good weights are in \(checkpoint)" }
    return text
  }
}

/// Looks after the loss.
struct DivergenceWatch {
  /// A loss this many times that of the first iterations is an explosion.
  static let factor: Float = 100
  /// Iterations whose largest loss is the reference.
  private static let firstIterations = 10
  /// Iterations in a row that must be above it.
  private static let patience = 3

  private var above = 0

  /// Notes a loss; returns what is wrong with it.
  mutating func check(_ loss: Float, _ state: inout TrainingState) -> Divergence.Cause? {
    guard loss.isFinite else { return .notFinite(loss: loss.isNaN ? "nan" : "inf") }
    let limit = Self.factor * max(state.referenceLoss, 1)
    if state.referenceLoss > 0, loss > limit {
      above += 1
      return above >= Self.patience
        ? .exploding(loss: loss, reference: state.referenceLoss) : nil
    }
    above = 0
    if state.iteration < Self.firstIterations {
      state.referenceLoss = max(state.referenceLoss, loss)
    }
    return nil
  }

  /// Where the first value that is not a number is, after a forward pass.
  static func location(in executor: TrainingExecutor) -> Divergence.Location? {
    let network = executor.network
    if !isFinite(executor.output(-1).values) { return .input }
    if let location = location(in: executor.parameters, of: network) { return location }
    for node in network.nodes where !isFinite(outputOf: node, in: executor) {
      return .output(layer: node.index, section: node.name)
    }
    return .loss
  }

  /// Outputs that are not kept have left the statistics of their batch norm, which any value that
  /// is not a number spoils.
  private static func isFinite(outputOf node: Network.Node, in executor: TrainingExecutor) -> Bool {
    if executor.isKept(node.index) { return isFinite(executor.output(node.index).values) }
    guard let layer = node.layer as? any BatchNormalizedLayer,
      let start = executor.savedValues(node.index).baseAddress,
      let (mean, variance) = layer.batchStatistics(saved: start, batch: executor.batch)
    else { return true }
    return mean.allSatisfy(\.isFinite) && variance.allSatisfy(\.isFinite)
  }

  /// The parameter with which it began. Gradients flow from the last layer to the first, and spoil
  /// what they pass: so the last layer that is hit was the first.
  static func location(in parameters: Parameters, of network: Network) -> Divergence.Location? {
    network.nodes.reversed().lazy.compactMap { location(in: parameters, of: $0) }.first
  }

  private static func location(
    in parameters: Parameters, of node: Network.Node
  ) -> Divergence.Location? {
    for (parameter, buffer) in zip(node.layer.parameters, parameters.buffers[node.index])
    where !isFinite(buffer.values) {
      return .parameter(layer: node.index, section: node.name, name: parameter.name)
    }
    return nil
  }

  /// Whether all parameters are numbers, and such that a file of them would be loaded again: only
  /// then are they worth saving.
  static func isSerializable(_ parameters: Parameters) -> Bool {
    parameters.buffers.allSatisfy { buffers in
      buffers.allSatisfy {
        WeightsPlausibility.largestMagnitude(UnsafeBufferPointer($0.values))
          <= WeightsPlausibility.largest
      }
    }
  }

  static func isFinite(_ values: UnsafeMutableBufferPointer<Float>) -> Bool {
    var wrong: UInt32 = 0
    for i in values.indices {
      wrong |= values[i].bitPattern & 0x7F80_0000 == 0x7F80_0000 ? 1 : 0
    }
    return wrong == 0
  }
}
