import DarknetEvaluation
import DarknetGeometry
import DarknetText
import Testing

/// A box that leaves the picture at the left and the top, with two classes, and one inside.
private let picture = ResultsPicture(path: "a/b_c/COCO_val_000042.v2.jpg", width: 100, height: 80)
private let detections: DetectionSet = {
  var set = DetectionSet(classCount: 12)
  set.append(Box(x: 10, y: 5, width: 40, height: 20), objectness: 1) {
    $0[0] = 0.5
    $0[11] = 0.25
  }
  set.append(Box(x: 95.5, y: 40.25, width: 20, height: 10.5), objectness: 1) { $0[2] = 0.125 }
  set.append(Box(x: .nan, y: 40, width: 20, height: 10), objectness: 1) { $0[2] = 0.125 }
  return set
}()

@Suite struct ResultsWriterTests {
  @Test func `coco: corner and size, cut at the edges`() {
    var text = TextBuffer()
    var writer = JSONResultsWriter()
    writer.coco(detections, picture: picture, identity: 42, to: &text)
    writer.coco(DetectionSet(classCount: 12), picture: picture, identity: 43, to: &text)
    writer.finish(&text)
    #expect(
      text.string == """
        [
        {"image_id":42, "category_id":1, "bbox":[0.000000, 0.000000, 30.000000, 15.000000], "score":0.500000},
        {"image_id":42, "category_id":13, "bbox":[0.000000, 0.000000, 30.000000, 15.000000], "score":0.250000},
        {"image_id":42, "category_id":3, "bbox":[85.500000, 35.000000, 14.500000, 10.500000], "score":0.125000}
        ]

        """)
  }

  @Test func `a file without detections is an empty array`() {
    var text = TextBuffer()
    JSONResultsWriter().finish(&text)
    #expect(text.string == "[\n]\n")
  }

  @Test func `imagenet: everything counted from 1 but pixels`() {
    var text = TextBuffer()
    ResultsWriter.imagenet(detections, picture: picture, number: 7, to: &text)
    #expect(
      text.string == """
        7 1 0.500000 0.000000 0.000000 30.000000 15.000000
        7 12 0.250000 0.000000 0.000000 30.000000 15.000000
        7 3 0.125000 85.500000 35.000000 100.000000 45.500000

        """)
  }

  @Test func `voc: a text a class, pixels from 1`() {
    var texts = [TextBuffer](repeating: TextBuffer(), count: 12)
    ResultsWriter.voc(detections, picture: picture, to: &texts)
    #expect(
      texts[0].string == "COCO_val_000042 0.500000 1.000000 1.000000 31.000000 16.000000\n")
    #expect(
      texts[2].string == "COCO_val_000042 0.125000 86.500000 36.000000 100.000000 46.500000\n")
    #expect(texts.count { !$0.isEmpty } == 3)
  }

  @Test func `kitti: its own class names, then the user's`() {
    var text = TextBuffer()
    ResultsWriter.kitti(
      detections, picture: picture, names: Array(repeating: "x", count: 12), to: &text)
    #expect(
      text.string == """
        car -1 -1 -10 0.000000 0.000000 30.000000 15.000000 -1 -1 -1 -1000 -1000 -1000 -10 0.500000
        x -1 -1 -10 0.000000 0.000000 30.000000 15.000000 -1 -1 -1 -1000 -1000 -1000 -10 0.250000
        cyclist -1 -1 -10 85.500000 35.000000 100.000000 45.500000 -1 -1 -1 -1000 -1000 -1000 -10 0.125000

        """)
  }

  @Test func `bdd: indented objects under the picture's name`() {
    var text = TextBuffer()
    var writer = JSONResultsWriter()
    var set = DetectionSet(classCount: 10)
    set.append(Box(x: 10, y: 5, width: 40, height: 20), objectness: 1) { $0[6] = 0.5 }
    set.append(Box(x: 10, y: 5, width: 4, height: 2), objectness: 1) { $0[0] = 0.25 }
    let odd = ResultsPicture(path: "x/a\"b.jpg", width: 100, height: 80)
    writer.bdd(set, picture: odd, names: [], to: &text)
    writer.finish(&text)
    #expect(
      text.string == "[\n\t{\n\t\t\"name\":\"a\\\"b\",\n\t\t\"category\":\"traffic light\",\n"
        + "\t\t\"bbox\":[0.000000, 0.000000, 30.000000, 15.000000],\n\t\t\"score\":0.500000\n\t},\n"
        + "\t{\n\t\t\"name\":\"a\\\"b\",\n\t\t\"category\":\"bike\",\n"
        + "\t\t\"bbox\":[8.000000, 4.000000, 12.000000, 6.000000],\n\t\t\"score\":0.250000\n\t}\n]\n"
    )
  }

  @Test(arguments: [
    ("COCO_val2014_000000000042.jpg", 42), ("000000000042.jpg", 42), ("my_data/0042.jpg", 42),
    ("a/17_b.png", 17), ("a/b.png", nil), ("a/999999999999999999999.jpg", nil), ("", nil),
    ("x_7", 7), ("/", nil),
  ])
  func `the number of a picture`(path: String, identity: Int?) {
    #expect(ResultsPicture(path: path, width: 1, height: 1).cocoIdentity == identity)
  }

  @Test func `categories 1 to 90 without COCO's ten gaps`() {
    #expect(ResultsWriter.cocoCategories.count == 80)
    #expect(
      [0, 10, 11, 24, 26, 39, 60, 61, 79, 80].map(ResultsWriter.cocoCategory) == [
        1, 11, 13, 27, 31, 44, 67, 70, 90, 91,
      ])
  }

  @Test(arguments: [
    (Float(0), "0.000000"), (-0.0, "-0.000000"), (1, "1.000000"), (-2.5, "-2.500000"),
    // 0.0000005 lies just below half a millionth in float32, 2^-21 rounds down, 2^-7 is exact.
    (0.0000005, "0.000000"), (0.0078125, "0.007812"), (0.0234375, "0.023438"),
    (16_777_216, "16777216.000000"), (1e13, "9999999827968.000000"),
    (3.4028235e38, "340282346638528859811704183484516925440.000000"),
    (-.infinity, "-inf"), (.nan, "-nan"), (-1e-9, "-0.000000"), (999.9999999, "1000.000000"),
  ])
  func `numbers as printf writes them`(value: Float, expected: String) {
    var text = TextBuffer()
    text.append(value)
    #expect(text.string == expected)
  }

  /// Every number of the reference results, read as float32, is written as it stood.
  @Test(.enabled(if: SharedFiles.arePresent, "needs ../shared"))
  func `numbers of reference results come out as they went in`() throws {
    let file = try SharedFiles.unzipped("golden/eval/valid-alexeyab.json.gz")
    let numbers = String(decoding: file, as: UTF8.self).matches(of: /-?[0-9]+\.[0-9]{6}/)
    #expect(numbers.count == 39_051 * 5)
    for match in numbers {
      var text = TextBuffer()
      text.append(Float(match.output)!)
      if text.string != match.output {
        Issue.record("\(match.output) became \(text.string)")
        break
      }
    }
  }
}
