import DarknetTestSupport
import Foundation
import Testing

/// Cases from elsewhere: whatever a manifest says, `darknet-replay` neither crashes nor writes outside its
/// folder, and says what is wrong.
@Suite struct ReplayManifestTests {
  private static let cfg = """
    [net]
    width=4
    height=4
    channels=1
    batch=1
    subdivisions=1
    [connected]
    output=2
    activation=linear
    [softmax]
    [cost]

    """

  private func folder(_ manifest: String) throws -> URL {
    let folder = try TemporaryFolder.make()
    let files: [(String, Data)] = [
      ("c/net.cfg", Data(Self.cfg.utf8)), ("c/manifest.json", Data(manifest.utf8)),
      ("c/in.f32", Data(count: 16 * 4)), ("c/truth.f32", Data(count: 2 * 4)),
      ("c/short.f32", Data(count: 4)), ("c/empty.f32", Data()),
      ("c/w", OneBoxFolder.weights([0, 0], inputs: 16)),
    ]
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("c"), withIntermediateDirectories: true)
    for (name, data) in files { try data.write(to: folder.appendingPathComponent(name)) }
    return folder
  }

  private static let forward =
    #""cfg":"net.cfg","weights":"w","input":{"file":"in.f32","frames":1},"layers":[{"index":0,"file":"L0"}]"#
  private static let gradient =
    #""cfg":"net.cfg","weights":"w","batch":1,"input":{"file":"in.f32"},"truth":{"file":"truth.f32"},"#
    + #""layers":[{"index":0,"files":{"output":"L0"}}]"#
  private static let training =
    #""cfg":"net.cfg","initial_weights":"w","images":["x"],"image_tensor":{"file":"in.f32"},"#
    + #""batch_rows":[0],"truth":{"classes":2,"class_of_row":[1]},"save_points":[1],"#
    + #""runs":{"a":{"program":"alexeyab","weights":{"1":"w1"}}}"#

  @Test func `the tool says how it is called`() throws {
    let folder = try TemporaryFolder.make()
    let help = try ProgramRun(["--help"], in: folder, program: ProgramRun.replay)
    #expect(help.status == 0)
    #expect(help.output.hasPrefix("darknet-replay CASEDIR OUTDIR [FLAGS]\n"))
    let missing = try ProgramRun(["c"], in: folder, program: ProgramRun.replay)
    #expect(missing.status == 2)
    #expect(
      missing.errors
        == "OUTDIR is missing\nusage: darknet-replay CASEDIR OUTDIR [FLAGS]\n", "\(missing.errors)")
  }

  @Test func `the program has no such command`() throws {
    let run = try ProgramRun(["replay", "c", "out"], in: try TemporaryFolder.make())
    #expect(run.status == 2 && run.errors.hasPrefix("Not an option: replay"))
  }

  @Test(arguments: [forward, gradient, training])
  func `sound manifests run`(manifest: String) throws {
    let folder = try folder("{\(manifest)}")
    let run = try ProgramRun(["c", "out"], in: folder, program: ProgramRun.replay)
    #expect(run.status == 0 && !run.wasKilled, "\(run.errors)")
  }

  @Test(arguments: [
    (forward, #""L0""#, #""../L0""#, "expected names of files below OUTDIR, found '../L0'"),
    (forward, #""L0""#, #""/tmp/L0""#, "found '/tmp/L0'"),
    (forward, #""L0""#, #""a/../../L0""#, "found 'a/../../L0'"),
    (forward, #""index":0"#, #""index":9"#, "expected a layer in 0..<3, found 9"),
    (forward, #""frames":1"#, #""frames":4611686018427387904"#, "expected frames in 1..."),
    (forward, #""frames":1"#, #""frames":0"#, "expected frames in 1..."),
    (forward, #""frames":1"#, #""frames":2"#, "expected 32 values, 2 inputs of 16, found 16"),
    (
      forward, #""weights":"w""#, #""weights_generator_seed":-1"#,
      "expected weights_generator_seed in 0"
    ),
    (gradient, #""batch":1"#, #""batch":0"#, "expected batch in 1...4096, found 0"),
    (gradient, #""batch":1"#, #""batch":99999999999"#, "expected batch in 1...4096"),
    (gradient, #"truth.f32"#, #"short.f32"#, "expected 2 values of truth, 2 an image, found 1"),
    (gradient, #"truth.f32"#, #"empty.f32"#, "expected 2 values of truth, 2 an image, found 0"),
    (gradient, #"in.f32"#, #"short.f32"#, "expected 16 input values, found 1"),
    (gradient, #""L0""#, #""../L0""#, "found '../L0'"),
    (
      gradient, #""truth":{"file":"truth.f32"}"#, #""boxes":[]"#,
      "expected boxes of 1 images, found 0"
    ),
    (training, #"[0]"#, #"[1]"#, "expected batch_rows in 0...0, found 1"),
    (training, #"[0]"#, #"[-1]"#, "expected batch_rows in 0...0, found -1"),
    (training, #"[0]"#, #"[]"#, "expected 1 batch_rows, as the cfg's batch has, found 0"),
    (training, #"["x"]"#, #"[]"#, "expected images, found none"),
    (training, #"["x"]"#, #"["x","y"]"#, "expected 32 values, 16 an image, found 16"),
    (training, #""classes":2"#, #""classes":-2"#, "expected truth.classes in 2...2, found -2"),
    (
      training, #""class_of_row":[1]"#, #""class_of_row":[7]"#,
      "expected truth.class_of_row in 0...1, found 7"
    ),
    (training, #""save_points":[1]"#, #""save_points":[-4]"#, "expected save_points in 1..."),
    (training, #""w1""#, #""../w1""#, "found '../w1'"),
  ])
  func `unsound ones are errors`(manifest: String, old: String, new: String, fault: String) throws {
    #expect(manifest.contains(old))
    let text = manifest.replacingOccurrences(of: old, with: new)
    let folder = try folder("{\(text)}")
    let run = try ProgramRun(["c", "out"], in: folder, program: ProgramRun.replay)
    #expect(run.status == 3 && !run.wasKilled, "\(run.errors)")
    #expect(run.errors.contains(fault), "\(run.errors)")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(Set(files).isSubset(of: ["c", "out"]))
  }
}
