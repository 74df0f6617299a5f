import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[convolutional]`: filters over all channels of a window, batch norm or bias, activation.
///
///     z[n, f] = sum over c, ky, kx of x[n, c, y', x'] w[f, c, ky, kx]     (+ bias[f])
///     y       = activation(batchnorm(z))
///
/// x [N, C, H, W], w [F, C / groups, size, size], y [N, F, (H + 2 padding - size) / stride + 1,
/// ...]; dilation spreads the taps but is not part of that formula. Options: `filters`, `size`,
/// `stride` or `stride_x` and `stride_y`, `pad` (1: padding = size / 2) or `padding`, `dilation`,
/// `groups`, `batch_normalize`, `activation`, `antialiasing` (1, 2: the strides are left to a fixed
/// blur after the activation, Zhang 2019), `share_index` (that layer's parameters instead of own
/// ones), `binary`, `xnor`, `flipped`.
///
/// Weights file: biases[F], then with batch norm scales[F], rolling mean[F], rolling variance[F];
/// then weights, filter by filter.
package struct ConvolutionalLayer: Layer {
  package static let sectionNames = ["convolutional", "conv"]

  /// Shapes of the convolution itself, before any blur.
  package let geometry: ConvolutionGeometry
  /// Bias or batch norm, and the activation.
  let stage: OutputStage
  package let sharesParametersOf: Int?
  /// Weights are replaced by ±mean|w| of their filter (XNOR-Net, Rastegari et al. 2016).
  package let isBinary: Bool
  /// Inputs are replaced by ±1 too, and what lies outside the map by -1.
  package let isXnor: Bool
  let hasBinaryOutput: Bool
  let isFlipped: Bool
  /// The fixed blur of `antialiasing`.
  let blur: Blur?
  let isExcited: Bool
  let source: Int
  private let dialect: Dialect

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let filters = try options.size("filters", default: 1, loud: true)
    let groups = try options.size("groups", default: 1)
    let size = try options.size("size", default: 1, loud: true)
    let (strideX, strideY) = try options.strides()
    let spread = try options.size("dilation", default: 1)
    let dilation = size == 1 ? 1 : spread
    let padding = try options.padding(size: size)
    let activation = try options.activation(default: .logistic, loud: true)
    let isPlain = try options.flag("batch_normalize")
    let isCrossIteration = try options.flag("cbn")
    let isBatchNormalized = isPlain || isCrossIteration
    isXnor = try options.flag("xnor")
    isBinary = try options.flag("binary") || isXnor
    hasBinaryOutput = try options.flag("bin_output")
    isFlipped = try options.flag("flipped")
    isExcited = try options.flag("assisted_excitation")
    let antialiasing = try options.int("antialiasing", default: 0)
    try Self.readDeformations(&options)
    geometry = try options.geometry(
      site.inputShape, filters: filters, size: size,
      strideX: antialiasing == 0 ? strideX : 1, strideY: antialiasing == 0 ? strideY : 1,
      padding: padding, dilation: dilation, groups: isXnor ? 1 : groups)
    blur =
      antialiasing == 0
      ? nil
      : try Blur(
        options, kind: antialiasing, input: geometry.outputShape, strideX: strideX,
        strideY: strideY)
    stage = OutputStage(
      shape: geometry.outputShape, isBatchNormalized: isBatchNormalized, activation: activation,
      dialect: site.dialect)
    sharesParametersOf = try Self.readShare(
      &options, at: site, geometry, isBatchNormalized: isBatchNormalized)
    source = site.previousIndex
    dialect = site.dialect
    if blur != nil { options.note(.antialiased) }
  }

  /// A convolution inside a composite layer.
  init(
    _ geometry: ConvolutionGeometry, isBatchNormalized: Bool, activation: Activation,
    isXnor: Bool = false, dialect: Dialect
  ) {
    self.geometry = geometry
    stage = OutputStage(
      shape: geometry.outputShape, isBatchNormalized: isBatchNormalized, activation: activation,
      dialect: dialect, isLikeDarknet: false)
    self.isXnor = isXnor
    isBinary = isXnor
    hasBinaryOutput = false
    isFlipped = false
    isExcited = false
    blur = nil
    sharesParametersOf = nil
    source = -1
    self.dialect = dialect
  }

  /// Deformed kernels exist only in the reference's GPU code, which runs plain ones on CPUs.
  private static func readDeformations(_ options: inout OptionReader) throws(ConfigError) {
    var given: [String] = []
    for key in ["sway", "rotate", "stretch", "stretch_sway"] where try options.flag(key) {
      given.append(key)
    }
    if given.count > 1 {
      throw options.error(
        given[1], expected: "at most one of sway, rotate, stretch and stretch_sway",
        found: given.joined(separator: ", "), fix: "drop the others")
    }
    options.readWithoutEffect(
      "sway", "rotate", "stretch", "stretch_sway", "reverse", "grad_centr", "coordconv", "dot",
      "stream", "wait_stream", "assisted_excitation",
      because: "only Darknet's GPU code uses it")
    options.readWithoutEffect(
      "angle", off: 15, because: "only Darknet's GPU code uses it")
    options.readWithoutEffect("bin_output", because: "outputs stay float32")
    options.readWithoutEffect("cbn", because: "it is batch norm of one mini-batch, as on CPUs")
  }

  private static func readShare(
    _ options: inout OptionReader, at site: LayerSite, _ geometry: ConvolutionGeometry,
    isBatchNormalized: Bool
  ) throws(ConfigError) -> Int? {
    guard options.has("share_index") else { return nil }
    let index = try options.layerIndex("share_index", before: site)
    guard let other = site.previous[index] as? ConvolutionalLayer else {
      throw options.error(
        "share_index", expected: "a [convolutional] layer",
        found: "layer \(index) [\(type(of: site.previous[index]).name)]", fix: "name another")
    }
    guard other.geometry.weightCount == geometry.weightCount,
      other.geometry.filters == geometry.filters, other.geometry.size == geometry.size,
      other.isBatchNormalized == isBatchNormalized
    else {
      throw options.error(
        "share_index", expected: "a layer of as many filters, channels and weights",
        found: "layer \(index) with \(other.geometry.weightCount) weights instead of "
          + "\(geometry.weightCount)",
        fix: "make both sections alike")
    }
    return other.sharesParametersOf ?? index
  }

  package var isBatchNormalized: Bool { stage.isBatchNormalized }
  package var epsilon: BatchNormalization.Epsilon { stage.epsilon }
  package var activation: Activation { stage.activation }
  package var sources: [Int] { [source] }
  package var outputShape: Shape { blur?.outputShape ?? stage.shape }

  package var parameters: [Parameter] {
    // He et al. 2015: of this deviation; AlexeyAB's uniform draws have a third of the variance.
    let spread = (2 / Float(geometry.columnHeight)).squareRoot()
    return [.biases(geometry.filters)]
      + (isBatchNormalized ? Parameter.batchNormalization(geometry.filters) : [])
      + [
        Parameter(
          "weights", count: geometry.weightCount, role: .weight,
          initial: dialect == .pjreddie ? .normal(scale: spread) : .uniform(scale: spread),
          flipped: isFlipped
            ? .init(rows: geometry.filters, columns: geometry.columnHeight) : nil)
      ]
  }

  /// A convolution, batch norm or bias, and an activation; blurred and binary ones are opaque.
  package func lower(into lowering: inout LayerLowering) {
    guard blur == nil, !isBinary else { return }
    lowering.append(
      .convolution(.init(geometry, weights: lowering.constant(weightsIndex))))
    lowering.appendStage(
      normalization: isBatchNormalized
        ? .init(
          scales: lowering.constant(1), means: lowering.constant(2),
          variances: lowering.constant(3), epsilon: epsilon) : nil,
      bias: lowering.constant(0), activation: activation)
  }

  /// Index of the weights in `parameters`.
  package var comparableFilters: FilterBank? {
    guard activation != .linear, sharesParametersOf == nil else { return nil }
    return FilterBank(
      parameter: weightsIndex, filters: geometry.filters, weights: geometry.columnHeight)
  }

  package var weightsIndex: Int { isBatchNormalized ? 4 : 1 }

  package static var batchNormalizeOption: BatchNormalizeOption { .ofLayer }
  package var convolution: ConvolutionGeometry? { geometry }
  package var weightOrder: WeightOrder { .filters(taps: geometry.size * geometry.size) }
}

// MARK: - Forward and backward

extension ConvolutionalLayer {
  /// Index of the scales in `parameters`.
  private var normalization: Int? { isBatchNormalized ? 1 : nil }

  /// Floats of the convolution's own output, before any blur.
  private func hostCount(batch: Int) -> Int { batch * geometry.outputCount }

  /// What the stage keeps; after it the activation's output if a blur follows.
  package func savedCount(batch: Int) -> Int {
    stage.savedCount(batch: batch) + (blur == nil ? 0 : hostCount(batch: batch))
  }

  package var readsOutputInBackward: Bool { blur == nil && stage.needsOutput }
  package var supportsOverwrite: Bool { true }

  /// Training takes the fast products, inference the plain ones: there this is the reference that
  /// plans are compared with.
  package func workspaceCount(batch: Int, isTraining: Bool, context: ComputeContext) -> Int {
    let products = TrainingConvolution(geometry, batch: batch, context: context)
    var count =
      isTraining
      ? max(
        products.forwardWorkspace, products.backwardWeightsWorkspace,
        products.backwardInputWorkspace, stage.backwardWorkspace(batch: batch))
      : Convolution.forwardWorkspace(geometry, threads: context.threads)
    if let blur {
      count = max(count, blur.workspaceCount(isTraining: isTraining, context: context))
    }
    return count + binaryCount(batch: batch) + (blur == nil ? 0 : hostCount(batch: batch))
  }

  private func binaryCount(batch: Int) -> Int {
    (isBinary ? geometry.weightCount : 0) + (isXnor ? batch * geometry.inputCount : 0)
  }

  /// Parts of `workspace`: host output or its gradient, binary weights and inputs, scratch.
  private func workspace(_ pass: ForwardPass) -> (
    host: UnsafeMutablePointer<Float>, binary: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let binary = pass.workspace + (blur == nil ? 0 : hostCount(batch: pass.batch))
    return (pass.workspace, binary, binary + binaryCount(batch: pass.batch))
  }

  /// The activation's output in `saved`, if a blur follows.
  private func savedHost(_ pass: ForwardPass) -> UnsafeMutablePointer<Float> {
    pass.saved + stage.savedCount(batch: pass.batch)
  }

  private func stageValues(_ pass: ForwardPass) -> OutputStage.Values {
    .init(pass.parameters, biases: 0, normalization: normalization)
  }

  private func products(_ pass: ForwardPass) -> TrainingConvolution {
    TrainingConvolution(geometry, batch: pass.batch, context: pass.context)
  }

  package func forward(_ pass: ForwardPass) {
    let work = workspace(pass)
    let host =
      blur == nil ? pass.output.pointer : pass.isTraining ? savedHost(pass) : work.host
    let operands = operands(pass)
    let saved = pass.isTraining ? pass.saved : nil
    let z = stage.products(host, saved: saved)
    if pass.isTraining {
      products(pass).forward(
        input: operands.input, weights: operands.weights, output: z, workspace: work.scratch)
    } else {
      Convolution.forward(
        geometry, batch: pass.batch, input: operands.input, weights: operands.weights, output: z,
        workspace: work.scratch, context: pass.context)
    }
    if isXnor {
      Binary.subtractOutside(z, batch: pass.batch, geometry, weights: operands.weights)
    }
    stage.forward(host, batch: pass.batch, stageValues(pass), saved: saved, context: pass.context)
    blur?.forward(
      TensorView(host, batch: pass.batch, shape: stage.shape), to: pass.output,
      workspace: work.scratch, context: pass.context)
  }

  /// Input and weights of the product, made binary where the cfg asks.
  private func operands(_ pass: ForwardPass) -> (
    input: UnsafeMutablePointer<Float>, weights: UnsafeMutablePointer<Float>
  ) {
    let weights = pass.parameters[weightsIndex]
    guard isBinary else { return (pass.input.pointer, weights) }
    let binary = workspace(pass).binary
    Binary.weights(weights, to: binary, filters: geometry.filters, count: geometry.columnHeight)
    guard isXnor else { return (pass.input.pointer, binary) }
    let input = binary + geometry.weightCount
    Binary.doubledSigns(pass.input.pointer, to: input, count: pass.input.count)
    return (input, binary)
  }

  package func backward(_ pass: BackwardPass) {
    let work = workspace(pass.forward)
    var (dz, y) = (pass.outputGradient.pointer, pass.output.pointer)
    if let blur {
      (dz, y) = (work.host, savedHost(pass.forward))
      Vector.fill(dz, with: 0, count: hostCount(batch: pass.batch))
      blur.backward(
        pass.outputGradient, to: TensorView(dz, batch: pass.batch, shape: stage.shape),
        workspace: work.scratch, context: pass.context)
    }
    stage.backward(
      dz, output: y, batch: pass.batch, stageValues(pass.forward), saved: pass.forward.saved,
      gradients: .init(pass.parameterGradients, biases: 0, normalization: normalization),
      workspace: work.scratch, context: pass.context)
    // The straight-through estimator: gradients of binary operands go to the real ones.
    let (operands, products) = (operands(pass.forward), products(pass.forward))
    if let weightGradient = pass.parameterGradients[weightsIndex] {
      products.backwardWeights(
        input: operands.input, outputGradient: dz, weightGradient: weightGradient,
        workspace: work.scratch)
      if isXnor {
        Binary.subtractOutside(
          fromGradient: weightGradient, outputGradient: dz, batch: pass.batch, geometry)
      }
    }
    if let dx = pass.inputGradient {
      products.backwardInput(
        outputGradient: dz, weights: operands.weights, inputGradient: dx.pointer,
        workspace: work.scratch, adds: !pass.replaces[0])
    }
  }
}

extension ConvolutionalLayer: BatchNormalizedLayer {
  package func batchStatistics(
    saved: UnsafeMutablePointer<Float>, batch: Int
  ) -> (mean: UnsafeBufferPointer<Float>, variance: UnsafeBufferPointer<Float>)? {
    stage.batchStatistics(saved: saved, batch: batch)
  }
}

// MARK: - Table

extension ConvolutionalLayer {
  package var productOperations: Int { geometry.operations }

  package var operations: Double { Double(geometry.operations) / (isXnor ? 32 : 1) }

  package var channelFlow: ChannelFlow {
    .mixes(groups: activation.mixesChannels ? 1 : geometry.groups)
  }

  package var tableRow: TableRow {
    let kind: TableRow.Convolution.Kind =
      if isXnor {
        hasBinaryOutput ? .xnorWithBinaryOutput : .xnor
      } else if sharesParametersOf != nil {
        .shared
      } else {
        isExcited ? .excited : .plain
      }
    return .convolution(
      .init(kind: kind, geometry: geometry, operations: operations, blur: blur?.geometry))
  }
}
