import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// A layer computed on planes, with its own memory of parameters.
protocol PlainStep {
  func workspaceCount(batch: Int) -> Int
  func run(
    inputs: [TensorView], output: TensorView, timeSteps: Int,
    workspace: UnsafeMutablePointer<Float>)
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

/// What batch norm makes of a convolution's weights and biases:
///
///     w'[f] = w[f] k[f],   b'[f] = b[f] - mean[f] k[f],   k = scale / sqrt(variance + 1e-5)
///
/// in double precision (pjreddie's dialect: k = scale / (sqrt(variance) + 1e-6)).
struct FoldedBatchNorm {
  /// k; nil without batch norm.
  let scales: FloatBuffer?
  /// b'
  let biases: FloatBuffer

  init(_ layer: ConvolutionalLayer, _ parameters: [UnsafeMutablePointer<Float>]) {
    let filters = layer.geometry.filters
    biases = FloatBuffer(count: filters)
    biases.pointer.update(from: parameters[0], count: filters)
    guard layer.isBatchNormalized else {
      scales = nil
      return
    }
    let scales = FloatBuffer(count: filters)
    for f in 0..<filters {
      let variance = Double(parameters[3][f])
      let deviation =
        switch layer.epsilon {
        case .insideRoot(let e): (variance + Double(e)).squareRoot()
        case .outsideRoot(let e): variance.squareRoot() + Double(e)
        }
      let k = Double(parameters[1][f]) / deviation
      biases.pointer[f] = Float(Double(biases.pointer[f]) - Double(parameters[2][f]) * k)
      scales.pointer[f] = Float(k)
    }
    self.scales = scales
  }
}

/// A convolution with its batch norm folded in, by im2col and matrix products.
struct FoldedConvolution: PlainStep {
  private let geometry: ConvolutionGeometry
  private let activation: Activation
  private let weights: FloatBuffer
  private let biases: FloatBuffer

  init(_ layer: ConvolutionalLayer, _ parameters: [UnsafeMutablePointer<Float>]) {
    geometry = layer.geometry
    activation = layer.activation
    let folded = FoldedBatchNorm(layer, parameters)
    biases = folded.biases
    weights = FloatBuffer(count: geometry.weightCount)
    Vector.copy(
      parameters[layer.weightsIndex], to: weights.pointer, count: geometry.weightCount)
    guard let scales = folded.scales else { return }
    for f in 0..<geometry.filters {
      Vector.scale(
        weights.pointer + f * geometry.columnHeight, by: scales.pointer[f],
        count: geometry.columnHeight)
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
