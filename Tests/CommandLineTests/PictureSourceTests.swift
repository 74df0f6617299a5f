import DarknetImages
import DarknetTestSupport
import Foundation
import Testing

/// What may stand where one picture stands, and where `detect` finds its names.
@Suite struct PictureSourceTests {
  private func pictures(_ run: ProgramRun) -> [Substring] {
    run.output.split(separator: "\n").compactMap { line in
      line.range(of: ": Predicted").map { line[..<$0.lowerBound] }
    }
  }

  @Test func `several pictures, a folder, a pattern, a list`() throws {
    let folder = try OneBoxFolder()
    try folder.pictures("p/2.ppm", "p/10.ppm", "p/1.PPM")
    try folder.write("no picture", to: "p/notes.md")
    try folder.write("p/10.ppm\np/2.ppm\n", to: "list.txt")
    for (words, expected) in [
      (["p/10.ppm", "p/2.ppm"], ["p/10.ppm", "p/2.ppm"]),
      (["p"], ["p/1.PPM", "p/2.ppm", "p/10.ppm"]),
      (["p/"], ["p/1.PPM", "p/2.ppm", "p/10.ppm"]),
      (["p/*.ppm"], ["p/2.ppm", "p/10.ppm"]),
      (["list.txt"], ["p/10.ppm", "p/2.ppm"]),
      (["p/2.ppm", "list.txt"], ["p/2.ppm", "p/10.ppm", "p/2.ppm"]),
    ] {
      let run = try folder.run(["detector", "test", "x.data", "x.cfg", "x.weights"] + words)
      #expect(run.status == 0, "\(run.errors)")
      #expect(pictures(run).map(String.init) == expected, "\(words)")
      #expect(!run.output.contains("Enter Image Path"))
    }
    let lines = try folder.test(input: "p\nlist.txt\n")
    #expect(pictures(lines).count == 5)
  }

  @Test func `what cannot be read is skipped, if something can`() throws {
    let folder = try OneBoxFolder()
    try folder.pictures("a.ppm")
    let some = try folder.test("a.ppm", "1")
    #expect(some.status == 0)
    #expect(some.errors.hasSuffix("1 of 2 pictures were skipped\n"), "\(some.errors)")
    #expect(try folder.test("a.ppm", "1", "-strict").status == 1)
    #expect(try folder.test("b.ppm", "1").status == 3)
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("empty"), withIntermediateDirectories: true)
    let empty = try folder.test("empty")
    #expect(empty.status == 3)
    #expect(
      empty.errors.contains(
        "empty: expected a folder with pictures, found an empty one; name the "
          + "folder that holds them, or a list of their paths\n"), "\(empty.errors)")
    let none = try folder.test("q*.ppm")
    #expect(none.status == 3)
    #expect(
      none.errors.contains(
        "q*.ppm: expected pictures whose paths match, found none; check the pattern, which starts "
          + "at the current folder\n"), "\(none.errors)")
  }

  @Test func `a named pipe is refused, and the list goes on`() throws {
    let folder = try OneBoxFolder()
    try folder.pictures("a.ppm")
    try folder.write("0 .5 .5 .3 .3\n", to: "a.txt")
    let run = try folder.shell(
      #"""
      mkfifo ff; printf 'ff\na.ppm\n' > x.list
      "$P" detector test x.data x.cfg x.weights ff a.ppm; echo "test $?"
      "$P" detector map x.data x.cfg x.weights; echo "map $?"
      "$P" detector check x.data > /dev/null; echo "check $?"
      for f in cfg weights names; do
        mv x.$f kept; mkfifo x.$f
        "$P" detector test x.data x.cfg x.weights a.ppm > /dev/null; echo "$f $?"
        rm x.$f; mv kept x.$f
      done
      cat a.ppm | "$P" detector test x.data x.cfg x.weights /dev/stdin -quiet; echo "stdin $?"
      """#)
    for line in ["test 0", "map 0", "check 3", "stdin 0"] {
      #expect(run.output.contains(line + "\n"), "\(line): \(run.output)")
    }
    for line in ["cfg 3", "weights 3", "names 3"] {
      #expect(
        run.output.contains(line + "\n") || run.output.contains(line.dropLast() + "4\n"),
        "\(run.output)")
    }
    #expect(
      run.errors.contains(
        "ff: expected a JPEG, PNG, BMP or PPM picture, found a named pipe; name a file\n"),
      "\(run.errors)")
  }

  // MARK: detect

  @Test func `detect finds its data file beside the cfg`() throws {
    let folder = try OneBoxFolder()
    try folder.pictures("a.ppm")
    let none = try folder.run(["detect", "x.cfg", "x.weights", "a.ppm"])
    #expect(none.status == 3)
    #expect(
      none.errors.contains("cfg/coco.data: expected the data file of this command, here, beside "),
      "\(none.errors)")
    #expect(none.errors.contains("'prn-darknet detector test DATA CFG WEIGHTS [IMAGE ...]'"))
    try folder.write(try folder.text("x.cfg"), to: "nets/x.cfg")
    try folder.write("names=cfg/coco.names\n", to: "nets/coco.data")
    try folder.write("lynx\nwolf\n", to: "nets/coco.names")
    let run = try folder.run(["detect", "nets/x.cfg", "x.weights", "a.ppm"])
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("lynx: 100%\n"))
    #expect(
      run.errors.contains("reading nets/coco.data, as there is no cfg/coco.data here\n"),
      "\(run.errors)")
    let data = try folder.run(["detect", "x.data", "x.cfg", "x.weights", "a.ppm"])
    #expect(data.status == 2)
    #expect(
      data.errors.contains(
        "'x.data': expected no data file, as this command reads cfg/coco.data, found one; use "
          + "'detector test x.data CFG WEIGHTS [IMAGE ...]'\n"), "\(data.errors)")
  }
}
