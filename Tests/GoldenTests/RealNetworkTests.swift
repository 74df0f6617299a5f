import DarknetKernels
import DarknetTestSupport
import Foundation
import Testing

/// Real and real-sized networks on a photograph: whole outputs of the layers before the heads, and
/// 64 samples, minimum, maximum and length of every layer.
@Suite(.enabled(if: sharedFolder != nil, "no golden data beside the package"))
struct RealNetworkTests {
  /// 1e-4 (1 + |value|), as the data's README suggests against the named reference.
  static let tolerance = 1e-4

  @Test(
    arguments: ["yolov3-tiny", "yolov3-tiny-prn-narrow", "yolov3-tiny-prn-full"],
    ["fastest", "exact"])
  func `layers as recorded`(name: String, kernels: String) throws {
    let folder = try #require(ProjectFolder.shared).appendingPathComponent("golden/real/\(name)")
    var arguments = [folder.path, "out"] + (kernels == "exact" ? ["-exact"] : [])
    if name == "yolov3-tiny" {
      guard let weights = ProjectFolder.tinyWeights else { return }
      arguments += ["-weights", weights.path]
    }
    let work = try TemporaryFolder.make()
    let run = try ProgramRun(arguments, in: work, program: ProgramRun.replay)
    try #require(run.status == 0, "\(run.errors)")
    let manifest = try jsonObject(folder.appendingPathComponent("manifest.json"))
    for recorded in manifest["runs"] as? [[String: Any]] ?? [] {
      let key = recorded["key"] as! String
      for layer in recorded["layers"] as! [[String: Any]] {
        let index = layer["index"] as! Int
        let file = layer["file"] as? String ?? "\(key).L\(String(format: "%03d", index)).f32"
        let found = try floats(work.appendingPathComponent("out/\(file)"))
        #expect(found.count == layer["count"] as! Int)
        let samples = layer["samples"] as! [NSNumber]
        for (k, sample) in samples.enumerated() {
          let ours = Double(found[k * (found.count - 1) / 63])
          let theirs = sample.doubleValue
          if abs(ours - theirs) > Self.tolerance * (1 + abs(theirs)) {
            Issue.record("\(name) \(key) layer \(index) sample \(k): \(theirs), ours \(ours)")
            break
          }
        }
        let length = found.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        let recordedLength = (layer["l2"] as! NSNumber).doubleValue
        #expect(abs(length - recordedLength) <= 1e-4 * recordedLength, "\(name) layer \(index)")
        if layer["file"] is String {
          let whole = try floats(folder.appendingPathComponent(file))
          let worst = zip(whole, found).reduce(0.0) {
            max($0, Double(abs($1.0 - $1.1) / (1 + abs($1.0))))
          }
          #expect(worst <= Self.tolerance, "\(name) \(file)")
        }
      }
    }
  }
}
