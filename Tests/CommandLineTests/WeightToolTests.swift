import DarknetTestSupport
import Foundation
import Testing

/// What the tools on weights files do not write over.
@Suite struct WeightToolTests {
  /// A folder with three trainings' weights.
  private func folder() throws -> TrainingFolder {
    let folder = try TrainingFolder(net: "max_batches=1")
    for name in ["a", "b"] {
      #expect(try folder.train().status == 0)
      try folder.bytes("backup/x_final.weights")
        .write(to: folder.url.appendingPathComponent("\(name).weights"))
    }
    return folder
  }

  @Test func `average writes a new file, or an old one by force`() throws {
    let folder = try folder()
    let best = try folder.bytes("a.weights") + Data([0])
    try best.write(to: folder.url.appendingPathComponent("best.weights"))
    // OUT was forgotten: the best weights are in its place.
    let trap = try ProgramRun(
      ["average", "x.cfg", "best.weights", "a.weights", "b.weights"], in: folder.url)
    #expect(trap.status == 2)
    #expect(
      trap.errors.hasPrefix(
        "OUT: expected a new file, found that 'best.weights' exists; name another one, "
          + "or overwrite it with -force\n"))
    #expect(try folder.bytes("best.weights") == best)
    let forced = try ProgramRun(
      ["average", "x.cfg", "best.weights", "a.weights", "b.weights", "-force"], in: folder.url)
    #expect(forced.status == 0, "\(forced.errors)")
    #expect(try folder.bytes("best.weights").count == best.count - 1)
    let one = try ProgramRun(["average", "x.cfg", "copy.weights", "a.weights"], in: folder.url)
    #expect(one.status == 0)
    #expect(one.errors.contains("only one file: OUT gets the weights of a.weights\n"))
    // The payload of a mean of one.
    #expect(
      try folder.bytes("copy.weights").dropFirst(20) == folder.bytes("a.weights").dropFirst(20))
    // Its own input not even by force.
    let own = try ProgramRun(
      ["average", "x.cfg", "a.weights", "a.weights", "b.weights", "-force"], in: folder.url)
    #expect(own.status == 2)
  }

  @Test(arguments: [
    ["partial", "x.cfg", "a.weights", "OUT", "1"], ["rescale", "x.cfg", "a.weights", "OUT"],
    ["reset", "x.cfg", "a.weights", "OUT"], ["rgbgr", "x.cfg", "a.weights", "OUT"],
    ["normalize", "x.cfg", "a.weights", "OUT"], ["denormalize", "x.cfg", "a.weights", "OUT"],
    ["transplant", "x.cfg", "a.weights", "x.cfg", "OUT"],
  ])
  func `weights are replaced, files of another kind are not`(words: [String]) throws {
    let folder = try folder()
    func run(_ output: String, _ flags: String...) throws -> ProgramRun {
      try ProgramRun(words.map { $0 == "OUT" ? output : $0 } + flags, in: folder.url)
    }
    let names = try folder.bytes("shapes/shapes.names")
    let refused = try run("shapes/shapes.names")
    #expect(refused.status == 2)
    #expect(
      refused.errors.contains(
        ": expected a new file or weights to replace, found that 'shapes/shapes.names' is another "
          + "kind of file; name another one, or overwrite it with -force\n"))
    #expect(try folder.bytes("shapes/shapes.names") == names)
    #expect(try run("b.weights").status == 0)
    #expect(try run("new.weights").status == 0)
    #expect(try folder.bytes("b.weights") == folder.bytes("new.weights"))
    #expect(try run("shapes/shapes.names", "-force").status == 0)
    // The cfg stays, whatever is forced.
    #expect(try run("x.cfg", "-force").status == 2)
  }
}
