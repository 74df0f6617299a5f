import DarknetTestSupport
import Foundation
import Testing

/// What the program makes of its command line, before any work.
@Suite struct ArgumentTests {
  private func run(_ arguments: String...) throws -> ProgramRun {
    try ProgramRun(arguments, in: try TemporaryFolder.make())
  }

  @Test func `version and help go to stdout and end with 0`() throws {
    let version = try run("--version")
    #expect(version.status == 0)
    #expect(version.output.hasPrefix("prn-darknet "))
    let help = try run("--help")
    #expect(help.status == 0)
    #expect(help.output.contains("detector test"))
  }

  @Test(arguments: [
    ["detector", "test"], ["detector", "map"], ["detector", "valid"], ["detector", "recall"],
    ["detector", "calc_anchors"], ["detect"], ["partial"], ["ops"], ["average"], ["normalize"],
    ["denormalize"], ["rescale"], ["reset"], ["rgbgr"], ["statistics"], ["imtest"], ["dump"],
    ["benchmark"], ["generate"],
  ])
  func `every command has help`(words: [String]) throws {
    let help = try ProgramRun(words + ["--help"], in: try TemporaryFolder.make())
    #expect(help.status == 0)
    #expect(help.output.hasPrefix("prn-darknet \(words.joined(separator: " ")) "))
    #expect(help.errors.isEmpty)
  }

  @Test func `no command at all is Darknet's line and exit code`() throws {
    let nothing = try run()
    #expect(nothing.status == 0)
    #expect(nothing.output.isEmpty)
    let name = ProgramRun.program.path
    #expect(
      nothing.errors == "usage: \(name) <function>\nprn-darknet --help lists the functions\n")
    let family = try run("detector")
    #expect(family.status == 0)
    #expect(
      family.errors
        == "usage: \(name) detector [train/test/valid/demo/map] [data] [cfg] [weights (optional)]\n"
        + "prn-darknet detector --help lists the commands\n")
  }

  @Test func `unknown commands name the nearest`() throws {
    let unknown = try run("detektor", "test")
    #expect(unknown.status == 2)
    #expect(unknown.errors.hasPrefix("Not an option: detektor; did you mean 'detector'?\n"))
    let second = try run("detector", "trian", "a", "b")
    #expect(second.status == 2)
    #expect(second.errors.hasPrefix(" There isn't such command: trian; did you mean 'train'?\n"))
    let video = try run("detector", "demo", "a", "b", "c", "v.mp4")
    #expect(video.status == 2)
    #expect(video.errors.contains("ffmpeg -i VIDEO"))
  }

  @Test func `a value after an equals sign is ignored as Darknet does, but not of our own flags`()
    throws
  {
    let equals = try run("detector", "test", "no.data", "a.cfg", "-thresh=.5")
    #expect(equals.status == 3)
    #expect(
      equals.errors.hasPrefix("-thresh=.5: ignored, as in Darknet; write '-thresh .5'\nno.data: "))
    let ours = try run("benchmark", "a.cfg", "-runs=0")
    #expect(ours.status == 2)
    #expect(ours.errors.hasPrefix("-runs: expected a whole number in 1...100000, found '0'"))
  }

  @Test func `a flag of our own without its value`() throws {
    let lacking = try run("detector", "check", "a.data", "a.cfg", "-json")
    #expect(lacking.status == 2)
    #expect(lacking.errors.hasPrefix("-json needs a value; put it after the flag\n"))
  }

  @Test func `a value that is no number`() throws {
    let words = try run("benchmark", "a.cfg", "-runs", "many")
    #expect(words.status == 2)
    #expect(words.errors.hasPrefix("-runs: expected a whole number in 1...100000, found 'many'"))
  }

  @Test func `a share beyond 1`() throws {
    let words = try run("generate", "prn", "-gamma", "2.5")
    #expect(words.status == 2)
    #expect(
      words.errors.hasPrefix(
        "-gamma: expected a number in 0...1, found '2.5'; for 2.5 % write 0.025\n"))
    let overlap = try run("detector", "map", "a.data", "a.cfg", "a.weights", "-iou_thresh", "-1")
    #expect(overlap.status == 2)
    #expect(overlap.errors.hasPrefix("-iou_thresh: expected a number in 0...1, found '-1'"))
  }

  @Test func `a single recall is no range`() throws {
    let words = try run("detector", "map", "a.data", "a.cfg", "a.weights", "-points", "1")
    #expect(words.status == 2)
    #expect(
      words.errors.hasPrefix(
        "-points: expected 0 for the area, or at least 2 recalls (11 is PASCAL VOC 2007, 101 "
          + "COCO), found '1'; change it\n"))
  }

  @Test func `flags that go one by one`() throws {
    let both = try run("benchmark", "a.cfg", "-train", "-sizes", "32")
    #expect(both.status == 2)
    #expect(
      both.errors.hasPrefix("-sizes cannot be combined with -train; run them one after the other"))
  }

  @Test(arguments: [
    (
      ["-batches", "1,2", "-batch", "2"],
      "-batch cannot be combined with -batches; drop one of them\n"
    ),
    (
      ["-layers", "-sizes", "32"],
      "-layers cannot be combined with -sizes; run them one after the other\n"
    ),
    (
      ["-batches", ""],
      "-batches: expected whole numbers in 1...8192, separated by commas, found ''; "
    ),
    (["-out", "a.csv"], "-out needs -sizes or -batches, whose table it keeps; add one of them\n"),
    (
      ["-train", "-chart", "a.png"],
      "-chart needs -sizes or -batches, whose table it keeps; add one of them\n"
    ),
  ])
  func `flags of benchmark that would be passed over`(flags: [String], text: String) throws {
    let run = try ProgramRun(["benchmark", "a.cfg"] + flags, in: try TemporaryFolder.make())
    #expect(run.status == 2)
    #expect(run.errors.hasPrefix(text), "\(run.errors)")
  }

  @Test func `missing words`() throws {
    let missing = try run("partial", "a.cfg", "a.weights")
    #expect(missing.status == 2)
    #expect(
      missing.errors.hasPrefix("OUT is missing\nusage: prn-darknet partial CFG WEIGHTS OUT N"))
  }

  @Test func `global flags may stand before the command`() throws {
    let before = try run("-i", "0", "-nogpu", "ops", "nothing.cfg")
    #expect(before.status == 3)
    #expect(before.errors.contains("Couldn't open file: nothing.cfg\n"))
    #expect(before.errors.contains("nothing.cfg: cannot open the file: No such file or directory"))
  }

  /// A word can hold what clears a terminal's screen.
  @Test(arguments: [
    ["\u{1B}[2J"], ["detector", "\u{1B}[2J"], ["ops", "x\u{1B}[2J.cfg"],
    ["detector", "map", "-points", "\u{1B}"],
  ])
  func `control characters of words are shown, not sent`(words: [String]) throws {
    let run = try ProgramRun(words, in: TemporaryFolder.make())
    #expect(run.status != 0)
    #expect(run.errors.contains(#"\x"#))
    #expect(!run.errors.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" && $0 != "\t" })
  }
}
