import Darknet
import DarknetCommandLine

/// The picture of `detector calc_anchors`: every object as a point, width to the right and height
/// upwards, in the colour of its anchor, and the anchors as rectangles with a common corner.
struct AnchorPicture {
  private var chart: Chart

  init(_ clustering: AnchorClustering, points: [AnchorClustering.Size], width: Int, height: Int) {
    let count = clustering.anchors.count
    chart = Chart(
      title: "\(count) anchors for \(width)x\(height), "
        + "average IoU \(fixed(clustering.averageIoU * 100, decimals: 2)) %",
      xLabel: "width of objects in pixels of the network's input",
      yLabel: "height of objects", xRange: 0...Float(width), yRange: 0...Float(height))
    // Enough to show where they are, of data sets with millions of them.
    let step = max(1, points.count / 20_000)
    for (number, anchor) in clustering.anchors.enumerated() {
      let color = Self.color(number, of: count)
      let members = stride(from: 0, to: points.count, by: step).filter {
        clustering.members[$0] == number
      }.map { Point(points[$0].width, points[$0].height) }
      var faint = color
      faint.alpha = members.count > 2000 ? 0.25 : 0.5
      chart.add(Chart.Series(members, color: faint, style: .points(radius: 2)))
      let (w, h) = (anchor.width, anchor.height)
      chart.add(Chart.Series([Point(0, h), Point(w, h), Point(w, 0)], color: color))
      let share = Double(clustering.members.count { $0 == number }) / Double(max(1, points.count))
      let size = "\(fixed(Double(w), decimals: 0)) x \(fixed(Double(h), decimals: 0))"
      chart.add(
        Chart.Series(
          [Point(w, h)], color: color, style: .points(radius: 5),
          name: "\(number): \(size), \(fixed(share * 100, decimals: 1)) %"))
    }
  }

  func bitmap() -> Bitmap { chart.bitmap(width: 1200, height: 900) }

  private static func color(_ number: Int, of count: Int) -> Color {
    Chart.palette[number % Chart.palette.count]
  }
}
