import DarknetEvaluation
import DarknetText
import Testing

private func dataset(_ text: String) throws -> CocoDataset {
  try Array(text.utf8).withUnsafeBytes { try CocoDataset(json: $0, file: "truth.json") }
}

private func results(_ text: String) throws -> [CocoDetection] {
  try Array(text.utf8).withUnsafeBytes { try CocoDetection.list(json: $0, file: "results.json") }
}

@Suite struct CocoFileTests {
  @Test func `an instances file, whatever else it holds`() throws {
    let set = try dataset(
      """
      \u{FEFF}{ "info": {"a": [1, [2, {"b": null}], "\\u00e9\\"]"], "c": true}, "licenses": [],
        "images": [{"file_name": "x.jpg", "id": 7}, {"id": 9.0, "width": 640}],
        "annotations": [
          {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1.5, 2, 3e1, 0.4E+1],
           "segmentation": [[1, 2, 3]], "area": 17.25, "iscrowd": 0},
          {"image_id": 9, "category_id": 3, "bbox": [-1, 0, 2, 4], "iscrowd": 1}],
        "categor\\u0069es": [{"id": 3, "name": "cat"}] }
      """)
    #expect(set.images == [7, 9])
    #expect(set.categories == [3])
    #expect(
      set.objects == [
        .init(
          image: 7, category: 3, box: CocoBox(x: 1.5, y: 2, width: 30, height: 4), area: 17.25),
        .init(
          image: 9, category: 3, box: CocoBox(x: -1, y: 0, width: 2, height: 4), area: 8,
          isCrowd: true),
      ])
  }

  @Test(arguments: [
    "0", "-0.0", "1", "0.1", "-12.345678", "564.5", "123456789012345", "9007199254740993",
    "0.30000000000000004", "1e-7", "1.7976931348623157e308", "5e-324", "33.333333333333336",
    "0.1234567890123456", "4.35", "1234567.8901234567",
  ])
  func `numbers are the nearest doubles`(text: String) throws {
    let row = try results(
      #"[{"image_id":1,"category_id":1,"bbox":[0,0,0,0],"score":\#(text)}]"#)
    #expect(row[0].score.bitPattern == Double(text)!.bitPattern)
  }

  @Test func `an empty results file`() throws {
    #expect(try results("[\n]\n").isEmpty)
  }

  @Test(arguments: [
    ("", "results.json:1: expected an array, found the end of the file"),
    ("{}", "results.json:1: expected an array, found '{'"),
    (
      "[{\"bbox\":[0,0,1e200,1e200]}]",
      "results.json:1: [0].bbox: expected numbers of -1e100...1e100, found a larger one"
    ),
    ("[\n1]", "results.json:2: [0]: expected an object, found '1'"),
    ("[{\"a\" 1}]", "results.json:1: [0].a: expected ':' after the name, found '1'"),
    (
      "[{}\n,\n{}]",
      "results.json:1: [0]: expected 'image_id', 'category_id', 'bbox' and 'score', found not all of them"
    ),
    ("[{\"bbox\":[1,2,3]}]", "results.json:1: [0].bbox: expected 4 numbers, found 3"),
    ("[{\"bbox\":[1,2,x,3]}]", "results.json:1: [0].bbox[2]: expected a number, found 'x'"),
    ("[{\"score\":1e999}]", "results.json:1: [0].score: expected a number, found '1e999'"),
    ("[{\"score\":NaN}]", "results.json:1: [0].score: expected a number, found 'N'"),
    ("[{\"score\":.5}]", "results.json:1: [0].score: expected a number, found '.'"),
    ("[{\"score\":5.}]", "results.json:1: [0].score: expected a digit, found '}'"),
    ("[{\"image_id\":1.5}]", "results.json:1: [0].image_id: expected a whole number, found 1.5"),
    (
      "[{\"image_id\":1e300}]",
      "results.json:1: [0].image_id: expected a whole number, found 1e+300"
    ),
    ("[{\"a\":\"b\n\"}]", "results.json:1: [0].a: expected the end of the text, found byte 10"),
    (
      "[{\"a\":\"\\",
      "results.json:1: [0].a: expected the end of the text, found the end of the file"
    ),
    ("[{\"a\":tru}]", "results.json:1: [0].a: expected a number, found 't'"),
    ("[] []", "results.json:1: expected the end of the file, found '['"),
    ("[1,]", "results.json:1: [0]: expected an object, found '1'"),
  ])
  func `faults name line and place`(text: String, message: String) {
    let error = #expect(throws: ConfigError.self) { try results(text) }
    #expect(error?.description == message + "; fix the file or write it again")
  }

  @Test func `areas that no picture has are refused`() {
    let text =
      #"{"images":[{"id":1}],"categories":[{"id":2,"name":"a"}],"#
      + #""annotations":[{"image_id":1,"category_id":2,"bbox":[0,0,1,1],"area":1e200}]}"#
    let error = #expect(throws: ConfigError.self) { try dataset(text) }
    #expect(
      error?.description
        == "truth.json:1: annotations[0].area: expected numbers of -1e100...1e100, found a larger "
        + "one; fix the file or write it again")
  }

  @Test func `deep nesting is refused, not crashed on`() {
    let deep = String(repeating: "[", count: 100_000)
    let error = #expect(throws: ConfigError.self) { try dataset("{\"info\":" + deep) }
    #expect(
      error?.description
        == "truth.json:1: info: expected at most 200 levels, found more; "
        + "fix the file or write it again")
  }

  /// Random damage gives a result or an error.
  @Test func `broken files never crash`() {
    let good = Array(
      #"{"images":[{"id":1}],"categories":[{"id":2,"name":"a\u00e9\n"}],"annotations":[{"image_id":1,"category_id":2,"bbox":[0,1.5,2e1,3],"area":6,"iscrowd":0}]}"#
        .utf8)
    var state: UInt64 = 11
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    var read = 0
    for _ in 0..<10_000 {
      var bytes = good
      for _ in 0...below(3) {
        switch below(3) {
        case 0: bytes[below(bytes.count)] = UInt8(below(256))
        case 1: bytes.remove(at: below(bytes.count))
        default: bytes.removeLast(min(bytes.count - 1, below(40)))
        }
      }
      bytes.withUnsafeBytes { if (try? CocoDataset(json: $0, file: "x")) != nil { read += 1 } }
    }
    #expect(read > 0)
  }
}
