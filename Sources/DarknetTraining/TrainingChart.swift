import DarknetImages
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The picture of a training: loss over iterations, and precision on an axis of its own.
///
/// Each column of pixels shows the range of the losses of its iterations, and a line their running
/// average; the loss axis ends where all but the first outliers fit.
package struct TrainingChart {
  package var title: String
  package var rows: [TrainingRecords.Row]
  /// End of the iteration axis; 0 for the last row.
  package var maxBatches: Int
  /// What `precision` is: `mAP@0.50`, `top-5`.
  package var precisionName: String
  package var width = 1000
  package var height = 640

  package init(
    title: String, rows: [TrainingRecords.Row], maxBatches: Int, precisionName: String
  ) {
    self.title = title
    self.rows = rows
    self.maxBatches = maxBatches
    self.precisionName = precisionName
  }

  private static let ink = Color(0x1F2933)
  private static let faint = Color(0x52606D)
  private static let grid = Color(0xE4E7EB)
  private static let lossInk = Color(0x1D6FB8)
  private static let lossBand = Color(0x1D6FB8, alpha: 0.28)
  private static let lossLine = Color(0x1D6FB8, alpha: 0.5)
  private static let precisionInk = Color(0xD9480F)

  // Edges of the plot.
  private var left: Int { 82 }
  private var right: Int { width - (precisions.isEmpty ? 32 : 82) }
  private var top: Int { 74 }
  private var bottom: Int { height - 66 }

  private var precisions: [TrainingRecords.Row] { rows.filter { $0.precision != nil } }
  private var lastIteration: Int { max(maxBatches, rows.last?.iteration ?? 1, 1) }

  package func draw() -> Bitmap {
    let canvas = Canvas(width: width, height: height)
    let losses = Axis(upTo: lossLimit, ticks: 6)
    drawFrame(canvas, losses)
    drawLoss(canvas, losses)
    drawPrecision(canvas)
    drawHead(canvas)
    return canvas.bitmap
  }

  // MARK: Axes

  /// Round steps from 0 on.
  struct Axis {
    let limit: Double
    let step: Double

    init(upTo value: Double, ticks: Int) {
      let value = value.isFinite && value > 0 ? value : 1
      let raw = value / Double(ticks)
      let magnitude = pow(10, log10(raw).rounded(.down))
      step = [1, 2, 2.5, 5, 10].map { $0 * magnitude }.first { $0 >= raw * 0.999 } ?? raw
      limit = (value / step * 0.999).rounded(.up) * step
    }

    var ticks: [Double] { (0...Int((limit / step).rounded())).map { Double($0) * step } }

    func label(_ value: Double) -> String {
      let decimals =
        step >= 1
        ? (step == step.rounded() ? 0 : 1)
        : min(
          6,
          Int((-log10(step)).rounded(.up))
            + (step * pow(10, (-log10(step)).rounded(.up)) == 2.5 ? 1 : 0))
      return fixed(value, decimals: decimals)
    }
  }

  /// Where the axis ends: the average's later half takes a quarter of it or more, so that the start,
  /// which is often a hundred times higher, does not flatten everything else.
  private var lossLimit: Double {
    let averages = rows.map { Double($0.averageLoss) }.filter(\.isFinite)
    guard let largest = averages.dropFirst(averages.count / 20).max() else { return 1 }
    let later = averages.suffix((averages.count + 1) / 2).sorted()
    return max(min(largest * 1.1, later[later.count / 2] * 4), 1e-6)
  }

  private func x(_ iteration: Int) -> Float {
    Float(left) + Float(right - left) * Float(iteration) / Float(lastIteration)
  }

  private func y(_ value: Double, limit: Double) -> Float {
    Float(bottom) - Float(bottom - top) * Float(value / limit)
  }

  private func drawFrame(_ canvas: Canvas, _ losses: Axis) {
    for tick in losses.ticks {
      let row = y(tick, limit: losses.limit)
      canvas.line(
        from: Point(Float(left), row.rounded() + 0.5), to: Point(Float(right), row.rounded() + 0.5),
        width: 1, Self.grid)
      canvas.text(
        losses.label(tick), at: Point(Float(left) - 10, row + 6), size: 17, Self.lossInk,
        anchor: .end)
    }
    let iterations = Axis(upTo: Double(lastIteration), ticks: 8)
    for tick in iterations.ticks where tick <= Double(lastIteration) * 1.0001 {
      let column = x(Int(tick)).rounded() + 0.5
      canvas.line(
        from: Point(column, Float(top)), to: Point(column, Float(bottom)), width: 1, Self.grid)
      canvas.line(
        from: Point(column, Float(bottom)), to: Point(column, Float(bottom) + 6), width: 1,
        Self.faint)
      canvas.text(
        iterations.label(tick), at: Point(column, Float(bottom) + 25), size: 17, Self.faint,
        anchor: .middle)
    }
    if !precisions.isEmpty {
      for percent in stride(from: 0, through: 100, by: 20) {
        canvas.text(
          "\(percent) %", at: Point(Float(right) + 10, y(Double(percent), limit: 100) + 6),
          size: 17, Self.precisionInk)
      }
      canvas.text(
        precisionName, at: Point(Float(width) - 8, Float(top + bottom) / 2), size: 18,
        Self.precisionInk, anchor: .middle, rotated: true)
    }
    canvas.frame(
      x: left, y: top, width: right - left + 1, height: bottom - top + 1, line: 1, Self.faint)
    canvas.text(
      "iteration", at: Point(Float(left + right) / 2, Float(height) - 14), size: 18, Self.ink,
      anchor: .middle)
    canvas.text(
      "loss", at: Point(24, Float(top + bottom) / 2), size: 18, Self.lossInk, anchor: .middle,
      rotated: true)
  }

  // MARK: Curves

  private func drawLoss(_ canvas: Canvas, _ axis: Axis) {
    // Per column of pixels: lowest and highest loss, and the last average.
    var columns: [Int: (low: Float, high: Float, average: Float)] = [:]
    for row in rows where row.loss.isFinite && row.averageLoss.isFinite {
      let column = Int(x(row.iteration))
      if let old = columns[column] {
        columns[column] = (min(old.low, row.loss), max(old.high, row.loss), row.averageLoss)
      } else {
        columns[column] = (row.loss, row.loss, row.averageLoss)
      }
    }
    func clamped(_ value: Float) -> Float {
      min(max(y(Double(value), limit: axis.limit), Float(top)), Float(bottom))
    }
    let sorted = columns.sorted { $0.key < $1.key }
    if sorted.count * 3 > rows.count * 2 {
      // Hardly more than an iteration a column: a line says more than single bars.
      canvas.polyline(
        sorted.map { Point(Float($0.key) + 0.5, clamped(($0.value.low + $0.value.high) / 2)) },
        width: 1.6, Self.lossLine)
    } else {
      for (column, range) in sorted {
        let (high, low) = (Int(clamped(range.high)), Int(clamped(range.low)))
        canvas.fill(x: column, y: high, width: 1, height: max(low - high, 1), Self.lossBand)
      }
    }
    // What lies above the axis is left out, but for the last point before the line comes down.
    let points = sorted.indices.map { index in
      let value = sorted[index].value.average
      let next = sorted[min(index + 1, sorted.count - 1)].value.average
      let isShown = Double(min(value, next)) <= axis.limit
      return Point(Float(sorted[index].key) + 0.5, isShown ? clamped(value) : .nan)
    }
    canvas.polyline(points, width: 2.4, Self.lossInk)
  }

  private func drawPrecision(_ canvas: Canvas) {
    let points = precisions.map { row in
      Point(x(row.iteration), y((row.precision ?? 0) * 100, limit: 100))
    }
    canvas.polyline(points, width: 2.4, Self.precisionInk)
    var dots = Path()
    for point in points { dots.add(circleAt: point, radius: points.count > 60 ? 2.5 : 4.5) }
    canvas.fill(dots, Self.precisionInk)
    guard let best = precisions.max(by: { $0.precision ?? 0 < $1.precision ?? 0 }),
      let precision = best.precision
    else { return }
    let at = Point(x(best.iteration), y(precision * 100, limit: 100))
    let text = "best " + fixed(precision * 100, decimals: 1) + " %"
    let textWidth = canvas.width(of: text, size: 17)
    let start = min(max(at.x - textWidth / 2, Float(left) + 6), Float(right) - textWidth - 6)
    let above = at.y - 14 > Float(top) + 18
    canvas.text(
      text, at: Point(start, above ? at.y - 12 : at.y + 26), size: 17, Self.precisionInk)
  }

  // MARK: Head

  private func drawHead(_ canvas: Canvas) {
    canvas.text(title, at: Point(Float(left), 30), size: 23, Self.ink)
    var x = Float(left)
    func entry(_ text: String, _ color: Color, isBand: Bool = false) {
      canvas.fill(
        x: Int(x), y: isBand ? 48 : 54, width: 26, height: isBand ? 14 : 3, color)
      canvas.text(text, at: Point(x + 34, 61), size: 17, Self.ink)
      x += 34 + canvas.width(of: text, size: 17) + 28
    }
    if let last = rows.last {
      entry("loss", Self.lossBand, isBand: true)
      entry("running average, now \(short(Double(last.averageLoss)))", Self.lossInk)
    }
    if let last = precisions.last?.precision {
      entry("\(precisionName), now \(fixed(last * 100, decimals: 1)) %", Self.precisionInk)
    }
    if let last = rows.last {
      let text = "iteration \(last.iteration)" + (maxBatches > 0 ? " of \(maxBatches)" : "")
      canvas.text(text, at: Point(Float(right), 30), size: 18, Self.faint, anchor: .end)
    }
  }

  private func short(_ value: Double) -> String {
    fixed(value, decimals: abs(value) >= 100 ? 0 : abs(value) >= 1 ? 2 : 4)
  }
}
