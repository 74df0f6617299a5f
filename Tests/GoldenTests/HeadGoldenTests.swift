import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// The boxes of heads against the reference programs': as the layers decode them, in their order,
/// and after suppression.
///
/// 1e-4 (1 + |v|), as for the outputs that they are made of.
@Suite(.enabled(if: sharedFolder != nil, "no golden data beside the package"))
struct HeadGoldenTests {
  /// What a manifest says about boxes, of an image of `image` pixels.
  private struct Recorded: Decodable {
    struct File: Decodable { var file: String }
    struct Boxes: Decodable {
      var image: [Int]
      var thresh: Float
      var nms: Float
      var stretched: File
      var letterboxed: File
      // swift-format-ignore: AlwaysUseLowerCamelCase
      var stretched_after_nms: File
      // swift-format-ignore: AlwaysUseLowerCamelCase
      var other_letterboxed: File?
    }
    var boxes: Boxes
  }

  private static let names = [
    "head-yolo", "head-yolo-v4", "head-gaussian", "head-region", "head-detection", "shortcut-prn",
  ]

  private struct Case {
    let golden: GoldenCase
    let recorded: Recorded.Boxes
    let network: Network
    let boxes: DetectionSet

    init(_ name: String, dialect: Dialect) throws {
      golden = try #require(GoldenCase.all("forward").first { $0.name == name })
      let folder = golden.folder
      func data(_ file: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)"))
      }
      recorded = try JSONDecoder().decode(Recorded.self, from: data("manifest.json")).boxes
      network = try NetworkBuilder(dialect: dialect).build(
        ConfigFile(text: data("net.cfg"), name: "net.cfg"))
      let parameters = Parameters(of: network)
      _ = try WeightsFile("\(folder)/net.weights", dialect: dialect, order: golden.dialect)
        .load(into: parameters, of: network)
      let plan = InferencePlan(network, parameters: parameters)
      _ = plan.inputView.values.update(fromContentsOf: try golden.floats("input.f32"))
      plan.run()
      var set: DetectionSet?
      for node in network.nodes {
        guard let head = node.layer as? any DetectionHead else { continue }
        var boxes = set ?? DetectionSet(classCount: head.classes)
        head.decode(
          plan.output(node.index).pointer, networkWidth: network.net.width,
          networkHeight: network.net.height, threshold: recorded.thresh, hierarchyThreshold: 0.5,
          into: &boxes)
        set = boxes
      }
      boxes = try #require(set)
    }

    /// To the recorded picture's coordinates. Boxes of [detection] were recorded in pixels, and
    /// the references do not take a letterbox back there.
    func inPicture(letterbox: Bool) -> DetectionSet {
      let isFirst = network.nodes.contains { $0.name == "detection" }
      var set = boxes
      set.undo(
        LetterboxTransform(
          pictureWidth: recorded.image[0], pictureHeight: recorded.image[1],
          networkWidth: network.net.width, networkHeight: network.net.height,
          letterbox: letterbox && !isFirst),
        inPixels: isFirst)
      return set
    }
  }

  private static func rows(_ set: DetectionSet) -> [Float] {
    set.flatMap {
      [$0.box.x, $0.box.y, $0.box.width, $0.box.height, $0.objectness] + $0.probabilities
    }
  }

  @Test(arguments: names)
  func `boxes in the reference's order`(name: String) throws {
    let found = try Case(name, dialect: .alexeyab)
    for (file, letterbox) in [
      (found.recorded.stretched.file, false), (found.recorded.letterboxed.file, true),
    ] {
      let expected = try found.golden.floats(file)
      #expect(
        deviation(Self.rows(found.inPicture(letterbox: letterbox)), from: expected) < 1e-4,
        "\(file)")
    }
  }

  /// pjreddie's program letterboxes, has another batch norm, and another order in [region].
  @Test(arguments: names.filter { $0 != "head-yolo-v4" && $0 != "head-gaussian" })
  func `boxes of the original program`(name: String) throws {
    let found = try Case(name, dialect: .pjreddie)
    let file = try #require(found.recorded.other_letterboxed?.file)
    #expect(
      deviation(
        Self.rows(found.inPicture(letterbox: true)), from: try found.golden.floats(file)) < 1e-4)
  }

  /// As sets: boxes of equal score may change places.
  @Test(arguments: names)
  func `boxes after suppression`(name: String) throws {
    let found = try Case(name, dialect: .alexeyab)
    let head = found.network.nodes.compactMap { $0.layer as? any DetectionHead }.last
    var set = found.inPicture(letterbox: false)
    head?.suppression(threshold: found.recorded.nms).apply(to: &set)
    let columns = 5 + set.classCount
    let rows = Self.rows(set)
    let expected = try found.golden.floats(found.recorded.stretched_after_nms.file)
    #expect(rows.count == expected.count)
    var free = Array(stride(from: 0, to: rows.count, by: columns))
    for start in stride(from: 0, to: expected.count, by: columns) {
      let wanted = Array(expected[start..<start + columns])
      let match = free.firstIndex {
        deviation(Array(rows[$0..<$0 + columns]), from: wanted) < 1e-4
      }
      if let match { free.remove(at: match) } else { Issue.record("no box like \(wanted)") }
    }
  }
}
