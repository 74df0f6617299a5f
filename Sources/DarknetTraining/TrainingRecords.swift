import DarknetSystem
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `results_NAME.csv`, and `results.csv` for the last run of a folder: a row an iteration, for
/// charts and other programs.
///
///     iteration,loss,avg_loss,rate,seconds,wait,images,width,height,map
///
/// `map` is filled in rows of iterations after which an evaluation ran. A resumed run keeps the
/// rows up to its start and adds its own.
package final class TrainingRecords {
  package struct Row: Hashable, Sendable {
    package var iteration: Int
    package var loss: Float
    package var averageLoss: Float
    package var rate: Float
    package var seconds: Double
    package var wait: Double
    package var images: Int
    package var width: Int
    package var height: Int
    /// Mean average precision or accuracy, 0...1.
    package var precision: Double?

    package init(
      iteration: Int, loss: Float, averageLoss: Float, rate: Float, seconds: Double, wait: Double,
      images: Int, width: Int, height: Int, precision: Double? = nil
    ) {
      self.iteration = iteration
      self.loss = loss
      self.averageLoss = averageLoss
      self.rate = rate
      self.seconds = seconds
      self.wait = wait
      self.images = images
      self.width = width
      self.height = height
      self.precision = precision
    }

    package init(_ report: IterationReport) {
      self.init(
        iteration: report.iteration, loss: report.loss, averageLoss: report.averageLoss,
        rate: report.rate, seconds: report.seconds, wait: report.wait, images: report.images,
        width: report.input.width, height: report.input.height)
    }

    var text: String {
      "\(iteration),\(loss),\(averageLoss),\(rate),\(fixed(seconds, decimals: 4)),"
        + "\(fixed(wait, decimals: 4)),\(images),\(width),\(height),"
        + (precision.map { fixed($0, decimals: 6) } ?? "") + "\n"
    }

    /// nil for a line that is not a whole row.
    init?(_ line: Substring) {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      guard fields.count == 10, let iteration = Int(fields[0]), let loss = Float(fields[1]),
        let average = Float(fields[2]), let rate = Float(fields[3]),
        let seconds = Double(fields[4]), let wait = Double(fields[5]),
        let images = Int(fields[6]), let width = Int(fields[7]), let height = Int(fields[8])
      else { return nil }
      self.init(
        iteration: iteration, loss: loss, averageLoss: average, rate: rate, seconds: seconds,
        wait: wait, images: images, width: width, height: height, precision: Double(fields[9]))
    }
  }

  private static let header = "iteration,loss,avg_loss,rate,seconds,wait,images,width,height,map\n"

  /// All rows, those of earlier runs first.
  package private(set) var rows: [Row]
  private var targets: [Target]

  /// One of the files.
  private struct Target {
    let path: String
    let descriptor: Int32
    /// Rows that are in it, and the bytes up to the last one's end.
    var rows: Int
    var count: Int
    var hasFailed = false
  }

  /// Writes the rows of earlier runs to each of the files, and locks them for this run.
  ///
  /// - Throws: `FileError` if one of them cannot be written.
  package init(_ paths: [String], after rows: [Row]) throws(FileError) {
    self.rows = rows
    targets = []
    let text = Self.header + rows.map(\.text).joined()
    for path in paths {
      try AtomicFile.write(to: path, durable: false, text)
      let descriptor = open(path.cPath, O_WRONLY | O_APPEND | O_CLOEXEC)
      guard descriptor >= 0 else { throw FileError(.open, path, code: errno) }
      // Others may look at it, but no other training takes its place. Some file systems have no
      // locks; then there is nothing to be done.
      _ = flock(descriptor, LOCK_EX | LOCK_NB)
      targets.append(
        Target(path: path, descriptor: descriptor, rows: rows.count, count: text.utf8.count))
    }
  }

  deinit {
    for target in targets { close(target.descriptor) }
  }

  /// The rows of a file; those that are not whole rows are left out.
  package static func rows(of path: String) -> [Row] {
    guard let bytes = try? FileBytes.read(path) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
      .compactMap { Row($0) }
  }

  /// Whether a running training writes the file.
  package static func isInUse(_ path: String) -> Bool {
    let descriptor = open(path.cPath, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }

  /// Takes a row, which waits for an evaluation that may belong to it, and writes the one before.
  ///
  /// - Returns: an error that should be shown.
  package func add(_ row: Row) -> FileError? {
    let error = flush()
    rows.append(row)
    return error
  }

  /// Adds the result of an evaluation to the last row.
  ///
  /// - Returns: an error that should be shown.
  package func record(precision: Double) -> FileError? {
    guard !rows.isEmpty else { return nil }
    rows[rows.count - 1].precision = precision
    return flush()
  }

  /// Writes the row that waits, and those that a full disk refused before.
  ///
  /// - Returns: the first error of a file; later ones are the same until a row is written again.
  package func flush() -> FileError? {
    var result: FileError?
    for index in targets.indices {
      if let error = write(&targets[index]) { result = result ?? error }
    }
    return result
  }

  private func write(_ target: inout Target) -> FileError? {
    while target.rows < rows.count {
      let bytes = Array(rows[target.rows].text.utf8)
      if let code = Self.write(target.descriptor, bytes) {
        // A part of a row would be taken for a whole one.
        _ = ftruncate(target.descriptor, off_t(target.count))
        defer { target.hasFailed = true }
        return target.hasFailed ? nil : FileError(.write, target.path, code: code)
      }
      target.rows += 1
      target.count += bytes.count
      target.hasFailed = false
    }
    return nil
  }

  /// - Returns: nil, or the `errno` of what refused the rest of the bytes.
  private static func write(_ descriptor: Int32, _ bytes: [UInt8]) -> Int32? {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { writeSome(descriptor, $0) }
      if written < 0 {
        if errno == EINTR { continue }
        return errno
      }
      rest = rest.dropFirst(written)
    }
    return nil
  }

  private static func writeSome(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(descriptor, bytes.baseAddress, bytes.count)
    #else
      Darwin.write(descriptor, bytes.baseAddress, bytes.count)
    #endif
  }
}
