import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[batchnorm]`: batch normalisation (Ioffe and Szegedy 2015) by itself.
///
///     y[n, c] = (x[n, c] - mean[c]) / s[c] scale[c] + bias[c]        x, y [N, C, H, W]
///
/// with the batch's mean and variance in training, the rolling ones at inference; s is
/// sqrt(variance + 1e-5), in pjreddie's dialect sqrt(variance) + 1e-6. No options.
///
/// Weights file: biases[C], scales[C], rolling mean[C], rolling variance[C]; pjreddie's has no
/// biases.
package struct BatchNormalizationLayer: Layer {
  package static let sectionNames = ["batchnorm"]

  let stage: OutputStage
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    stage = OutputStage(
      shape: site.inputShape, isBatchNormalized: true, activation: .linear, dialect: site.dialect)
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }
  package var outputShape: Shape { stage.shape }
  package var epsilon: BatchNormalization.Epsilon { stage.epsilon }

  package var parameters: [Parameter] {
    [.biases(stage.shape.channels)] + Parameter.batchNormalization(stage.shape.channels)
  }

  package func fileOrder(_ dialect: Dialect) -> [Int] {
    dialect == .pjreddie ? [1, 2, 3] : [0, 1, 2, 3]
  }

  package func savedCount(batch: Int) -> Int { stage.savedCount(batch: batch) }

  package func forward(_ pass: ForwardPass) {
    let saved = pass.isTraining ? pass.saved : nil
    let z = stage.products(pass.output.pointer, saved: saved)
    Vector.copy(pass.input.pointer, to: z, count: pass.output.count)
    stage.forward(
      pass.output.pointer, batch: pass.batch, .init(pass.parameters, biases: 0, normalization: 1),
      saved: saved, context: pass.context)
  }

  package func backward(_ pass: BackwardPass) {
    stage.backward(
      pass.outputGradient.pointer, output: pass.output.pointer, batch: pass.batch,
      .init(pass.forward.parameters, biases: 0, normalization: 1), saved: pass.forward.saved,
      gradients: .init(pass.parameterGradients, biases: 0, normalization: 1),
      workspace: pass.forward.workspace, context: pass.context)
    guard let dx = pass.inputGradient else { return }
    Vector.add(pass.outputGradient.pointer, to: dx.pointer, count: dx.count)
  }

  package var channelFlow: ChannelFlow { .channelwise(outputShape) }
  package var weightOrder: WeightOrder { .channelwise }

  package var tableRow: TableRow { .batchNormalization(outputShape) }
}

extension BatchNormalizationLayer: BatchNormalizedLayer {
  package func batchStatistics(
    saved: UnsafeMutablePointer<Float>, batch: Int
  ) -> (mean: UnsafeBufferPointer<Float>, variance: UnsafeBufferPointer<Float>)? {
    stage.batchStatistics(saved: saved, batch: batch)
  }
}
