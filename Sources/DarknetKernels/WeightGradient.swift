import CKernels
import DarknetGraph

/// Gradients by the weights of a 3x3 (by F(4x4, 3x3)) or 1x1 convolution.
///
///     dU = sum over squares of (Bt x B) (A dy At),   dW = Gt dU G
///
/// the exact transpose of the forward pass; for 1x1 both transforms are nothing. With few weights
/// the batch is cut into a fixed number of slices, each summed by one task and the slices in order;
/// with many a group of images is transformed first and each task sums one panel of filters.
/// Either way the order of the sums does not depend on the threads.
struct WeightGradient {
  private static let slices = 8
  /// Items (squares or pixels) that are transformed before they are summed.
  private static let windowItems = 52
  /// Floats of transformed inputs and gradients of a group.
  private static let groupFloats = 6 << 20

  private let table: KernelTable
  private let g: ConvolutionGeometry
  private let batch: Int
  private let threads: Int
  private let panels: WeightPanels
  private let blocks: Int
  private let isPointwise: Bool
  /// 36, or 1 for 1x1.
  private let points: Int
  private let taps: Int
  private let isSliced: Bool

  /// Rows and columns of items of an image (a line of pixels for 1x1), and of a window.
  private let itemRows: Int
  private let itemColumns: Int
  private let windowRows: Int
  private let windowColumns: Int
  private let groupImages: Int

  private let sumsAt: Int
  private let sumsFloats: Int
  private let valuesAt: Int
  private let gradientsAt: Int
  private let ownAt: Int
  private let own: Int
  let workspaceCount: Int

  init(_ g: ConvolutionGeometry, batch: Int, threads: Int, table: KernelTable) {
    self.table = table
    self.g = g
    self.batch = batch
    self.threads = threads
    panels = WeightPanels(g: g)
    blocks = ChannelBlocks.count(g.channels)
    isPointwise = g.isPointwise
    points = isPointwise ? 1 : 36
    taps = g.size * g.size
    itemRows = isPointwise ? 1 : (g.outHeight + 3) / 4
    itemColumns = isPointwise ? g.area : (g.outWidth + 3) / 4
    let wanted = isPointwise ? 256 : WeightGradient.windowItems
    windowColumns = evenPart(of: itemColumns, about: isPointwise ? wanted : 2 * wanted)
    windowRows = evenPart(of: itemRows, about: max(1, wanted / windowColumns))
    isSliced = panels.filters * blocks * 16 <= 128 * 128
    let items = itemRows * itemColumns
    let perImage = points * items * (blocks * 16 + panels.filters)
    groupImages = min(batch, max(1, WeightGradient.groupFloats / perImage))

    var parts = WorkspaceParts()
    sumsFloats = panels.filters * blocks * 16 * taps
    sumsAt = parts.take(sumsFloats * (isSliced ? WeightGradient.slices : 1))
    // A window of inputs or gradients of one block, and the sums of all points of a block and panel.
    let (rows, columns) =
      isSliced ? (windowRows, windowColumns) : (itemRows, itemColumns)
    let window = isPointwise ? 0 : (4 * rows + 2) * (4 * columns + 2) * 16
    let scratch = points * 16 * WeightPanels.width
    let stride = (isSliced ? rows * columns : groupImages * items) | 1
    let values = points * stride * blocks * 16
    let gradients = points * stride * panels.filters
    valuesAt = isSliced ? 0 : parts.take(values)
    gradientsAt = isSliced ? 0 : parts.take(gradients)
    ownAt = parts.take(0)
    own = window + scratch + (isSliced ? values + gradients : 0)
    workspaceCount = ownAt + threads * ((own + 15) / 16 * 16) + 16
  }

  func run(
    input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>,
    pool: ThreadPool
  ) {
    let sums = workspace + sumsAt
    if isSliced {
      let down = (itemRows + windowRows - 1) / windowRows
      let across = (itemColumns + windowColumns - 1) / windowColumns
      let windows = batch * down * across
      let slices = min(WeightGradient.slices, windows)
      pool.run(slices) { slice, worker in
        let dw = sums + slice * sumsFloats
        Vector.fill(dw, with: 0, count: sumsFloats)
        for index in windows * slice / slices..<windows * (slice + 1) / slices {
          let (rest, column) = index.quotientAndRemainder(dividingBy: across)
          let (image, row) = rest.quotientAndRemainder(dividingBy: down)
          addWindow(
            image: image, row: row * windowRows, column: column * windowColumns, input: input,
            outputGradient: outputGradient, dw: dw, own: scratch(workspace, worker))
        }
      }
      for slice in 1..<max(slices, 2) where slice < slices {
        table.pointee.add(sums, sums + slice * sumsFloats, sumsFloats)
      }
    } else {
      Vector.fill(sums, with: 0, count: sumsFloats)
      for first in stride(from: 0, to: batch, by: groupImages) {
        addGroup(
          first..<min(first + groupImages, batch), input: input, outputGradient: outputGradient,
          workspace: workspace, pool: pool)
      }
    }
    pool.run(panels.count) { panel in
      table.pointee.add_panel(
        sums + sumsOffset(panel), g.filters, g.channels, taps, panel * WeightPanels.width,
        panels.width(panel), weightGradient)
    }
  }

  private func scratch(
    _ workspace: UnsafeMutablePointer<Float>, _ worker: Int
  ) -> UnsafeMutablePointer<Float> {
    workspace + ownAt + worker * ((own + 15) / 16 * 16)
  }

  /// Where the sums of a panel begin: [channel of all blocks][tap][filter of the panel].
  private func sumsOffset(_ panel: Int) -> Int {
    panel * WeightPanels.width * blocks * 16 * taps
  }

  /// Inputs of a block, for `rows` x `columns` items from (row, column) on, to V.
  private func transformInput(
    _ block: Int, image: UnsafePointer<Float>, row: Int, column: Int, rows: Int, columns: Int,
    to values: UnsafeMutablePointer<Float>, stride: Int, window: UnsafeMutablePointer<Float>
  ) {
    let planes = image + block * 16 * g.area
    let lanes = min(16, g.channels - block * 16)
    if isPointwise {
      table.pointee.interleave(planes + column, g.area, lanes, columns, values, 16)
      return
    }
    var shape = ck_winograd()
    shape.height = 4 * rows + 2
    shape.width = 4 * columns + 2
    shape.tile_rows = rows
    shape.tile_columns = columns
    var from = ck_planes(height: g.height, width: g.width, plane_step: g.area)
    table.pointee.pack_nchw16c_tile(
      &from, planes, lanes, 4 * row - g.padding, 4 * column - g.padding, shape.height,
      shape.width, window)
    table.pointee.winograd_input(&shape, window, 0, 0, rows * columns, values, stride)
  }

  /// Gradients of 16 filters from `channel` on, to Q, which has `width` filters an item.
  private func transformGradient(
    _ channel: Int, image: UnsafePointer<Float>, row: Int, column: Int, rows: Int, columns: Int,
    to gradients: UnsafeMutablePointer<Float>, stride: Int, width: Int,
    window: UnsafeMutablePointer<Float>
  ) {
    let lanes = min(16, g.filters - channel)
    let planes = image + channel * g.outArea
    if isPointwise {
      table.pointee.interleave(planes + column, g.area, lanes, columns, gradients, width)
      return
    }
    var from = ck_planes(height: g.outHeight, width: g.outWidth, plane_step: g.outArea)
    table.pointee.pack_nchw16c_tile(
      &from, planes, lanes, 4 * row, 4 * column, 4 * rows, 4 * columns, window)
    for r in 0..<rows {
      table.pointee.winograd_gradient(
        window + r * 4 * 4 * columns * 16, 4 * columns, columns,
        gradients + r * columns * width, stride, width)
    }
  }

  /// dw [channel][tap][filter] += sums of V Q over `items`, for one block and panel.
  private func addProduct(
    block: Int, panel: Int, values: UnsafePointer<Float>, gradients: UnsafePointer<Float>,
    stride: Int, items: Int, dw: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let width = panels.width(panel)
    let sums = dw + sumsOffset(panel) + block * 16 * taps * width
    if isPointwise {
      table.pointee.outer(values, 0, gradients, 0, 1, items, sums, width, true)
    } else {
      table.pointee.winograd_outer(values, gradients, stride, items, width, 16, sums, scratch)
    }
  }

  private func addWindow(
    image: Int, row: Int, column: Int, input: UnsafePointer<Float>,
    outputGradient: UnsafePointer<Float>, dw: UnsafeMutablePointer<Float>,
    own: UnsafeMutablePointer<Float>
  ) {
    let rows = min(windowRows, itemRows - row)
    let columns = min(windowColumns, itemColumns - column)
    let (items, stride) = (rows * columns, rows * columns | 1)
    let values = own
    let gradients = values + points * stride * blocks * 16
    let scratch = gradients + points * stride * panels.filters
    let window = scratch + points * 16 * WeightPanels.width
    for block in 0..<blocks {
      transformInput(
        block, image: input + image * g.inputCount, row: row, column: column, rows: rows,
        columns: columns, to: values + block * points * stride * 16, stride: stride,
        window: window)
    }
    for panel in 0..<panels.count {
      let width = panels.width(panel)
      let place = gradients + panel * WeightPanels.width * points * stride
      for f in Swift.stride(from: 0, to: width, by: 16) {
        transformGradient(
          panel * WeightPanels.width + f, image: outputGradient + image * g.outputCount, row: row,
          column: column, rows: rows, columns: columns, to: place + f, stride: stride,
          width: width, window: window)
      }
      for block in 0..<blocks {
        addProduct(
          block: block, panel: panel, values: values + block * points * stride * 16,
          gradients: place, stride: stride, items: items, dw: dw, scratch: scratch)
      }
    }
  }

  private func addGroup(
    _ images: Range<Int>, input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, pool: ThreadPool
  ) {
    let items = itemRows * itemColumns
    let (all, stride) = (images.count * items, images.count * items | 1)
    let values = workspace + valuesAt
    let gradients = workspace + gradientsAt
    let filterBlocks = panels.filters / 16
    pool.run(images.count * (blocks + filterBlocks)) { index, worker in
      let (image, part) = index.quotientAndRemainder(dividingBy: blocks + filterBlocks)
      let window = scratch(workspace, worker)
      if part < blocks {
        transformInput(
          part, image: input + (images.lowerBound + image) * g.inputCount, row: 0, column: 0,
          rows: itemRows, columns: itemColumns,
          to: values + (part * points * stride + image * items) * 16, stride: stride,
          window: window)
        return
      }
      let channel = (part - blocks) * 16
      let (panel, f) = channel.quotientAndRemainder(dividingBy: WeightPanels.width)
      let width = panels.width(panel)
      transformGradient(
        channel, image: outputGradient + (images.lowerBound + image) * g.outputCount, row: 0,
        column: 0, rows: itemRows, columns: itemColumns,
        to: gradients + panel * WeightPanels.width * points * stride + image * items * width + f,
        stride: stride, width: width, window: window)
    }
    // A panel's gradients stay in the second-level cache while the blocks pass.
    let chunks = min(blocks, max(1, 4 * threads / panels.count))
    pool.run(panels.count * chunks) { index, worker in
      let (panel, chunk) = index.quotientAndRemainder(dividingBy: chunks)
      let place = gradients + panel * WeightPanels.width * points * stride
      for block in blocks * chunk / chunks..<blocks * (chunk + 1) / chunks {
        addProduct(
          block: block, panel: panel, values: values + block * points * stride * 16,
          gradients: place, stride: stride, items: all, dw: workspace + sumsAt,
          scratch: scratch(workspace, worker))
      }
    }
  }
}
