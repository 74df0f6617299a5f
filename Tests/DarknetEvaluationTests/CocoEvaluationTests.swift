import DarknetEvaluation
import DarknetGeometry
import DarknetText
import Foundation
import Testing

/// The figures in the order in which pycocotools keeps them.
private func list(_ figures: CocoEvaluation.Figures) -> [Double] {
  [
    figures.ap, figures.ap50, figures.ap75, figures.apSmall, figures.apMedium, figures.apLarge,
    figures.ar1, figures.ar10, figures.ar100, figures.arSmall, figures.arMedium, figures.arLarge,
  ].map { $0 ?? -1 }
}

private func dataset(_ data: Data) throws -> CocoDataset {
  try data.withUnsafeBytes { try CocoDataset(json: $0, file: "truth.json") }
}

private func detections(_ data: Data) throws -> [CocoDetection] {
  try data.withUnsafeBytes { try CocoDetection.list(json: $0, file: "results.json") }
}

@Suite struct CocoEvaluationTests {
  private func object(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, image: Int = 1, crowd: Bool = false
  ) -> CocoDataset.Object {
    let box = CocoBox(x: x, y: y, width: width, height: height)
    return .init(image: image, category: 1, box: box, area: box.area, isCrowd: crowd)
  }

  private func detection(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ score: Double, image: Int = 1
  ) -> CocoDetection {
    .init(
      image: image, category: 1, box: CocoBox(x: x, y: y, width: width, height: height),
      score: score)
  }

  /// 40 x 40 against 40 x 30: overlap 0.75, so found at the thresholds .50 … .75, six of ten.
  @Test func `one object found at six of ten thresholds`() {
    let evaluation = CocoEvaluation(
      truth: CocoDataset(images: [1], categories: [1], objects: [object(0, 0, 40, 40)]),
      detections: [detection(0, 0, 40, 30, 0.9)])
    let figures = evaluation.overall
    #expect(abs(figures.ap! - 0.6) < 1e-12)
    #expect(abs(figures.ap50! - 1) < 1e-12)
    #expect(abs(figures.ap75! - 1) < 1e-12)
    #expect(abs(figures.ar1! - 0.6) < 1e-12)
    #expect(figures.apSmall == nil)
    #expect(abs(figures.apMedium! - 0.6) < 1e-12)
  }

  /// Wrong (0.9), found (0.8), found (0.7) of three objects: precision 0, 1/2, 2/3 at recall 0,
  /// 1/3, 2/3. So 2/3 at the 67 levels 0 … 0.66 and 0 at the 34 others.
  @Test func `precision is the best at that recall or a higher one`() {
    let evaluation = CocoEvaluation(
      truth: CocoDataset(
        images: [1], categories: [1],
        objects: [object(0, 0, 40, 40), object(100, 0, 40, 40), object(200, 0, 40, 40)]),
      detections: [
        detection(0, 0, 40, 40, 0.8), detection(100, 0, 40, 40, 0.7),
        detection(300, 0, 40, 40, 0.9),
      ])
    #expect(abs(evaluation.overall.ap50! - 67.0 * 2 / 3 / 101) < 1e-12)
    // The best box alone is wrong.
    #expect(evaluation.overall.ar1 == 0)
    #expect(abs(evaluation.overall.ar10! - 2.0 / 3) < 1e-12)
  }

  @Test func `a crowd takes any number of boxes and counts neither way`() {
    let evaluation = CocoEvaluation(
      truth: CocoDataset(
        images: [1], categories: [1],
        objects: [object(0, 0, 400, 400, crowd: true), object(500, 0, 40, 40)]),
      detections: [
        detection(10, 10, 40, 40, 0.9), detection(60, 10, 40, 40, 0.9),
        detection(500, 0, 40, 40, 0.1),
      ])
    #expect(abs(evaluation.overall.ap! - 1) < 1e-12)
  }

  @Test func `boxes of unknown pictures and categories are counted and left out`() {
    let evaluation = CocoEvaluation(
      truth: CocoDataset(images: [1], categories: [1, 2], objects: [object(0, 0, 40, 40)]),
      detections: [detection(0, 0, 40, 40, 0.9), detection(0, 0, 40, 40, 0.9, image: 7)])
    #expect(evaluation.foreignDetections == 1)
    #expect(abs(evaluation.overall.ap! - 1) < 1e-12)
    #expect(evaluation.categories.map(\.identity) == [1, 2])
    #expect(evaluation.categories[1].figures.ap == nil)
  }

  @Test func `nothing to find`() {
    let none = CocoEvaluation(
      truth: CocoDataset(images: [], categories: [], objects: []), detections: [])
    #expect(list(none.overall) == Array(repeating: -1, count: 12))
    #expect(
      none.overall.summary.hasPrefix(
        " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = -1.000\n"
          + " Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = -1.000\n"))
  }

  @Test func `darknet's boxes become pixels, cut at the edges`() {
    var set = DetectionSet(classCount: 2)
    set.append(Box(x: 0.25, y: 0.5, width: 1, height: 0.5), objectness: 1) { $0[1] = 0.5 }
    #expect(
      CocoDetection.list(set, image: 3, pictureWidth: 400, pictureHeight: 200) == [
        CocoDetection(
          image: 3, category: 1, box: CocoBox(x: 0, y: 50, width: 300, height: 100), score: 0.5)
      ])
    let truth = GroundTruth(box: Box(x: 0.5, y: 0.5, width: 0.25, height: 0.5), classIndex: 1)
    let object = CocoDataset.Object(truth, image: 3, pictureWidth: 400, pictureHeight: 200)
    #expect(object.box == CocoBox(x: 150, y: 50, width: 100, height: 100))
    #expect(object.area == 10_000)
  }
}

/// Figures that pycocotools gave for results of `detector valid`.
@Suite(.enabled(if: SharedFiles.arePresent, "needs ../shared"))
struct GoldenCocoTests {
  /// The expectations are printed with six decimals.
  @Test(arguments: ["pjreddie", "debian", "alexeyab"])
  func `figures equal those of pycocotools`(program: String) throws {
    let json = try JSONSerialization.jsonObject(
      with: SharedFiles.data("golden/eval/valid-coco-ap.json"))
    let row = try #require((json as? [String: [String: Double]])?[program])
    let truth = try dataset(SharedFiles.data("datasets/tiny-coco/instances_all.json"))
    let results = try detections(SharedFiles.unzipped("golden/eval/valid-\(program).json.gz"))
    #expect(results.count == Int(row["detections"]!))
    let figures = list(CocoEvaluation(truth: truth, detections: results).overall)
    let keys = [
      "AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge", "AR1", "AR10", "AR100", "ARsmall",
      "ARmedium", "ARlarge",
    ]
    for (key, value) in zip(keys, figures) {
      #expect(abs(value - row[key]!) < 1e-6, "\(key)")
    }
  }
}
