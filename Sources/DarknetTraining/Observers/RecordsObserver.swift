import DarknetSystem

/// Keeps the rows of `results.csv` during a training.
package final class RecordsObserver: TrainingObserver {
  package let records: TrainingRecords
  private let onError: (FileError) -> Void

  /// - Parameter onError: hears of rows that could not be written; they are tried again.
  package init(_ records: TrainingRecords, onError: @escaping (FileError) -> Void) {
    self.records = records
    self.onError = onError
  }

  package func onEvent(_ event: TrainingEvent) {
    switch event {
    case .iteration(let report): show(records.add(TrainingRecords.Row(report)))
    case .evaluated(let precision, _): show(records.record(precision: precision))
    // A run that continues from these weights needs the rows before them.
    case .saving: show(records.flush())
    default: break
    }
  }

  package func onEnd() { show(records.flush()) }

  private func show(_ error: FileError?) {
    if let error { onError(error) }
  }
}
