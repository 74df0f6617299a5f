import DarknetGeometry
import DarknetTestSupport
import Foundation
import Testing

/// Weights that measure nothing, lists that measure nothing, and results of runs that end early.
@Suite struct EvaluationOutputTests {
  /// With as many copies of a labelled picture in `x.list`.
  private func folder(count: Int = 1, eval: String = "coco") throws -> OneBoxFolder {
    let folder = try OneBoxFolder()
    try folder.pictures("a.ppm")
    try folder.write("0 .5 .5 .3679 .3679\n", to: "a.txt")
    try folder.write(String(repeating: "a.ppm\n", count: count), to: "x.list")
    try folder.write(
      "classes=2\nnames=x.names\nvalid=x.list\neval=\(eval)\nlabels=x.names\n", to: "x.data")
    return folder
  }

  @Test(arguments: ["test", "map", "valid", "recall"])
  func `weights that do not reach the heads are an error`(command: String) throws {
    let folder = try folder()
    try folder.write(
      OneBoxFolder.weights([], inputs: 3), to: "cut.weights")
    let words = ["detector", command, "x.data", "x.cfg", "cut.weights"]
    let run = try folder.run(words, input: "a.ppm\n")
    #expect(run.status == 3)
    #expect(
      run.errors.contains(
        "cut.weights: byte 20: expected weights for all layers of x.cfg, found the end before layer "
          + "1; 1 layers have none; its results would mean nothing; name complete weights, or "
          + "train these (-force runs them)\n"), "\(run.errors)")
    #expect(try folder.run(words + ["-force"], input: "a.ppm\n").status == 0)
  }

  @Test func `no weights at all are an error`() throws {
    let folder = try folder()
    let run = try folder.run(["detector", "test", "x.data", "x.cfg"], input: "a.ppm\n")
    #expect(run.status == 2)
    #expect(
      run.errors.contains(
        "WEIGHTS: expected the weights of x.cfg, found none; its weights would be random and its "
          + "results meaningless; name them after the cfg (-force runs it anyway)\n"),
      "\(run.errors)")
    let forced = try folder.run(
      ["detector", "test", "x.data", "x.cfg", "-force"], input: "a.ppm\n")
    #expect(forced.status == 0)
  }

  @Test(arguments: ["map", "recall"])
  func `a list without any object is an error`(command: String) throws {
    let folder = try folder(count: 2)
    try folder.write("", to: "a.txt")
    let run = try folder.run(["detector", command, "x.data", "x.cfg", "x.weights"])
    #expect(run.status == 3)
    #expect(
      run.errors.hasSuffix(
        "x.list: expected a labelled object to measure in 2 pictures, found empty label files only; "
          + "label the objects, one line 'class x y width height' per object\n"),
      "\(run.errors)")
    #expect(!run.output.contains("mean average precision"))
  }

  @Test func `training with -map needs an object to measure`() throws {
    let folder = try TrainingFolder()
    for file in try folder.files("shapes/valid") where file.hasSuffix(".txt") {
      try folder.write("", to: "shapes/valid/\(file)")
    }
    let run = try folder.train("-map")
    #expect(run.status == 3, "\(run.errors)")
    #expect(
      run.errors.contains("shapes/valid.txt: expected a labelled object to measure in 4 pictures"))
    #expect(!folder.exists("backup/x_best.weights") && !folder.exists("backup/x_final.weights"))
  }

  @Test func `a head of other classes is reported`() throws {
    let folder = try folder()
    let head = "[yolo]\nmask=0\nanchors=32,32\nclasses=2\nnum=1\n"
    let other = head.replacingOccurrences(of: "classes=2", with: "classes=1")
    let cfg = try folder.text("x.cfg").replacingOccurrences(
      of: head,
      with: "[route]\nlayers=-1\ngroups=7\ngroup_id=0\n[convolutional]\nfilters=6\nsize=1\n"
        + "activation=linear\n\(other)[route]\nlayers=1\n\(head)")
    try folder.write(cfg, to: "x.cfg")
    let run = try folder.test("a.ppm", "-force")
    #expect(
      run.errors.contains(
        "warning: x.cfg: expected 2 classes in layer 4 [yolo], as the last head has, found 1; the "
          + "boxes of this head are left out; change its classes=\n"), "\(run.errors)")
  }

  @Test func `pictures without a number are numbered`() throws {
    let folder = try folder()
    try folder.pictures("b.ppm", "000000000041.ppm")
    try folder.write("a.ppm\n000000000041.ppm\nb.ppm\n", to: "x.list")
    let run = try folder.run(["detector", "valid", "x.data", "x.cfg", "x.weights"])
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      run.errors.contains(
        "2 of 3 pictures have no number in their name, by which COCO knows them (a.ppm): they are "
          + "numbered from 42, in the order of x.list; results/coco_results-images.json lists them\n"
      ),
      "\(run.errors)")
    func list(_ name: String) throws -> [[String: Any]] {
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: folder.url.appendingPathComponent(name))) as! [[String: Any]]
    }
    let results = try list("results/coco_results.json").map { $0["image_id"] as? Int }
    #expect(results == [42, 41, 43])
    let images = try list("results/coco_results-images.json")
    #expect(images.map { $0["id"] as? Int } == [42, 41, 43])
    #expect(images.map { $0["file_name"] as? String } == ["a.ppm", "000000000041.ppm", "b.ppm"])
  }

  @Test func `a signal leaves the results of valid and map`() throws {
    let folder = try folder(count: 200_000)
    for (command, file) in [("valid", "results/coco_results.json"), ("map", "m.json")] {
      let program = try RunningProgram(
        ["detector", command, "x.data", "x.cfg", "x.weights", "-json", "m.json"], in: folder.url)
      _ = program.wait(atMost: 60) { $0.output.contains(" Detection layer") }
      usleep(300_000)
      program.send(SIGINT)
      #expect(try program.finish(within: 60) == 130, "\(program.errors)")
      #expect(
        program.errors.contains("stopped by a signal after ")
          && program.errors.contains(" of 200000 pictures; "), "\(program.errors)")
      let data = try Data(contentsOf: folder.url.appendingPathComponent(file))
      _ = try JSONSerialization.jsonObject(with: data)
    }
    let map = try jsonObject(folder.url.appendingPathComponent("m.json"))
    #expect((map["pictures"] as? Int ?? 0) > 0 && map["map"] != nil)
  }
}
