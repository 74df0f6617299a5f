import DarknetData
import Foundation

/// One run of the real program.
package struct ProgramRun: Sendable {
  package let status: Int32
  package let output: String
  /// `output` before anything in it was taken for UTF-8.
  package let outputBytes: Data
  package let errors: String
  /// Ended by a signal: a crash.
  package let wasKilled: Bool

  /// Runs `prn-darknet` and waits for it.
  ///
  /// - Parameters:
  ///   - folder: where it runs; files it writes by fixed names land there.
  ///   - input: what it reads on standard input; nothing by default.
  ///   - program: another program, for live comparisons.
  package init(
    _ arguments: [String], in folder: URL, input: String = "", program: URL = ProgramRun.program,
    environment: [String: String] = [:]
  ) throws {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.currentDirectoryURL = folder
    var variables = ProcessInfo.processInfo.environment
    variables["SWIFT_BACKTRACE"] = "enable=no"
    process.environment = variables.merging(environment) { $1 }
    // Files instead of pipes: a program that writes much to both would wait for a reader.
    let names = try ["input", "output", "errors"].map { name in
      let url = TemporaryFolder.shared.appendingPathComponent("\(UUID().uuidString).\(name)")
      try Data(name == "input" ? Array(input.utf8) : []).write(to: url)
      return url
    }
    defer { for name in names { try? FileManager.default.removeItem(at: name) } }
    process.standardInput = try FileHandle(forReadingFrom: names[0])
    process.standardOutput = try FileHandle(forWritingTo: names[1])
    process.standardError = try FileHandle(forWritingTo: names[2])
    try process.run()
    process.waitUntilExit()
    status = process.terminationStatus
    wasKilled = process.terminationReason == .uncaughtSignal
    outputBytes = try Data(contentsOf: names[1])
    output = String(decoding: outputBytes, as: UTF8.self)
    errors = String(decoding: try Data(contentsOf: names[2]), as: UTF8.self)
  }

  /// The program beside the tests' own executable.
  package static let program: URL = {
    if let path = ProcessInfo.processInfo.environment["PRN_DARKNET_PROGRAM"] {
      return URL(fileURLWithPath: path)
    }
    return built("prn-darknet")
  }()

  /// The developers' tool that runs recorded cases.
  package static let replay = built("darknet-replay")

  /// An executable of the package.
  private static func built(_ name: String) -> URL {
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    for folder in [
      tests.deletingLastPathComponent(),
      ProjectFolder.root.appendingPathComponent(".build/release"),
    ] {
      let program = folder.appendingPathComponent(name)
      if FileManager.default.isExecutableFile(atPath: program.path) { return program }
    }
    // Swift's test runner loads the tests from another folder; what it was given names theirs.
    for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
      let program = URL(fileURLWithPath: argument).deletingLastPathComponent()
        .appendingPathComponent(name)
      if FileManager.default.isExecutableFile(atPath: program.path) { return program }
    }
    return ProjectFolder.root.appendingPathComponent(".build/release/\(name)")
  }
}

/// Where the project and what lies beside it are.
package enum ProjectFolder {
  package static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Recorded outputs and data sets, which are not part of the project; nil without them.
  package static let shared: URL? = {
    if sharedFolder == nil { print("skipped: no recorded outputs beside the project") }
    return sharedFolder.map { URL(fileURLWithPath: $0) }
  }()

  /// The small recorded cases that the project has.
  package static let fixtures = root.appendingPathComponent("Tests/Fixtures")

  /// The published yolov3-tiny.weights, which `make weights` gets; nil without it.
  package static let tinyWeights: URL? = {
    let file = root.appendingPathComponent("weights/yolov3-tiny.weights")
    let isThere = FileManager.default.fileExists(atPath: file.path)
    if !isThere { print("skipped: no weights/yolov3-tiny.weights; 'make weights' gets it") }
    return isThere ? file : nil
  }()
}

/// Folders that go away with the tests.
package enum TemporaryFolder {
  package static let shared: URL = {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("prn-darknet-tests-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }()

  /// A new, empty folder.
  package static func make() throws -> URL {
    let folder = shared.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }
}

/// Raw little-endian float32 files.
package func floats(_ file: URL) throws -> [Float] {
  let data = try Data(contentsOf: file)
  return data.withUnsafeBytes { bytes in
    (0..<bytes.count / 4).map {
      Float(
        bitPattern: UInt32(
          littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
    }
  }
}

/// A JSON file's top-level object.
package func jsonObject(_ file: URL) throws -> [String: Any] {
  try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
}
