import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[connected]`: every output sees every input.
///
///     z[n, o] = sum over i of w[o, i] x[n, i]     (+ bias[o])
///     y       = activation(batchnorm(z))
///
/// x [N, C, H, W], seen as [N, I], w [O, I], y [N, O, 1, 1]. Options: `output` (default 1),
/// `activation` (default `logistic`), `batch_normalize`.
///
/// Weights file: biases[O], weights row by row, and only then, with batch norm, scales[O], rolling
/// mean[O], rolling variance[O]: another order than a convolution's. Very old files have the
/// weights transposed.
package struct ConnectedLayer: Layer {
  package static let sectionNames = ["connected", "conn"]

  package let inputCount: Int
  package let outputCount: Int
  let stage: OutputStage
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let outputs = try options.size("output", default: 1, loud: true)
    let activation = try options.activation(default: .logistic, loud: true)
    let isBatchNormalized = try options.flag("batch_normalize")
    let inputs = site.inputShape.count
    try options.checkWeights("output", rows: outputs, columns: inputs)
    self.init(
      inputs: inputs, outputs: outputs, isBatchNormalized: isBatchNormalized,
      activation: activation, dialect: site.dialect, source: site.previousIndex,
      isLikeDarknet: true)
  }

  /// A connected layer inside a composite one.
  init(
    inputs: Int, outputs: Int, isBatchNormalized: Bool, activation: Activation, dialect: Dialect,
    source: Int = -1, isLikeDarknet: Bool = false
  ) {
    inputCount = inputs
    outputCount = outputs
    stage = OutputStage(
      shape: Shape(vector: outputs), isBatchNormalized: isBatchNormalized,
      activation: activation, dialect: dialect, isLikeDarknet: isLikeDarknet)
    self.source = source
  }

  package var isBatchNormalized: Bool { stage.isBatchNormalized }
  package var activation: Activation { stage.activation }
  package var sources: [Int] { [source] }
  package var outputShape: Shape { stage.shape }

  package var parameters: [Parameter] {
    [
      .biases(outputCount),
      Parameter(
        "weights", count: inputCount * outputCount, role: .weight,
        initial: .uniform(scale: (2 / Float(inputCount)).squareRoot()),
        transposable: .init(rows: outputCount, columns: inputCount)),
    ] + (isBatchNormalized ? Parameter.batchNormalization(outputCount) : [])
  }

  package func lower(into lowering: inout LayerLowering) {
    lowering.append(.product(outputs: outputCount, weights: lowering.constant(1)))
    lowering.appendStage(
      normalization: isBatchNormalized
        ? .init(
          scales: lowering.constant(2), means: lowering.constant(3),
          variances: lowering.constant(4), epsilon: stage.epsilon) : nil,
      bias: lowering.constant(0), activation: activation)
  }

  /// Index of the scales in `parameters`.
  private var normalization: Int? { isBatchNormalized ? 2 : nil }

  package func savedCount(batch: Int) -> Int { stage.savedCount(batch: batch) }

  package func workspaceCount(batch: Int, isTraining: Bool, context: ComputeContext) -> Int {
    isTraining ? stage.backwardWorkspace(batch: batch) : 0
  }

  package func forward(_ pass: ForwardPass) {
    let saved = pass.isTraining ? pass.saved : nil
    Matrix.multiplyParallel(
      transposeB: true, m: pass.batch, n: outputCount, k: inputCount, a: pass.input.pointer,
      lda: inputCount, b: pass.parameters[1], ldb: inputCount, beta: 0,
      c: stage.products(pass.output.pointer, saved: saved), ldc: outputCount, context: pass.context)
    stage.forward(
      pass.output.pointer, batch: pass.batch,
      .init(pass.parameters, biases: 0, normalization: normalization),
      saved: saved, context: pass.context)
  }

  /// dw[o, i] += sum over n of dz[n, o] x[n, i];  dx[n, i] += sum over o of dz[n, o] w[o, i].
  package func backward(_ pass: BackwardPass) {
    let dz = pass.outputGradient.pointer
    stage.backward(
      dz, output: pass.output.pointer, batch: pass.batch,
      .init(pass.forward.parameters, biases: 0, normalization: normalization),
      saved: pass.forward.saved,
      gradients: .init(pass.parameterGradients, biases: 0, normalization: normalization),
      workspace: pass.forward.workspace, context: pass.context)
    if let dw = pass.parameterGradients[1] {
      Matrix.multiplyParallel(
        transposeA: true, m: outputCount, n: inputCount, k: pass.batch, a: dz, lda: outputCount,
        b: pass.input.pointer, ldb: inputCount, beta: 1, c: dw, ldc: inputCount,
        context: pass.context)
    }
    if let dx = pass.inputGradient {
      Matrix.multiplyParallel(
        m: pass.batch, n: inputCount, k: outputCount, a: dz, lda: outputCount,
        b: pass.forward.parameters[1], ldb: inputCount, beta: 1, c: dx.pointer, ldc: inputCount,
        context: pass.context)
    }
  }

  package var tableRow: TableRow { .connected(inputs: inputCount, outputs: outputCount) }

  package var productOperations: Int { 2 * inputCount * outputCount }

  package static var batchNormalizeOption: BatchNormalizeOption { .ofLayer }
  package var weightOrder: WeightOrder { .products }
  package var foldingEpsilon: Double { 1e-6 }
  package var averageOutputs: AverageOutputs { .never }
}

extension ConnectedLayer: BatchNormalizedLayer {
  package func batchStatistics(
    saved: UnsafeMutablePointer<Float>, batch: Int
  ) -> (mean: UnsafeBufferPointer<Float>, variance: UnsafeBufferPointer<Float>)? {
    stage.batchStatistics(saved: saved, batch: batch)
  }
}

extension OptionReader {
  /// - Throws: `ConfigError` at `key`, which gives the rows, if the weights are too many.
  func checkWeights(_ key: String, rows: Int, columns: Int) throws(ConfigError) {
    let (weights, overflows) = rows.multipliedReportingOverflow(by: columns)
    guard !overflows, weights <= Int(Int32.max) else {
      throw error(
        key, expected: "less than 2^31 weights", found: "\(rows) rows of \(columns)",
        fix: "use fewer outputs or a smaller input")
    }
  }
}
