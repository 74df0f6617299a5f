import DarknetTensors

extension Graph {
  /// Values that a layer owns, as `Layer.parameters` lists them.
  package struct Constant: Hashable, Sendable {
    /// The layer, counted from 0.
    package var layer: Int
    /// Which of its parameters.
    package var parameter: Int

    package init(layer: Int, parameter: Int) {
      self.layer = layer
      self.parameter = parameter
    }
  }

  /// Batch normalisation by rolling statistics, a value of each constant for each channel:
  /// y = scale (x - mean) / sqrt(variance + epsilon), then the bias if there is one.
  package struct Normalization: Hashable, Sendable {
    package var scales: Constant
    package var means: Constant
    package var variances: Constant
    package var epsilon: NormalizationEpsilon

    package init(
      scales: Constant, means: Constant, variances: Constant, epsilon: NormalizationEpsilon
    ) {
      self.scales = scales
      self.means = means
      self.variances = variances
      self.epsilon = epsilon
    }
  }

  /// What follows a convolution's sums, in this order: normalisation, bias, activation, residual,
  /// second activation, pooling. Empty until passes fuse operators into it.
  package struct Epilogue: Hashable, Sendable {
    package var normalization: Normalization?
    /// A value for each filter.
    package var bias: Constant?
    package var activation = Activation.linear
    /// First channels of the operand with the role `.residual` that are added; 0 is none.
    package var residualChannels = 0
    package var secondActivation = Activation.linear

    package init() {}
  }

  /// A convolution: weights [F, C / groups, size, size] over x [N, C, H, W].
  package struct ConvolutionAttributes: Hashable, Sendable {
    package var geometry: ConvolutionGeometry
    package var weights: Constant
    package var epilogue = Epilogue()

    package init(_ geometry: ConvolutionGeometry, weights: Constant) {
      self.geometry = geometry
      self.weights = weights
    }
  }

  /// What one operator computes. Shapes are [N, C, H, W]; the operands' roles say which is which.
  package enum Operation: Hashable, Sendable {
    /// Sums over windows, and what passes have fused to them.
    case convolution(ConvolutionAttributes)
    /// A 1x1 convolution and the depthwise one after it, as one.
    case pointwiseDepthwise(ConvolutionAttributes, ConvolutionAttributes)
    /// y[o] = sum of w[o, i] x[i], all values of an image as one vector; weights row by row.
    case product(outputs: Int, weights: Constant)
    case normalize(Normalization)
    /// y = x + a value for each channel.
    case bias(Constant)
    case activate(Activation)
    case maximum(PoolGeometry)
    /// Means over the cells of a window that are inside the map.
    case average(PoolGeometry)
    /// The mean of each channel: [N, C, 1, 1].
    case averageMap
    /// The first operand plus the first channels of the others, then the activation.
    case add(Activation)
    /// The map times a factor for each of its channels, then the activation.
    case multiply(Activation)
    /// The operands' channels, one after another.
    case concatenate
    /// Some channels of the operand.
    case slice
    /// Each value becomes a square of `factor` x `factor`, times `scale`.
    case upsample(factor: Int, scale: Float)
    /// The same values in another layout.
    case convert(to: Layout)
    /// A layer that runs by its own rule.
    case opaque

    /// In a word, for tables.
    package var name: String {
      switch self {
      case .convolution: "convolution"
      case .pointwiseDepthwise: "pointwise + depthwise"
      case .product: "product"
      case .normalize: "normalize"
      case .bias: "bias"
      case .activate: "activate"
      case .maximum: "maximum"
      case .average: "average"
      case .averageMap: "average map"
      case .add: "add"
      case .multiply: "multiply"
      case .concatenate: "concatenate"
      case .slice: "slice"
      case .upsample: "upsample"
      case .convert: "convert"
      case .opaque: "layer"
      }
    }
  }

  /// How a map's values are ordered in memory.
  package enum Layout: String, Hashable, Sendable {
    /// Planes: [N, C, H, W].
    case nchw
    /// Blocks of 16 channels: [N, C / 16, H, W, 16]. Lanes past the last channel are finite.
    case nchw16c

    /// Channels of a block.
    package static let blockChannels = 16

    /// Elements of one image, with the lanes that fill the last block.
    package func count(_ shape: Shape) -> Int { count(channels: shape.channels, area: shape.area) }

    /// Elements of the first `channels` channels of an image.
    package func count(channels: Int, area: Int) -> Int {
      let lanes = Layout.blockChannels
      return self == .nchw ? channels * area : (channels + lanes - 1) / lanes * lanes * area
    }
  }
}
