import DarknetGeometry
import DarknetImages
import DarknetSystem
import Testing

@Suite struct DrawingTests {
  /// Offset 123457 mod 80 = 17, times 5 / 80 = 1.0625: 0.9375 of (0, 0, 1) and 0.0625 of (0, 1, 1),
  /// red being the last number: (255, 15.9, 0).
  @Test func `colours of classes`() {
    #expect(Color(ofClass: 0, of: 80) == Color(0xFF00FF))
    #expect(Color(ofClass: 1, of: 80) == Color(red: 255, green: 15, blue: 0))
    #expect(Color(ofClass: 0, of: 1) == Color(0xFF00FF))
    #expect(Color(ofClass: 7, of: 0) == Color(0xFF00FF))
  }

  @Test func `ink that can be read`() {
    #expect(Color(0xFFFF00).readableInk == .black)
    #expect(Color(0x0000FF).readableInk == .white)
  }

  /// 10 pixels wide: 0.25 - 0.1 and + 0.1 of 10 are 1.5 and 3.5, cut to 1 and 3.
  @Test func `edges of a box in pixels`() {
    let box = BoxAnnotation(
      Box(x: 0.25, y: 0.5, width: 0.2, height: 2), pictureWidth: 10, pictureHeight: 8,
      classIndex: 0, text: "")
    #expect((box.left, box.right, box.top, box.bottom) == (1, 3, 0, 7))
    let nan = BoxAnnotation(
      Box(x: .nan, y: .infinity, width: 1, height: 1), pictureWidth: 10, pictureHeight: 8,
      classIndex: 0, text: "")
    #expect((nan.left, nan.right, nan.top, nan.bottom) == (0, 0, 7, 7))
  }

  @Test func `a frame of whole pixels`() {
    let canvas = Canvas(width: 6, height: 5, background: .black)
    canvas.frame(x: 1, y: 1, width: 4, height: 3, line: 1, .white)
    let rows = (0..<5).map { y in
      (0..<6).map { canvas.bitmap[$0, y][0] == 255 ? "#" : "." }.joined()
    }
    #expect(rows == ["......", ".####.", ".#..#.", ".####.", "......"])
  }

  @Test func `frames outside of the picture are cut`() {
    let canvas = Canvas(width: 3, height: 3, background: .black)
    canvas.frame(x: -5, y: -5, width: 7, height: 7, line: 2, .white)
    canvas.frame(x: 50, y: 50, width: 7, height: 7, line: 2, .white)
    canvas.frame(x: 1, y: 1, width: 0, height: -4, line: 2, .white)
    #expect(canvas.bitmap[0, 0][0] == 255 && canvas.bitmap[1, 1][0] == 255)
    #expect(canvas.bitmap[2, 2][0] == 0)
  }

  /// A rectangle from 1.25 to 3.5 covers 0.75, 1 and 0.5 of its pixels.
  @Test func `smooth edges`() {
    let canvas = Canvas(width: 6, height: 2, background: .black)
    var path = Path()
    path.add(left: 1.25, top: 0, right: 3.5, bottom: 1)
    canvas.fill(path, .white)
    #expect((0..<6).map { canvas.bitmap[$0, 0][0] } == [0, 191, 255, 128, 0, 0])
    #expect((0..<6).allSatisfy { canvas.bitmap[$0, 1][0] == 0 })
  }

  /// The triangle (0, 0), (4, 0), (0, 4) covers half of each pixel on its long side.
  @Test func `a triangle`() {
    let canvas = Canvas(width: 4, height: 4, background: .black)
    var path = Path()
    path.add(polygon: [Point(0, 0), Point(4, 0), Point(0, 4)])
    canvas.fill(path, .white)
    #expect((0..<4).map { canvas.bitmap[$0, 0][0] } == [255, 255, 255, 128])
    #expect((0..<4).map { canvas.bitmap[$0, 3][0] } == [128, 0, 0, 0])
  }

  /// However an outline lies, it covers its area, and the part outside of the picture is cut.
  @Test func `the area of a circle`() {
    let canvas = Canvas(width: 64, height: 64, background: .black)
    var path = Path()
    path.add(circleAt: Point(30.3, 31.7), radius: 20)
    canvas.fill(path, .white)
    let area = (0..<64 * 64).reduce(0) { $0 + Float(canvas.bitmap.bytes[$1 * 3]) / 255 }
    // A polygon of 60 corners has 0.2 % less than the circle.
    #expect(abs(area - 400 * .pi) < 4)
    let half = Canvas(width: 64, height: 64, background: .black)
    var cut = Path()
    cut.add(circleAt: Point(0, 32), radius: 20)
    half.fill(cut, .white)
    let halfArea = (0..<64 * 64).reduce(0) { $0 + Float(half.bitmap.bytes[$1 * 3]) / 255 }
    #expect(abs(halfArea - 200 * .pi) < 2)
  }

  @Test func `lines with gaps and numbers that are none`() {
    let canvas = Canvas(width: 20, height: 20)
    canvas.polyline(
      [Point(1, 1), Point(5, 5), Point(.nan, 3), Point(9, 9), Point(1e30, -1e30), Point(3, 3)],
      width: 2, .black)
    canvas.line(from: Point(2, .infinity), to: Point(3, 3), .black)
    canvas.text("x", at: Point(.nan, 2), size: 10, .black)
    #expect(canvas.bitmap[3, 3][0] < 128)
  }

  @Test func `text is inked where it stands`() {
    let canvas = Canvas(width: 100, height: 30)
    canvas.text("Hop", at: Point(5, 22), size: 20, .black)
    let inked = (0..<100 * 30).filter { canvas.bitmap.bytes[$0 * 3] < 128 }
    let columns = inked.map { $0 % 100 }
    let rows = inked.map { $0 / 100 }
    #expect(inked.count > 60)
    #expect(columns.min()! >= 5 && columns.max()! <= 5 + Int(canvas.width(of: "Hop", size: 20)))
    // Capitals rise 0.73 of the size above the baseline, the p goes below it.
    #expect(rows.min()! >= 22 - 15 && rows.max()! > 22 && rows.max()! < 28)
  }

  @Test func `letters that the font lacks are boxes, accents may stand apart`() {
    let canvas = Canvas(width: 10, height: 10)
    #expect(canvas.width(of: "漢", size: 16) == 10)
    #expect(canvas.width(of: "o\u{308}", size: 16) == canvas.width(of: "ö", size: 16))
    #expect(canvas.width(of: "", size: 16) == 0)
  }

  /// Every tag stays inside, wherever the box is, however long its text.
  @Test(arguments: [1, 2, 10, 40, 333])
  func `tags stay inside any picture`(side: Int) {
    let canvas = Canvas(width: side, height: max(1, side / 2))
    let texts = ["", "a", "a very long class name, and another, and one more 100%", "é\n\t漢"]
    let boxes = (0..<40).map { k in
      BoxAnnotation(
        Box(x: Float(k % 7) / 6, y: Float(k % 5) / 4, width: 0.3, height: 0.4),
        pictureWidth: canvas.bitmap.width, pictureHeight: canvas.bitmap.height,
        classIndex: k, text: texts[k % 4])
    }
    canvas.draw(boxes, classCount: 3)
  }

  @Test func `a tag stands above its box, or inside at the upper edge`() {
    let canvas = Canvas(width: 200, height: 200)
    let color = Color(ofClass: 1, of: 4)
    func box(_ top: Float) -> BoxAnnotation {
      BoxAnnotation(
        Box(left: 0.1, top: top, right: 0.9, bottom: 0.9), pictureWidth: 200, pictureHeight: 200,
        classIndex: 1, text: "dog")
    }
    func isColored(_ x: Int, _ y: Int) -> Bool {
      canvas.bitmap[x, y] == [color.red, color.green, color.blue]
    }
    canvas.draw([box(0.5)], classCount: 4)
    #expect(isColored(21, 97) && !isColored(21, 104))
    canvas.draw([box(0)], classCount: 4)
    #expect(isColored(21, 3))
  }

  @Test func `line width and text size`() {
    #expect(Canvas(width: 1, height: 400).boxLineWidth == 1)
    #expect(Canvas(width: 1, height: 1500).boxLineWidth == 3)
    #expect(Canvas(width: 1, height: 100).boxTextSize == 12)
    #expect(Canvas(width: 1, height: 1000).boxTextSize == 30)
    #expect(Canvas(width: 1, height: 9000).boxTextSize == 96)
  }
}
