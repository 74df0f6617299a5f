import Darknet
import DarknetCommandLine

/// Bytes of living feature maps over the layers: what waits for shortcuts at the bottom, the rest
/// on it, and a line where a residual network would be.
struct MemoryPlot {
  let network: Network
  let exact: Liveness
  let full: Liveness

  private static let left = 70.0
  private static let right = 20.0
  private static let top = 62.0
  private static let bottom = 44.0
  private static let plotHeight = 300.0
  private static let waitingColor = "#d95f02"
  private static let liveColor = "#9ecae1"
  private static let fullColor = "#222222"

  /// The SVG file's text.
  var text: String {
    let count = exact.rows.count
    let step = max(4, min(24, 860 / Double(count)))
    let plotWidth = step * Double(count)
    let width = max(Self.left + plotWidth + Self.right, 640)
    var picture = SVGPicture(width: width, height: Self.top + Self.plotHeight + Self.bottom)
    let most = Double(max(exact.peak.liveBytes, full.peak.liveBytes, 1)) / 1_048_576
    let unit = Self.tick(most)
    let ceiling = (most / unit).rounded(.up) * unit
    func y(_ bytes: Int) -> Double {
      Self.top + Self.plotHeight * (1 - Double(bytes) / 1_048_576 / ceiling)
    }
    func x(_ index: Int) -> Double { Self.left + step * Double(index) }

    var mark = 0.0
    while mark <= ceiling + unit / 2 {
      let height = Self.top + Self.plotHeight * (1 - mark / ceiling)
      picture.line([(Self.left, height), (Self.left + plotWidth, height)], stroke: "#dddddd")
      picture.text(
        "\(general(mark)) MiB", x: Self.left - 6, y: height + 4, size: 11, anchor: .end)
      mark += unit
    }
    for row in exact.rows {
      let (left, floor) = (x(row.layer), y(0))
      let title =
        "\(row.layer) \(network.nodes[row.layer].name): \(mebibytes(row.liveBytes)) MiB, "
        + "\(mebibytes(row.waitingBytes)) waiting for shortcuts"
      picture.rectangle(
        x: left, y: y(row.liveBytes), width: step, height: floor - y(row.liveBytes),
        fill: Self.liveColor, title: title)
      if row.waitingBytes > 0 {
        picture.rectangle(
          x: left, y: y(row.waitingBytes), width: step, height: floor - y(row.waitingBytes),
          fill: Self.waitingColor, title: title)
      }
    }
    picture.line(
      full.rows.flatMap { row in
        [0, 1].map { (x: x(row.layer + $0), y: y(row.liveBytes)) }
      },
      stroke: Self.fullColor, width: 1.2)
    drawLayers(&picture, count: count, x: x)
    drawLegend(&picture)
    return picture.text
  }

  private func drawLayers(_ picture: inout SVGPicture, count: Int, x: (Int) -> Double) {
    let floor = Self.top + Self.plotHeight
    let every = count > 60 ? 10 : count > 30 ? 5 : 1
    for index in stride(from: 0, to: count, by: every) {
      picture.text(
        "\(index)", x: (x(index) + x(index + 1)) / 2, y: floor + 16, size: 11, anchor: .middle)
    }
    picture.text("layer", x: (x(0) + x(count)) / 2, y: floor + 36, size: 12, anchor: .middle)
  }

  private func drawLegend(_ picture: inout SVGPicture) {
    let shape = network.inputShape
    let name = network.file.split(separator: "/").last.map(String.init) ?? network.file
    picture.text(
      "\(name), \(shape): live feature maps", x: Self.left, y: 22, size: 14, isBold: true)
    var x = Self.left
    for (color, text) in [
      (Self.waitingColor, "waiting for a shortcut"), (Self.liveColor, "all else"),
    ] {
      picture.rectangle(x: x, y: 36, width: 12, height: 12, fill: color)
      picture.text(text, x: x + 17, y: 46)
      x += 30 + Double(text.count) * 7
    }
    picture.line([(x, 42), (x + 18, 42)], stroke: Self.fullColor, width: 1.5)
    picture.text("with whole shortcuts", x: x + 23, y: 46)
  }

  /// 1, 2 or 5 times a power of ten, so that about six marks fit.
  private static func tick(_ most: Double) -> Double {
    var unit = 0.001
    while true {
      for factor in [1.0, 2, 5] where most / (unit * factor) <= 7 { return unit * factor }
      unit *= 10
    }
  }
}

/// Mebibytes with two decimals.
func mebibytes(_ bytes: Int) -> String { fixed(Double(bytes) / 1_048_576, decimals: 2) }
