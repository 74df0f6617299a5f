/// How much of each pixel a path covers, 0...1, exact but for where outlines overlap inside one
/// pixel.
///
/// Each edge adds, to the pixels of the rows it passes, the signed height by which it raises the
/// winding number of everything to its right; a running sum along the row then gives the
/// coverage. So the work grows with the length of the outlines, not with their number of pixels.
struct Coverage {
  let left: Int
  let top: Int
  let width: Int
  let height: Int
  /// [height, width + 1]; the last column takes what lies to the right.
  private var deltas: [Float]

  /// Nil if the path does not touch the picture.
  init?(of path: Path, pictureWidth: Int, pictureHeight: Int) {
    guard let bounds = path.bounds else { return nil }
    let (w, h) = (Float(pictureWidth), Float(pictureHeight))
    // Clamped to the picture first, so that the conversions are safe.
    left = Int(min(w, max(0, bounds.left)).rounded(.down))
    top = Int(min(h, max(0, bounds.top)).rounded(.down))
    width = Int(min(w, max(0, bounds.right)).rounded(.up)) - left
    height = Int(min(h, max(0, bounds.bottom)).rounded(.up)) - top
    guard width > 0, height > 0 else { return nil }
    deltas = [Float](repeating: 0, count: (width + 1) * height)
    for outline in path.outlines {
      var previous = outline[outline.count - 1]
      for point in outline {
        addEdge(from: previous, to: point)
        previous = point
      }
    }
  }

  /// Calls `paint` with x, y and the coverage of every pixel that is covered at all.
  func forEachPixel(_ paint: (_ x: Int, _ y: Int, _ coverage: Float) -> Void) {
    for y in 0..<height {
      var winding: Float = 0
      for x in 0..<width {
        winding += deltas[y * (width + 1) + x]
        let coverage = min(abs(winding), 1)
        // Less is what rounding leaves outside of closed outlines.
        if coverage > 1 / 512 { paint(left + x, top + y, coverage) }
      }
    }
  }

  private mutating func addEdge(from start: Point, to end: Point) {
    guard start.y != end.y else { return }
    let direction: Float = start.y < end.y ? 1 : -1
    let (upper, lower) = start.y < end.y ? (start, end) : (end, start)
    // In coordinates of this rectangle.
    let (x0, y0) = (upper.x - Float(left), upper.y - Float(top))
    let (x1, y1) = (lower.x - Float(left), lower.y - Float(top))
    let slope = (x1 - x0) / (y1 - y0)
    let first = Int(min(Float(height), max(0, y0)))
    let last = Int(min(Float(height), max(0, y1)).rounded(.up))
    guard first < last else { return }
    for row in first..<last {
      let from = max(y0, Float(row))
      let to = min(y1, Float(row + 1))
      guard from < to else { continue }
      addPiece(
        row, from: x0 + (from - y0) * slope, to: x0 + (to - y0) * slope,
        height: (to - from) * direction)
    }
  }

  /// An edge's piece inside one row, from one x to another, of the given signed height.
  private mutating func addPiece(_ row: Int, from start: Float, to end: Float, height: Float) {
    let base = row * (width + 1)
    let limit = Float(width)
    let (low, high) = (min(start, end), max(start, end))
    // What is left of the rectangle raises all of the row, what is right of it nothing.
    guard high > 0 else {
      deltas[base] += height
      return
    }
    guard low < limit else { return }
    if high - low < 1e-6 {
      add(base, low, height)
      return
    }
    let share = height / (high - low)
    if low < 0 { deltas[base] += share * -low }
    var x = max(0, low)
    let stop = min(limit, high)
    while x < stop {
      let next = min(stop, x.rounded(.down) + 1)
      add(base, (x + next) / 2, share * (next - x))
      x = next
    }
  }

  /// A piece inside the pixel of `middle`, its mean x: the pixel has the part to its right.
  private mutating func add(_ base: Int, _ middle: Float, _ height: Float) {
    let pixel = min(Int(max(0, middle)), width - 1)
    let part = middle - Float(pixel)
    deltas[base + pixel] += height * (1 - part)
    deltas[base + pixel + 1] += height * part
  }
}
