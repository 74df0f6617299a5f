import CKernels
import DarknetGraph

/// The layout in which the fast convolutions keep feature maps: [N, C / 16, H, W, 16].
///
/// The sixteen channels of a block stand side by side at each pixel: one cache line, and one
/// vector of AVX-512 or two of AVX2. Lanes past the last channel are finite and meet zero weights
/// only. Blocks of several maps one after another are the concatenation of their channels if all
/// but the last have a multiple of 16.
package enum ChannelBlocks {
  package static let lanes = 16

  /// Blocks that hold `channels` channels.
  @inlinable package static func count(_ channels: Int) -> Int { (channels + lanes - 1) / lanes }

  /// Floats of one image.
  @inlinable package static func floats(channels: Int, area: Int) -> Int {
    count(channels) * lanes * area
  }

  /// Planes [N, C, area] to blocks.
  package static func pack(
    _ planes: UnsafePointer<Float>, batch: Int, channels: Int, area: Int,
    into blocks: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    eachBlock(batch: batch, channels: channels, area: area, context: context) {
      plane, block, lanes in
      kernels.pointee.nchw_to_nchw16c(planes + plane, lanes, area, blocks + block)
    }
  }

  /// Blocks to planes [N, C, area].
  package static func unpack(
    _ blocks: UnsafePointer<Float>, batch: Int, channels: Int, area: Int,
    into planes: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    eachBlock(batch: batch, channels: channels, area: area, context: context) {
      plane, block, lanes in
      kernels.pointee.nchw16c_to_nchw(blocks + block, lanes, area, planes + plane)
    }
  }

  /// Calls `body` with the place of each block's first channel among the planes, of the block
  /// itself, and its number of channels.
  private static func eachBlock(
    batch: Int, channels: Int, area: Int, context: ComputeContext, _ body: (Int, Int, Int) -> Void
  ) {
    let blocks = count(channels)
    context.run(batch * blocks) { index in
      let (image, block) = index.quotientAndRemainder(dividingBy: blocks)
      let first = block * lanes
      body(
        (image * channels + first) * area, index * lanes * area, min(lanes, channels - first))
    }
  }

  /// What `reduce` makes of a window.
  package enum Reduction: Sendable { case maximum, average }

  /// Maxima or averages over windows of maps in blocks; what is outside is ignored.
  package static func reduce(
    _ shape: MaxPool, _ reduction: Reduction, _ input: UnsafePointer<Float>, batch: Int,
    channels: Int, output: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    var window = ck_window()
    window.height = shape.height
    window.width = shape.width
    window.out_height = shape.outHeight
    window.out_width = shape.outWidth
    window.size = shape.size
    window.stride_x = shape.strideX
    window.stride_y = shape.strideY
    let area = shape.height * shape.width * lanes
    let outArea = shape.outHeight * shape.outWidth * lanes
    let constant = window
    let table = kernels.pointee
    let kernel = reduction == .maximum ? table.pool_block! : table.average_block!
    context.run(batch * count(channels)) { index in
      var window = constant
      kernel(&window, shape.padding / 2, input + index * area, output + index * outArea)
    }
  }

  /// y = activation(x * factors), with a factor [N, C] in blocks for each channel of each image.
  package static func scale(
    _ x: UnsafePointer<Float>, by factors: UnsafePointer<Float>, batch: Int, channels: Int,
    area: Int, activation: Activation, output y: UnsafeMutablePointer<Float>,
    context: ComputeContext
  ) {
    let code = activation.kernelCode
    context.run(batch * count(channels)) { index in
      let at = index * lanes * area
      kernels.pointee.scale_block(y + at, x + at, factors + index * lanes, code, area)
    }
  }

  /// y = activation(y + x), where x has `added` channels to add to the first of y's.
  package static func add(
    _ x: UnsafePointer<Float>, imageStride: Int, channels added: Int,
    to y: UnsafeMutablePointer<Float>, batch: Int, channels: Int, area: Int,
    activation: Activation = .linear, context: ComputeContext
  ) {
    let blocks = count(channels)
    let code = activation.kernelCode
    context.run(batch * blocks) { index in
      let (image, block) = index.quotientAndRemainder(dividingBy: blocks)
      kernels.pointee.add_block(
        y + index * lanes * area, x + image * imageStride + block * lanes * area,
        max(0, min(lanes, added - block * lanes)), code, area)
    }
  }

  /// Each pixel becomes a square of `stride` x `stride`, times `scale`.
  package static func upsample(
    _ x: UnsafePointer<Float>, batch: Int, channels: Int, height: Int, width: Int, stride: Int,
    scale: Float = 1, output: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    let row = width * stride * lanes
    context.run(batch * count(channels)) { index in
      let input = x + index * height * width * lanes
      var to = output + index * height * stride * row
      for y in 0..<height {
        for column in 0..<width {
          let from = input + (y &* width &+ column) &* lanes
          for copy in 0..<stride {
            Vector.copy(from, to: to + (column &* stride &+ copy) &* lanes, count: lanes)
          }
        }
        if scale != 1 { Vector.scale(to, by: scale, count: row) }
        for copy in 1..<max(stride, 2) where copy < stride {
          Vector.copy(to, to: to + copy &* row, count: row)
        }
        to += stride &* row
      }
    }
  }
}
