import Darknet
import DarknetCommandLine

/// What the labels hold: objects a class, their sizes, and where they are.
struct LabelPlot {
  private let names: NamesFile
  private var statistics: LabelStatistics
  /// Width and height of objects in parts of the picture; of many a sample.
  private var sizes: [Point] = []
  private var random = Random(seed: 0)
  private var seen = 0

  private static let sampleSize = 20_000
  private static let small = Color(0x9ECAE1)
  private static let medium = Color(0x4292C6)
  private static let large = Color(0x08519C)

  init(names: NamesFile) {
    self.names = names
    statistics = LabelStatistics(classCount: names.count)
  }

  mutating func add(_ objects: [GroundTruth], width: Int, height: Int) {
    statistics.add(objects, pictureWidth: width, pictureHeight: height)
    for object in objects {
      seen += 1
      let size = Point(object.box.width, object.box.height)
      if sizes.count < Self.sampleSize {
        sizes.append(size)
      } else {
        // Every object has the same chance to be in the sample (reservoir sampling).
        let place = random.below(seen)
        if place < Self.sampleSize { sizes[place] = size }
      }
    }
  }

  func bitmap() -> Bitmap {
    let canvas = Canvas(width: 1500, height: 1000)
    let statistics = statistics
    canvas.text(
      "\(statistics.objects) objects in \(statistics.pictures) pictures, "
        + "\(statistics.picturesWithoutObjects) without any; at most \(statistics.mostObjects) in one",
      at: Point(750, 36), size: 24, Chart.ink, anchor: .middle)
    drawClasses(canvas)

    var histogram = Chart(
      title: "Sizes", xLabel: "root of the area, as a fraction of the picture's", yLabel: "objects",
      xRange: 0...1)
    histogram.add(
      Chart.Series(
        statistics.sideHistogram.enumerated().map {
          Point((Float($0.offset) + 0.5) / 50, Float($0.element))
        }, color: Self.medium, style: .bars(width: 0.017)))
    histogram.draw(on: canvas, x: 760, y: 50, width: 740, height: 470)

    var scatter = Chart(
      title: "Width and height", xLabel: "width, as a fraction of the picture's", yLabel: "height",
      xRange: 0...1, yRange: 0...1)
    var faint = Self.large
    faint.alpha = sizes.count > 2000 ? 0.15 : 0.4
    scatter.add(Chart.Series(sizes, color: faint, style: .points(radius: 2.5)))
    scatter.draw(on: canvas, x: 760, y: 520, width: 740, height: 480)
    return canvas.bitmap
  }

  /// Bars of the most frequent classes, in shades for COCO's sizes.
  private func drawClasses(_ canvas: Canvas) {
    let rows = statistics.classes.enumerated().filter { $0.element.objects > 0 }
      .sorted { ($1.element.objects, $0.offset) < ($0.element.objects, $1.offset) }
    let shown = rows.prefix(40)
    let height = min(40, 840 / Float(max(1, shown.count)))
    let size = min(17, height * 0.75)
    let labels = shown.map { shortened(names[$0.offset]) }
    let left = 30 + (labels.map { canvas.width(of: $0, size: size) }.max() ?? 0)
    let most = Float(rows.first?.element.objects ?? 1)
    let scale = (690 - left) / most
    var x: Float = left
    for (text, color) in [
      ("below 32x32 pixels", Self.small), ("below 96x96", Self.medium), ("larger", Self.large),
    ] {
      var path = Path()
      path.add(left: x, top: 74, right: x + 14, bottom: 88)
      canvas.fill(path, color)
      canvas.text(text, at: Point(x + 20, 87), size: 15, Chart.ink)
      x += canvas.width(of: text, size: 15) + 45
    }
    for (row, entry) in shown.enumerated() {
      let top = 105 + Float(row) * height
      let counts = entry.element
      canvas.text(
        labels[row], at: Point(left - 8, top + height / 2 + size * 0.36), size: size, Chart.ink,
        anchor: .end)
      var x = left
      for (count, color) in [
        (counts.small, Self.small), (counts.medium, Self.medium), (counts.large, Self.large),
      ] where count > 0 {
        var path = Path()
        path.add(
          left: x, top: top + height * 0.12, right: x + Float(count) * scale,
          bottom: top + height * 0.88)
        canvas.fill(path, color)
        x += Float(count) * scale
      }
      canvas.text(
        "\(counts.objects)", at: Point(x + 6, top + height / 2 + size * 0.36), size: size,
        Chart.ink)
    }
    guard rows.count > shown.count else { return }
    let rest = rows.dropFirst(shown.count).reduce(0) { $0 + $1.element.objects }
    canvas.text(
      "and \(rest) objects of \(rows.count - shown.count) more classes",
      at: Point(left, 105 + Float(shown.count) * height + 24), size: 15, Chart.ink)
  }

  private func shortened(_ name: String) -> String {
    name.count > 20 ? name.prefix(18) + "..." : name
  }
}
