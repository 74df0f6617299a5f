import DarknetEvaluation
import DarknetGeometry
import Foundation
import Testing

/// The 100 pictures of tiny-coco with the detections that AlexeyAB's program scored.
private struct ScoredPictures {
  var sets: [DetectionSet]
  var truths: [[GroundTruth]]

  static let all = Swift.Result { try ScoredPictures() }

  init() throws {
    let names = SharedFiles.lines(try SharedFiles.text("datasets/tiny-coco/all.txt"))
    truths = try names.map { try SharedFiles.labels(ofPicture: String($0), in: "tiny-coco") }
    sets = names.map { _ in DetectionSet(classCount: 80) }
    let table = String(
      decoding: try SharedFiles.unzipped("golden/eval/map-detections.csv.gz"), as: UTF8.self)
    var rows: [(image: Int, box: Int, detection: Detection)] = []
    for line in SharedFiles.lines(table).dropFirst() {
      let fields = line.split(separator: ",").map { Float($0)! }
      let (image, box) = (Int(fields[0]), Int(fields[1]))
      if rows.last.map({ $0.image != image || $0.box != box }) ?? true {
        rows.append(
          (
            image, box,
            Detection(
              box: Box(x: fields[4], y: fields[5], width: fields[6], height: fields[7]),
              objectness: 1, probabilities: Array(repeating: 0, count: 80))
          ))
      }
      rows[rows.count - 1].detection.probabilities[Int(fields[2])] = fields[3]
    }
    for row in rows { sets[row.image].append(row.detection) }
  }

  func figures(_ options: MeanAveragePrecision.Options) -> MeanAveragePrecision.Result {
    var map = MeanAveragePrecision(classCount: 80, options: options)
    for (set, truths) in zip(sets, truths) { map.add(set, truths: truths) }
    return map.result()
  }
}

@Suite(.enabled(if: SharedFiles.arePresent, "needs ../shared"))
struct GoldenMapTests {
  struct Expected: Decodable {
    var map: Double
    var tp: Int
    var fp: Int
    var fn: Int
    var averageIoU: Double

    enum CodingKeys: String, CodingKey {
      case map, tp, fp, fn
      case averageIoU = "average_iou"
    }
  }

  /// The expectations were recomputed in double precision; ours compares overlaps in float32, as
  /// the program does, so the sum of 129 of them is good to 1e-6.
  @Test(arguments: [(0, "0.50"), (0, "0.75"), (11, "0.50"), (101, "0.50")])
  func `figures equal the recomputed ones`(points: Int, iou: String) throws {
    let json = try JSONSerialization.jsonObject(
      with: SharedFiles.data("golden/eval/map-expected.json"))
    let row = try #require((json as? [String: Any])?["iou\(iou)-points\(points)"])
    let expected = try JSONDecoder().decode(
      Expected.self, from: JSONSerialization.data(withJSONObject: row))
    let result = try ScoredPictures.all.get().figures(
      .init(iouThreshold: Float(iou)!, area: #require(.init(points: points))))
    #expect(abs(result.meanAveragePrecision - expected.map) < 1e-6)
    #expect(result.counts.truePositives == expected.tp)
    #expect(result.counts.falsePositives == expected.fp)
    #expect(result.counts.falseNegatives == expected.fn)
    #expect(abs(result.counts.averageIoU - expected.averageIoU) < 1e-6)
  }

  /// The printed text, line by line. With -points the program's own build misses equal recalls
  /// (see the README of the reference outputs), so only the lines without AP are compared.
  @Test(arguments: [
    ("map-default.txt", 0, Float(0.5), Float(0.25)), ("map-iou075.txt", 0, 0.75, 0.25),
    ("map-thresh05.txt", 0, 0.5, 0.5), ("map-points11.txt", 11, 0.5, 0.25),
    ("map-points101.txt", 101, 0.5, 0.25),
  ])
  func `the summary is what AlexeyAB prints`(
    file: String, points: Int, iou: Float, threshold: Float
  ) throws {
    let result = try ScoredPictures.all.get().figures(
      .init(
        iouThreshold: iou, confidenceThreshold: threshold, area: #require(.init(points: points))))
    let names = SharedFiles.lines(try SharedFiles.text("datasets/tiny-coco/coco.names"))
    let ours =
      result.summary(names: names.map(String.init))
      + MeanAveragePrecision.Result.pointsReminder
    let golden = try SharedFiles.text("golden/eval/" + file)
    let start = try #require(golden.range(of: "\n detections_count")).lowerBound
    func lines(_ text: String) -> [String] {
      text.components(separatedBy: "\n").map { line in
        if points == 0 { return line }
        return line.contains("mAP@") ? "" : line.replacing(/ap = [0-9.]+%/, with: "ap")
      }
    }
    #expect(lines(ours) == lines(String(golden[start...])))
  }
}
