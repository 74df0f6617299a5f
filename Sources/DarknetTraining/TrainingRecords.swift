import DarknetConfig
import DarknetTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `results.csv`: a row an iteration, for charts and other programs.
///
///     iteration,loss,avg_loss,rate,seconds,wait,images,width,height,map
///
/// `map` is filled in rows of iterations behind which an evaluation ran. A resumed run keeps the
/// rows before its start and goes on behind them.
public final class TrainingRecords {
  public struct Row: Hashable, Sendable {
    public var iteration: Int
    public var loss: Float
    public var averageLoss: Float
    public var rate: Float
    public var seconds: Double
    public var wait: Double
    public var images: Int
    public var width: Int
    public var height: Int
    /// Mean average precision or accuracy, 0...1.
    public var precision: Double?

    public init(
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

    public init(_ report: IterationReport) {
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

    /// nil for a line that is no whole row.
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

  public let path: String
  /// All rows, those of earlier runs first.
  public private(set) var rows: [Row] = []
  private var descriptor: Int32 = -1
  /// The last row waits for an evaluation that may belong to it.
  private var hasPending = false

  /// - Parameter start: iteration that the run goes on from; later rows are dropped.
  public init(_ path: String, from start: Int) throws(FileError) {
    self.path = path
    if start > 0, let file = try? MappedFile(path) {
      let text = String(decoding: file.bytes, as: UTF8.self)
      rows = text.split(whereSeparator: \.isNewline).compactMap { Row($0) }
        .filter { $0.iteration <= start }
    }
    try AtomicFile.write(
      to: path, durable: false, Self.header + rows.map(\.text).joined())
    descriptor = open(path.onDisk, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.open, path, code: errno) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  public func add(_ row: Row) {
    flush()
    rows.append(row)
    hasPending = true
  }

  /// Notes the result of an evaluation behind the last row.
  public func note(precision: Double) {
    guard !rows.isEmpty else { return }
    rows[rows.count - 1].precision = precision
    hasPending = true
    flush()
  }

  /// Writes the row that waits. A full disk costs rows, not the training.
  public func flush() {
    guard hasPending, let row = rows.last else { return }
    hasPending = false
    var text = row.text
    _ = text.withUTF8 { write(descriptor, $0.baseAddress, $0.count) }
  }
}
