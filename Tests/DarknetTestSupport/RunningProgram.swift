import DarknetSystem
import Foundation

/// A run of the real program that goes on while the test looks at it.
package final class RunningProgram {
  private let process = Process()
  private let files: [URL]

  /// Starts `prn-darknet`.
  ///
  /// - Parameter limit: bytes that no file of the run may exceed, as on a device that is full; nil
  ///   for no limit.
  package init(_ arguments: [String], in folder: URL, limit: Int? = nil) throws {
    if let limit {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      // The shell counts in blocks of 512 bytes.
      process.arguments =
        ["-c", "ulimit -S -f \(limit / 512); exec \"$0\" \"$@\"", ProgramRun.program.path]
        + arguments
    } else {
      process.executableURL = ProgramRun.program
      process.arguments = arguments
    }
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment
      .merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
    files = try ["output", "errors"].map { name in
      let url = TemporaryFolder.shared.appendingPathComponent("\(UUID().uuidString).\(name)")
      try Data().write(to: url)
      return url
    }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    for file in files { try? FileManager.default.removeItem(at: file) }
  }

  package var identifier: Int32 { process.processIdentifier }
  package var isRunning: Bool { process.isRunning }
  package var output: String { text(0) }
  package var errors: String { text(1) }

  private func text(_ index: Int) -> String {
    String(decoding: (try? Data(contentsOf: files[index])) ?? Data(), as: UTF8.self)
  }

  /// Waits until `condition` holds; false if the program ended or `seconds` passed before.
  package func wait(
    atMost seconds: Double = 60, until condition: (RunningProgram) -> Bool
  ) -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
      if condition(self) { return true }
      guard isRunning else { return condition(self) }
      usleep(2000)
    }
    return false
  }

  package func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits for the end; the exit status, or nil if a signal ended it.
  ///
  /// - Throws: `StillRunning` after `seconds`; the program is killed then.
  package func finish(within seconds: Double = 300) throws -> Int32? {
    if !wait(atMost: seconds, until: { !$0.isRunning }) {
      send(SIGKILL)
      process.waitUntilExit()
      throw StillRunning(
        description: "\(process.arguments ?? []): expected the end within \(seconds) seconds, "
          + "killed; its last words: \(errors.suffix(300))")
    }
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : nil
  }

  /// A program that did not come to its end.
  package struct StillRunning: Error, CustomStringConvertible {
    package let description: String
  }
}
