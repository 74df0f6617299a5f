import DarknetEvaluation
import DarknetGeometry
import Foundation
import Testing

@Suite struct ReportTests {
  @Test func `the map report is JSON with every figure`() throws {
    var map = MeanAveragePrecision(classCount: 2, options: .init(area: .points(11)))
    var set = DetectionSet(classCount: 2)
    set.append(Box(x: 0, y: 0, width: 1, height: 1), objectness: 1) { $0[0] = 0.7 }
    map.add(set, truths: [GroundTruth(box: Box(x: 0, y: 0, width: 1, height: 1), classIndex: 0)])
    var coco = CocoEvaluation(
      truth: CocoDataset(images: [], categories: [], objects: []), detections: []
    ).overall
    coco.ap = 0.25
    let text = map.result().json(names: ["a \"quoted\"\nname", "b"], coco: coco)
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
    let json = try #require(object as? [String: Any])
    #expect(json["iou_threshold"] as? Double == 0.5)
    #expect(json["points"] as? Int == 11)
    #expect(json["map"] as? Double == 0.5)
    #expect(json["tp"] as? Int == 1)
    let classes = try #require(json["classes"] as? [[String: Any]])
    #expect(classes[0]["name"] as? String == "a \"quoted\"\nname")
    #expect(classes[0]["best_threshold"] as? Double == 0.7)
    #expect(classes[1]["precision"] is NSNull)
    let figures = try #require(json["coco"] as? [String: Any])
    #expect(figures["AP"] as? Double == 0.25)
    #expect(figures["AR_large"] is NSNull)
  }

  /// Right first; right third of equals; right, but not in the first two; no right class.
  @Test func `top accuracy`() {
    var accuracy = TopAccuracy(limit: 2)
    func add(_ probabilities: [Float], _ truth: Int?) {
      probabilities.withUnsafeBufferPointer { accuracy.add($0, truth: truth) }
    }
    #expect(accuracy.first == 0)
    add([0.1, 0.7, 0.2], 1)
    #expect(accuracy.line == "0: top 1: 1.000000, top 2: 1.000000")
    add([0.3, 0.3, 0.3], 1)
    #expect(accuracy.line == "1: top 1: 0.500000, top 2: 1.000000")
    add([0.3, 0.3, 0.3], 2)
    add([0.3, 0.3, 0.3], nil)
    add([0.3, 0.3, 0.3], 3)
    add([.nan, 0.3, 0.3], 0)
    add([.nan, 0.3, 0.3], 1)
    #expect(accuracy.firstCorrect == 2)
    #expect(accuracy.correct == 3)
    #expect(accuracy.pictures == 7)
  }
}
