import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[deconvolutional]`: the transpose of a convolution, which enlarges a map by its stride.
///
///     z[n, f, i stride - padding + ky, j stride - padding + kx] += x[n, c, i, j] w[c, f, ky, kx]
///     y = activation(batchnorm(z) or z + bias)
///
/// x [N, C, H, W], w [C, F, size, size], y [N, F, (H - 1) stride + size - 2 padding, ...]. Options:
/// `filters`, `size`, `stride` (default 1), `pad` (1: padding = size / 2) or `padding`,
/// `batch_normalize`, `activation` (default `logistic`).
///
/// Weights file: biases[F], then with batch norm scales[F], rolling mean[F], rolling variance[F];
/// then weights.
///
/// - Throws: `ConfigError` if the padding leaves nothing of the output.
package struct DeconvolutionalLayer: Layer {
  package static let sectionNames = ["deconvolutional", "deconv"]

  /// The convolution of which this is the transpose: from y to x.
  package let geometry: ConvolutionGeometry
  let stage: OutputStage
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let x = site.inputShape
    let filters = try options.size("filters", default: 1, loud: true)
    let size = try options.size("size", default: 1, loud: true)
    let stride = try options.size("stride", default: 1, loud: true)
    let activation = try options.activation(default: .logistic, loud: true)
    let isBatchNormalized = try options.flag("batch_normalize")
    let padding = try options.padding(size: size)
    let height = (x.height - 1) * stride + size - 2 * padding
    let width = (x.width - 1) * stride + size - 2 * padding
    guard height > 0, width > 0 else {
      throw options.error(
        "padding", expected: "an output of at least 1x1", found: "\(width)x\(height)",
        fix: "use less padding")
    }
    let shape = Shape(channels: filters, height: height, width: width)
    guard let count = shape.checkedCount, count <= Int(Int32.max) else {
      throw options.error(
        "stride", expected: "an output of less than 2^31 values", found: "\(shape)",
        fix: "use a smaller stride or fewer filters")
    }
    geometry = try options.geometry(
      shape, filters: x.channels, size: size, strideX: stride, strideY: stride, padding: padding,
      dilation: 1, groups: 1)
    stage = OutputStage(
      shape: shape, isBatchNormalized: isBatchNormalized, activation: activation,
      dialect: site.dialect)
    source = site.previousIndex
  }

  package var isBatchNormalized: Bool { stage.isBatchNormalized }
  package var activation: Activation { stage.activation }
  package var sources: [Int] { [source] }
  package var outputShape: Shape { stage.shape }

  package var parameters: [Parameter] {
    [.biases(outputShape.channels)]
      + (isBatchNormalized ? Parameter.batchNormalization(outputShape.channels) : [])
      + [
        Parameter(
          "weights", count: geometry.weightCount, role: .weight, initial: .normal(scale: 0.02))
      ]
  }

  private var weightsIndex: Int { isBatchNormalized ? 4 : 1 }
  private var normalization: Int? { isBatchNormalized ? 1 : nil }

  package func savedCount(batch: Int) -> Int { stage.savedCount(batch: batch) }

  /// Scratch, and after it, if training, the input's gradient before it is added.
  package func workspaceCount(batch: Int, isTraining: Bool, context: ComputeContext) -> Int {
    scratchCount(batch: batch, isTraining: isTraining, context)
      + (isTraining ? batch * geometry.outputCount : 0)
  }

  private func scratchCount(
    batch: Int, isTraining: Bool, _ context: ComputeContext
  ) -> Int {
    let threads = context.threads
    let forward = Convolution.backwardInputWorkspace(geometry, threads: threads)
    guard isTraining else { return forward }
    return max(
      forward, Convolution.forwardWorkspace(geometry, threads: threads),
      Convolution.backwardWeightsWorkspace(geometry, threads: threads),
      stage.backwardWorkspace(batch: batch))
  }

  package func forward(_ pass: ForwardPass) {
    let y = pass.output
    let saved = pass.isTraining ? pass.saved : nil
    let z = stage.products(y.pointer, saved: saved)
    Vector.fill(z, with: 0, count: y.count)
    Convolution.backwardInput(
      geometry, batch: pass.batch, outputGradient: pass.input.pointer,
      weights: pass.parameters[weightsIndex], inputGradient: z, workspace: pass.workspace,
      context: pass.context)
    stage.forward(
      y.pointer, batch: pass.batch,
      .init(pass.parameters, biases: 0, normalization: normalization), saved: saved,
      context: pass.context)
  }

  package func backward(_ pass: BackwardPass) {
    let (dz, scratch) = (pass.outputGradient.pointer, pass.forward.workspace)
    stage.backward(
      dz, output: pass.output.pointer, batch: pass.batch,
      .init(pass.forward.parameters, biases: 0, normalization: normalization),
      saved: pass.forward.saved,
      gradients: .init(pass.parameterGradients, biases: 0, normalization: normalization),
      workspace: scratch, context: pass.context)
    if let weights = pass.parameterGradients[weightsIndex] {
      Convolution.backwardWeights(
        geometry, batch: pass.batch, input: dz, outputGradient: pass.input.pointer,
        weightGradient: weights, workspace: scratch, context: pass.context)
    }
    if let dx = pass.inputGradient {
      let sum = scratch + scratchCount(batch: pass.batch, isTraining: true, pass.context)
      Convolution.forward(
        geometry, batch: pass.batch, input: dz,
        weights: pass.forward.parameters[weightsIndex], output: sum, workspace: scratch,
        context: pass.context)
      Vector.add(sum, to: dx.pointer, count: dx.count)
    }
  }

  package var tableRow: TableRow {
    .deconvolution(
      filters: outputShape.channels, size: geometry.size, stride: geometry.strideX,
      input: geometry.outputShape, output: outputShape)
  }
}

extension DeconvolutionalLayer: BatchNormalizedLayer {
  package func batchStatistics(
    saved: UnsafeMutablePointer<Float>, batch: Int
  ) -> (mean: UnsafeBufferPointer<Float>, variance: UnsafeBufferPointer<Float>)? {
    stage.batchStatistics(saved: saved, batch: batch)
  }
}
