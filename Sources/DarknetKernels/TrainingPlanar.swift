import CKernels
import DarknetGraph

/// The first layer in training: few channels, planes at both ends.
struct TrainingPlanar {
  /// Parts of the batch's rows whose weight gradients are summed apart: a fixed number, so that the
  /// order of the sums does not depend on the threads.
  private static let slices = 16

  private let table: KernelTable
  private let g: ConvolutionGeometry
  private let batch: Int
  private let threads: Int
  private let shape: BandShape
  private let filterBlocks: Int
  private var taps: Int { g.columnHeight }

  init(_ g: ConvolutionGeometry, batch: Int, threads: Int, table: KernelTable) {
    self.table = table
    self.g = g
    self.batch = batch
    self.threads = threads
    shape = BandShape(g: g, bandRows: min(g.outHeight, 4), lanes: 1)
    filterBlocks = ChannelBlocks.count(g.filters)
  }

  /// Places of the parts of the workspace, for either pass.
  private struct Layout {
    let offsets: Int
    let weights: Int
    let own: Int
    let ownFloats: Int
    let count: Int
  }

  private func layout(sums: Int, shared: Int) -> Layout {
    var parts = WorkspaceParts()
    let offsets = parts.take(2 * taps)
    let weights = parts.take(shared)
    let own = parts.take(0)
    let rows = (g.channels * shape.planeFloats + 15) / 16 * 16 + 16
    let ownFloats = rows + sums
    return Layout(
      offsets: offsets, weights: weights, own: own, ownFloats: ownFloats,
      count: own + threads * ownFloats + 16)
  }

  private var forwardLayout: Layout {
    layout(
      sums: filterBlocks * 16 * shape.bandRows * g.outWidth, shared: filterBlocks * 16 * taps)
  }
  private var gradientLayout: Layout {
    layout(
      sums: 16 * g.outWidth, shared: TrainingPlanar.slices * filterBlocks * 16 * taps)
  }
  var forwardWorkspace: Int { forwardLayout.count }
  var gradientWorkspace: Int { gradientLayout.count }

  private func writeOffsets(
    _ workspace: UnsafeMutablePointer<Float>, _ layout: Layout
  ) -> UnsafeMutablePointer<Int> {
    let offsets = UnsafeMutableRawPointer(workspace + layout.offsets)
      .bindMemory(to: Int.self, capacity: taps)
    let (columns, planeFloats) = (g.size, shape.planeFloats)
    var next = 0
    for plane in 0..<g.channels {
      for ky in 0..<columns {
        for kx in 0..<columns {
          let (column, phase) = (kx * g.dilation).quotientAndRemainder(dividingBy: g.strideX)
          offsets[next] =
            plane * planeFloats + ky * g.dilation * shape.pitch + phase * shape.length + column
          next += 1
        }
      }
    }
    return offsets
  }

  private func direct(_ offsets: UnsafeMutablePointer<Int>) -> ck_direct {
    shape.direct(UnsafePointer(offsets), segments: taps, inputStride: g.inputCount)
  }

  func forward(
    input: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>,
    pool: ThreadPool
  ) {
    let layout = forwardLayout
    let constant = direct(writeOffsets(workspace, layout))
    let packed = workspace + layout.weights
    for block in 0..<filterBlocks {
      table.pointee.interleave(
        weights + block * 16 * taps, taps, min(16, g.filters - block * 16), taps,
        packed + block * 16 * taps, 16)
    }
    pool.run(batch * shape.bands) { index, worker in
      var d = constant
      let (image, band) = index.quotientAndRemainder(dividingBy: shape.bands)
      let first = band * shape.bandRows
      let rows = min(shape.bandRows, g.outHeight - first)
      let sums = workspace + layout.own + worker * layout.ownFloats
      var finish = plainFinish(out: sums, height: shape.bandRows, width: g.outWidth)
      finish.first_row = first
      let area = shape.bandRows * g.outWidth
      table.pointee.planar_band(
        &d, &finish, input + image * g.inputCount, packed, 0, first, rows,
        sums + filterBlocks * 16 * area)
      var planes = ck_planes(height: g.outHeight, width: g.outWidth, plane_step: g.outArea)
      for block in 0..<filterBlocks {
        table.pointee.unpack_nchw16c_tile(
          &planes, sums + block * 16 * area, g.outWidth, min(16, g.filters - block * 16), first, 0,
          rows, g.outWidth, output + image * g.outputCount + block * 16 * g.outArea, false)
      }
    }
  }

  func gradient(
    input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>,
    pool: ThreadPool
  ) {
    let layout = gradientLayout
    let constant = direct(writeOffsets(workspace, layout))
    let sums = workspace + layout.weights
    let sliceFloats = filterBlocks * 16 * taps
    let bands = batch * shape.bands
    let slices = min(TrainingPlanar.slices, bands)
    pool.run(slices) { slice, worker in
      var d = constant
      let dw = sums + slice * sliceFloats
      Vector.fill(dw, with: 0, count: sliceFloats)
      let line = workspace + layout.own + worker * layout.ownFloats
      let rowsAt = line + 16 * g.outWidth
      for index in bands * slice / slices..<bands * (slice + 1) / slices {
        let (image, band) = index.quotientAndRemainder(dividingBy: shape.bands)
        let first = band * shape.bandRows
        let rows = min(shape.bandRows, g.outHeight - first)
        table.pointee.planar_copy(&d, input + image * g.inputCount, first, rows, rowsAt)
        for row in 0..<rows {
          for block in 0..<filterBlocks {
            table.pointee.interleave(
              outputGradient + image * g.outputCount + block * 16 * g.outArea
                + (first + row) * g.outWidth,
              g.outArea, min(16, g.filters - block * 16), g.outWidth, line, 16)
            table.pointee.planar_outer(
              rowsAt + row * d.row_step, d.offsets, taps, line, g.outWidth,
              dw + block * 16 * taps)
          }
        }
      }
    }
    for slice in 1..<max(slices, 2) where slice < slices {
      table.pointee.add(sums, sums + slice * sliceFloats, sliceFloats)
    }
    for block in 0..<filterBlocks {
      table.pointee.add_panel(
        sums + block * 16 * taps, g.filters, g.channels, g.size * g.size, block * 16, 16,
        weightGradient)
    }
  }
}
