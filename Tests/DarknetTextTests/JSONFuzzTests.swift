import DarknetEvaluation
import DarknetTestSupport
import Testing

/// Broken COCO files: `make fuzz`.
@Suite struct JSONFuzzTests {
  private static let texts = [
    """
    {"info": {"a": [1, [2, {"b": null}], "\\u00e9\\"]"], "c": true}, "licenses": [],
     "images": [{"file_name": "x.jpg", "id": 7}, {"id": 9.0, "width": 640}],
     "annotations": [
      {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1.5, 2, 3e1, 0.4E+1],
       "segmentation": [[1, 2, 3]], "area": 17.25, "iscrowd": 0},
      {"image_id": 9, "category_id": 3, "bbox": [-1, 0, 2, 4], "iscrowd": true}],
     "categories": [{"id": 3, "name": "cat"}]}
    """,
    """
    [{"image_id":1,"category_id":1,"bbox":[258.15,41.29,348.26,243.78],"score":0.236},
     {"image_id":2,"category_id":18,"bbox":[1,2,3,4],"score":1e-7,"more":{"x":[true,false,null]}}]
    """,
  ]

  private static let mutator = Mutator(
    seeds: texts.map { Array($0.utf8) },
    words: [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "\\u0000", "null", "true", "{}",
      "[]", "\"bbox\":", "\"image_id\":", "e", "E+", "\u{FEFF}", "\u{1B}", "\"a\":",
      String(repeating: "[", count: 300), String(repeating: "{\"a\":", count: 250),
    ])

  @Test func `broken instances and results files`() {
    let run = Fuzzing("json", count: Fuzzing.asked ?? 4000)
    let outcome = run.run(Self.mutator) { bytes, random in
      let boxes: [CocoBox]
      var numbers: [Double] = []
      // A results file begins with a bracket; now and then the wrong reader gets it.
      if (bytes.first == 0x5B) != (random.below(16) == 0) {
        let list = try bytes.withUnsafeBytes { try CocoDetection.list(json: $0, file: "x.json") }
        boxes = list.map(\.box)
        numbers = list.map(\.score)
      } else {
        let set = try bytes.withUnsafeBytes { try CocoDataset(json: $0, file: "x.json") }
        boxes = set.objects.map(\.box)
        numbers = set.objects.map(\.area)
      }
      numbers += boxes.flatMap { [$0.x, $0.y, $0.width, $0.height] }
      return numbers.allSatisfy(\.isFinite) ? nil : "numbers that are not finite"
    }
    #expect(outcome.failures == [])
    #expect(outcome.accepted > run.count / 20 && outcome.refused > run.count / 20)
  }
}
