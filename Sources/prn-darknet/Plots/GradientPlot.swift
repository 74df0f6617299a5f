import Darknet
import DarknetCommandLine

/// A network's layers and the gradients that reach them, after figures 5 and 6 of Wang et al. 2019:
/// boxes with their groups of channels, and below them what arrives at each group, by time and by
/// source.
struct GradientPlot {
  let network: Network
  let flow: GradientFlow

  private static let left = 96.0
  private static let colors = [
    "#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02", "#a6761d", "#666666",
  ]

  /// Left edge and width of each group's column.
  private var columns: [[(x: Double, width: Double)]] = []
  private let isDetailed: Bool
  private let rowHeight: Double
  private let boxTop: Double
  private let boxHeight = 110.0
  private let width: Double

  init(network: Network, flow: GradientFlow) {
    self.network = network
    self.flow = flow
    let groups = flow.rows.reduce(0) { $0 + $1.groups.count }
    isDetailed = groups <= 40
    rowHeight = isDetailed ? 22 : 7
    boxTop = isDetailed ? 130 : 60
    let unit = isDetailed ? 46.0 : max(4, 1000 / Double(max(groups, 1)))
    var x = Self.left
    for row in flow.rows {
      columns.append(
        row.groups.map { _ in
          defer { x += unit }
          return (x, unit)
        })
      x += isDetailed ? 26 : 1
    }
    width = x + 60
  }

  /// The SVG file's text.
  var text: String {
    let times = flow.rows.flatMap { $0.groups.flatMap(\.timestamps) }.max() ?? 0
    let emitters = Set(flow.rows.flatMap { $0.groups.flatMap { $0.arrivals.map(\.emitter) } })
      .sorted(by: >)
    let timeTop = boxTop + boxHeight + 56
    let sourceTop = timeTop + Double(times) * rowHeight + 44
    let height = sourceTop + Double(emitters.count) * rowHeight + 50
    var picture = SVGPicture(width: max(width, 560), height: height)
    drawHead(&picture)
    if isDetailed, !columns.isEmpty { drawWays(&picture) }
    drawBoxes(&picture)
    drawTimes(&picture, top: timeTop, count: times)
    drawSources(&picture, top: sourceTop, emitters: emitters)
    return picture.text
  }

  private func drawHead(_ picture: inout SVGPicture) {
    let name = network.file.split(separator: "/").last.map(String.init) ?? network.file
    picture.text("\(name): gradients that reach each layer", x: 12, y: 22, size: 14, isBold: true)
    picture.text(
      "\(flow.timestampCombinations) timestamp combinations, \(flow.sourceCombinations) source "
        + "combinations", x: 12, y: 42)
  }

  private func center(_ row: Int) -> Double {
    (columns[row][0].x + columns[row].last!.x + columns[row].last!.width) / 2
  }

  /// Rows whose outputs reach the emitter's input.
  private func readers() -> [(from: Int, to: Int)] {
    let places = Dictionary(
      uniqueKeysWithValues: flow.rows.enumerated().map { ($1.layer, $0) })
    var ways: [(from: Int, to: Int)] = []
    for (number, row) in flow.rows.enumerated() {
      for emitter in Set(row.groups.flatMap { $0.arrivals.map(\.emitter) }) {
        if case .layer(let layer) = emitter, let to = places[layer] { ways.append((number, to)) }
        if case .loss = emitter { ways.append((number, flow.rows.count)) }
      }
    }
    return ways.sorted { ($0.to - $0.from, $0.from) < ($1.to - $1.from, $1.from) }
  }

  /// Straight arrows to the next layer, arcs over those in between.
  private func drawWays(_ picture: inout SVGPicture) {
    let end = columns.last!.last!.x + columns.last!.last!.width + 24
    let middle = boxTop + boxHeight / 2
    picture.text("loss", x: end + 4, y: middle + 4, size: 11)
    for (from, to) in readers() {
      let right = columns[from].last!
      let target = to < flow.rows.count ? columns[to][0].x : end
      if to == from + 1 {
        picture.line(
          [(right.x + right.width, middle), (target, middle)], stroke: "#222222", hasArrow: true)
      } else {
        let height = boxTop - 10 - 14 * Double(to - from - 1)
        let start = center(from)
        let stop = to < flow.rows.count ? center(to) - 8 : end
        picture.line(
          [
            (start, boxTop), (start, height), (stop, height),
            (stop, to < flow.rows.count ? boxTop : middle - 8),
          ],
          stroke: "#555555", hasArrow: true)
      }
    }
  }

  private func drawBoxes(_ picture: inout SVGPicture) {
    for (row, columns) in zip(flow.rows, columns) {
      let (x, last) = (columns[0].x, columns[columns.count - 1])
      let width = last.x + last.width - x
      let channels = row.groups.last!.channels.upperBound
      picture.rectangle(
        x: x, y: boxTop, width: width, height: boxHeight, fill: "#f4f4f4",
        stroke: isDetailed ? "#222222" : "#999999",
        title: "layer \(row.layer) \(network.nodes[row.layer].name), \(channels) channels")
      for column in columns.dropFirst() {
        picture.line(
          [(column.x, boxTop), (column.x, boxTop + boxHeight)], stroke: "#777777",
          width: isDetailed ? 1 : 0.5, isDashed: true)
      }
      guard isDetailed else { continue }
      picture.text(
        "layer \(row.layer)", x: x + width / 2, y: boxTop + boxHeight + 18, anchor: .middle,
        isBold: true)
      for (group, column) in zip(row.groups, columns) {
        picture.text(
          "\(group.channels.lowerBound)-\(group.channels.upperBound - 1)",
          x: column.x + column.width / 2, y: boxTop + boxHeight + 34, size: 10, anchor: .middle,
          fill: "#555555")
      }
    }
  }

  private func drawTimes(_ picture: inout SVGPicture, top: Double, count: Int) {
    drawAxis(
      &picture, "timestamp", top: top, labels: (1...max(count, 1)).map { "t = \($0)" })
    for (row, columns) in zip(flow.rows, columns) {
      for (group, column) in zip(row.groups, columns) {
        for time in group.timestamps {
          let y = top + rowHeight * Double(time - 1)
          let emitters = group.arrivals.filter { $0.timestamps.contains(time) }
            .map { GradientsCommand.name($0.emitter) }
          cell(
            &picture, column, y: y, fill: "#cfe3f3", text: "G\(time)",
            title: "layer \(row.layer), channels \(group.channels): G\(time) from "
              + emitters.joined(separator: ", "))
        }
      }
    }
  }

  private func drawSources(
    _ picture: inout SVGPicture, top: Double, emitters: [GradientFlow.Emitter]
  ) {
    drawAxis(
      &picture, "source", top: top, labels: emitters.map { GradientsCommand.name($0) })
    // Slices of an emitter in the order of its channels: a, b, c...
    var slices: [GradientFlow.Emitter: [Range<Int>]] = [:]
    for arrival in flow.rows.flatMap({ $0.groups.flatMap(\.arrivals) })
    where !slices[arrival.emitter, default: []].contains(arrival.slice) {
      slices[arrival.emitter, default: []].append(arrival.slice)
    }
    for emitter in slices.keys { slices[emitter]!.sort { $0.lowerBound < $1.lowerBound } }
    for (row, columns) in zip(flow.rows, columns) {
      for (group, column) in zip(row.groups, columns) {
        for (number, emitter) in emitters.enumerated() {
          let numbers = group.arrivals.filter { $0.emitter == emitter }.map {
            slices[emitter]!.firstIndex(of: $0.slice)!
          }
          guard let first = numbers.min() else { continue }
          let letters = numbers.sorted().map(Self.letter).joined()
          cell(
            &picture, column, y: top + rowHeight * Double(number),
            fill: Self.colors[first % Self.colors.count],
            text: letters.count > 4 ? "\(numbers.count)" : letters, textColor: "white",
            title: "layer \(row.layer), channels \(group.channels): slices \(letters) of "
              + GradientsCommand.name(emitter))
        }
      }
    }
    picture.text(
      "a, b, c: slices of the channels of that source's input, by where they go",
      x: 12, y: top + rowHeight * Double(emitters.count) + 24, size: 11, fill: "#555555")
  }

  private func cell(
    _ picture: inout SVGPicture, _ column: (x: Double, width: Double), y: Double, fill: String,
    text: String, textColor: String = "#222222", title: String
  ) {
    let gap = isDetailed ? 2.0 : 0
    picture.rectangle(
      x: column.x + gap, y: y + gap / 2, width: column.width - 2 * gap, height: rowHeight - gap,
      fill: fill, title: title)
    guard isDetailed else { return }
    picture.text(
      text, x: column.x + column.width / 2, y: y + rowHeight - 6, anchor: .middle, fill: textColor)
  }

  private func drawAxis(
    _ picture: inout SVGPicture, _ title: String, top: Double, labels: [String]
  ) {
    picture.text(title, x: 12, y: top - 8, isBold: true)
    let every = isDetailed ? 1 : max(1, labels.count / 12)
    for (number, label) in labels.enumerated() where number % every == 0 {
      picture.text(
        label, x: Self.left - 10, y: top + rowHeight * (Double(number) + 0.5) + 4,
        size: isDetailed ? 12 : 10, anchor: .end)
    }
  }

  /// a ... z, then a2 and so on.
  private static func letter(_ number: Int) -> String {
    let letter = String(UnicodeScalar(UInt8(97 + number % 26)))
    return number < 26 ? letter : letter + "\(number / 26 + 1)"
  }
}
