import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

extension OptionReader {
  /// `stride`, or `stride_x` and `stride_y` where both are given.
  mutating func strides() throws(ConfigError) -> (x: Int, y: Int) {
    let x = try int("stride_x", default: -1)
    let y = try int("stride_y", default: -1)
    if x >= 1, y >= 1 {
      passOver("stride")
      return (x, y)
    }
    let stride = try size("stride", default: 1, loud: true)
    return (x >= 1 ? x : stride, y >= 1 ? y : stride)
  }

  /// `padding`, which `pad=1` replaces by half of the kernel.
  mutating func padding(size: Int) throws(ConfigError) -> Int {
    let padding = try int("padding", default: 0, in: 0...65_536)
    return try flag("pad") ? size / 2 : padding
  }

  /// The shapes of a convolution of `input`, with all that could overflow or vanish checked.
  func geometry(
    _ input: Shape, filters: Int, size: Int, strideX: Int, strideY: Int, padding: Int,
    dilation: Int, groups: Int
  ) throws(ConfigError) -> ConvolutionGeometry {
    guard input.channels % groups == 0, filters % groups == 0 else {
      throw error(
        "groups",
        expected: "a divisor of the \(input.channels) input channels and the \(filters) filters",
        found: "\(groups)", fix: "change it")
    }
    guard size <= input.width + 2 * padding, size <= input.height + 2 * padding else {
      throw error(
        "size",
        expected: "at most the input's \(input.width)x\(input.height) with padding "
          + "\(padding)", found: "\(size)", fix: "use a smaller kernel or a larger input")
    }
    let geometry = ConvolutionGeometry(
      channels: input.channels, height: input.height, width: input.width, filters: filters,
      size: size, strideX: strideX, strideY: strideY, padding: padding, dilation: dilation,
      groups: groups)
    let (window, overflow1) = size.multipliedReportingOverflow(by: size)
    let (column, overflow2) = window.multipliedReportingOverflow(by: input.channels / groups)
    let (weights, overflow3) = column.multipliedReportingOverflow(by: filters)
    guard !overflow1, !overflow2, !overflow3, weights <= Int(Int32.max), dilation <= 65_536 else {
      throw error(
        "filters", expected: "less than 2^31 weights",
        found: "\(filters) filters of \(size)x\(size)x\(input.channels / groups)",
        fix: "use fewer or smaller filters")
    }
    return geometry
  }
}

extension ConvolutionGeometry {
  /// Of one image.
  package var outputShape: Shape { Shape(channels: filters, height: outHeight, width: outWidth) }
}

extension Dialect {
  /// Where the small constant of batch normalisation is added.
  var batchNormalizationEpsilon: BatchNormalization.Epsilon {
    self == .alexeyab ? .insideRoot(1e-5) : .outsideRoot(1e-6)
  }
}

/// Rolling statistics of batch normalisation: r = 0.99 r + 0.01 x, as pjreddie's programs and all
/// GPU code do (AlexeyAB's CPU code takes 0.9 and 0.1, too noisy for small mini-batches).
enum RollingStatistics {
  static func update(
    _ rolling: UnsafeMutablePointer<Float>, with batch: UnsafeMutablePointer<Float>, count: Int
  ) {
    for i in 0..<count { rolling[i] = 0.99 * rolling[i] + 0.01 * batch[i] }
  }
}

/// Binary operands of XNOR networks.
enum Binary {
  /// Each filter's weights become ± the mean of their absolute values.
  static func weights(
    _ weights: UnsafeMutablePointer<Float>, to binary: UnsafeMutablePointer<Float>, filters: Int,
    count: Int
  ) {
    for f in 0..<filters {
      let row = weights + f * count
      var total: Float = 0
      for i in 0..<count { total += abs(row[i]) }
      let mean = total / Float(count)
      for i in 0..<count { binary[f * count + i] = row[i] > 0 ? mean : -mean }
    }
  }

  /// 2 above zero, else 0: one more than the signs ±1.
  ///
  /// The reference's bits have no zero, so its padding counts as -1. With inputs raised by one the
  /// padding is the convolution's own zero, and `subtractOutside` takes the one away again.
  static func doubledSigns(
    _ x: UnsafeMutablePointer<Float>, to binary: UnsafeMutablePointer<Float>, count: Int
  ) {
    for i in 0..<count { binary[i] = x[i] > 0 ? 2 : 0 }
  }

  /// z[n, f] -= the sum of the weights of filter f.
  static func subtractOutside(
    _ z: UnsafeMutablePointer<Float>, batch: Int, _ g: ConvolutionGeometry,
    weights: UnsafePointer<Float>
  ) {
    for f in 0..<g.filters {
      let sum = Float(Vector.sum(weights + f * g.columnHeight, count: g.columnHeight))
      for n in 0..<batch {
        Vector.scale(
          z + (n * g.filters + f) * g.outArea, by: 1, adding: -sum, count: g.outArea)
      }
    }
  }

  /// dw[f] -= the sum of dz[f], as every input was raised by one.
  static func subtractOutside(
    fromGradient weights: UnsafeMutablePointer<Float>, outputGradient dz: UnsafePointer<Float>,
    batch: Int, _ g: ConvolutionGeometry
  ) {
    for f in 0..<g.filters {
      var sum = 0.0
      for n in 0..<batch {
        sum += Vector.sum(dz + (n * g.filters + f) * g.outArea, count: g.outArea)
      }
      Vector.scale(
        weights + f * g.columnHeight, by: 1, adding: -Float(sum), count: g.columnHeight)
    }
  }
}

/// The fixed blur of `antialiasing` (Zhang 2019): a depthwise convolution with the layer's strides,
/// of the 3x3 binomial kernel (kind 1) or the 2x2 mean (kind 2).
struct Blur: Sendable {
  let geometry: ConvolutionGeometry
  private let weights: FloatBuffer

  /// - Throws: `ConfigError` if `input` is too small for the kernel.
  init(
    _ options: OptionReader, kind: Int, input: Shape, strideX: Int, strideY: Int
  ) throws(ConfigError) {
    let size = kind == 2 ? 2 : 3
    geometry = try options.geometry(
      input, filters: input.channels, size: size, strideX: strideX, strideY: strideY,
      padding: kind == 2 ? 0 : 1, dilation: 1, groups: input.channels)
    let kernel: [Float] =
      kind == 2
      ? [Float](repeating: 0.25, count: 4) : [1, 2, 1, 2, 4, 2, 1, 2, 1].map { $0 / 16 }
    weights = FloatBuffer((0..<input.channels).flatMap { _ in kernel })
  }

  var outputShape: Shape { geometry.outputShape }

  func forward(
    _ x: TensorView, to y: TensorView, workspace: UnsafeMutablePointer<Float>,
    context: ComputeContext
  ) {
    Convolution.forward(
      geometry, batch: x.batch, input: x.pointer, weights: weights.pointer, output: y.pointer,
      workspace: workspace, context: context)
  }

  func backward(
    _ dy: TensorView, to dx: TensorView, workspace: UnsafeMutablePointer<Float>,
    context: ComputeContext
  ) {
    Convolution.backwardInput(
      geometry, batch: dy.batch, outputGradient: dy.pointer, weights: weights.pointer,
      inputGradient: dx.pointer, workspace: workspace, context: context)
  }

  func workspaceCount(isTraining: Bool, context: ComputeContext) -> Int {
    let threads = context.threads
    return max(
      Convolution.forwardWorkspace(geometry, threads: threads),
      isTraining ? Convolution.backwardInputWorkspace(geometry, threads: threads) : 0)
  }
}
