import DarknetGeometry
import DarknetTestSupport
import Foundation
import Testing

/// Boxes that AlexeyAB's program decoded for six networks, before and after its suppression, and
/// from a stretched and a letterboxed picture.
private struct GoldenCase: CustomTestStringConvertible {
  var name: String
  var classes: Int
  var kind = NonMaximumSuppression.Kind.standard
  var networkHeight = 64
  var networkWidth = 64

  var testDescription: String { name }

  static let folder = URL(fileURLWithPath: sharedFolder ?? "/nowhere")

  static let all = [
    GoldenCase(name: "head-yolo", classes: 3), GoldenCase(name: "head-region", classes: 4),
    GoldenCase(name: "head-detection", classes: 3, networkHeight: 28, networkWidth: 28),
    GoldenCase(name: "head-gaussian", classes: 2), GoldenCase(name: "shortcut-prn", classes: 5),
    GoldenCase(name: "head-yolo-v4", classes: 3, kind: .distance, networkHeight: 48),
  ]

  /// Rows of x y w h objectness and class probabilities.
  func boxes(_ file: String) throws -> DetectionSet {
    let url = Self.folder.appendingPathComponent("golden/forward/\(name)/\(file)")
    let values = try Data(contentsOf: url).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    var set = DetectionSet(classCount: classes)
    for start in stride(from: 0, to: values.count, by: 5 + classes) {
      set.append(
        Detection(
          box: Box(
            x: values[start], y: values[start + 1], width: values[start + 2],
            height: values[start + 3]), objectness: values[start + 4],
          probabilities: Array(values[start + 5..<start + 5 + classes])))
    }
    return set
  }
}

@Suite(.enabled(if: sharedFolder != nil, "needs ../shared"))
struct GoldenBoxesTests {
  /// To the bit and in the same order.
  @Test(arguments: GoldenCase.all)
  private func `suppression leaves the reference's array`(golden: GoldenCase) throws {
    var set = try golden.boxes("boxes.f32")
    NonMaximumSuppression(threshold: 0.45, kind: golden.kind).apply(to: &set)
    let expected = try golden.boxes("boxes_nms.f32")
    #expect(set.boxes == expected.boxes)
    #expect(set.objectness == expected.objectness)
    #expect(set.probabilities == expected.probabilities)
  }

  /// Both come from one output of the network; the picture is 640 x 480. (The reference leaves
  /// the boxes of `[detection]` as they are.) One rounding more or less in the last place.
  @Test(arguments: GoldenCase.all.filter { $0.name != "head-detection" })
  private func `boxes leave the letterbox as in the reference`(golden: GoldenCase) throws {
    var set = try golden.boxes("boxes.f32")
    let expected = try golden.boxes("boxes_letter.f32")
    set.undo(
      LetterboxTransform(
        pictureWidth: 640, pictureHeight: 480, networkWidth: golden.networkWidth,
        networkHeight: golden.networkHeight, letterbox: true))
    #expect(set.count == expected.count)
    for (ours, theirs) in zip(set.boxes, expected.boxes) {
      #expect(abs(ours.x - theirs.x) < 2e-7 * (1 + abs(theirs.x)))
      #expect(abs(ours.y - theirs.y) < 2e-7 * (1 + abs(theirs.y)))
      #expect(abs(ours.width - theirs.width) < 2e-7 * (1 + theirs.width))
      #expect(abs(ours.height - theirs.height) < 2e-7 * (1 + theirs.height))
    }
  }
}
