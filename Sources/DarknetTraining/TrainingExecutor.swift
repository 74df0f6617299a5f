import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// Runs a network layer by layer, keeping what the backward pass needs.
///
/// It follows the layers' own rules to the letter: no fusion, no folded batch norm. That makes it
/// the reference for the inference plan, too.
public final class TrainingExecutor {
  public let network: Network
  public let parameters: Parameters
  /// Images per pass: mini-batch times time steps.
  public let batch: Int
  /// Whether layers run as in training (batch statistics, dropout).
  public let isTraining: Bool
  /// Sum of gradients since the last update, for each parameter; nil for those not trained.
  public private(set) var gradients: [[FloatBuffer?]]
  /// Advanced by `step` callers; losses with schedules look at it.
  public var progress = TrainingProgress(seen: 0)
  /// Seed of the random draws of layers.
  public var seed: UInt64 = 0

  private var outputs: [FloatBuffer]
  private var saved: [FloatBuffer]
  private var states: [FloatBuffer]
  private let workspace: FloatBuffer
  private let input: FloatBuffer
  /// dLoss/dOutput of each layer, while the backward pass needs it.
  private var outputGradients: [FloatBuffer?]
  /// Keeps every layer's gradient after the backward pass, to look at.
  public var keepsGradients = false
  /// Called after each layer's backward pass, while its gradients are whole.
  public var onBackward: ((Int) -> Void)?

  /// - Parameter isTraining: false to run inference by the layers' own rules.
  public init(
    _ network: Network, parameters: Parameters, batch: Int? = nil, isTraining: Bool = true
  ) {
    self.network = network
    self.parameters = parameters
    let batch = batch ?? network.net.miniBatch * network.net.timeSteps
    self.batch = batch
    self.isTraining = isTraining
    input = FloatBuffer(count: batch * network.inputShape.count)
    outputs = network.nodes.map { FloatBuffer(count: batch * $0.outputShape.count) }
    saved = network.nodes.map {
      FloatBuffer(count: isTraining ? $0.layer.savedCount(batch: batch) : 0)
    }
    let streams = max(batch / network.net.timeSteps, 1)
    states = network.nodes.map { FloatBuffer(count: $0.layer.stateCount(streams: streams)) }
    workspace = FloatBuffer(
      count: network.nodes.map { $0.layer.workspaceCount(batch: batch, isTraining: isTraining) }
        .max() ?? 0)
    outputGradients = Array(repeating: nil, count: network.nodes.count)
    gradients = network.nodes.map { node in
      guard isTraining, node.index >= network.firstTrainedLayer else {
        return node.layer.parameters.map { _ in nil }
      }
      return node.layer.parameters.map {
        $0.role.isTrained ? FloatBuffer(count: $0.count) : nil
      }
    }
    for node in network.nodes {
      if let shared = node.layer.sharesParametersOf { gradients[node.index] = gradients[shared] }
    }
  }

  /// Output of layer `index`, or the input for -1: [N, C, H, W].
  public func output(_ index: Int) -> TensorView {
    index < 0
      ? TensorView(input.pointer, batch: batch, shape: network.inputShape)
      : TensorView(outputs[index].pointer, batch: batch, shape: network.shape(of: index))
  }

  /// dLoss/dOutput of layer `index`, while it is kept.
  public func outputGradient(_ index: Int) -> TensorView? {
    outputGradients[index].map {
      TensorView($0.pointer, batch: batch, shape: network.shape(of: index))
    }
  }

  /// What layer `index` kept for its backward pass.
  public func savedValues(_ index: Int) -> FloatBuffer { saved[index] }

  /// Forgets the recurrent state, as at the start of a sequence.
  public func resetState() {
    for state in states where state.count > 0 { state.values.update(repeating: 0) }
  }

  // MARK: Forward

  private func pass(_ node: Network.Node) -> ForwardPass {
    ForwardPass(
      batch: batch, timeSteps: network.net.timeSteps,
      isTraining: isTraining && node.index >= network.firstTrainedLayer,
      inputs: node.layer.sources.map { output($0) }, output: output(node.index),
      parameters: parameters.pointers(node.index), saved: saved[node.index].pointer,
      workspace: workspace.pointer, state: states[node.index].pointer,
      seed: seed ^ UInt64(node.index &+ 1) &* 0x9E37_79B9_7F4A_7C15)
  }

  /// Runs all layers on `input`, [N, C, H, W].
  ///
  /// - Precondition: `input` has as many values as the batch needs.
  public func forward(_ values: UnsafeBufferPointer<Float>) {
    precondition(values.count == input.count, "the input has another size than the batch")
    input.pointer.update(from: values.baseAddress!, count: values.count)
    for node in network.nodes { node.layer.forward(pass(node)) }
  }

  // MARK: Loss and backward

  /// What the loss layers found, by layer.
  public struct Loss {
    public var reports: [(layer: Int, report: LossReport)] = []
    /// Darknet's cost of a mini-batch: the mean over the layers that have one.
    public var cost: Float {
      reports.isEmpty ? 0 : reports.reduce(0) { $0 + $1.report.cost } / Float(reports.count)
    }
  }

  /// Compares the outputs of the last forward pass with `truth`, and leaves each loss layer's
  /// gradient ready for `backward`.
  public func computeLoss(_ truth: Truth) -> Loss {
    var loss = Loss()
    for node in network.nodes {
      outputGradients[node.index] = nil
      guard let layer = node.layer as? any LossLayer else { continue }
      let buffer = FloatBuffer(count: batch * node.outputShape.count)
      let lossPass = LossPass(
        forward: pass(node), truth: truth, progress: progress,
        gradient: TensorView(buffer.pointer, batch: batch, shape: node.outputShape))
      if let report = layer.loss(lossPass) {
        loss.reports.append((node.index, report))
        outputGradients[node.index] = buffer
      }
    }
    return loss
  }

  /// Adds the gradients of the last `computeLoss` to `gradients`.
  public func backward() {
    let first = network.firstTrainedLayer
    for node in network.nodes.reversed() where node.index >= first {
      guard let dy = outputGradient(node.index) else { continue }
      let sources = node.layer.sources
      let inputGradients = sources.map { source -> TensorView? in
        guard source >= first, !node.common.onlyForward else { return nil }
        if outputGradients[source] == nil {
          outputGradients[source] = FloatBuffer(count: batch * network.shape(of: source).count)
        }
        return outputGradient(source)
      }
      if !node.common.onlyForward {
        node.layer.backward(
          BackwardPass(
            forward: pass(node), outputGradient: dy, inputGradients: inputGradients,
            parameterGradients: gradients[node.index].map { $0?.pointer }))
      }
      onBackward?(node.index)
      if !keepsGradients { outputGradients[node.index] = nil }
      if node.common.stopBackward != 0 { break }
    }
  }

  /// Forgets the gradients summed so far.
  public func zeroGradients() {
    for layer in gradients {
      for gradient in layer { gradient?.values.update(repeating: 0) }
    }
  }
}
