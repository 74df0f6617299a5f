import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors

/// What follows the products of a layer with weights: bias or batch normalisation, then the
/// activation.
///
///     y = activation(z + bias)    or    y = activation(batchnorm(z) scale + bias)    z, y [N, C, H, W]
///
/// A training pass keeps z and the batch's mean and variance if there is batch norm, else what the
/// activation's slope needs. The layer writes z to `products`, which is where it is kept.
struct OutputStage: Sendable {
  /// Of one image's z and y.
  let shape: Shape
  let isBatchNormalized: Bool
  let epsilon: BatchNormalization.Epsilon
  let activation: Activation
  /// Whether batch norm's gradient is divided as Darknet divides it, so that training goes the
  /// same way; recurrent layers, whose gradients Darknet lacks, take the exact derivative.
  private let isLikeDarknet: Bool

  init(
    shape: Shape, isBatchNormalized: Bool, activation: Activation, dialect: Dialect,
    isLikeDarknet: Bool = true
  ) {
    self.isLikeDarknet = isLikeDarknet
    self.shape = shape
    self.isBatchNormalized = isBatchNormalized
    self.activation = activation
    epsilon = dialect.batchNormalizationEpsilon
  }

  /// Values of the parameters, one per channel; the last three only with batch norm.
  struct Values {
    var biases: UnsafeMutablePointer<Float>
    var scales: UnsafeMutablePointer<Float>?
    var rollingMean: UnsafeMutablePointer<Float>?
    var rollingVariance: UnsafeMutablePointer<Float>?

    /// - Parameter normalization: index of the scales; the rolling values follow.
    init(_ pointers: [UnsafeMutablePointer<Float>], biases: Int, normalization: Int?) {
      self.biases = pointers[biases]
      if let normalization {
        scales = pointers[normalization]
        rollingMean = pointers[normalization + 1]
        rollingVariance = pointers[normalization + 2]
      }
    }
  }

  /// Where the gradients go; nil where nobody wants them.
  struct Gradients {
    var biases: UnsafeMutablePointer<Float>?
    var scales: UnsafeMutablePointer<Float>?

    init(_ pointers: [UnsafeMutablePointer<Float>?], biases: Int, normalization: Int?) {
      self.biases = pointers[biases]
      scales = normalization.flatMap { pointers[$0] }
    }
  }

  // MARK: Memory

  func savedCount(batch: Int) -> Int {
    let count = batch * shape.count
    return isBatchNormalized ? count + 2 * shape.channels : activation.savedCount(count)
  }

  /// Scratch of the backward pass: the activation's input, where its slope needs it.
  func backwardWorkspace(batch: Int) -> Int {
    isBatchNormalized ? activation.savedCount(batch * shape.count) : 0
  }

  /// Parts of `saved`.
  private func parts(_ saved: UnsafeMutablePointer<Float>, batch: Int) -> (
    raw: UnsafeMutablePointer<Float>, mean: UnsafeMutablePointer<Float>,
    variance: UnsafeMutablePointer<Float>
  ) {
    let mean = saved + batch * shape.count
    return (saved, mean, mean + shape.channels)
  }

  /// What `BatchNormalizedLayer` promises.
  func batchStatistics(
    saved: UnsafeMutablePointer<Float>, batch: Int
  ) -> (mean: UnsafeBufferPointer<Float>, variance: UnsafeBufferPointer<Float>)? {
    guard isBatchNormalized else { return nil }
    let kept = parts(saved, batch: batch)
    return (
      UnsafeBufferPointer(start: kept.mean, count: shape.channels),
      UnsafeBufferPointer(start: kept.variance, count: shape.channels)
    )
  }

  // MARK: Forward and backward

  /// Where the layer's products go before `forward`: to what is kept, else to the output itself.
  func products(
    _ y: UnsafeMutablePointer<Float>, saved: UnsafeMutablePointer<Float>?
  ) -> UnsafeMutablePointer<Float> {
    isBatchNormalized ? saved ?? y : y
  }

  /// Whether activation and normalisation are done in the same passes.
  private func isJoined(_ arithmetic: Arithmetic) -> Bool {
    isBatchNormalized && !activation.mixesChannels && arithmetic == .fast
  }

  /// Whether the backward pass finds the activation's slope in z alone.
  private func isSlopeJoined(_ arithmetic: Arithmetic) -> Bool {
    isJoined(arithmetic) && activation.lowerSlope != nil
  }

  /// Whether the backward pass looks at y, in the fast order.
  var needsOutput: Bool {
    activation != .linear && !isSlopeJoined(.fast) && !activation.needsInput
  }

  /// Makes y of the products.
  ///
  /// - Parameter saved: `savedCount` floats if training, else nil.
  func forward(
    _ y: UnsafeMutablePointer<Float>, batch: Int, _ values: Values,
    saved: UnsafeMutablePointer<Float>?, context: ComputeContext
  ) {
    if isBatchNormalized {
      normalize(y, batch: batch, values, saved: saved, context)
      if isJoined(context.arithmetic) { return }
    } else {
      BatchNormalization.addBias(
        y, batch: batch, channels: shape.channels, area: shape.area, bias: values.biases,
        context: context)
    }
    activation.apply(
      to: TensorView(y, batch: batch, shape: shape),
      keepingInputIn: isBatchNormalized ? nil : saved, context: context)
  }

  private func normalize(
    _ y: UnsafeMutablePointer<Float>, batch: Int, _ values: Values,
    saved: UnsafeMutablePointer<Float>?, _ context: ComputeContext
  ) {
    guard let rollingMean = values.rollingMean, let rollingVariance = values.rollingVariance else {
      preconditionFailure("batch norm without its parameters")
    }
    var (z, mean, variance) = (y, rollingMean, rollingVariance)
    if let saved {
      let kept = parts(saved, batch: batch)
      (z, mean, variance) = (kept.raw, kept.mean, kept.variance)
      BatchNormalization.statistics(
        z, batch: batch, channels: shape.channels, area: shape.area, mean: mean,
        variance: variance, context: context)
      RollingStatistics.update(rollingMean, with: mean, count: shape.channels)
      RollingStatistics.update(rollingVariance, with: variance, count: shape.channels)
    }
    BatchNormalization.normalize(
      z, to: y, batch: batch, channels: shape.channels, area: shape.area, mean: mean,
      variance: variance, epsilon: epsilon, scale: values.scales, bias: values.biases,
      activation: isJoined(context.arithmetic) ? activation : .linear, context: context)
  }

  /// Turns dLoss/dy into dLoss/dz, in place, and adds to `gradients`.
  ///
  /// - Parameter workspace: `backwardWorkspace` floats.
  func backward(
    _ dy: UnsafeMutablePointer<Float>, output y: UnsafeMutablePointer<Float>, batch: Int,
    _ values: Values, saved: UnsafeMutablePointer<Float>, gradients: Gradients,
    workspace: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    let isSlopeJoined = isSlopeJoined(context.arithmetic)
    let (channels, area) = (shape.channels, shape.area)
    let slope = TensorView(dy, batch: batch, shape: shape)
    let output = TensorView(y, batch: batch, shape: shape)
    guard isBatchNormalized else {
      activation.scaleBySlope(slope, output: output, savedInput: saved, context: context)
      if let biases = gradients.biases {
        BatchNormalization.biasBackward(
          dy, batch: batch, channels: channels, area: area, biasGradient: biases,
          context: context)
      }
      return
    }
    let kept = parts(saved, batch: batch)
    if activation.needsInput {
      BatchNormalization.normalize(
        kept.raw, to: workspace, batch: batch, channels: channels, area: area, mean: kept.mean,
        variance: kept.variance, epsilon: epsilon, scale: values.scales, bias: values.biases,
        context: context)
    }
    if !isSlopeJoined {
      activation.scaleBySlope(slope, output: output, savedInput: workspace, context: context)
    }
    BatchNormalization.backward(
      dy, x: kept.raw, batch: batch, channels: channels, area: area, mean: kept.mean,
      variance: kept.variance, epsilon: epsilon, scale: values.scales,
      scaleGradient: gradients.scales, biasGradient: gradients.biases,
      activation: isSlopeJoined ? activation : .linear, bias: values.biases,
      likeDarknet: isLikeDarknet, context: context)
  }
}
