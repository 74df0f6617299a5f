import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[local_avgpool]`: the mean of each window.
///
///     y[n, c, i, j] = mean of x[n, c, i', j'] over the window's cells inside the map
///
/// x [N, C, H, W]; windows, sizes and options as `[maxpool]` has them: `stride`, `stride_x`,
/// `stride_y`, `size`, `padding`. No parameters. The gradient is shared by the cells that were
/// counted; AlexeyAB divides it by size^2 even where a window reaches over the edge.
///
/// - Throws: `ConfigError` if a window is larger than the map with its padding.
package struct LocalAveragePoolLayer: Layer {
  package static let sectionNames = ["local_avgpool", "local_avg"]

  package let window: PoolWindow
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    window = try PoolWindow(&options, input: site.inputShape)
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }
  package var outputShape: Shape { window.outputShape }

  package func lower(into lowering: inout LayerLowering) { lowering.append(.average(window.pool)) }

  package func forward(_ pass: ForwardPass) {
    let (x, y) = (pass.input.pointer, pass.output.pointer)
    forEachWindow(pass.context, planes: pass.batch * window.input.channels) {
      output, rows, columns, plane in
      var sum: Float = 0
      for row in rows {
        for column in columns { sum += x[plane &+ row &* window.input.width &+ column] }
      }
      y[output] = sum / Float(max(rows.count &* columns.count, 1))
    }
  }

  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient?.pointer else { return }
    let dy = pass.outputGradient.pointer
    forEachWindow(pass.context, planes: pass.batch * window.input.channels) {
      output, rows, columns, plane in
      let share = dy[output] / Float(max(rows.count &* columns.count, 1))
      for row in rows {
        for column in columns { dx[plane &+ row &* window.input.width &+ column] += share }
      }
    }
  }

  /// Calls `body` for each output with the rows and columns of its window that are inside, and
  /// the start of its plane. Planes run in parallel: each is read and written by itself.
  private func forEachWindow(
    _ context: ComputeContext, planes: Int,
    _ body: (_ output: Int, _ rows: Range<Int>, _ columns: Range<Int>, _ plane: Int) -> Void
  ) {
    let pool = window.pool
    let (outHeight, outWidth) = (pool.outHeight, pool.outWidth)
    func inside(_ start: Int, _ limit: Int) -> Range<Int> {
      let low = min(max(start, 0), limit)
      return low..<max(min(start + pool.size, limit), low)
    }
    context.run(planes) { plane in
      for i in 0..<outHeight {
        let rows = inside(i * pool.strideY - pool.padding / 2, pool.height)
        for j in 0..<outWidth {
          body(
            (plane * outHeight + i) * outWidth + j, rows,
            inside(j * pool.strideX - pool.padding / 2, pool.width),
            plane * pool.height * pool.width)
        }
      }
    }
  }

  package var channelFlow: ChannelFlow { .channelwise(outputShape) }

  package var tableRow: TableRow {
    .pool(
      .init(kind: .average, window: window, output: outputShape, operations: operations))
  }

  package var operations: Double { window.operations(output: outputShape) }
}
