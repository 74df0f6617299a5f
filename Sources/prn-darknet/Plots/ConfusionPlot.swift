import Darknet
import DarknetCommandLine

/// The confusion matrix as a table of coloured squares: what was said in rows, what is there in
/// columns, the colour being the share of the column.
struct ConfusionPlot {
  private let matrix: ConfusionMatrix
  private let names: NamesFile
  /// Classes shown, in their order, "nothing" last.
  private let shown: [Int]
  private let isCut: Bool

  /// More would be too small to read.
  private static let limit = 60

  init(_ matrix: ConfusionMatrix, names: NamesFile) {
    self.matrix = matrix
    self.names = names
    let all = 0...matrix.nothing
    let sums = (0..<matrix.nothing).map { index in
      all.reduce(0) { $0 + matrix[index, $1] + matrix[$1, index] }
    }
    let used = sums.indices.filter { sums[$0] > 0 }
    let kept = used.sorted { (sums[$1], $0) < (sums[$0], $1) }.prefix(Self.limit).sorted()
    isCut = kept.count < used.count
    shown = kept + [matrix.nothing]
  }

  func bitmap() -> Bitmap {
    let count = shown.count
    let cell = Float(min(90, max(18, 1400 / count)))
    let textSize = min(18, max(11, cell * 0.6))
    let measure = Canvas(width: 1, height: 1)
    let names = shown.map(name)
    let nameWidth = names.map { measure.width(of: $0, size: textSize) }.max() ?? 0
    let (left, top) = (nameWidth + textSize * 3.5, textSize * 4.5)
    let side = cell * Float(count)
    let width = Int(max(left + side + textSize * 2, 620))
    let canvas = Canvas(width: width, height: Int(top + side + nameWidth + textSize * 4))
    drawTitle(canvas, textSize, Float(width) / 2)
    for (row, said) in shown.enumerated() {
      for (column, actual) in shown.enumerated() {
        let x = left + Float(column) * cell
        let y = top + Float(row) * cell
        drawCell(canvas, said: said, actual: actual, x: x, y: y, cell: cell)
      }
      let middle = top + (Float(row) + 0.5) * cell + textSize * 0.36
      canvas.text(
        names[row], at: Point(left - textSize * 0.5, middle), size: textSize, Chart.ink,
        anchor: .end)
      let column = left + (Float(row) + 0.5) * cell + textSize * 0.36
      canvas.text(
        names[row], at: Point(column, top + side + textSize * 0.5), size: textSize, Chart.ink,
        anchor: .end, rotated: true)
    }
    canvas.text(
      "detected as", at: Point(textSize * 1.4, top + side / 2), size: textSize * 1.1, Chart.ink,
      anchor: .middle, rotated: true)
    canvas.text(
      "labelled as", at: Point(left + side / 2, Float(canvas.bitmap.height) - textSize),
      size: textSize * 1.1, Chart.ink, anchor: .middle)
    return canvas.bitmap
  }

  private func name(_ index: Int) -> String {
    if index == matrix.nothing { return "nothing" }
    let name = names[index]
    return name.count > 18 ? name.prefix(16) + "..." : name
  }

  private func drawTitle(_ canvas: Canvas, _ textSize: Float, _ middle: Float) {
    let confidence = fixed(Double(matrix.confidenceThreshold), decimals: 2)
    let iou = fixed(Double(matrix.iouThreshold), decimals: 2)
    canvas.text(
      "What objects are detected as", at: Point(middle, textSize * 1.8), size: textSize * 1.3,
      Chart.ink, anchor: .middle)
    canvas.text(
      "probability above \(confidence), IoU above \(iou)"
        + (isCut ? ", the \(shown.count - 1) most frequent classes" : ""),
      at: Point(middle, textSize * 3.4), size: textSize, Chart.ink, anchor: .middle)
  }

  private func drawCell(
    _ canvas: Canvas, said: Int, actual: Int, x: Float, y: Float, cell: Float
  ) {
    // Nothing said where nothing is: there is no number of those.
    let isCorner = said == matrix.nothing && actual == matrix.nothing
    let number = matrix[said, actual]
    let total = (0...matrix.nothing).reduce(0) { $0 + matrix[$1, actual] }
    let share = total > 0 ? Float(number) / Float(total) : 0
    // Small shares must be visible, too.
    let depth = number > 0 ? 0.08 + 0.92 * share.squareRoot() : 0
    let isRight = said == actual
    let full = isRight ? SIMD3<Float>(23, 105, 62) : SIMD3<Float>(158, 42, 43)
    let color = SIMD3<Float>(250, 250, 250) * (1 - depth) + full * depth
    let fill =
      isCorner
      ? Color(0xE0E0E0) : Color(red: UInt8(color.x), green: UInt8(color.y), blue: UInt8(color.z))
    var path = Path()
    path.add(left: x + 0.5, top: y + 0.5, right: x + cell - 0.5, bottom: y + cell - 0.5)
    canvas.fill(path, fill)
    guard number > 0 else { return }
    let text = "\(number)"
    let size = min(18, cell * 0.5)
    let fits = min(1, (cell - 4) / canvas.width(of: text, size: size))
    canvas.text(
      text, at: Point(x + cell / 2, y + cell / 2 + size * fits * 0.36), size: size * fits,
      fill.readableInk, anchor: .middle)
  }
}
