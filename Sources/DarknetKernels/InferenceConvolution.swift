import CKernels
import DarknetGraph
import DarknetTensors

/// A convolution made ready for inference: weights packed once for the algorithm that suits its
/// shape, bias, activations, a residual and 2x2 max pooling fused into its write-back.
///
///     z = activation(conv(x) + bias)
///     y = secondActivation(z + residual)   the residual's first channels only, if it has fewer
///     p = maximum of y over 2 x 2 blocks, stride 2
///
/// Batch norm is folded into `scales` and `bias` by the caller. Maps are planar [N, C, H, W] or in
/// blocks of 16 channels (`ChannelBlocks`), as `inputLayout` and `outputLayout` say; `runPlanar`
/// converts both ends. Immutable once made: any thread may run it, with its own workspace.
package final class InferenceConvolution: @unchecked Sendable {
  package enum Layout: Sendable { case planar, blocked }

  /// The algorithms, from the most to the least specialised.
  package enum Algorithm: String, Sendable, CaseIterable {
    /// F(4x4, 3x3), weights transformed beforehand; squares of all channels are a task.
    case winogradStrips = "winograd strips"
    /// F(4x4, 3x3), weights transformed while they pass; a block of filters is a task.
    case winogradFilters = "winograd filters"
    case pointwise
    case depthwise
    /// Few channels, planar input: the first layer.
    case planar
    case direct
    /// im2col and matrix products, planar at both ends: what no other algorithm can.
    case im2col
  }

  /// What follows the sums, in this order.
  package struct Finish: Sendable {
    package var activation: Activation
    /// Channels of the residual that are added, from the first on; 0 is none.
    package var residualChannels: Int
    package var secondActivation: Activation
    /// Whether maxima of 2 x 2 blocks are wanted too; the output is then optional.
    package var pools: Bool

    package init(
      _ activation: Activation = .linear, residualChannels: Int = 0,
      secondActivation: Activation = .linear, pools: Bool = false
    ) {
      self.activation = activation
      self.residualChannels = residualChannels
      self.secondActivation = secondActivation
      self.pools = pools
    }
  }

  package let geometry: ConvolutionGeometry
  package let finish: Finish
  package let algorithm: Algorithm
  let bias: FloatBuffer
  private let implementation: any ConvolutionAlgorithm

  /// Whether an algorithm can run a shape: the only limits there are. Numbers of channels, filters,
  /// images and threads have none, nor has the size of a map.
  package static func can(_ algorithm: Algorithm, _ g: ConvolutionGeometry) -> Bool {
    switch algorithm {
    case .winogradStrips, .winogradFilters: WinogradConvolution.can(g)
    case .pointwise: g.isPointwise && g.groups == 1
    case .depthwise: g.channelsPerGroup == 1 && g.filtersPerGroup == 1
    case .planar, .direct: g.groups == 1
    case .im2col: true
    }
  }

  /// The algorithm that `init` chooses for a shape: one that can run it.
  package static func choice(_ g: ConvolutionGeometry) -> Algorithm {
    if g.groups > 1 {
      return g.channelsPerGroup == 1 && g.filtersPerGroup == 1 ? .depthwise : .im2col
    }
    if g.channels <= 4 { return .planar }
    if g.isPointwise { return .pointwise }
    if WinogradConvolution.can(g) {
      return WinogradConvolution.prefersStrips(g) ? .winogradStrips : .winogradFilters
    }
    return .direct
  }

  /// Whether the chosen algorithm can fuse 2x2 max pooling.
  package static func canPool(_ g: ConvolutionGeometry) -> Bool {
    switch choice(g) {
    case .winogradStrips, .winogradFilters, .planar: true
    default: false
    }
  }

  /// - Parameters:
  ///   - weights: [filters, channels / groups, size, size]; copied.
  ///   - scales: a factor for each filter's weights; nil leaves them.
  ///   - bias: a value a filter; nil is zeros.
  ///   - algorithm: nil chooses. Tests force others.
  /// - Precondition: the algorithm can run the geometry, and pool if asked to; activations act on
  ///   single values.
  package convenience init(
    _ geometry: ConvolutionGeometry, weights: UnsafePointer<Float>,
    scales: UnsafePointer<Float>? = nil, bias: UnsafePointer<Float>?, finish: Finish = Finish(),
    algorithm: Algorithm? = nil, context: ComputeContext
  ) {
    self.init(
      geometry, weights: weights, scales: scales, bias: bias, finish: finish,
      algorithm: algorithm, context: context, table: kernels)
  }

  /// The same with the kernels of another instruction set.
  package init(
    _ geometry: ConvolutionGeometry, weights: UnsafePointer<Float>,
    scales: UnsafePointer<Float>? = nil, bias: UnsafePointer<Float>?, finish: Finish,
    algorithm: Algorithm?, context: ComputeContext, table: KernelTable
  ) {
    precondition(!finish.activation.mixesChannels && !finish.secondActivation.mixesChannels)
    self.geometry = geometry
    self.finish = finish
    let algorithm = algorithm ?? InferenceConvolution.choice(geometry)
    precondition(
      InferenceConvolution.can(algorithm, geometry), "\(algorithm) cannot run \(geometry)")
    self.algorithm = algorithm
    self.bias = FloatBuffer(count: ChannelBlocks.count(geometry.filters) * ChannelBlocks.lanes)
    if let bias { Vector.copy(bias, to: self.bias.pointer, count: geometry.filters) }
    implementation =
      switch algorithm {
      case .winogradStrips, .winogradFilters:
        WinogradConvolution(
          geometry, weights: weights, scales: scales,
          transformsAhead: algorithm == .winogradStrips, context: context, table: table)
      case .pointwise:
        PointwiseConvolution(
          geometry, weights: weights, scales: scales, context: context, table: table)
      case .depthwise:
        DepthwiseConvolution(geometry, weights: weights, scales: scales, table: table)
      case .planar: PlanarConvolution(geometry, weights: weights, scales: scales, table: table)
      case .direct:
        DirectConvolution(
          geometry, weights: weights, scales: scales, context: context, table: table)
      case .im2col: Im2colConvolution(geometry, weights: weights, scales: scales, table: table)
      }
    precondition(!finish.pools || implementation.canPool, "\(algorithm) cannot pool")
  }

  package var inputLayout: Layout {
    algorithm == .planar || algorithm == .im2col ? .planar : .blocked
  }
  package var outputLayout: Layout { algorithm == .im2col ? .planar : .blocked }

  /// Floats of an image in the layouts that `run` wants.
  package var inputCount: Int {
    inputLayout == .planar
      ? geometry.inputCount
      : ChannelBlocks.floats(channels: geometry.channels, area: geometry.area)
  }
  package var outputCount: Int {
    outputLayout == .planar
      ? geometry.outputCount
      : ChannelBlocks.floats(channels: geometry.filters, area: geometry.outArea)
  }
  /// Size of the pooled map: half the output's, rounded up as Darknet does.
  package var pooledHeight: Int { (geometry.outHeight + 1) / 2 }
  package var pooledWidth: Int { (geometry.outWidth + 1) / 2 }
  package var pooledCount: Int {
    ChannelBlocks.floats(channels: geometry.filters, area: pooledHeight * pooledWidth)
  }

  /// A map in memory: where its first image starts, and floats from an image to the next (a map
  /// may be a part of a larger one, as in a concatenation).
  package struct Map {
    package var pointer: UnsafeMutablePointer<Float>
    package var imageStride: Int
    package init(_ pointer: UnsafeMutablePointer<Float>, imageStride: Int) {
      self.pointer = pointer
      self.imageStride = imageStride
    }
  }

  /// Floats of workspace that `run` needs; `joins` says that it is given factors or averages.
  package func workspaceCount(batch: Int, threads: Int, joins: Bool = false) -> Int {
    implementation.workspaceCount(batch: batch, threads: threads)
      + (joins ? implementation.joinedWorkspaceCount(batch: batch) : 0)
  }

  /// Floats of the packed weights and bias: the memory that this object keeps.
  package var packedCount: Int { implementation.packedCount + bias.count }

  /// - Parameters:
  ///   - residual: required if `finish.residualChannels` > 0; laid out as the output.
  ///   - output: required unless `finish.pools`.
  ///   - pooled: required if `finish.pools`.
  ///   - factors: a factor for each channel of the input [N, C], in blocks; pointwise only.
  ///   - averages: where the averages of the output's channels [N, F] go, in blocks; depthwise only.
  ///   - workspace: at least `workspaceCount` floats, aligned to 64 bytes for speed.
  package func run(
    input: UnsafePointer<Float>, inputStride: Int? = nil, residual: Map? = nil, output: Map?,
    pooled: Map? = nil, factors: Map? = nil, averages: Map? = nil, batch: Int,
    workspace: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    precondition(factors == nil || algorithm == .pointwise, "\(algorithm) cannot scale")
    precondition(averages == nil || algorithm == .depthwise, "\(algorithm) cannot average")
    precondition(output != nil || finish.pools, "nowhere to write")
    precondition(!finish.pools || pooled != nil, "nowhere to write the pooled map")
    precondition(finish.residualChannels == 0 || residual != nil, "no residual to add")
    var steps = ck_epilogue()
    steps.bias = UnsafePointer(bias.pointer)
    steps.activation = finish.activation.kernelCode
    steps.second_activation = finish.secondActivation.kernelCode
    steps.height = geometry.outHeight
    steps.width = geometry.outWidth
    if finish.residualChannels > 0, let residual {
      steps.residual = UnsafePointer(residual.pointer)
      steps.residual_channels = finish.residualChannels
      steps.residual_image = residual.imageStride
    }
    if let output {
      steps.out = output.pointer
      steps.out_image = output.imageStride
    }
    if finish.pools, let pooled {
      steps.pooled = pooled.pointer
      steps.pooled_image = pooled.imageStride
      steps.pooled_height = pooledHeight
      steps.pooled_width = pooledWidth
    }
    implementation.run(
      ConvolutionRun(
        input: input, inputStride: inputStride ?? inputCount, finish: steps, factors: factors,
        averages: averages, batch: batch, workspace: workspace, context: context))
  }

  /// The same with planar maps at both ends, for tests and for single layers. Pooled output only,
  /// if the finish pools.
  package func runPlanar(
    input: UnsafePointer<Float>, residual: UnsafePointer<Float>? = nil,
    output: UnsafeMutablePointer<Float>, batch: Int, context: ComputeContext
  ) {
    let g = geometry
    let workspace = FloatBuffer(count: workspaceCount(batch: batch, threads: context.threads))
    var blockedInput: FloatBuffer?
    if inputLayout == .blocked {
      let buffer = FloatBuffer(count: batch * inputCount)
      ChannelBlocks.pack(
        input, batch: batch, channels: g.channels, area: g.area, into: buffer.pointer,
        context: context)
      blockedInput = buffer
    }
    let source = blockedInput.map { UnsafePointer($0.pointer) } ?? input
    var residualMap: Map?
    var residualBuffer: FloatBuffer?
    if let residual, finish.residualChannels > 0 {
      let c = finish.residualChannels
      let stride =
        outputLayout == .blocked
        ? ChannelBlocks.floats(channels: c, area: g.outArea) : c * g.outArea
      let buffer = FloatBuffer(count: batch * stride)
      if outputLayout == .blocked {
        ChannelBlocks.pack(
          residual, batch: batch, channels: c, area: g.outArea, into: buffer.pointer,
          context: context)
      } else {
        Vector.copy(residual, to: buffer.pointer, count: batch * stride)
      }
      residualMap = Map(buffer.pointer, imageStride: stride)
      residualBuffer = buffer
    }
    defer { withExtendedLifetime((blockedInput, residualBuffer)) {} }
    guard outputLayout == .blocked else {
      run(
        input: source, residual: residualMap, output: Map(output, imageStride: outputCount),
        batch: batch, workspace: workspace.pointer, context: context)
      return
    }
    let area = finish.pools ? pooledHeight * pooledWidth : g.outArea
    let count = finish.pools ? pooledCount : outputCount
    let blocks = FloatBuffer(count: batch * count)
    let map = Map(blocks.pointer, imageStride: count)
    run(
      input: source, residual: residualMap, output: finish.pools ? nil : map,
      pooled: finish.pools ? map : nil, batch: batch, workspace: workspace.pointer, context: context
    )
    ChannelBlocks.unpack(
      blocks.pointer, batch: batch, channels: g.filters, area: area, into: output, context: context)
  }
}

/// Everything of one call of `InferenceConvolution.run`.
struct ConvolutionRun {
  let input: UnsafePointer<Float>
  let inputStride: Int
  let finish: ck_epilogue
  let factors: InferenceConvolution.Map?
  let averages: InferenceConvolution.Map?
  let batch: Int
  let workspace: UnsafeMutablePointer<Float>
  let context: ComputeContext
}

/// One way to compute a convolution, with its packed weights.
protocol ConvolutionAlgorithm {
  var canPool: Bool { get }
  var packedCount: Int { get }
  func workspaceCount(batch: Int, threads: Int) -> Int
  /// Floats more that a run with factors or averages needs.
  func joinedWorkspaceCount(batch: Int) -> Int
  func run(_ run: ConvolutionRun)
}

extension ConvolutionAlgorithm {
  func joinedWorkspaceCount(batch: Int) -> Int { 0 }
}

/// `total` in equal parts of about `wanted`: the size of a part.
func evenPart(of total: Int, about wanted: Int, multipleOf step: Int = 1) -> Int {
  guard total > 0 else { return 1 }
  let parts = max(1, (total + wanted - 1) / max(wanted, 1))
  let part = (total + parts - 1) / parts
  return min(total, (part + step - 1) / step * step)
}
