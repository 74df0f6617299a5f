import CKernels
import DarknetGraph
import DarknetTensors

/// 3x3, stride 1 by F(4x4, 3x3): see winograd.h for the arithmetic.
///
/// Large maps with few weights are cut into strips of squares: each task transforms its inputs,
/// multiplies and transforms back, all within the second-level cache. Small maps with many weights
/// are cut by filters instead: all inputs are transformed first, then each task reads its share
/// of the weights once.
struct WinogradConvolution: ConvolutionAlgorithm {
  private static let points = 36
  private static let channelChunk = 64
  /// Transformed weights take four times the memory: up to this much they are kept that way.
  static let transformedLimit = 5_000_000
  /// Floats of a strip's transformed inputs: a third of a second-level cache of 1 MB.
  private static let stripFloats = 80 * 1024

  private let table: KernelTable
  private let g: ConvolutionGeometry
  private let transformsAhead: Bool
  private let weights: FloatBuffer

  /// The contract of the kernels in winograd.h: padding up to 2, so that the convolution back to
  /// the input is one too. A map of one row or column would fill a quarter of each square.
  static func can(_ g: ConvolutionGeometry) -> Bool {
    g.size == 3 && g.strideX == 1 && g.strideY == 1 && g.dilation == 1 && g.groups == 1
      && g.padding <= 2 && g.outHeight > 1 && g.outWidth > 1
  }

  static func transformedBytes(_ g: ConvolutionGeometry) -> Int {
    4 * points * ((g.channels + 3) / 4 * 4) * ChannelBlocks.count(g.filters) * 16
  }

  /// Each strip of some 14 squares reads all weights. If they are too many for the second-level
  /// cache, that pays on large maps only: on small ones a share of the filters for each thread
  /// reads them once.
  static func prefersStrips(_ g: ConvolutionGeometry) -> Bool {
    let bytes = transformedBytes(g)
    let squares = (g.outHeight + 3) / 4 * ((g.outWidth + 3) / 4)
    return bytes <= transformedLimit / 4 || bytes <= transformedLimit && squares > 64
  }

  init(
    _ g: ConvolutionGeometry, weights: UnsafePointer<Float>, scales: UnsafePointer<Float>?,
    transformsAhead: Bool, context: ComputeContext, table: KernelTable
  ) {
    self.table = table
    self.g = g
    self.transformsAhead = transformsAhead
    // [filter block][channel][9][filter]: the order in which tasks read.
    let packed = packPanels(
      g, weights: weights, scales: scales, channelsFirst: true, context: context, table: table)
    guard transformsAhead else {
      self.weights = packed
      return
    }
    let filters = ChannelBlocks.count(g.filters) * ChannelBlocks.lanes
    let rows = (g.channels + 3) / 4 * 4
    let transformed = FloatBuffer(count: WinogradConvolution.points * rows * filters)
    let panels = WeightPanels(g: g)
    context.run(panels.count) { index in
      let (first, width) = (index * WeightPanels.width, panels.width(index))
      table.pointee.winograd_weights(
        packed.pointer + first * rows * 9, rows, width,
        transformed.pointer + first * rows * WinogradConvolution.points, rows * width)
    }
    self.weights = transformed
  }

  var canPool: Bool { true }
  var packedCount: Int { weights.count }

  private var tileRows: Int { (g.outHeight + 3) / 4 }
  private var tileColumns: Int { (g.outWidth + 3) / 4 }
  private var blocks: Int { ChannelBlocks.count(g.channels) }

  /// Squares of one task.
  private func part(batch: Int, threads: Int) -> Int {
    let tiles = batch * tileRows * tileColumns
    let step = table.pointee.tile
    if !transformsAhead { return evenPart(of: tiles, about: 64, multipleOf: 1) }
    let fitting = WinogradConvolution.stripFloats / (blocks * 16 * WinogradConvolution.points)
    let wanted = min(max(fitting, step / 2), step)
    // Every thread wants a few tasks, or one waits for the other.
    let about = min(wanted, max(step / 2, tiles / (4 * threads)))
    return evenPart(of: tiles, about: about, multipleOf: max(step / 2, 1))
  }

  /// Floats a thread, and those that all share.
  private func workspace(batch: Int, threads: Int) -> (own: Int, shared: Int) {
    let points = WinogradConvolution.points
    let part = part(batch: batch, threads: threads) | 1
    let sums = points * part * WeightPanels.width
    if transformsAhead { return (points * part * blocks * 16 + sums, 0) }
    let panel = points * (WinogradConvolution.channelChunk * WeightPanels.width + 16)
    let tiles = batch * tileRows * tileColumns | 1
    return (panel + sums, points * tiles * blocks * 16)
  }

  func workspaceCount(batch: Int, threads: Int) -> Int {
    let (own, shared) = workspace(batch: batch, threads: threads)
    return shared + threads * own
  }

  func run(_ run: ConvolutionRun) {
    var shape = ck_winograd()
    shape.channels = g.channels
    shape.height = g.height
    shape.width = g.width
    shape.padding = g.padding
    shape.filters = ChannelBlocks.count(g.filters) * 16
    shape.tile_rows = tileRows
    shape.tile_columns = tileColumns
    shape.in_image = run.inputStride
    let tiles = run.batch * tileRows * tileColumns
    let part = part(batch: run.batch, threads: run.context.threads)
    let parts = (tiles + part - 1) / part
    let (own, shared) = workspace(batch: run.batch, threads: run.context.threads)
    let scratch = run.workspace + shared
    let (constantShape, weights) = (shape, self.weights.pointer)
    if transformsAhead {
      run.context.run(parts) { index, worker in
        var (shape, finish) = (constantShape, run.finish)
        let first = index * part
        table.pointee.winograd_strip(
          &shape, &finish, run.input, weights, first, min(part, tiles - first),
          scratch + worker * own)
      }
      return
    }
    let tileStride = tiles | 1
    let transformed = run.workspace
    run.context.run(blocks * parts) { index in
      var shape = constantShape
      let (block, index) = index.quotientAndRemainder(dividingBy: parts)
      let first = index * part
      table.pointee.winograd_input(
        &shape, run.input, block, first, min(part, tiles - first),
        transformed + (block * WinogradConvolution.points * tileStride + first) * 16, tileStride)
    }
    let panel = WeightPanels.width
    let rows = (g.channels + 3) / 4 * 4
    let panels = (constantShape.filters + panel - 1) / panel
    run.context.run(panels * parts) { index, worker in
      var (shape, finish) = (constantShape, run.finish)
      let (filters, index) = index.quotientAndRemainder(dividingBy: parts)
      let first = index * part
      table.pointee.winograd_gather(
        &shape, &finish, transformed + first * 16, tileStride,
        weights + filters * panel * rows * 9, filters * panel, first, min(part, tiles - first),
        scratch + worker * own)
    }
  }
}
