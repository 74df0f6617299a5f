#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A diagram with two linear axes: lines, points and bars, a title and a legend.
///
///     var chart = Chart(title: "Loss", xLabel: "iteration", yLabel: "loss")
///     chart.add(Chart.Series(points, color: Chart.palette[0], name: "average"))
///     ImageFile.save(chart.bitmap(width: 1000, height: 700), to: "chart.png")
package struct Chart {
  package enum Style: Hashable, Sendable {
    case line(width: Float)
    /// Circles.
    case points(radius: Float)
    /// A bar from the axis to each point, so wide in units of x.
    case bars(width: Float)
  }

  package struct Series: Sendable {
    /// In the axes' units; points that are not finite interrupt a line.
    package var points: [Point]
    package var color: Color
    package var style: Style
    /// For the legend; nil for no entry.
    package var name: String?

    package init(
      _ points: [Point], color: Color, style: Style = .line(width: 2), name: String? = nil
    ) {
      self.points = points
      self.color = color
      self.style = style
      self.name = name
    }
  }

  /// A text at a point.
  package struct Note: Sendable {
    package var text: String
    package var point: Point
    package var color: Color

    package init(_ text: String, at point: Point, color: Color = Chart.ink) {
      self.text = text
      self.point = point
      self.color = color
    }
  }

  package var title: String
  package var xLabel: String
  package var yLabel: String
  /// Ends of the axes; nil for those of the data.
  package var xRange: ClosedRange<Float>?
  package var yRange: ClosedRange<Float>?
  package private(set) var series: [Series] = []
  package private(set) var notes: [Note] = []

  package init(
    title: String, xLabel: String, yLabel: String, xRange: ClosedRange<Float>? = nil,
    yRange: ClosedRange<Float>? = nil
  ) {
    self.title = title
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.xRange = xRange
    self.yRange = yRange
  }

  /// Adds what is drawn over everything added before.
  package mutating func add(_ series: Series) { self.series.append(series) }
  package mutating func add(_ note: Note) { notes.append(note) }

  /// Ten colours that are easy to tell apart.
  package static let palette: [Color] = [
    0x1F77B4, 0xFF7F0E, 0x2CA02C, 0xD62728, 0x9467BD, 0x8C564B, 0xE377C2, 0x7F7F7F, 0xBCBD22,
    0x17BECF,
  ].map { Color($0) }
  package static let ink = Color(0x333333)
  package static let grid = Color(0xE4E4E4)

  /// The chart alone in a picture.
  package func bitmap(width: Int, height: Int) -> Bitmap {
    let canvas = Canvas(width: width, height: height)
    draw(on: canvas, x: 0, y: 0, width: width, height: height)
    return canvas.bitmap
  }

  /// Draws the chart into a rectangle of `canvas`.
  package func draw(on canvas: Canvas, x: Int, y: Int, width: Int, height: Int) {
    let frame = Frame(self, canvas, x: x, y: y, width: width, height: height)
    frame.drawAxes()
    for series in series { frame.draw(series) }
    for note in notes { frame.draw(note) }
    frame.drawLegend()
  }

  // MARK: Axes

  /// Where the marks of an axis are: at most `limit` multiples of 1, 2 or 5 times a power of ten.
  static func ticks(in range: ClosedRange<Float>, limit: Int) -> (values: [Float], decimals: Int) {
    let span = Double(range.upperBound) - Double(range.lowerBound)
    guard span > 0, span.isFinite, limit > 1 else { return ([range.lowerBound], 0) }
    var step = pow(10, floor(log10(span / Double(limit))))
    for factor in [1.0, 2, 5, 10] where span / (step * factor) <= Double(limit) {
      step *= factor
      break
    }
    let first = (Double(range.lowerBound) / step - 1e-6).rounded(.up)
    let last = (Double(range.upperBound) / step + 1e-6).rounded(.down)
    guard first <= last, last - first < 1000, abs(first) < 1e15 else {
      return ([range.lowerBound], 0)
    }
    let values = (Int(first)...Int(last)).map { Float(Double($0) * step) }
    return (values, max(0, Int((-log10(step) - 1e-6).rounded(.up))))
  }

  /// The range of the data, with bars and all that starts at 0 including 0.
  static func range(_ values: some Sequence<Float>, withZero: Bool) -> ClosedRange<Float> {
    var (low, high): (Float, Float) = (.infinity, -.infinity)
    for value in values where value.isFinite {
      low = min(low, value)
      high = max(high, value)
    }
    guard low <= high else { return 0...1 }
    if withZero { (low, high) = (min(low, 0), max(high, 0)) }
    if low == high { high = low + 1 }
    let room = withZero ? 0 : (high - low) * 0.03
    return low - room...high + (high - low) * 0.03
  }
}
