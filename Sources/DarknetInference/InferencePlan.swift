import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// A network made ready to run: batch norm folded into the weights, buffers shared between layers
/// that never live at once, everything decided before the first picture.
///
/// It reads the network and the parameters when it is made, and keeps neither's memory.
public final class InferencePlan {
  public let network: Network
  /// Images per run.
  public let batch: Int
  /// Layers whose outputs stay readable after a run, beside the network's heads.
  private let kept: Set<Int>

  private let steps: [any PlanStep]
  private let input: FloatBuffer
  private let arena: FloatBuffer
  private let offsets: [Int]
  private let states: [FloatBuffer]

  public enum Convolutions: Sendable {
    /// The fastest kernels for each layer's shape.
    case fastest
    /// im2col and matrix products only, as `-exact` asks.
    case exact
  }

  /// - Parameters:
  ///   - keeping: layers whose outputs must survive the run; nil for all of them.
  public init(
    _ network: Network, parameters: Parameters, batch: Int = 1, keeping: Set<Int>? = [],
    convolutions: Convolutions = .fastest
  ) {
    self.network = network
    self.batch = batch
    let everything = Set(network.nodes.indices)
    kept = keeping.map { $0.union(Self.heads(of: network)) } ?? everything
    let streams = max(batch / network.net.timeSteps, 1)
    states = network.nodes.map { FloatBuffer(count: $0.layer.stateCount(streams: streams)) }
    input = FloatBuffer(count: batch * network.inputShape.count)
    var steps: [any PlanStep] = []
    for node in network.nodes {
      if let layer = node.layer as? ConvolutionalLayer,
        let step = FoldedConvolution(
          layer, node: node, parameters: parameters.pointers(node.index))
      {
        steps.append(step)
      } else {
        steps.append(
          LayerStep(node: node, parameters: parameters, state: states[node.index]))
      }
    }
    self.steps = steps
    let layout = BufferLayout(network, batch: batch, kept: kept)
    offsets = layout.offsets
    let scratch = steps.map { $0.workspaceCount(batch: batch) }.max() ?? 0
    workspaceOffset = layout.count
    arena = FloatBuffer(count: layout.count + scratch)
  }

  private let workspaceOffset: Int

  /// The layers that users read: detection heads and the network's output.
  static func heads(of network: Network) -> Set<Int> {
    Set(network.nodes.filter { $0.layer is any DetectionHead }.map(\.index))
      .union([network.outputIndex])
  }

  /// Where pictures go: [N, C, H, W], values 0...1.
  public var inputView: TensorView {
    TensorView(input.pointer, batch: batch, shape: network.inputShape)
  }

  /// Output of layer `index` after a run.
  ///
  /// - Precondition: the layer is a head, the network's output or one of those kept.
  public func output(_ index: Int) -> TensorView {
    precondition(index < 0 || kept.contains(index), "layer \(index) was not kept")
    return view(index)
  }

  private func view(_ index: Int) -> TensorView {
    index < 0
      ? inputView
      : TensorView(
        arena.pointer + offsets[index], batch: batch, shape: network.shape(of: index))
  }

  /// Computes all layers from `inputView`.
  ///
  /// - Parameter onLayer: called after each layer, to time it.
  public func run(onLayer: ((Int) -> Void)? = nil) {
    for (node, step) in zip(network.nodes, steps) {
      step.run(
        inputs: node.layer.sources.map { view($0) }, output: view(node.index),
        timeSteps: network.net.timeSteps, workspace: arena.pointer + workspaceOffset)
      onLayer?(node.index)
    }
  }

  /// Forgets the recurrent state, as at the start of a sequence.
  public func resetState() {
    for state in states where state.count > 0 { state.values.update(repeating: 0) }
  }

  /// Bytes of activations and scratch.
  public var memoryCount: Int { (arena.count + input.count) * 4 }
}
