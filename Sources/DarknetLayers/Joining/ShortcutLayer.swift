import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[shortcut]`: adds earlier layers to the previous layer's output (He et al. 2016).
///
///     z = w0 x + w1 from1 + w2 from2 ...,   y = activation(z)      x, y [N, C, H, W]
///
/// A source with more channels than `x` gives its first C; one with fewer adds nothing to the
/// rest. The weights are all 1 unless `weights_type` asks for trained ones, `per_feature` (one a
/// source, alias `per_layer`) or `per_channel` (one a source and channel), normalised over the
/// sources by `weights_normalization`: `relu` (alias `avg_relu`), w = max(v, 0) / (1e-4 + sum),
/// or `softmax`, w = exp(v - max) / (1e-4 + sum). The gradient is that of v; Darknet's leaves the
/// normalisation out of it.
///
/// pjreddie's dialect takes one source, of any size: z = alpha x + beta from, where a source twice
/// as large gives every second cell and one half as large reaches every second cell.
///
/// Options: `from` (required), `activation` (default `linear`), `weights_type`,
/// `weights_normalization`, `alpha`, `beta`. Weights file: the weights, source by source.
///
/// - Throws: `ConfigError` if a source is no earlier layer or, outside pjreddie's dialect, differs
///   in height or width.
package struct ShortcutLayer: Layer {
  package static let sectionNames = ["shortcut"]

  package enum WeightsType: Int, Sendable { case none, perFeature, perChannel }
  package enum Normalization: Int, Sendable { case none, relu, softmax }

  package let sources: [Int]
  package let activation: Activation
  package let weightsType: WeightsType
  package let normalization: Normalization
  package let alpha: Float
  package let beta: Float
  package let outputShape: Shape
  let sourceShapes: [Shape]

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let from = try options.layerIndices("from", before: site)
    activation = try options.activation(default: .linear, loud: true)
    weightsType =
      switch try options.string("weights_type") {
      case nil, "none": .none
      case "per_feature", "per_layer": .perFeature
      case "per_channel": .perChannel
      case let name?:
        throw options.error(
          "weights_type", expected: "none, per_feature, per_layer or per_channel",
          found: "'\(name)'", fix: "choose one of these")
      }
    normalization =
      switch try options.string("weights_normalization") {
      case nil, "none": .none
      case "relu", "avg_relu": .relu
      case "softmax": .softmax
      case let name?:
        throw options.error(
          "weights_normalization", expected: "none, relu or softmax", found: "'\(name)'",
          fix: "choose one of these")
      }
    if weightsType != .none, normalization == .none {
      throw options.error(
        "weights_normalization", expected: "relu or softmax, as weights_type is given",
        found: "none (Incorrect weights_normalization = none)", fix: "add it")
    }
    let isOriginal = site.dialect == .pjreddie
    alpha = isOriginal ? try options.float("alpha", default: 1) : 1
    beta = isOriginal ? try options.float("beta", default: 1) : 1
    sources = [site.previousIndex] + from
    outputShape = site.inputShape
    sourceShapes = from.map { site.shape(of: $0) }
    try checkSizes(options, at: site)
  }

  private func checkSizes(_ options: OptionReader, at site: LayerSite) throws(ConfigError) {
    let x = outputShape
    let isOriginal = site.dialect == .pjreddie
    if isOriginal, sourceShapes.count > 1 {
      throw options.error(
        "from", expected: "one layer in pjreddie's dialect", found: "\(sourceShapes.count)",
        fix: "use -dialect alexeyab or a [shortcut] for each")
    }
    for (index, shape) in zip(sources.dropFirst(), sourceShapes) {
      if shape.width == x.width, shape.height == x.height { continue }
      let isMultiple = shape.width * max(x.height, 1) == shape.height * x.width
      if isOriginal, isMultiple, weightsType == .none { continue }
      throw options.error(
        "from", expected: "a layer of \(x.width)x\(x.height)",
        found: "layer \(index) of \(shape.width)x\(shape.height)",
        fix: site.sizeFix(
          otherwise: isOriginal
            ? "name a layer of the same proportions"
            : "name a layer of that size, or run it with -dialect pjreddie, which samples it"))
    }
  }

  /// Values of each source that are added, when it has the output's width and height.
  private func addedCount(_ source: Int) -> Int {
    min(sourceShapes[source].count, outputShape.count)
  }

  private func isSampled(_ source: Int) -> Bool {
    sourceShapes[source].width != outputShape.width
      || sourceShapes[source].height != outputShape.height
  }

  package var parameters: [Parameter] {
    let count =
      switch weightsType {
      case .none: 0
      case .perFeature: sources.count
      case .perChannel: sources.count * outputShape.channels
      }
    return count == 0
      ? [] : [Parameter("weights", count: count, role: .weight, initial: .constant(1))]
  }

  package func savedCount(batch: Int) -> Int { activation.savedCount(batch * outputShape.count) }

  package func workspaceCount(batch: Int, isTraining: Bool, context: ComputeContext) -> Int {
    weightsType == .none ? 0 : 2 * sources.count * weightsPerSource
  }

  package var readsInputsInBackward: Bool { weightsType != .none }
  package var readsOutputInBackward: Bool { activation != .linear && !activation.needsInput }
  package var supportsOverwrite: Bool { residuals != nil }

  package func lower(into lowering: inout LayerLowering) {
    guard residuals != nil, !activation.mixesChannels else { return }
    lowering.append(.add(activation), lowering.inputs)
  }

  package func forward(_ pass: ForwardPass) {
    if weightsType != .none {
      forwardWeighted(pass)
    } else {
      let y = pass.output
      pass.context.run(y.batch) { n in
        Vector.copy(pass.input.image(n), to: y.image(n), count: y.shape.count)
        if alpha != 1 { Vector.scale(y.image(n), by: alpha, count: y.shape.count) }
        for (i, other) in pass.inputs.dropFirst().enumerated() {
          if isSampled(i) {
            sampledPairs(sourceShapes[i]) { y.image(n)[$0] += beta * other.image(n)[$1] }
          } else if beta == 1 {
            Vector.add(other.image(n), to: y.image(n), count: addedCount(i))
          } else {
            Vector.axpy(beta, other.image(n), to: y.image(n), count: addedCount(i))
          }
        }
      }
    }
    activation.apply(
      to: pass.output, keepingInputIn: pass.isTraining ? pass.saved : nil,
      context: pass.context)
  }

  package func backward(_ pass: BackwardPass) {
    let dy = pass.outputGradient
    activation.scaleBySlope(
      dy, output: pass.output, savedInput: pass.forward.saved, context: pass.context)
    if weightsType != .none {
      backwardWeighted(pass)
      return
    }
    if let residuals {
      pass.passOn(to: 0, channels: outputShape.channels)
      for (index, residual) in residuals.enumerated() {
        pass.passOn(to: index + 1, channels: residual.channels)
      }
      return
    }
    if let dx = pass.inputGradient {
      Vector.axpy(alpha, dy.pointer, to: dx.pointer, count: dy.count)
    }
    for (i, gradient) in pass.inputGradients.dropFirst().enumerated() {
      guard let gradient else { continue }
      for n in 0..<dy.batch {
        if isSampled(i) {
          sampledPairs(sourceShapes[i]) { gradient.image(n)[$1] += beta * dy.image(n)[$0] }
        } else {
          Vector.axpy(beta, dy.image(n), to: gradient.image(n), count: addedCount(i))
        }
      }
    }
  }

  /// Calls `body` with the positions in one output image and one source image that belong
  /// together when their sizes differ.
  private func sampledPairs(_ source: Shape, _ body: (_ output: Int, _ source: Int) -> Void) {
    let y = outputShape
    let stride = max(source.width / y.width, 1)
    let sample = max(y.width / source.width, 1)
    for k in 0..<min(source.channels, y.channels) {
      for j in 0..<min(source.height, y.height) {
        for i in 0..<min(source.width, y.width) {
          body(
            i * sample + y.width * (j * sample + y.height * k),
            i * stride + source.width * (j * stride + source.height * k))
        }
      }
    }
  }

  // MARK: Trained weights

  /// The normalisation over the sources is that of an activation over channels.
  private var normalizer: Activation {
    normalization == .relu ? .normalizeChannels : .normalizeChannelsSoftmaxMaxval
  }

  /// Weights of each source: one, or one a channel.
  private var weightsPerSource: Int { weightsType == .perFeature ? 1 : outputShape.channels }

  /// Normalised weights [sources, `weightsPerSource`], written to `result`.
  private func normalizedWeights(
    _ raw: UnsafeMutablePointer<Float>, _ result: UnsafeMutablePointer<Float>, isTraining: Bool
  ) {
    let count = sources.count * weightsPerSource
    // Darknet's folding before tests clamps at 0.001, its training at 0.
    let least: Float = normalization == .relu && !isTraining ? 0.001 : -.infinity
    for i in 0..<count { result[i] = max(raw[i], least) }
    ChannelNormalizer.apply(normalizer, result, channels: sources.count, area: weightsPerSource)
  }

  private func forwardWeighted(_ pass: ForwardPass) {
    let y = pass.output
    let (channels, area) = (y.shape.channels, y.shape.area)
    normalizedWeights(pass.parameters[0], pass.workspace, isTraining: pass.isTraining)
    Vector.fill(y.pointer, with: 0, count: y.count)
    for n in 0..<y.batch {
      for (s, input) in pass.inputs.enumerated() {
        for c in 0..<min(channels, input.shape.channels) {
          Vector.axpy(
            pass.workspace[weightIndex(s, c)], input.channel(c, ofImage: n),
            to: y.channel(c, ofImage: n), count: area)
        }
      }
    }
  }

  /// Where the weight of channel c of source s is.
  private func weightIndex(_ s: Int, _ c: Int) -> Int {
    weightsType == .perFeature ? s : s * outputShape.channels + c
  }

  private func backwardWeighted(_ pass: BackwardPass) {
    let dy = pass.outputGradient
    let (channels, area) = (dy.shape.channels, dy.shape.area)
    let raw = pass.forward.parameters[0]
    let count = sources.count * weightsPerSource
    let (weights, slopes) = (pass.forward.workspace, pass.forward.workspace + count)
    normalizedWeights(raw, weights, isTraining: true)
    Vector.fill(slopes, with: 0, count: count)
    for n in 0..<dy.batch {
      for (s, input) in pass.forward.inputs.enumerated() {
        for c in 0..<min(channels, input.shape.channels) {
          let dz = dy.channel(c, ofImage: n)
          if let gradient = pass.inputGradients[s] {
            Vector.axpy(
              weights[weightIndex(s, c)], dz, to: gradient.channel(c, ofImage: n), count: area)
          }
          slopes[weightIndex(s, c)] += Float(
            Vector.dot(dz, input.channel(c, ofImage: n), count: area))
        }
      }
    }
    guard let dv = pass.parameterGradients[0] else { return }
    // From the weights' gradients to those of the values that are normalised.
    ChannelNormalizer.scaleBySlope(
      normalizer, slopes, output: weights, savedInput: raw, channels: sources.count,
      area: weightsPerSource)
    Vector.add(slopes, to: dv, count: count)
  }

  // MARK: Table

  package var channelFlow: ChannelFlow {
    let all = 0..<outputShape.channels
    guard !activation.mixesChannels else { return .mixes(groups: 1) }
    return .passes(
      [.init(source: 0, from: all)]
        + sourceShapes.enumerated().map {
          .init(source: $0 + 1, from: 0..<min($1.channels, all.count))
        })
  }

  package var tableRow: TableRow {
    .shortcut(
      .init(
        sources: Array(zip(sources.dropFirst(), sourceShapes)).map { ($0, $1) },
        weights: weightsType, normalization: normalization, output: outputShape,
        operations: operations))
  }

  package var operations: Double {
    Double(outputShape.count) * Double(sources.count - 1) * (weightsType == .none ? 1 : 2)
  }
}
