import Darknet
import DarknetCommandLine

/// How time and memory of the forward pass grow: `benchmark -sizes LIST`, `benchmark -batches LIST`.
struct Scaling {
  /// What is varied.
  enum Axis { case size, batch }

  struct Row {
    var size: Int
    var batch: Int
    /// Median of a whole run.
    var milliseconds: Double
    /// Maps and scratch, without weights.
    var bytes: Int
  }

  let axis: Axis
  private(set) var rows: [Row] = []

  init(_ axis: Axis) { self.axis = axis }

  mutating func add(_ row: Row) { rows.append(row) }

  /// One line a row, with names on top.
  func csv(_ name: String, threads: Int) -> String {
    // Quoted where a name would break the table (RFC 4180).
    let name =
      name.contains { ",\"\r\n".contains($0) }
      ? "\"\(name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
      : name
    var text = "network,threads,width,batch,ms,ms_per_image,plan_bytes\n"
    for row in rows {
      text +=
        "\(name),\(threads),\(row.size),\(row.batch),"
        + "\(fixed(row.milliseconds, decimals: 3)),"
        + "\(fixed(row.milliseconds / Double(row.batch), decimals: 3)),\(row.bytes)\n"
    }
    return text
  }

  /// Time and memory side by side, over pixels or images, each with the line through 0 that fits.
  func picture(_ name: String, threads: Int) -> Bitmap {
    let canvas = Canvas(width: 1200, height: 480)
    let unit = axis == .size ? "thousand pixels (\(sizes))" : "images per run"
    let x = rows.map { row in
      axis == .size ? Double(row.size * row.size) / 1000 : Double(row.batch)
    }
    let panels: [(title: String, label: String, y: [Double])] = [
      (
        "\(name), \(threads) threads: time", "ms per run",
        rows.map(\.milliseconds)
      ), ("memory beyond weights", "MB", rows.map { Double($0.bytes) / 1e6 }),
    ]
    for (number, panel) in panels.enumerated() {
      var chart = Chart(title: panel.title, xLabel: unit, yLabel: panel.label)
      let slope = zip(x, panel.y).reduce(0) { $0 + $1.0 * $1.1 } / x.reduce(0) { $0 + $1 * $1 }
      let end = x.max() ?? 1
      chart.xRange = 0...Float(end * 1.03)
      chart.yRange = 0...Float(max(panel.y.max() ?? 1, slope * end) * 1.05)
      chart.add(
        Chart.Series(
          [Point(0, 0), Point(Float(end), Float(slope * end))], color: Chart.palette[7],
          style: .line(width: 1.5), name: "proportional"))
      chart.add(
        Chart.Series(
          zip(x, panel.y).map { Point(Float($0), Float($1)) }, color: Chart.palette[0],
          style: .points(radius: 5), name: "measured"))
      chart.draw(on: canvas, x: number * 600, y: 0, width: 600, height: 480)
    }
    return canvas.bitmap
  }

  private var sizes: String {
    let all = rows.map(\.size)
    return "\(all.min() ?? 0) to \(all.max() ?? 0) square"
  }
}

extension Benchmark {
  /// Runs the network at each size, or with each batch, of a list.
  static func scale(
    _ cfg: String, _ weights: String?, _ values: [Int], _ axis: Scaling.Axis, runs: Int,
    _ arguments: Arguments
  ) throws {
    let fixedBatch = arguments[batch] ?? 1
    let config = try Load.config(cfg)
    var scaling = Scaling(axis)
    for value in values {
      let (batch, size) = axis == .batch ? (value, nil) : (fixedBatch, value)
      let network = try Load.builder(arguments, batch: batch, inputSize: size.map { ($0, $0) })
        .build(config)
      let parameters = Parameters(of: network, seed: 0, randomize: weights == nil)
      if weights == nil { Benchmark.keepVariance(parameters, of: network) }
      var file: WeightsFile?
      if let weights {
        file = try Load.load(weights, into: parameters, of: network, arguments).1
      }
      let plan = InferencePlan(
        network, parameters: parameters, batch: batch,
        convolutions: arguments.convolutions,
        afterPacking: { file?.releasePages() })
      let times = times(of: plan, runs: runs)
      scaling.add(
        Scaling.Row(
          size: network.inputShape.width, batch: batch, milliseconds: times[runs / 2],
          bytes: plan.memoryCount))
      Console.error(
        "\(network.inputShape), batch \(batch): \(fixed(times[runs / 2], decimals: 2)) ms "
          + "per run\n")
    }
    let name = CheckpointFolder.base(of: cfg)
    let threads = ThreadPool.shared.threads
    let csv = scaling.csv(name, threads: threads)
    Console.out(csv)
    if let path = arguments[table] {
      let file = try AtomicFile(path)
      try file.write(csv)
      try file.commit()
    }
    if let path = arguments[chart] {
      try ImageFile.save(scaling.picture(name, threads: threads), to: path)
    }
  }

  /// Sorted times of `runs` passes in ms, after three that are not counted.
  static func times(of plan: InferencePlan, runs: Int) -> [Double] {
    var random = Random(seed: 1)
    let picture = (0..<plan.inputView.count).map { _ in random.uniform(0, 1) }
    var times: [Double] = []
    for run in -3..<runs {
      fill(plan, with: picture)
      let start = seconds()
      plan.run()
      if run >= 0 { times.append((seconds() - start) * 1000) }
    }
    return times.sorted()
  }
}
