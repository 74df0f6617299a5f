import CKernels
import DarknetGraph

/// F(4x4, 3x3) from planes to planes with weights that are new at each call.
///
/// Few weights: they are transformed first, then each task takes a window of squares through all
/// steps. Many: the inputs of a group of images are transformed first, then each task multiplies
/// with one panel of filters, as in `WinogradConvolution`.
struct TrainingWinograd {
  private static let points = 36
  private static let channelChunk = 64
  /// Squares of a window: its transformed values stay in the second-level cache.
  private static let windowSquares = 28
  /// Floats of transformed inputs and outputs of a group of images.
  private static let groupFloats = 6 << 20

  private let table: KernelTable
  private let g: ConvolutionGeometry
  private let batch: Int
  private let threads: Int
  private let panels: WeightPanels
  private let tileRows: Int
  private let tileColumns: Int
  private let blocks: Int
  private let isStrips: Bool

  // Windows of strips.
  private let windowRows: Int
  private let windowColumns: Int
  // Groups of images.
  private let groupImages: Int
  private let part: Int

  // Workspace.
  private let weightsAt: Int
  private let valuesAt: Int
  private let sumsAt: Int
  private let ownAt: Int
  private let own: Int
  let workspaceCount: Int

  init(_ g: ConvolutionGeometry, batch: Int, threads: Int, table: KernelTable) {
    self.table = table
    self.g = g
    self.batch = batch
    self.threads = threads
    let points = TrainingWinograd.points
    panels = WeightPanels(g: g)
    tileRows = (g.outHeight + 3) / 4
    tileColumns = (g.outWidth + 3) / 4
    blocks = ChannelBlocks.count(g.channels)
    isStrips =
      WinogradConvolution.transformedBytes(g) <= WinogradConvolution.transformedLimit
    windowColumns = evenPart(of: tileColumns, about: 2 * TrainingWinograd.windowSquares)
    windowRows = evenPart(
      of: tileRows, about: max(1, TrainingWinograd.windowSquares / windowColumns))
    let tiles = tileRows * tileColumns
    let perImage = points * tiles * blocks * 16 + 16 * tiles * panels.filters
    groupImages = min(batch, max(1, TrainingWinograd.groupFloats / perImage))
    part = evenPart(of: groupImages * tiles, about: 128)

    var parts = WorkspaceParts()
    let squares = windowRows * windowColumns | 1
    let packed = panels.filters * panels.rows
    let window = (4 * windowRows + 2) * (4 * windowColumns + 2) * 16
    if isStrips {
      weightsAt = parts.take(packed * points)
      (valuesAt, sumsAt) = (0, 0)
      let strip = points * squares * (blocks * 16 + WeightPanels.width)
      let output = 16 * windowRows * windowColumns * panels.filters
      own = max(
        blocks * window + strip + output, panels.rows * 9 * WeightPanels.width)
    } else {
      weightsAt = parts.take(packed * 9)
      valuesAt = parts.take(points * (groupImages * tiles | 1) * blocks * 16)
      sumsAt = parts.take(groupImages * 16 * tiles * panels.filters)
      let image = (4 * tileRows + 2) * (4 * tileColumns + 2) * 16
      let panel = points * (TrainingWinograd.channelChunk * WeightPanels.width + 16)
      own = max(image, panel + points * (part | 1) * WeightPanels.width)
    }
    ownAt = parts.take(0)
    workspaceCount = ownAt + threads * ((own + 15) / 16 * 16) + 16
  }

  private func scratch(
    _ workspace: UnsafeMutablePointer<Float>, _ worker: Int
  ) -> UnsafeMutablePointer<Float> {
    workspace + ownAt + worker * ((own + 15) / 16 * 16)
  }

  /// - Parameters:
  ///   - mirrored: whether `weights` are those of the forward convolution, to go back through.
  ///   - adds: whether results are added to `output`.
  func run(
    input: UnsafePointer<Float>, weights: UnsafePointer<Float>, mirrored: Bool,
    output: UnsafeMutablePointer<Float>, adds: Bool, workspace: UnsafeMutablePointer<Float>,
    pool: ThreadPool
  ) {
    pack(weights, mirrored: mirrored, workspace: workspace, pool: pool)
    if isStrips {
      runStrips(input: input, output: output, adds: adds, workspace: workspace, pool: pool)
      return
    }
    for first in stride(from: 0, to: batch, by: groupImages) {
      runGroup(
        first..<min(first + groupImages, batch), input: input, output: output, adds: adds,
        workspace: workspace, pool: pool)
    }
  }

  private func pack(
    _ weights: UnsafePointer<Float>, mirrored: Bool, workspace: UnsafeMutablePointer<Float>,
    pool: ThreadPool
  ) {
    let packed = workspace + weightsAt
    pool.run(panels.count) { index, worker in
      guard isStrips else {
        panels.pack(
          index, of: weights, mirrored: mirrored, to: packed + panels.offset(index, points: 9),
          table)
        return
      }
      let panel = scratch(workspace, worker)
      panels.pack(index, of: weights, mirrored: mirrored, to: panel, table)
      let width = panels.width(index)
      table.pointee.winograd_weights(
        panel, panels.rows, width,
        packed + panels.offset(index, points: TrainingWinograd.points), panels.rows * width)
    }
  }

  private func shape(rows: Int, columns: Int) -> ck_winograd {
    var shape = ck_winograd()
    shape.channels = g.channels
    shape.height = 4 * rows + 2
    shape.width = 4 * columns + 2
    shape.filters = panels.filters
    shape.tile_rows = rows
    shape.tile_columns = columns
    return shape
  }

  private var inputPlanes: ck_planes {
    ck_planes(height: g.height, width: g.width, plane_step: g.area)
  }
  private var outputPlanes: ck_planes {
    ck_planes(height: g.outHeight, width: g.outWidth, plane_step: g.outArea)
  }

  /// Puts a block of outputs whose first square is (row, column) into the planes.
  private func put(
    _ block: UnsafePointer<Float>, columns: Int, channel: Int, row: Int, column: Int, rows: Int,
    to image: UnsafeMutablePointer<Float>, adds: Bool
  ) {
    var planes = outputPlanes
    table.pointee.unpack_nchw16c_tile(
      &planes, block, 4 * columns, min(16, g.filters - channel), 4 * row, 4 * column,
      min(4 * rows, g.outHeight - 4 * row), min(4 * columns, g.outWidth - 4 * column),
      image + channel * g.outArea, adds)
  }

  private func runStrips(
    input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>, adds: Bool,
    workspace: UnsafeMutablePointer<Float>, pool: ThreadPool
  ) {
    let down = (tileRows + windowRows - 1) / windowRows
    let across = (tileColumns + windowColumns - 1) / windowColumns
    pool.run(batch * down * across) { index, worker in
      let (rest, j) = index.quotientAndRemainder(dividingBy: across)
      let (image, i) = rest.quotientAndRemainder(dividingBy: down)
      let (row, column) = (i * windowRows, j * windowColumns)
      let rows = min(windowRows, tileRows - row)
      let columns = min(windowColumns, tileColumns - column)
      var shape = shape(rows: rows, columns: columns)
      var planes = inputPlanes
      let window = scratch(workspace, worker)
      let windowFloats = shape.height * shape.width * 16
      for block in 0..<blocks {
        table.pointee.pack_nchw16c_tile(
          &planes, input + image * g.inputCount + block * 16 * g.area,
          min(16, g.channels - block * 16), 4 * row - g.padding, 4 * column - g.padding,
          shape.height, shape.width, window + block * windowFloats)
      }
      let sums = window + blocks * windowFloats
      let area = 16 * rows * columns
      let transforms = sums + panels.filters * area
      var finish = plainFinish(out: sums, height: 4 * rows, width: 4 * columns)
      table.pointee.winograd_strip(
        &shape, &finish, window, workspace + weightsAt, 0, rows * columns, transforms)
      for channel in stride(from: 0, to: g.filters, by: 16) {
        put(
          sums + channel * area, columns: columns, channel: channel, row: row, column: column,
          rows: rows, to: output + image * g.outputCount, adds: adds)
      }
    }
  }

  private func runGroup(
    _ images: Range<Int>, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    adds: Bool, workspace: UnsafeMutablePointer<Float>, pool: ThreadPool
  ) {
    let tiles = tileRows * tileColumns
    let all = images.count * tiles
    let stride = all | 1
    let values = workspace + valuesAt
    pool.run(images.count * blocks) { index, worker in
      var shape = shape(rows: tileRows, columns: tileColumns)
      var planes = inputPlanes
      let (image, block) = index.quotientAndRemainder(dividingBy: blocks)
      let window = scratch(workspace, worker)
      table.pointee.pack_nchw16c_tile(
        &planes,
        input + (images.lowerBound + image) * g.inputCount + block * 16 * g.area,
        min(16, g.channels - block * 16), -g.padding, -g.padding, shape.height, shape.width,
        window)
      table.pointee.winograd_input(
        &shape, window, 0, 0, tiles,
        values + (block * TrainingWinograd.points * stride + image * tiles) * 16, stride)
    }
    let sums = workspace + sumsAt
    let area = 16 * tiles
    let parts = (all + part - 1) / part
    pool.run(panels.count * parts) { index, worker in
      var shape = shape(rows: tileRows, columns: tileColumns)
      var finish = plainFinish(out: sums, height: 4 * tileRows, width: 4 * tileColumns)
      finish.out_image = panels.filters * area
      let (panel, index) = index.quotientAndRemainder(dividingBy: parts)
      let first = index * part
      table.pointee.winograd_gather(
        &shape, &finish, values + first * 16, stride,
        workspace + weightsAt + panels.offset(panel, points: 9), panel * WeightPanels.width,
        first, min(part, all - first), scratch(workspace, worker))
    }
    let outputBlocks = ChannelBlocks.count(g.filters)
    pool.run(images.count * outputBlocks) { index in
      let (image, block) = index.quotientAndRemainder(dividingBy: outputBlocks)
      put(
        sums + (image * panels.filters + block * 16) * area, columns: tileColumns,
        channel: block * 16, row: 0, column: 0, rows: tileRows,
        to: output + (images.lowerBound + image) * g.outputCount, adds: adds)
    }
  }
}

/// Sums without bias, activation or anything else.
func plainFinish(out: UnsafeMutablePointer<Float>, height: Int, width: Int) -> ck_epilogue {
  var finish = ck_epilogue()
  finish.out = out
  finish.height = height
  finish.width = width
  return finish
}
