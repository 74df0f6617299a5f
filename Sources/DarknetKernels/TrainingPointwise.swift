import CKernels
import DarknetGraph

/// 1x1, stride 1, from planes to planes with weights that are new at each call.
struct TrainingPointwise {
  private let table: KernelTable
  private let g: ConvolutionGeometry
  private let batch: Int
  private let panels: WeightPanels
  private let blocks: Int
  /// Pixels of a task: its inputs and outputs stay in the second-level cache.
  private let part: Int

  private let weightsAt: Int
  private let offsetsAt: Int
  private let ownAt: Int
  private let own: Int
  let workspaceCount: Int

  init(_ g: ConvolutionGeometry, batch: Int, threads: Int, table: KernelTable) {
    self.table = table
    self.g = g
    self.batch = batch
    panels = WeightPanels(g: g)
    blocks = ChannelBlocks.count(g.channels)
    let wanted = max(64, 64 * 1024 / (blocks * 16 + panels.filters))
    part = evenPart(of: g.area, about: wanted, multipleOf: table.pointee.tile)
    var parts = WorkspaceParts()
    weightsAt = parts.take(panels.filters * panels.rows)
    offsetsAt = parts.take(2 * blocks)
    ownAt = parts.take(0)
    own = part * (blocks * 16 + panels.filters)
    workspaceCount = ownAt + threads * own + 16
  }

  func run(
    input: UnsafePointer<Float>, weights: UnsafePointer<Float>, mirrored: Bool,
    output: UnsafeMutablePointer<Float>, adds: Bool, workspace: UnsafeMutablePointer<Float>,
    pool: ThreadPool
  ) {
    let packed = workspace + weightsAt
    pool.run(panels.count) { index in
      panels.pack(
        index, of: weights, mirrored: mirrored, to: packed + panels.offset(index, points: 1),
        table)
    }
    // The workspace is memory for anything; here it holds whole numbers.
    let offsets = UnsafeMutableRawPointer(workspace + offsetsAt)
      .bindMemory(to: Int.self, capacity: blocks)
    for block in 0..<blocks { offsets[block] = block * part * 16 }
    let parts = (g.area + part - 1) / part
    pool.run(batch * parts) { index, worker in
      let (image, index) = index.quotientAndRemainder(dividingBy: parts)
      let first = index * part
      let count = min(part, g.area - first)
      let values = workspace + ownAt + worker * own
      let sums = values + blocks * part * 16
      for block in 0..<blocks {
        table.pointee.interleave(
          input + image * g.inputCount + block * 16 * g.area + first, g.area,
          min(16, g.channels - block * 16), count, values + block * part * 16, 16)
      }
      var d = ck_direct()
      d.channels = g.channels
      d.filters = panels.filters
      d.offsets = UnsafePointer(offsets)
      d.segments = blocks
      d.tail = (g.channels % 16 + 3) / 4 * 4
      d.tail_segments = d.tail > 0 ? 1 : 0
      var finish = plainFinish(out: sums, height: 1, width: part)
      for panel in 0..<panels.count {
        table.pointee.pointwise(
          &d, &finish, values, packed + panels.offset(panel, points: 1),
          panel * WeightPanels.width, 0, 0, count)
      }
      var planes = ck_planes(height: 1, width: g.area, plane_step: g.area)
      for channel in stride(from: 0, to: g.filters, by: 16) {
        table.pointee.unpack_nchw16c_tile(
          &planes, sums + channel * part, part, min(16, g.filters - channel), 0, first, 1, count,
          output + image * g.outputCount + channel * g.area, adds)
      }
    }
  }
}
