import DarknetCommandLine
import DarknetTensors
import DarknetTestSupport
import Foundation
import Testing

/// Broken command lines, each given to the program itself: `make fuzz`.
///
/// A run costs milliseconds where other inputs cost microseconds, so these are a fiftieth of the
/// others' number.
@Suite struct CommandLineFuzzTests {
  private static let lines = [
    "detector test x.data x.cfg x.weights a.ppm -thresh .3 -ext_output -dont_show",
    "detector test x.data x.cfg x.weights -out r.json -threads 1",
    "detector map x.data x.cfg x.weights -iou_thresh 0.5 -points 11",
    "detector recall x.data x.cfg x.weights", "detector valid x.data x.cfg x.weights",
    "detector calc_anchors x.data -num_of_clusters 2 -width 32 -height 32",
    "detector check x.data x.cfg", "detect x.cfg x.weights a.ppm", "ops x.cfg", "memory x.cfg",
    "partial x.cfg x.weights out.weights 1", "statistics x.cfg x.weights",
    "classifier predict x.data x.cfg x.weights a.ppm -top 2", "dump x.cfg x.weights",
    "average x.cfg x.weights x.weights out.weights", "rescale x.cfg x.weights out.weights",
    "imtest a.ppm", "detector --help", "--version", "",
  ].map { $0.split(separator: " ").map(String.init) }

  private static let words = [
    "", "-", "--", "-thresh", "-thresh=.5", "-iou_thresh", "-hier", "-out", "-dont_show", "-i", "0",
    "-batch", "-width", "-height", "-exact", "-dialect", "pjreddie", "-strict", "-quiet", "-force",
    "-letter_box", "-save_labels", "-json", "-threads", "-seed", "-nosuch", "--help", "x.cfg",
    "x.data", "x.weights", "a.ppm", "missing", ".", "/dev/null", "x.data/", "\u{1B}[2J", "\n", "é",
    String(repeating: "a", count: 300), String(repeating: "9", count: 40),
  ]

  private static func broken(_ random: inout Random) -> [String] {
    var line = lines[random.below(lines.count)]
    for _ in 0...random.below(4) {
      let place = random.below(line.count + 1)
      let choices = random.below(3) == 0 ? Mutator.numbers : words
      let word = choices[random.below(choices.count)]
      switch random.below(5) {
      case 0 where place < line.count: line.remove(at: place)
      case 1 where place < line.count: line[place] = word
      case 2 where place < line.count: line.swapAt(place, random.below(line.count))
      case 3 where place < line.count: line[place] += word
      default: line.insert(word, at: place)
      }
    }
    return line
  }

  /// A detector of two classes, its weights and one picture with an object.
  private static func folder() throws -> URL {
    let folder = try TemporaryFolder.make()
    func write(_ data: Data, _ name: String) throws {
      try data.write(to: folder.appendingPathComponent(name))
    }
    try write(Data(OutsideBytesTests.cfg.utf8), "x.cfg")
    // A header of version 0.2 and a convolution of 7 filters on 3 channels.
    let header: [UInt8] = [0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
    let floats = (0..<7 + 21).map { Float($0) / 28 }
    try write(Data(header) + floats.withUnsafeBytes { Data($0) }, "x.weights")
    try write(Data("cat\ndog\n".utf8), "x.names")
    try write(
      Data("classes=2\ntrain=x.txt\nvalid=x.txt\nnames=x.names\nresults=.\n".utf8), "x.data")
    try write(Data("a.ppm\n".utf8), "x.txt")
    try write(Data("0 0.5 0.5 0.5 0.5\n".utf8), "a.txt")
    try write(Data("P6\n32 32\n255\n".utf8) + Data(count: 32 * 32 * 3), "a.ppm")
    return folder
  }

  @Test func `broken command lines`() throws {
    let run = Fuzzing("command-lines", count: max((Fuzzing.asked ?? 2000) / 50, 1))
    // One line a file; the words are made from the first bytes, which are random.
    let mutator = Mutator(seeds: [[0]], isText: false)
    var folder = try Self.folder()
    var sinceNew = 0
    let outcome = run.run(mutator, prepare: Self.replace) { bytes, _ in
      // What an earlier line wrote changes what a later one does, but not for ever.
      sinceNew += 1
      if sinceNew % 20 == 0 {
        try FileManager.default.removeItem(at: folder)
        folder = try Self.folder()
      }
      let result = try ProgramRun(
        ["-s", "KILL", "20", ProgramRun.program.path] + Self.words(of: bytes), in: folder,
        program: URL(fileURLWithPath: "/usr/bin/timeout"))
      if result.wasKilled || result.status > 5 { return "it ended with \(result.status)" }
      guard result.status != 0 else { return nil }
      // `detector check` reports what is wrong with data on stdout.
      throw Refusal(result.errors.isEmpty ? result.output : result.errors)
    }
    #expect(outcome.failures == [])
    #expect(outcome.accepted > 0 && outcome.refused > run.count / 20)
  }

  /// A command with flags of every kind, to try the parser alone: a million lines in some seconds.
  private enum AnyFlags: Command {
    static let words = ["any"]
    static let about = "every kind of flag"
    static let share = Flag.share("-thresh", default: 0.25, "a share")
    static let text = Flag.text("-out", "a file").written
    static let toggle = Flag.toggle("-ext_output", "a switch")
    static let syntax = Syntax(
      [Word<String>("DATA"), Word<String>("CFG")], flags: [share, text, toggle],
      groups: [.suppression, .inference, .weightsFile, .evaluation, .training], family: .detector,
      notes: "")
    static func run(_ arguments: Arguments) -> DarknetCommandLine.ExitStatus { .done }
  }

  @Test func `broken flags`() throws {
    let run = Fuzzing("flags", count: Fuzzing.asked ?? 2000)
    let mutator = Mutator(seeds: [[0]], isText: false)
    let outcome = run.run(mutator, prepare: Self.replace) { bytes, _ in
      var parser = ArgumentParser(AnyFlags.self)
      let arguments: Arguments
      do {
        arguments = try parser.parse(Self.words(of: bytes).map(CommandWords.cleaned))
      } catch {
        throw Refusal("\(error)")
      }
      let shares = [
        arguments[AnyFlags.share], arguments[Flags.overlap], arguments[Flags.hierarchy],
      ]
      if !shares.allSatisfy({ (0...1).contains($0) }) { return "a share is outside of 0...1" }
      if let threads = arguments[Flags.threads], threads < 1 { return "\(threads) threads" }
      return nil
    }
    #expect(outcome.failures == [])
    #expect(outcome.accepted > run.count / 100 && outcome.refused > run.count / 20)
  }

  /// What the program wrote; its line ends are no fault.
  private struct Refusal: Error, CustomStringConvertible {
    let description: String

    init(_ errors: String) {
      description = errors.split(separator: "\n").joined(separator: " ")
    }
  }

  private static func replace(_ bytes: inout [UInt8], _ random: inout Random) {
    bytes = Self.bytes(of: broken(&random))
  }

  private static func bytes(of words: [String]) -> [UInt8] {
    Array(words.map { $0.filter { $0 != "\0" } }.joined(separator: "\0").utf8)
  }

  private static func words(of bytes: [UInt8]) -> [String] {
    bytes.split(separator: 0, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
  }
}
