import DarknetText

extension Chart {
  /// A chart laid out in a rectangle of a canvas.
  struct Frame {
    private let chart: Chart
    private let canvas: Canvas
    private let titleSize: Float
    private let textSize: Float
    private let xRange: ClosedRange<Float>
    private let yRange: ClosedRange<Float>
    // The area of the axes, in pixels.
    private let left: Float
    private let top: Float
    private let right: Float
    private let bottom: Float
    /// Middle of the whole rectangle.
    private let middle: Float
    private let titleLine: Float
    private let outerBottom: Float
    private let outerLeft: Float

    init(_ chart: Chart, _ canvas: Canvas, x: Int, y: Int, width: Int, height: Int) {
      self.chart = chart
      self.canvas = canvas
      let textSize = min(22, max(10, Float(min(width, height)) / 45))
      self.textSize = textSize
      titleSize = textSize * 1.35
      let hasBars = chart.series.contains { if case .bars = $0.style { true } else { false } }
      let points = chart.series.lazy.flatMap(\.points)
      xRange = chart.xRange ?? Chart.range(points.map(\.x), withZero: false)
      yRange = chart.yRange ?? Chart.range(points.map(\.y), withZero: hasBars)
      let names = chart.series.compactMap(\.name)
      let legend = names.map { canvas.width(of: $0, size: textSize) }.max()
      outerLeft = Float(x)
      outerBottom = Float(y + height)
      let marks = Chart.ticks(in: yRange, limit: 10)
      let widest =
        marks.values.map {
          canvas.width(of: Self.text($0, marks.decimals), size: textSize)
        }.max() ?? 0
      left = outerLeft + textSize * 2.6 + widest
      right = Float(x + width) - textSize * 1.5 - (legend.map { $0 + textSize * 3.2 } ?? 0)
      top = Float(y) + titleSize * 2.4
      bottom = outerBottom - textSize * 3.8
      titleLine = Float(y) + titleSize * 1.6
      middle = (left + right) / 2
    }

    private static func text(_ value: Float, _ decimals: Int) -> String {
      fixed(Double(value == 0 ? 0 : value), decimals: decimals)
    }

    private func place(_ point: Point) -> Point {
      Point(
        left + (point.x - xRange.lowerBound) / (xRange.upperBound - xRange.lowerBound)
          * (right - left),
        bottom - (point.y - yRange.lowerBound) / (yRange.upperBound - yRange.lowerBound)
          * (bottom - top))
    }

    func drawAxes() {
      canvas.text(
        chart.title, at: Point(middle, titleLine), size: titleSize, Chart.ink, anchor: .middle)
      canvas.text(
        chart.xLabel, at: Point(middle, outerBottom - textSize * 0.9), size: textSize, Chart.ink,
        anchor: .middle)
      canvas.text(
        chart.yLabel, at: Point(outerLeft + textSize * 1.5, (top + bottom) / 2), size: textSize,
        Chart.ink, anchor: .middle, rotated: true)
      let columns = Chart.ticks(in: xRange, limit: max(2, Int((right - left) / (textSize * 5))))
      for value in columns.values {
        let x = place(Point(value, 0)).x.rounded()
        canvas.line(from: Point(x + 0.5, top), to: Point(x + 0.5, bottom), Chart.grid)
        canvas.text(
          Self.text(value, columns.decimals), at: Point(x, bottom + textSize * 1.4),
          size: textSize, Chart.ink, anchor: .middle)
      }
      let rows = Chart.ticks(
        in: yRange, limit: max(2, min(10, Int((bottom - top) / (textSize * 2)))))
      for value in rows.values {
        let y = place(Point(0, value)).y.rounded()
        canvas.line(from: Point(left, y + 0.5), to: Point(right, y + 0.5), Chart.grid)
        canvas.text(
          Self.text(value, rows.decimals), at: Point(left - textSize * 0.5, y + textSize * 0.35),
          size: textSize, Chart.ink, anchor: .end)
      }
      let corner = Point(left.rounded() + 0.5, bottom.rounded() + 0.5)
      canvas.polyline(
        [Point(corner.x, top), corner, Point(right, corner.y)], width: 1, Color(0x888888))
    }

    func draw(_ series: Series) {
      switch series.style {
      case .line(let width):
        canvas.polyline(clipped(series.points.map(place)), width: width, series.color)
      case .points(let radius):
        for point in series.points.map(place) where isInside(point) {
          var path = Path()
          path.add(circleAt: point, radius: radius)
          canvas.fill(path, series.color)
        }
      case .bars(let width):
        for point in series.points where point.y.isFinite && point.x.isFinite {
          let start = place(Point(point.x - width / 2, 0))
          let end = place(Point(point.x + width / 2, point.y))
          var path = Path()
          path.add(
            left: max(left, start.x), top: max(top, min(start.y, end.y)),
            right: min(right, end.x), bottom: min(bottom, max(start.y, end.y)))
          canvas.fill(path, series.color)
        }
      }
    }

    func draw(_ note: Note) {
      let point = place(note.point)
      let width = canvas.width(of: note.text, size: textSize)
      // To the right of the point, or to its left where there is no room.
      let fits = point.x + textSize * 0.6 + width <= right
      canvas.text(
        note.text,
        at: Point(point.x + (fits ? 0.6 : -0.6) * textSize, point.y - textSize * 0.45),
        size: textSize, note.color, anchor: fits ? .start : .end)
    }

    func drawLegend() {
      var y = top + textSize
      for series in chart.series {
        guard let name = series.name else { continue }
        let x = right + textSize * 1.2
        switch series.style {
        case .line(let width):
          canvas.line(
            from: Point(x, y - textSize * 0.35), to: Point(x + textSize * 1.5, y - textSize * 0.35),
            width: max(2, width), series.color)
        case .points(let radius):
          var path = Path()
          path.add(
            circleAt: Point(x + textSize * 0.75, y - textSize * 0.35), radius: max(3, radius))
          canvas.fill(path, series.color)
        case .bars:
          var path = Path()
          path.add(
            left: x + textSize * 0.4, top: y - textSize * 0.75, right: x + textSize * 1.2, bottom: y
          )
          canvas.fill(path, series.color)
        }
        canvas.text(name, at: Point(x + textSize * 2, y), size: textSize, Chart.ink)
        y += textSize * 1.6
      }
    }

    private func isInside(_ point: Point) -> Bool {
      point.x >= left && point.x <= right && point.y >= top && point.y <= bottom
    }

    /// The line inside the axes, without points too near to the one before to be seen: what leaves
    /// the axes above or below runs along their edge.
    private func clipped(_ points: [Point]) -> [Point] {
      var result: [Point] = []
      for (index, point) in points.enumerated() {
        guard point.x.isFinite, point.y.isFinite else {
          result.append(point)
          continue
        }
        let inside = Point(min(right, max(left, point.x)), min(bottom, max(top, point.y)))
        if let last = result.last, index + 1 < points.count,
          abs(last.x - inside.x) < 0.25, abs(last.y - inside.y) < 0.25
        {
          continue
        }
        result.append(inside)
      }
      return result
    }
  }
}
