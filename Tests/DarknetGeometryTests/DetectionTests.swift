import DarknetGeometry
import Testing

@Suite struct DetectionSetTests {
  @Test func `rows keep their probabilities when reordered`() {
    var set = DetectionSet(classCount: 2)
    let unit = Box(x: 0, y: 0, width: 1, height: 1)
    set.append(unit, objectness: 0.5) { $0[1] = 0.25 }
    set.append(Detection(box: unit.scaled(2, 2), objectness: 0.75, probabilities: [0.5, 0.5]))
    set.append(unit, objectness: 0.125) { _ in }
    #expect(set.map(\.bestClass) == [1, 0, nil])
    #expect(set.probability(0, class: 1) == 0.25)
    set.reorder([1, 0])
    #expect(set.boxes.map(\.width) == [2, 1])
    #expect(set.objectness == [0.75, 0.5])
    #expect(set.probabilities == [0.5, 0.5, 0, 0.25])
    set.append(contentsOf: set)
    #expect(set.count == 4)
    #expect(set[3].probabilities == [0, 0.25])
  }

  @Test func `the best class is the first of the highest, and NaN is never it`() {
    let unit = Box(x: 0, y: 0, width: 1, height: 1)
    func best(_ row: [Float]) -> Int? {
      Detection(box: unit, objectness: 1, probabilities: row).bestClass
    }
    #expect(best([0.1, 0.3, 0.3]) == 1)
    #expect(best([.nan, 0.2]) == 1)
    #expect(best([0, -1]) == nil)
    #expect(best([]) == nil)
  }
}

@Suite struct PictureFrameTests {
  @Test(arguments: [
    // 640 x 480 into 416: 480 * 416 / 640 = 312 rows, 52 above.
    (640, 480, 416, 416, 416, 312, 0, 52),
    (480, 640, 416, 416, 312, 416, 52, 0),
    // 333 * 416 / 500 = 277.056, bar 139 / 2 = 69.
    (500, 333, 416, 416, 416, 277, 0, 69),
    (416, 416, 416, 416, 416, 416, 0, 0),
    // Wider than the network can show a row of.
    (10_000, 1, 416, 416, 416, 1, 0, 207),
    (1, 10_000, 608, 320, 1, 320, 303, 0),
  ])
  func `letterbox keeps the aspect ratio, rounded down`(
    width: Int, height: Int, networkWidth: Int, networkHeight: Int,
    contentWidth: Int, contentHeight: Int, left: Int, top: Int
  ) {
    let frame = LetterboxTransform(
      pictureWidth: width, pictureHeight: height, networkWidth: networkWidth,
      networkHeight: networkHeight, letterbox: true)
    #expect(frame.contentWidth == contentWidth)
    #expect(frame.contentHeight == contentHeight)
    #expect(frame.contentLeft == left)
    #expect(frame.contentTop == top)
  }

  /// 312 of 416 rows: ratio 0.75, bar 0.125. (0.25 - 0.125) / 0.75 = 1/6; height 0.3 / 0.75 = 0.4.
  @Test func `a box leaves the letterbox`() {
    let frame = LetterboxTransform(
      pictureWidth: 640, pictureHeight: 480, networkWidth: 416, networkHeight: 416,
      letterbox: true)
    let box = frame.toPicture(Box(x: 0.5, y: 0.25, width: 0.2, height: 0.3))
    #expect(box.x == 0.5)
    #expect(abs(box.y - 1 / 6) < 1e-7)
    #expect(box.width == 0.2)
    #expect(abs(box.height - 0.4) < 1e-7)

    var set = DetectionSet(classCount: 0)
    set.append(
      Detection(
        box: Box(x: 0.5, y: 0.5, width: 0.5, height: 0.375), objectness: 1, probabilities: []))
    set.undo(frame, inPixels: true)
    #expect(set.boxes == [Box(x: 320, y: 240, width: 320, height: 240)])
  }

  @Test func `a stretched picture needs no correction`() {
    let frame = LetterboxTransform(
      pictureWidth: 641, pictureHeight: 479, networkWidth: 416, networkHeight: 320,
      letterbox: false)
    let box = Box(x: 0.1, y: 0.2, width: 0.3, height: 0.4)
    #expect(frame.toPicture(box) == box)
    #expect(frame.toPicturePixels(box) == box.scaled(641, 479))
  }
}
