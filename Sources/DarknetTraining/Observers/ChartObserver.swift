import DarknetImages
import DarknetSystem

/// Draws the chart of a training's rows now and then: at once where a measurement is new, every ten
/// seconds or hundred iterations else, but not more than once a second.
///
/// It belongs after the `RecordsObserver` of the same rows.
package final class ChartObserver: TrainingObserver {
  private let records: TrainingRecords
  private let paths: [String]
  private let title: String
  private let maxBatches: Int
  private let precisionName: String
  private let clock: () -> Double
  private let onError: (FileError) -> Void
  private var lastDrawn: Double
  private var hasFailed = false

  /// Seconds between two pictures, at most; and at least, however fast the training runs.
  private static let interval = 10.0
  private static let pause = 1.0

  /// - Parameters:
  ///   - paths: of the pictures, all the same.
  ///   - precisionName: what an evaluation measures: `mAP@0.50`, `top-5`.
  ///   - clock: seconds since any moment.
  ///   - onError: hears of the first of the pictures in a row that could not be written.
  package init(
    of records: TrainingRecords, at paths: [String], title: String, maxBatches: Int,
    precisionName: String, clock: @escaping () -> Double = seconds,
    onError: @escaping (FileError) -> Void
  ) {
    self.records = records
    self.paths = paths
    self.title = title
    self.maxBatches = maxBatches
    self.precisionName = precisionName
    self.clock = clock
    self.onError = onError
    lastDrawn = clock()
  }

  package func onEvent(_ event: TrainingEvent) {
    switch event {
    case .iteration(let report):
      let isDue = report.iteration % 100 == 0 || report.iteration == maxBatches
      if clock() - lastDrawn >= (isDue ? Self.pause : Self.interval) { draw() }
    case .evaluated: draw()
    default: break
    }
  }

  package func onEnd() {
    if !records.rows.isEmpty { draw() }
  }

  private func draw() {
    lastDrawn = clock()
    let picture = TrainingChart(
      title: title, rows: records.rows, maxBatches: maxBatches, precisionName: precisionName
    ).draw()
    do throws(FileError) {
      for path in paths { try ImageFile.save(picture, to: path, durable: false) }
      hasFailed = false
    } catch {
      if !hasFailed { onError(error) }
      hasFailed = true
    }
  }
}
