import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// One thing that a plan does, in order.
protocol PlanStep {
  func workspaceCount(batch: Int) -> Int
  func run(
    inputs: [TensorView], output: TensorView, timeSteps: Int,
    workspace: UnsafeMutablePointer<Float>)
}

/// A layer's own forward rule.
struct LayerStep: PlanStep {
  private let layer: any Layer
  private let buffers: [FloatBuffer]
  private let state: FloatBuffer

  init(node: Network.Node, parameters: Parameters, state: FloatBuffer) {
    layer = node.layer
    // Views of a mapped file must outlive its release, so the step has copies.
    buffers = parameters.buffers[node.index].map { FloatBuffer($0.values) }
    self.state = state
  }

  func workspaceCount(batch: Int) -> Int {
    layer.workspaceCount(batch: batch, isTraining: false)
  }

  func run(
    inputs: [TensorView], output: TensorView, timeSteps: Int,
    workspace: UnsafeMutablePointer<Float>
  ) {
    layer.forward(
      ForwardPass(
        batch: output.batch, timeSteps: timeSteps, isTraining: false, inputs: inputs,
        output: output, parameters: buffers.map(\.pointer), saved: workspace,
        workspace: workspace, state: state.pointer))
  }
}

/// A convolution with its batch norm folded into weights and biases:
///
///     w'[f] = w[f] k[f],   b'[f] = b[f] - mean[f] k[f],   k = scale / sqrt(variance + 1e-5)
struct FoldedConvolution: PlanStep {
  private let geometry: ConvolutionGeometry
  private let activation: Activation
  private let weights: FloatBuffer
  private let biases: FloatBuffer

  /// nil for convolutions that do more than that (blur, binary operands).
  init?(
    _ layer: ConvolutionalLayer, node: Network.Node,
    parameters: [UnsafeMutablePointer<Float>]
  ) {
    guard layer.isPlain else { return nil }
    let g = layer.geometry
    geometry = g
    activation = layer.activation
    weights = FloatBuffer(count: g.weightCount)
    biases = FloatBuffer(count: g.filters)
    weights.pointer.update(from: parameters[layer.weightsIndex], count: g.weightCount)
    biases.pointer.update(from: parameters[0], count: g.filters)
    guard layer.isBatchNormalized else { return }
    for f in 0..<g.filters {
      let k = Double(parameters[1][f])
        * Double(layer.epsilon.inverseDeviation(parameters[3][f]))
      biases.pointer[f] = Float(Double(biases.pointer[f]) - Double(parameters[2][f]) * k)
      let row = weights.pointer + f * g.columnHeight
      for i in 0..<g.columnHeight { row[i] = Float(Double(row[i]) * k) }
    }
  }

  func workspaceCount(batch: Int) -> Int {
    Convolution.forwardWorkspace(geometry, threads: ThreadPool.shared.threads)
  }

  func run(
    inputs: [TensorView], output: TensorView, timeSteps: Int,
    workspace: UnsafeMutablePointer<Float>
  ) {
    Convolution.forward(
      geometry, batch: output.batch, input: inputs[0].pointer, weights: weights.pointer,
      output: output.pointer, workspace: workspace)
    BatchNormalization.addBias(
      output.pointer, batch: output.batch, channels: geometry.filters, area: geometry.outArea,
      bias: biases.pointer)
    activation.apply(to: output, keepingInputIn: nil)
  }
}
