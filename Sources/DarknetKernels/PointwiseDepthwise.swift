import CKernels
import DarknetGraph
import DarknetTensors

/// A 1x1 convolution and the depthwise one after it, fused: the wide map between them never
/// leaves the second-level cache.
///
/// A task is a panel of 32 channels of a band of rows: their sums of the 1x1 convolution, with the
/// rows that neighbouring bands need too, then the depthwise convolution of those. Maps are in
/// blocks of 16 channels at both ends. Immutable once made: any thread may run it, with its own
/// workspace.
package final class PointwiseDepthwise: @unchecked Sendable {
  /// One of the two convolutions. Batch norm is folded into `scales` and `bias` by the caller.
  package struct Part {
    package var geometry: ConvolutionGeometry
    package var weights: UnsafePointer<Float>
    package var scales: UnsafePointer<Float>?
    package var bias: UnsafePointer<Float>
    package var activation: Activation

    package init(
      _ geometry: ConvolutionGeometry, weights: UnsafePointer<Float>,
      scales: UnsafePointer<Float>?, bias: UnsafePointer<Float>, activation: Activation
    ) {
      self.geometry = geometry
      self.weights = weights
      self.scales = scales
      self.bias = bias
      self.activation = activation
    }
  }

  /// Floats of the map between that a task keeps: a third of a second-level cache of 1 MB.
  private static let bandFloats = 96 * 1024

  private let table: KernelTable
  private let wide: ConvolutionGeometry
  private let deep: ConvolutionGeometry
  private let wideWeights: FloatBuffer
  private let deepWeights: FloatBuffer
  private let wideBias: FloatBuffer
  private let deepBias: FloatBuffer
  private let activations: (wide: Int32, deep: Int32)
  private let offsets: SegmentOffsets
  private let panels: WeightPanels
  /// Output rows of a task: independent of the threads, so that the averages are, too.
  private let bandRows: Int
  private var bands: Int { (deep.outHeight + bandRows - 1) / bandRows }
  private var reach: Int { (deep.size - 1) * deep.dilation + 1 }
  /// Floats of a band of the map between.
  private var bandFloats: Int {
    let rows = min((bandRows - 1) * deep.strideY + reach, wide.height)
    return rows * wide.width * WeightPanels.width
  }

  /// Whether the two shapes can be joined.
  package static func can(_ wide: ConvolutionGeometry, _ deep: ConvolutionGeometry) -> Bool {
    InferenceConvolution.choice(wide) == .pointwise
      && InferenceConvolution.choice(deep) == .depthwise
      && deep.channels == wide.filters && deep.height == wide.height && deep.width == wide.width
  }

  /// - Precondition: `can(wide.geometry, deep.geometry)`; activations act on single values.
  package convenience init(_ wide: Part, _ deep: Part, context: ComputeContext) {
    self.init(wide, deep, context: context, table: kernels)
  }

  /// The same with the kernels of another instruction set.
  package init(_ wide: Part, _ deep: Part, context: ComputeContext, table: KernelTable) {
    precondition(PointwiseDepthwise.can(wide.geometry, deep.geometry))
    precondition(!wide.activation.mixesChannels && !deep.activation.mixesChannels)
    self.table = table
    self.wide = wide.geometry
    self.deep = deep.geometry
    panels = WeightPanels(g: wide.geometry)
    wideWeights = packPanels(
      wide.geometry, weights: wide.weights, scales: wide.scales, channelsFirst: false,
      context: context, table: table)
    deepWeights = packBlocks(deep.geometry, weights: deep.weights, scales: deep.scales)
    wideBias = FloatBuffer(count: panels.filters)
    deepBias = FloatBuffer(count: panels.filters)
    Vector.copy(wide.bias, to: wideBias.pointer, count: wide.geometry.filters)
    Vector.copy(deep.bias, to: deepBias.pointer, count: deep.geometry.filters)
    activations = (wide.activation.kernelCode, deep.activation.kernelCode)
    let area = wide.geometry.area
    let blocks = ChannelBlocks.count(wide.geometry.channels)
    offsets = SegmentOffsets((0..<blocks).map { $0 * area * 16 })
    let g = deep.geometry
    let fitting = PointwiseDepthwise.bandFloats / (wide.geometry.width * WeightPanels.width)
    let wanted = (fitting - (g.size - 1) * g.dilation) / g.strideY
    bandRows = evenPart(of: g.outHeight, about: max(1, wanted))
  }

  /// Floats of the packed weights and biases.
  package var packedCount: Int {
    wideWeights.count + deepWeights.count + wideBias.count + deepBias.count
  }

  /// Floats of workspace that `run` needs.
  package func workspaceCount(batch: Int, threads: Int) -> Int {
    threads * bandFloats + batch * ChannelBlocks.count(deep.filters) * bands * 16
  }

  /// - Parameters:
  ///   - averages: where the averages of the output's channels [N, F] go, in blocks; nil for none.
  ///   - workspace: at least `workspaceCount` floats, aligned to 64 bytes for speed.
  package func run(
    input: UnsafePointer<Float>, inputStride: Int, output: InferenceConvolution.Map,
    averages: InferenceConvolution.Map? = nil, batch: Int, workspace: UnsafeMutablePointer<Float>,
    context: ComputeContext
  ) {
    let sums = workspace + context.threads * bandFloats
    context.run(batch * bands * panels.count) { index, worker in
      let (rest, panel) = index.quotientAndRemainder(dividingBy: panels.count)
      let (image, band) = rest.quotientAndRemainder(dividingBy: bands)
      let map = workspace + worker * bandFloats
      let first = band * bandRows
      let rows = min(bandRows, deep.outHeight - first)
      let pad = deep.padding * deep.dilation
      let top = max(first * deep.strideY - pad, 0)
      let bottom = min((first + rows - 1) * deep.strideY - pad + reach, wide.height)
      if bottom > top {
        widen(
          panel, input + image * inputStride + top * wide.width * 16, rows: bottom - top, to: map)
      }
      let blockFloats = max(bottom - top, 0) * wide.width * 16
      for half in 0..<panels.width(panel) / 16 {
        let block = panel * 2 + half
        var (window, finish) = (deep.window, ck_epilogue())
        finish.bias = UnsafePointer(deepBias.pointer)
        finish.activation = activations.deep
        finish.second_activation = Activation.linear.kernelCode
        finish.height = deep.outHeight
        finish.width = deep.outWidth
        finish.out = output.pointer
        finish.out_image = output.imageStride
        if averages != nil {
          finish.sums =
            sums + ((image * ChannelBlocks.count(deep.filters) + block) * bands + band) * 16
        }
        // Rows are counted from the whole map's top, which lies before the band's.
        table.pointee.depthwise_rows(
          &window, &finish, map + half * blockFloats - top * wide.width * 16,
          deepWeights.pointer + block * deep.size * deep.size * 16, image, block, first, rows)
      }
    }
    guard let averages else { return }
    writeAverages(
      sums, parts: bands, batch: batch, channels: deep.filters, area: deep.outArea, to: averages)
  }

  /// The 1x1 convolution of a panel for some rows.
  private func widen(
    _ panel: Int, _ input: UnsafePointer<Float>, rows: Int, to map: UnsafeMutablePointer<Float>
  ) {
    var (d, finish) = (ck_direct(), ck_epilogue())
    d.channels = wide.channels
    d.filters = panels.width(panel)
    d.offsets = UnsafePointer(offsets.pointer)
    d.segments = offsets.count
    setTail(&d, channels: wide.channels, taps: 1)
    finish.bias = UnsafePointer(wideBias.pointer + panel * WeightPanels.width)
    finish.activation = activations.wide
    finish.second_activation = Activation.linear.kernelCode
    finish.height = rows
    finish.width = wide.width
    finish.out = map
    table.pointee.pointwise(
      &d, &finish, input, wideWeights.pointer + panels.offset(panel, points: 1), 0, 0, 0,
      rows * wide.width)
  }
}

/// Sums [N, F / 16, parts, 16] to averages [N, F] in blocks.
func writeAverages(
  _ sums: UnsafePointer<Float>, parts: Int, batch: Int, channels: Int, area: Int,
  to averages: InferenceConvolution.Map
) {
  let blocks = ChannelBlocks.count(channels)
  let share = 1 / Float(area)
  for index in 0..<batch * blocks {
    let (image, block) = index.quotientAndRemainder(dividingBy: blocks)
    let own = sums + index * parts * 16
    let to = averages.pointer + image * averages.imageStride + block * 16
    for lane in 0..<16 {
      var sum: Float = 0
      for part in 0..<parts { sum += own[part * 16 + lane] }
      to[lane] = sum * share
    }
  }
}
