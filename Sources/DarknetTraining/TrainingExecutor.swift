import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// Runs a network layer by layer, keeping what the backward pass needs.
///
/// It follows the layers' own rules to the letter: no fusion, no folded batch norm. That makes it
/// the reference for the inference plan, too. All memory is laid out when the executor is made, so
/// passes allocate nothing.
///
///     executor.forward(images)
///     let loss = executor.computeLoss(.boxes(labels))
///     executor.backward()          // adds to `gradients`
package final class TrainingExecutor {
  package private(set) var network: Network
  package let parameters: Parameters
  /// Images per pass: mini-batch times time steps.
  package private(set) var batch: Int
  /// Whether layers run as in training (batch statistics, dropout).
  package let isTraining: Bool
  /// Where `backward` adds.
  package let sums: Gradients
  /// Advanced by callers, mini-batch by mini-batch; losses with schedules look at it.
  package var progress = TrainingProgress(seen: 0)
  /// Seed of the random draws of layers.
  package var seed: UInt64 = 0
  /// Keeps every layer's output and gradient after the backward pass, to look at.
  package var keepsGradients = false {
    didSet { if keepsGradients != oldValue { layOut() } }
  }
  /// Called after each layer's forward pass.
  package var onForward: ((Int) -> Void)?
  /// Called after each layer's backward pass, while its gradients are whole.
  package var onBackward: ((Int) -> Void)?

  /// Who computes. Its pool may not grow while the executor lives.
  package let context: ComputeContext
  /// Threads that scratch memory was made for.
  private let threads: Int

  private var arena = FloatBuffer(count: 0)
  private var layout: TrainingLayout
  private var states: [FloatBuffer] = []
  private var forwardPasses: [ForwardPass] = []
  private var backwardPasses: [BackwardPass] = []
  /// Whether a layer's gradient holds something since the last `computeLoss`.
  private var hasGradient: [Bool] = []
  private var parameterGeneration = -1

  /// - Parameters:
  ///   - batch: images per pass; the cfg's mini-batch times time steps if nil.
  ///   - isTraining: false to run inference by the layers' own rules.
  ///   - gradients: sums to add to; own ones if nil.
  ///   - context: who computes.
  package init(
    _ network: Network, parameters: Parameters, batch: Int? = nil, isTraining: Bool = true,
    gradients: Gradients? = nil, context: ComputeContext = .shared
  ) {
    self.network = network
    self.parameters = parameters
    self.batch = batch ?? network.net.miniBatch * network.net.timeSteps
    self.isTraining = isTraining
    self.context = context
    threads = context.threads
    sums = gradients ?? Gradients(of: network)
    layout = TrainingLayout(
      network, batch: self.batch, isTraining: isTraining, keepsAll: false, context: context)
    layOut()
  }

  /// Goes on with the same parameters at another input size or batch.
  ///
  /// - Precondition: `network` has the layers and parameters of the present one, as
  ///   `Network.resized` gives.
  package func resize(to network: Network, batch: Int? = nil) {
    precondition(network.nodes.count == self.network.nodes.count, "that is another network")
    self.network = network
    self.batch = batch ?? self.batch
    layOut()
  }

  /// Sum of gradients since the last update, for each parameter; nil for those not trained.
  package var gradients: [[FloatBuffer?]] { sums.buffers }

  /// Bytes of outputs, saved values, gradients of outputs and scratch.
  package var memoryCount: Int { arena.count * 4 }

  /// Output of layer `index`, or the input for -1: [N, C, H, W]. In training without
  /// `keepsGradients` its memory may serve others after the last layer that reads it, see
  /// `isKept`; after `backward` it does.
  package func output(_ index: Int) -> TensorView {
    TensorView(
      arena.pointer + (index < 0 ? layout.input : layout.outputs[index]), batch: batch,
      shape: network.shape(of: index))
  }

  /// Whether the output of layer `index` is still there when the forward pass is over.
  package func isKept(_ index: Int) -> Bool { layout.isKept[index] }

  /// dLoss/dOutput of layer `index`, while it is kept.
  package func outputGradient(_ index: Int) -> TensorView? {
    hasGradient[index] ? gradientView(index) : nil
  }

  private func gradientView(_ index: Int) -> TensorView {
    TensorView(
      arena.pointer + layout.gradients[index], batch: batch, shape: network.shape(of: index))
  }

  /// What layer `index` kept for its backward pass.
  package func savedValues(_ index: Int) -> UnsafeMutableBufferPointer<Float> {
    let count = network.nodes[index].layer.savedCount(batch: batch)
    return UnsafeMutableBufferPointer(start: arena.pointer + layout.saved[index], count: count)
  }

  /// Forgets the recurrent state, as at the start of a sequence.
  package func resetState() {
    for state in states where state.count > 0 { state.values.update(repeating: 0) }
  }

  // MARK: Memory

  private func layOut() {
    layout = TrainingLayout(
      network, batch: batch, isTraining: isTraining, keepsAll: keepsGradients, context: context)
    if arena.count < layout.count {
      // The old memory goes before the new one comes.
      arena = FloatBuffer(count: 0)
      arena = FloatBuffer(count: layout.count)
    }
    let streams = max(batch / network.net.timeSteps, 1)
    states = network.nodes.map { FloatBuffer(count: $0.layer.stateCount(streams: streams)) }
    hasGradient = Array(repeating: false, count: network.nodes.count)
    makePasses()
  }

  private func makePasses() {
    let first = network.firstTrainedLayer
    forwardPasses = network.nodes.map { node in
      ForwardPass(
        batch: batch, timeSteps: network.net.timeSteps,
        isTraining: isTraining && node.index >= first,
        inputs: node.layer.sources.map { output($0) }, output: output(node.index),
        parameters: parameters.pointers(node.index),
        saved: arena.pointer + layout.saved[node.index],
        workspace: arena.pointer + layout.workspace, state: states[node.index].pointer,
        context: context)
    }
    backwardPasses = network.nodes.map { node in
      BackwardPass(
        forward: forwardPasses[node.index], outputGradient: gradientView(node.index),
        inputGradients: node.layer.sources.map {
          $0 >= first && !node.common.onlyForward ? gradientView($0) : nil
        },
        parameterGradients: sums.buffers[node.index].map { $0?.pointer })
    }
    parameterGeneration = parameters.generation
  }

  // MARK: Forward

  /// Runs all layers on `input`, [N, C, H, W].
  ///
  /// - Precondition: `input` has as many values as the batch needs.
  package func forward(_ values: UnsafeBufferPointer<Float>) {
    let input = output(-1)
    precondition(values.count == input.count, "the input has another size than the batch")
    Vector.copy(values.baseAddress!, to: input.pointer, count: values.count)
    forward()
  }

  /// Runs all layers on what is in `output(-1)`. In training every pass is the start of a
  /// sequence, for frozen layers too; at inference recurrent layers go on where the last one ended.
  package func forward() {
    precondition(context.threads <= threads, "the pool has grown since the executor was made")
    if parameterGeneration != parameters.generation { makePasses() }
    if isTraining { resetState() }
    for node in network.nodes {
      let seed = seed ^ UInt64(node.index &+ 1) &* 0x9E37_79B9_7F4A_7C15
      forwardPasses[node.index].seed = seed
      backwardPasses[node.index].forward.seed = seed
      node.layer.forward(forwardPasses[node.index])
      onForward?(node.index)
    }
  }

  // MARK: Loss and backward

  /// What the loss layers found, by layer.
  package struct Loss {
    package var reports: [(layer: Int, report: LossReport)] = []

    package init() {}

    /// Darknet's cost of a mini-batch: the mean over the layers that have one.
    package var cost: Float {
      reports.isEmpty ? 0 : reports.reduce(0) { $0 + $1.report.cost } / Float(reports.count)
    }
  }

  /// Compares the outputs of the last forward pass with `truth`, and leaves each loss layer's
  /// gradient ready for `backward`.
  package func computeLoss(_ truth: Truth) -> Loss {
    var loss = Loss()
    for node in network.nodes {
      hasGradient[node.index] = false
      guard let layer = node.layer as? any LossLayer else { continue }
      let gradient = gradientView(node.index)
      Vector.fill(gradient.pointer, with: 0, count: gradient.count)
      let pass = LossPass(
        forward: forwardPasses[node.index], truth: truth, progress: progress, gradient: gradient)
      if let report = layer.loss(pass) {
        loss.reports.append((node.index, report))
        hasGradient[node.index] = true
      }
    }
    return loss
  }

  /// Adds the gradients of the last `computeLoss` to `gradients`.
  ///
  /// - Parameter afterLayer: called after each layer's backward pass, from the last to the first.
  package func backward(_ afterLayer: ((Int) -> Void)? = nil) {
    let first = network.firstTrainedLayer
    for node in network.nodes.reversed() where node.index >= first {
      guard hasGradient[node.index] else { continue }
      if !node.common.onlyForward {
        openInputGradients(of: node)
        node.layer.backward(backwardPasses[node.index])
      }
      afterLayer?(node.index)
      onBackward?(node.index)
      if !keepsGradients { hasGradient[node.index] = false }
      if node.common.stopBackward != 0 { break }
    }
  }

  /// Readies the gradients of a layer's inputs: those that hold nothing yet are replaced, or
  /// zeroed if the layer can only add.
  private func openInputGradients(of node: Network.Node) {
    let first = network.firstTrainedLayer
    for (index, source) in node.layer.sources.enumerated() where source >= first {
      let isFresh = !hasGradient[source]
      hasGradient[source] = true
      if node.layer.supportsOverwrite {
        backwardPasses[node.index].replaces[index] = isFresh
      } else if isFresh {
        let gradient = gradientView(source)
        Vector.fill(gradient.pointer, with: 0, count: gradient.count)
      }
    }
  }

  /// Forgets the gradients summed so far.
  package func zeroGradients() { sums.zero() }
}
