import Darknet
import DarknetCommandLine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The files beside the weights: rows and chart, refreshed as the training runs.
///
/// `results_NAME.csv` and `chart_NAME.png` are the network's own; `results.csv` and `chart.png` are
/// copies of the last run's, where scripts look. A run that begins takes nobody's rows away: those
/// of an earlier run of the same network are kept under a number.
final class TrainingFiles {
  /// Where a run begins, to tell its earlier rows from those of another one.
  struct Start {
    var iteration: Int
    /// Of the iteration before; nil if it is not known.
    var averageLoss: Float?
    var imagesPerIteration: Int
    /// Rows after the start that an interrupted run may have written, and that come again.
    var repeatable: Int

    init(_ trainer: Trainer, _ schedule: CheckpointSchedule) {
      iteration = trainer.state.iteration
      averageLoss = trainer.state.averageLoss
      imagesPerIteration = trainer.imagesPerIteration
      repeatable = schedule.lastInterval
    }
  }

  /// What was done to earlier files, for people.
  let notes: [String]
  private let records: TrainingRecords
  private let charts: [String]
  private let title: String
  private let maxBatches: Int
  private let precisionName: String

  /// - Parameters:
  ///   - chart: a chart to continue, with the rows beside it; nil for those of `folder`.
  ///   - folder: where they go, with its slash; empty for the current one.
  ///   - base: NAME.
  init(
    chart: String?, folder: String, base: String, start: Start, maxBatches: Int,
    precisionName: String
  ) throws {
    let folder =
      chart.map { path in String(path.lastIndex(of: "/").map { path[...$0] } ?? "") }
      ?? folder
    let common = "\(folder)results.csv"
    let isShared = TrainingRecords.isInUse(common)
    // Another training of this name, whose weights go elsewhere, may run in the same folder.
    var own = base
    var number = 0
    while TrainingRecords.isInUse("\(folder)results_\(own).csv") {
      number += 1
      own = "\(base)_\(number)"
    }
    let ownPath = "\(folder)results_\(own).csv"
    let candidates = [ownPath, common].map { (path: $0, rows: TrainingRecords.rows(of: $0)) }
    let earlier = candidates.first { Self.leads(to: start, $0.rows) }
    let rows = (earlier?.rows ?? []).filter { $0.iteration <= start.iteration }
    var notes: [String] = []
    /// Whether a file may be replaced.
    func isExpendable(_ path: String, _ found: [TrainingRecords.Row]) -> Bool {
      path == earlier?.path && found.count - rows.count <= start.repeatable
    }
    if !isExpendable(ownPath, candidates[0].rows) {
      let kept = try Self.keep(ownPath, hasRows: !candidates[0].rows.isEmpty)
      if let kept {
        notes.append("\(ownPath) of an earlier run is kept as \(kept.path)")
        let picture = "\(folder)chart_\(own).png"
        if chart == nil, fileExists(picture) {
          rename(picture.cPath, "\(folder)chart_\(own)_\(kept.number).png".cPath)
        }
      }
    }
    if isShared {
      notes.append(
        "another training writes \(common) and its chart; this one writes \(ownPath) and "
          + "\(folder)chart_\(own).png")
    } else if !isExpendable(common, candidates[1].rows), !Self.isCopy(common, in: folder) {
      let kept = try Self.keep(common, hasRows: true)
      if let kept { notes.append("\(common) of another run is kept as \(kept.path)") }
    }
    records = try TrainingRecords(isShared ? [ownPath] : [ownPath, common], after: rows)
    charts =
      chart.map { [$0] } ?? (isShared ? [] : ["\(folder)chart.png"]) + ["\(folder)chart_\(own).png"]
    if chart != nil, start.iteration > 0, rows.isEmpty {
      notes.append("\(chart ?? ""): found no rows of this run beside it; the chart starts here")
    }
    self.notes = notes
    title = base
    self.maxBatches = maxBatches
    self.precisionName = precisionName
  }

  // MARK: Earlier files

  /// Whether rows are those that a run which begins at `start` has written before.
  private static func leads(to start: Start, _ rows: [TrainingRecords.Row]) -> Bool {
    guard start.iteration > 0, let last = rows.last(where: { $0.iteration <= start.iteration })
    else { return false }
    guard last.images == last.iteration * start.imagesPerIteration else { return false }
    guard last.iteration == start.iteration, let loss = start.averageLoss else { return true }
    return last.averageLoss == loss
  }

  /// Gives a file a free name with a number: `results_x.csv` becomes `results_x_1.csv`.
  ///
  /// - Returns: nil if there is nothing to be kept.
  private static func keep(
    _ path: String, hasRows: Bool
  ) throws(FileError) -> (path: String, number: Int)? {
    guard hasRows, let bytes = try? FileBytes.read(path), !bytes.isEmpty else { return nil }
    let stem = path.dropLast(".csv".count)
    var number = 1
    while fileExists("\(stem)_\(number).csv") { number += 1 }
    let kept = "\(stem)_\(number).csv"
    try AtomicFile.move(path, to: kept)
    return (kept, number)
  }

  /// Whether all that a `results.csv` holds is in a `results_….csv` of the folder too.
  private static func isCopy(_ path: String, in folder: String) -> Bool {
    guard let bytes = try? FileBytes.read(path) else { return true }
    let whole = bytes.prefix((bytes.lastIndex(of: 10) ?? -1) + 1)
    guard let listing = opendir((folder.isEmpty ? "." : folder).cPath) else { return false }
    defer { closedir(listing) }
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(rawBytes: UnsafeRawBufferPointer(rebasing: bytes.prefix { $0 != 0 }))
      }
      guard name.hasPrefix("results_"), name.hasSuffix(".csv"),
        let other = try? FileBytes.read(folder + name), other.starts(with: whole)
      else { continue }
      return true
    }
    return false
  }

  // MARK: While it runs

  /// What keeps the files up to date.
  ///
  /// - Parameter onError: hears of what could not be written.
  func observers(onError: @escaping (FileError) -> Void) -> [any TrainingObserver] {
    [
      RecordsObserver(records, onError: onError),
      ChartObserver(
        of: records, at: charts, title: title, maxBatches: maxBatches,
        precisionName: precisionName, onError: onError),
    ]
  }
}
