import Darknet
import DarknetCommandLine

/// How far a list of pictures is, on standard error: one line that is written over on a terminal,
/// else a line every ten seconds.
final class Progress {
  private let total: Int
  private let start = seconds()
  private var lastShown: Double
  private var isLineOpen = false

  init(total: Int) {
    self.total = total
    lastShown = start
  }

  /// - Parameter done: pictures that are finished.
  func show(done: Int) {
    let now = seconds()
    guard now - lastShown >= (Console.isTerminal ? 0.1 : 10) else { return }
    lastShown = now
    let text = Self.text(done: done, of: total, after: now - start)
    if Console.isTerminal {
      // Erases what a longer line left behind.
      Console.flush()
      Console.terminal("\r\(text)\u{1B}[K")
      isLineOpen = true
    } else {
      Console.error(text + "\n")
    }
  }

  /// Clears the line, so that something else can be printed.
  func pause() {
    guard isLineOpen else { return }
    Console.terminal("\r\u{1B}[K")
    isLineOpen = false
    lastShown = 0
  }

  /// Seconds since the start.
  func finish() -> Double {
    pause()
    return seconds() - start
  }

  /// ` 48 of 100 pictures, 23.4 a second, 3 s left`.
  static func text(done: Int, of total: Int, after seconds: Double) -> String {
    let rate = seconds > 0 ? Double(done) / seconds : 0
    var text = " \(done) of \(total) pictures, \(fixed(rate, decimals: 1)) a second"
    if rate > 0 { text += ", \(duration(Double(total - done) / rate)) left" }
    return text
  }

  /// `8 s`, `2 min 05 s`, `1 h 02 min`.
  static func duration(_ seconds: Double) -> String {
    guard seconds < 8_640_000 else { return "long" }
    let whole = Int(seconds.rounded())
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3600: return "\(whole / 60) min \(two(whole % 60)) s"
    default: return "\(whole / 3600) h \(two(whole / 60 % 60)) min"
    }
  }
}
