import DarknetTestSupport
import Foundation
import Testing

/// What `detector test` gives out: finite numbers inside the picture, files that never take the
/// place of the user's own, and all of it however the run ends.
@Suite struct DetectorOutputTests {
  // MARK: Numbers

  @Test func `a box that reaches out is cut in JSON and labels, and printed as Darknet does`()
    throws
  {
    // sigmoid(0) = .5, e^.2 = 1.2214 pictures wide; e^-1 = .3679 high.
    let folder = try OneBoxFolder(box: [-1, 0, 0.2, -1, 8, 8, -8])
    try folder.pictures("a.ppm")
    let run = try folder.test("a.ppm", "-ext_output", "-out", "o.json", "-save_labels")
    #expect(run.status == 0, "\(run.errors)")
    // x = sigmoid(-1) = .2689: from -.3418 to .8796 of 40 pixels.
    #expect(
      run.output.contains("(left_x:  -14   top_y:    9   width:   49   height:   11)"),
      "\(run.output)")
    let box = try #require(try folder.boxes("o.json").first?.first)
    let (x, width) = (try #require(box["center_x"]), try #require(box["width"]))
    #expect(abs(x - width / 2) < 1e-6 && abs(x + width / 2 - 0.8796) < 1e-3, "\(box)")
    let label = try folder.text("a.txt").split(whereSeparator: \.isWhitespace).compactMap {
      Double($0)
    }
    #expect(label.count == 5, "\(label)")
    #expect(label[1] - label[3] / 2 >= 0 && label[1] + label[3] / 2 <= 1, "\(label)")
    #expect(abs(label[3] - 0.8796) < 1e-3, "\(label)")
  }

  @Test(arguments: [100, 80, 10] as [Float])
  func `boxes without end are left out everywhere, with a line`(size: Float) throws {
    // e^100 is infinite as float32; e^80 and e^10 are finite, and no object's size.
    let folder = try OneBoxFolder(box: [0, 0, size, size, 8, 8, -8])
    try folder.pictures("a.ppm", "b.ppm")
    let run = try folder.test(
      "a.ppm", "b.ppm", "-ext_output", "-out", "o.json", "-save_labels")
    #expect(run.status == 0, "\(run.errors)")
    #expect(!run.output.contains("cat:"), "\(run.output)")
    #expect(try folder.boxes("o.json") == [[], []])
    #expect(try folder.text("a.txt") == "")
    #expect(
      run.errors.contains(
        "warning: 2 boxes left out, which are not finite or more than 100 pictures wide or high: "
          + "x.weights cannot be the weights of x.cfg, or their training diverged\n"),
      "\(run.errors)")
  }

  @Test func `no place is -0`() throws {
    // sigmoid(0) - e^ln(1.01) / 2 = -.005 of 40 pixels.
    let folder = try OneBoxFolder(box: [0, 0, 0.00995, 0.00995, 8, 8, -8])
    try folder.pictures("a.ppm")
    let run = try folder.test("a.ppm", "-ext_output")
    #expect(run.output.contains("(left_x:    0   top_y:    0   width:   40"), "\(run.output)")
  }

  @Test func `JSON parses whatever the names`() throws {
    let name = "c\"a\\t\u{1}\u{7F}é"
    let folder = try OneBoxFolder(names: [name, "dog"])
    try folder.pictures("q\"\\.ppm")
    let run = try folder.test("q\"\\.ppm", "-out", "o.json")
    #expect(run.status == 0, "\(run.errors)")
    let json =
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: folder.url.appendingPathComponent("o.json"))) as? [[String: Any]]
    #expect(json?.first?["filename"] as? String == "q\"\\.ppm")
    let objects = json?.first?["objects"] as? [[String: Any]]
    #expect(objects?.first?["name"] as? String == name)
  }

  @Test func `one channel is drawn`() throws {
    let folder = try OneBoxFolder(channels: 1)
    try folder.pictures("a.ppm")
    for dialect in ["alexeyab", "pjreddie"] {
      let run = try folder.test("a.ppm", "-dialect", dialect, "-save_images", "out")
      #expect(run.status == 0 && !run.wasKilled, "\(run.errors)")
      #expect(folder.exists("predictions.jpg") && folder.exists("out/a.jpg"))
    }
  }

  // MARK: Drawings

  @Test func `every picture of a list is drawn under a name of its own`() throws {
    let folder = try OneBoxFolder()
    try folder.pictures("a/p.ppm", "b/p.ppm", "b/q.ppm")
    let run = try folder.test(
      "-save_images", "out", input: "a/p.ppm\nb/p.ppm\nb/q.ppm\na/p.ppm\n")
    #expect(run.status == 0, "\(run.errors)")
    #expect(try folder.files("out") == ["p-2.jpg", "p.jpg", "q.jpg"])
    #expect(folder.exists("predictions.jpg"))
  }

  @Test func `drawings never take the place of pictures`() throws {
    let folder = try OneBoxFolder()
    try folder.pictures("in/a.jpg", "predictions.jpg")
    let before = try folder.text("in/a.jpg")
    let own = try folder.test("in/a.jpg", "-save_images", "in")
    #expect(own.status == 2)
    #expect(
      own.errors.contains(
        "-save_images: expected a folder of its own, found 'in', in which the picture 'in/a.jpg' "
          + "is; name another folder\n"), "\(own.errors)")
    #expect(try folder.text("in/a.jpg") == before)
    let list = try folder.test(input: "in/a.jpg\npredictions.jpg\n")
    #expect(list.status == 0)
    #expect(
      list.errors.contains(
        "predictions.jpg: expected a file of its own for the drawing, found one of the pictures"),
      "\(list.errors)")
    let words = try folder.test("in/a.jpg", "predictions.jpg")
    #expect(words.status == 0)
    #expect(try folder.text("predictions.jpg") == before)
  }

  @Test func `a folder that cannot be written costs the drawing alone`() throws {
    let folder = try OneBoxFolder()
    try folder.pictures("a.ppm")
    // Whoever runs this may write anywhere; not over a folder.
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("predictions.jpg"), withIntermediateDirectories: true)
    let with = try folder.test("a.ppm", "-out", "o.json")
    #expect(with.status == 0, "\(with.errors)")
    #expect(
      with.errors.contains("warning: predictions.jpg: cannot create the file: Is a directory"))
    #expect(folder.exists("o.json"))
    #expect(try folder.test("a.ppm").status == 4)
  }

  // MARK: Labels

  @Test func `labels that are there stay without -force`() throws {
    let folder = try OneBoxFolder()
    try folder.pictures("a.ppm", "b.ppm")
    try folder.write("1 .5 .5 .1 .1\n", to: "a.txt")
    let run = try folder.test("a.ppm", "b.ppm", "-save_labels")
    #expect(run.status == 0)
    #expect(try folder.text("a.txt") == "1 .5 .5 .1 .1\n")
    // e^-1 = .3679.
    #expect(try folder.text("b.txt") == "0 0.5000 0.5000 0.3679 0.3679\n")
    #expect(
      run.errors.contains(
        "label files: 1 written, 1 kept as they were (a.txt); -force replaces them, -labels DIR "
          + "writes into another folder\n"), "\(run.errors)")
    let forced = try folder.test("a.ppm", "b.ppm", "-save_labels", "-force")
    #expect(forced.errors.contains("label files: 2 written\n"), "\(forced.errors)")
    #expect(try folder.text("a.txt") == folder.text("b.txt"))
  }

  @Test func `labels in a folder of their own, with confidence, without empty files`() throws {
    let folder = try OneBoxFolder()
    try folder.pictures("a/p.ppm", "b/p.ppm")
    let run = try folder.test("a/p.ppm", "b/p.ppm", "-labels", "out", "-save_conf")
    #expect(run.status == 0, "\(run.errors)")
    #expect(try folder.files("out") == ["p-2.txt", "p.txt"])
    // sigmoid(8)^2 = .99933.
    #expect(try folder.text("out/p.txt") == "0 0.5000 0.5000 0.3679 0.3679 0.9993\n")
    let empty = try folder.test("a/p.ppm", "-labels", "none", "-skip_empty", "-thresh", "1")
    #expect(try folder.files("none") == [])
    #expect(
      empty.errors.contains("label files: 0 written, 1 left out as nothing was found\n"),
      "\(empty.errors)")
    #expect(try folder.test("a/p.ppm", "-save_conf").status == 2)
  }

  // MARK: Ends

  @Test(arguments: ["INT", "TERM"])
  func `a signal closes what was done so far`(signal: String) throws {
    let folder = try OneBoxFolder()
    try folder.pictures("a.ppm")
    let run = try folder.shell(
      #"""
      mkfifo in
      "$P" detector test x.data x.cfg x.weights -out o.json -labels l -save_images s < in > out &
      exec 3> in; echo a.ppm >&3
      for i in $(seq 300); do grep -q Predicted out && break; sleep .1; done
      sleep .2; kill -\#(signal) $!; wait $!
      """#)
    #expect(run.status == (signal == "INT" ? 130 : 143), "\(run.errors)")
    #expect(try folder.boxes("o.json").count == 1)
    #expect(
      folder.exists("l/a.txt") && folder.exists("s/a.jpg") && folder.exists("predictions.jpg"))
    #expect(
      run.errors.contains("stopped by a signal after 1 picture, whose results are written\n"))
  }

  @Test func `a closed pipe ends the work`() throws {
    let folder = try OneBoxFolder()
    try folder.pictures("a.ppm")
    let run = try folder.shell(
      #"""
      yes a.ppm | head -20000 > list
      { "$P" detector test x.data x.cfg x.weights -out o.json < list; echo $? > status; } | head -c 10
      """#)
    #expect(try folder.text("status") == "4\n", "\(run.errors)")
    let count = try folder.boxes("o.json").count
    #expect(count > 0 && count < 20000, "\(count)")
  }

  @Test func `a list of which nothing can be read is bad input`() throws {
    let folder = try OneBoxFolder()
    let run = try folder.test("-out", "o.json", input: "x.ppm\ny.ppm\n")
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "standard input: expected readable pictures, found 2 that are not; correct the paths, which "
          + "start at the current folder\n"), "\(run.errors)")
    #expect(!folder.exists("o.json"))
    // Nothing asked, nothing missing.
    let nothing = try folder.test("-out", "o.json")
    #expect(nothing.status == 0)
    #expect(try folder.text("o.json") == "[\n\n]")
  }

  @Test func `an endless line ends soon`() throws {
    let folder = try OneBoxFolder()
    let run = try folder.shell(#""$P" detector test x.data x.cfg x.weights < /dev/zero"#)
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "standard input:1: expected one picture path per line, found a line of more than 65536 "
          + "bytes; check what is sent to it\n"), "\(run.errors.suffix(300))")
    let long = try folder.test(input: String(repeating: "a", count: 60_000) + "\n")
    #expect(long.status == 3 && long.errors.utf8.count < 3000)
  }

  @Test func `a list in UTF-16 is named`() throws {
    let folder = try OneBoxFolder()
    let run = try folder.test(input: "a\0.\0p\0p\0m\0\n\0")
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "standard input:1: expected one picture path per line, found zero bytes, as in "
          + "UTF-16 text; save the list as UTF-8\n"), "\(run.errors.suffix(300))")
  }

  @Test func `-quiet gives results alone`() throws {
    let folder = try OneBoxFolder()
    try folder.pictures("a.ppm")
    let run = try folder.test("-quiet", input: "a.ppm\n")
    #expect(run.errors == "")
    let lines = run.output.split(separator: "\n")
    #expect(lines.count == 2 && lines[0].hasPrefix("a.ppm: Predicted in "), "\(run.output)")
    #expect(lines.last == "cat: 100%")
  }
}
