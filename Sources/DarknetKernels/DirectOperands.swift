import CKernels
import DarknetGraph
import DarknetTensors

/// Weights [F, C, taps] to panels of 32 filters, filters innermost, zeros where there is no filter
/// or channel.
///
/// - Parameters:
///   - scales: a factor for each filter; nil leaves them as they are.
///   - channelsFirst: rows are [channel rounded up to 4][tap]; otherwise
///     [block of 16 channels][tap][channel of the block], the last block rounded up to 4.
func packPanels(
  _ g: ConvolutionGeometry, weights: UnsafePointer<Float>, scales: UnsafePointer<Float>?,
  channelsFirst: Bool, context: ComputeContext, table: KernelTable
) -> FloatBuffer {
  let panels = WeightPanels(g: g)
  let (taps, lanes) = (panels.taps, ChannelBlocks.lanes)
  let rows = panels.rows * taps
  let packed = FloatBuffer(count: panels.filters * rows)
  context.run(panels.count) { index in
    let width = panels.width(index)
    let to = packed.pointer + panels.offset(index, points: taps)
    let sorts = !channelsFirst && taps > 1
    let scratch = sorts ? FloatBuffer(count: rows * width) : nil
    defer { withExtendedLifetime(scratch) {} }
    let panel = scratch?.pointer ?? to
    panels.pack(index, of: weights, mirrored: false, to: panel, table)
    if let scales {
      let first = index * WeightPanels.width
      var factors = [Float](repeating: 0, count: width)
      for f in 0..<min(width, g.filters - first) { factors[f] = scales[first + f] }
      table.pointee.scale_columns(panel, factors, rows, width)
    }
    guard sorts else { return }
    var row = to
    for block in stride(from: 0, to: panels.rows, by: lanes) {
      for tap in 0..<taps {
        for c in block..<min(block + lanes, panels.rows) {
          Vector.copy(panel + (c * taps + tap) * width, to: row, count: width)
          row += width
        }
      }
    }
  }
  return packed
}

/// Weights [F, C, taps] to blocks of 16 filters [F / 16][C, taps][16], each times its scale.
func packBlocks(
  _ g: ConvolutionGeometry, weights: UnsafePointer<Float>, scales: UnsafePointer<Float>?
) -> FloatBuffer {
  let rows = g.columnHeight
  let packed = FloatBuffer(count: ChannelBlocks.count(g.filters) * rows * 16)
  for f in 0..<g.filters {
    let scale = scales?[f] ?? 1
    for row in 0..<rows {
      packed.pointer[(f / 16 * rows + row) * 16 + f % 16] = weights[f * rows + row] * scale
    }
  }
  return packed
}

/// The offsets that a `ck_direct` points to; owned, so that they outlive every run.
final class SegmentOffsets: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Int>
  let count: Int
  init(_ values: [Int]) {
    count = values.count
    pointer = .allocate(capacity: max(values.count, 1))
    pointer.initialize(from: values, count: values.count)
  }
  deinit { pointer.deallocate() }
}

/// The shape of a convolution whose input rows are copied in bands of `bandRows` output rows.
struct BandShape {
  let g: ConvolutionGeometry
  let bandRows: Int
  /// Floats a pixel: 16, or 1 for planes.
  let lanes: Int

  var reach: Int { (g.size - 1) * g.dilation + 1 }
  /// Columns of each remainder: the last output's last tap must still be inside.
  var length: Int { (reach - 1) / g.strideX + g.outWidth }
  var pitch: Int { g.strideX * length * lanes }
  var rows: Int { (bandRows - 1) * g.strideY + reach }
  /// Floats of one block or plane.
  var planeFloats: Int { rows * pitch }
  var bands: Int { (g.outHeight + bandRows - 1) / bandRows }

  /// Offset of each tap within a block.
  var taps: [Int] {
    var offsets: [Int] = []
    for ky in 0..<g.size {
      for kx in 0..<g.size {
        let (column, phase) = (kx * g.dilation).quotientAndRemainder(dividingBy: g.strideX)
        offsets.append(ky * g.dilation * pitch + (phase * length + column) * lanes)
      }
    }
    return offsets
  }

  /// Offset of each tap of each of `planes` blocks or planes.
  func offsets(planes: Int) -> [Int] {
    let taps = taps
    return (0..<planes).flatMap { plane in taps.map { $0 + plane * planeFloats } }
  }

  func direct(_ offsets: UnsafePointer<Int>, segments: Int, inputStride: Int) -> ck_direct {
    var d = ck_direct()
    d.channels = g.channels
    d.height = g.height
    d.width = g.width
    d.filters = ChannelBlocks.count(g.filters) * 16
    d.stride_x = g.strideX
    d.stride_y = g.strideY
    d.pad_x = g.padding * g.dilation
    d.pad_y = g.padding * g.dilation
    d.reach = reach
    d.length = length
    d.row_step = g.strideY * pitch
    d.plane_step = planeFloats
    d.offsets = offsets
    d.segments = segments
    d.in_image = inputStride
    return d
  }
}

/// Sets the segments of the last block, which may have fewer than 16 channels.
func setTail(_ d: inout ck_direct, channels: Int, taps: Int) {
  let tail = (channels % 16 + 3) / 4 * 4
  d.tail = tail
  d.tail_segments = tail > 0 ? taps : 0
}
