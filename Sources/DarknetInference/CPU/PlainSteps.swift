import DarknetGraph
import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// A layer computed on planes, with its own memory of parameters.
protocol PlainStep {
  func workspaceCount(batch: Int, _ context: ComputeContext) -> Int
  func run(
    inputs: [TensorView], output: TensorView, timeSteps: Int,
    workspace: UnsafeMutablePointer<Float>, context: ComputeContext)
}

/// A layer's own forward rule.
struct LayerStep: PlainStep {
  private let layer: any Layer
  private let buffers: [FloatBuffer]
  private let state: FloatBuffer

  init(node: Network.Node, parameters: Parameters, state: FloatBuffer) {
    layer = node.layer
    // Copies, since the mapped file's memory is given back.
    buffers = parameters.buffers[node.index].map { FloatBuffer($0.values) }
    self.state = state
  }

  func workspaceCount(batch: Int, _ context: ComputeContext) -> Int {
    layer.workspaceCount(batch: batch, isTraining: false, context: context)
  }

  func run(
    inputs: [TensorView], output: TensorView, timeSteps: Int,
    workspace: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    layer.forward(
      ForwardPass(
        batch: output.batch, timeSteps: timeSteps, isTraining: false, inputs: inputs,
        output: output, parameters: buffers.map(\.pointer), saved: workspace,
        workspace: workspace, state: state.pointer, context: context))
  }
}

/// A convolution with its batch norm folded in, by im2col and matrix products.
struct FoldedConvolution: PlainStep {
  private let geometry: ConvolutionGeometry
  private let activation: Activation
  private let weights: FloatBuffer
  private let biases: FloatBuffer

  init(_ convolution: Graph.ConvolutionAttributes, _ parameters: Parameters) {
    geometry = convolution.geometry
    activation = convolution.epilogue.activation
    let folded = FoldedConvolutionValues(convolution, parameters)
    biases = folded.biases
    weights = FloatBuffer(count: geometry.weightCount)
    Vector.copy(folded.weights, to: weights.pointer, count: geometry.weightCount)
    guard let scales = folded.scales else { return }
    for f in 0..<geometry.filters {
      Vector.scale(
        weights.pointer + f * geometry.columnHeight, by: scales.pointer[f],
        count: geometry.columnHeight)
    }
  }

  func workspaceCount(batch: Int, _ context: ComputeContext) -> Int {
    Convolution.forwardWorkspace(geometry, threads: context.threads)
  }

  func run(
    inputs: [TensorView], output: TensorView, timeSteps: Int,
    workspace: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    Convolution.forward(
      geometry, batch: output.batch, input: inputs[0].pointer, weights: weights.pointer,
      output: output.pointer, workspace: workspace, context: context)
    BatchNormalization.addBias(
      output.pointer, batch: output.batch, channels: geometry.filters, area: geometry.outArea,
      bias: biases.pointer, context: context)
    activation.apply(to: output, keepingInputIn: nil, context: context)
  }
}
