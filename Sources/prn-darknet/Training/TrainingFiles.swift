import Darknet

/// The files beside the weights: `results.csv` and the chart, refreshed as the training runs.
final class TrainingFiles {
  private let records: TrainingRecords
  private let charts: [String]
  private let title: String
  private let maxBatches: Int
  private let precisionName: String
  private var lastDrawn = seconds()
  private var hasFailed = false

  /// Seconds between two pictures of the chart, at most; and at least, however fast it runs.
  private static let interval = 10.0
  private static let pause = 1.0

  /// - Parameters:
  ///   - chart: a chart to go on with, `results.csv` beside it; nil for `chart.png` and
  ///     `chart_NAME.png` here.
  ///   - start: iteration that the run goes on from.
  init(
    chart: String?, base: String, start: Int, maxBatches: Int, precisionName: String
  ) throws(FileError) {
    charts = chart.map { [$0] } ?? ["chart.png", "chart_\(base).png"]
    let folder = chart.flatMap { path in path.lastIndex(of: "/").map { path[...$0] } } ?? ""
    records = try TrainingRecords("\(folder)results.csv", from: start)
    title = base
    self.maxBatches = maxBatches
    self.precisionName = precisionName
  }

  /// Rows of earlier runs that this one goes on behind.
  var earlierRows: Int { records.rows.count }

  /// - Returns: an error that should be shown.
  func note(_ event: TrainingEvent) -> FileError? {
    switch event {
    case .iteration(let report):
      records.add(TrainingRecords.Row(report))
      let time = seconds() - lastDrawn
      let isDue = report.iteration % 100 == 0 || report.iteration == maxBatches
      guard time >= (isDue ? Self.pause : Self.interval) else { return nil }
      return draw()
    case .evaluated(let precision, _):
      records.note(precision: precision)
      return draw()
    case .saving:
      // A run that goes on from these weights needs the rows before them.
      records.flush()
      return nil
    default: return nil
    }
  }

  /// The last state of both.
  func finish() -> FileError? {
    records.flush()
    return records.rows.isEmpty ? nil : draw()
  }

  /// A chart that cannot be written is reported once: the next ones are tried all the same.
  private func draw() -> FileError? {
    lastDrawn = seconds()
    let picture = TrainingChart(
      title: title, rows: records.rows, maxBatches: maxBatches, precisionName: precisionName
    ).draw()
    do throws(FileError) {
      for path in charts { try ImageFile.save(picture, to: path, durable: false) }
      hasFailed = false
    } catch {
      defer { hasFailed = true }
      return hasFailed ? nil : error
    }
    return nil
  }
}
