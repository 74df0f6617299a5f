import DarknetData
import DarknetGeometry
import Testing

@Suite struct LabelTests {
  // MARK: Paths

  @Test(arguments: [
    ("data/a.jpg", "data/a.txt"),
    ("data/images/a.jpg", "data/images/a.txt"),
    ("coco/images/train2017/a.jpg", "coco/labels/train2017/a.txt"),
    ("coco/images/val2014/a.jpeg", "coco/labels/val2014/a.txt"),
    ("VOC2007/JPEGImages/a.JPG", "VOC2007/labels/a.txt"),
    ("/JPEGImages/JPEGImages/a.png", "/labels/JPEGImages/a.txt"),
    ("c:\\x\\JPEGImages\\a.bmp", "c:\\x\\labels\\a.txt"),
    ("a.jpg.b/c.tiff", "a.jpg.b/c.txt"),
    ("  a b.PNG ", "a b.txt"),
    ("x.Jpg", "x.txt"),
  ])
  func `the path follows AlexeyAB's rule`(picture: String, labels: String) {
    #expect(LabelPath.alexeyab(picture) == labels)
  }

  @Test(arguments: ["a.gif", "a", ".jpg", "", "jpg"])
  func `a name that is no picture's has no labels`(picture: String) {
    #expect(LabelPath.alexeyab(picture) == nil)
  }

  @Test(arguments: [
    ("data/images/a.jpg", "data/labels/a.txt"),
    ("my.images.d/raw/a.jpg", "my.labels.d/labels/a.txt"),
    // `JPEGImages` holds no `images`: the rule tells capitals apart.
    ("JPEGImages/a.JPEG", "labels/a.txt"),
    ("a.jpg.b/c.png", "a.txt.b/c.txt"),
    ("a.gif", "a.gif"),
  ])
  func `the path follows pjreddie's rule`(picture: String, labels: String) {
    #expect(LabelPath.pjreddie(picture) == labels)
  }

  @Test func `pjreddie's place is the second to look at`() {
    let picture = "set/images/a.jpg"
    #expect(
      LabelPath.candidates(for: picture, dialect: .alexeyab)
        == ["set/images/a.txt", "set/labels/a.txt"])
    #expect(LabelPath.candidates(for: picture, dialect: .pjreddie) == ["set/labels/a.txt"])
    #expect(LabelPath.candidates(for: "set/a.jpg", dialect: .alexeyab) == ["set/a.txt"])
  }

  /// Picture, and all places in their order.
  static let places: [(String, [String])] = [
    ("train/images/p1.jpeg", ["train/images/p1.txt", "train/labels/p1.txt"]),
    ("images/a.PNG", ["images/a.txt", "labels/a.txt"]),
    (
      "t/images/my_raw_2.jpg",
      ["t/images/my_raw_2.txt", "t/labels/my_raw_2.txt", "t/labels/my_labels_2.txt"]
    ),
    // His rule would lead to a picture there.
    (
      "t/images/a.jpg_350x350.jpg",
      ["t/images/a.jpg_350x350.txt", "t/labels/a.jpg_350x350.txt"]
    ),
    (
      "my_images_v2/images/a.jpg",
      ["my_images_v2/images/a.txt", "my_images_v2/labels/a.txt", "my_labels_v2/images/a.txt"]
    ),
    (
      "images/train/images/a.jpg",
      ["images/train/images/a.txt", "images/train/labels/a.txt", "labels/train/images/a.txt"]
    ),
    (
      "coco/images/train2017/a.jpg", ["coco/labels/train2017/a.txt", "coco/images/train2017/a.txt"]
    ),
    ("JPEGImages/a.jpg", ["JPEGImages/a.txt", "labels/a.txt"]),
    ("x/JPEGImages/a.jpg", ["x/labels/a.txt", "x/JPEGImages/a.txt"]),
    ("set/images/a.jfif", ["set/labels/a.txt", "set/images/a.txt"]),
    (".hidden", [".hidden.txt"]),
    ("a.txt", []),
  ]

  @Test(arguments: places)
  func `all places in order, none twice`(picture: String, places: [String]) {
    #expect(LabelPath.candidates(for: picture, dialect: .alexeyab) == places)
  }

  // MARK: Lines

  @Test(arguments: [
    "1 0.5 0.25 0.125 0.5\n0 .75 0.5 1 1e-1\n",
    "\u{FEFF}1 0.5 0.25 0.125 0.5\r\n\r\n0 0.75 0.5 1.0 0.1\r\n",
    "  1\t0.5   0.25 0.125 +0.5 \n\n0.0 0.75 0.5 1.000001 0.1",
  ])
  func `objects come in the file's order`(text: String) {
    let labels = LabelFile(text: text.utf8, name: "a.txt", classes: 2)
    #expect(
      labels.objects == [
        GroundTruth(box: Box(x: 0.5, y: 0.25, width: 0.125, height: 0.5), classIndex: 1),
        GroundTruth(box: Box(x: 0.75, y: 0.5, width: 1, height: 0.1), classIndex: 0),
      ])
    #expect(labels.problems.isEmpty)
  }

  /// The line, what is expected and found, and what follows.
  static let faults: [(String, String)] = [
    ("2 0.5 0.5 0.1 0.1", "expected a class in 0...1, found 2; the object is left out"),
    ("-1 0.5 0.5 0.1 0.1", "expected a class in 0...1, found -1; the object is left out"),
    (
      "cat 0.5 0.5 0.1 0.1",
      "expected a whole number as class, found 'cat'; the object is left out"
    ),
    (
      "0.5 0.5 0.5 0.1 0.1",
      "expected a whole number as class, found '0.5'; the object is left out"
    ),
    (
      "nan 0.5 0.5 0.1 0.1",
      "expected a whole number as class, found 'nan'; the object is left out"
    ),
    (
      "1e300 0.5 0.5 0.1 0.1",
      "expected a whole number as class, found '1e300'; the object is left out"
    ),
    (
      "0 0.5 0.5 0.1",
      "expected 'class x y width height', found 4 numbers; the object is left out"
    ),
    ("0", "expected 'class x y width height', found 1 number; the object is left out"),
    (
      "1,0.5,0.5,0.2,0.2",
      "expected 'class x y width height', found commas between the numbers; use spaces; the "
        + "object is left out"
    ),
    (
      "1, 0.5, 0.5, 0.2, 0.2",
      "expected 'class x y width height', found commas between the numbers; use spaces; the "
        + "object is left out"
    ),
    (
      "1;0.5;0.5;0.2;0.2",
      "expected 'class x y width height', found semicolons between the numbers; use spaces; the "
        + "object is left out"
    ),
    (
      "c\u{1B}[2J 0.5 0.5 0.1 0.1",
      "expected a whole number as class, found 'c\\x1B[2J'; the object is left out"
    ),
    (
      "0 0.1 0.1 0.2 0.1 0.2 0.2",
      "expected 'class x y width height', found 7 numbers; outlines and key points are not "
        + "read; the object is left out"
    ),
    (
      "0 0,5 0.5 0.1 0.1",
      "expected a number as x, found '0,5'; write decimals with a point; the object is left out"
    ),
    ("0 0.5 0.5x 0.1 0.1", "expected a number as y, found '0.5x'; the object is left out"),
    ("0 0.5 0.5 nan 0.1", "expected a finite number as width, found 'nan'; the object is left out"),
    (
      "0 0.5 0.5 0.1 1e99",
      "expected a finite number as height, found '1e99'; the object is left out"
    ),
    (
      "0 0.5 0.5 0 0.1",
      "expected a width and height above 0, found 0.0 and 0.1; the object is left out"
    ),
    (
      "0 0.5 0.5 0.1 -0.1",
      "expected a width and height above 0, found 0.1 and -0.1; the object is left out"
    ),
    (
      "0 0 0 0.1 0.1",
      "expected a centre inside the picture, found x and y of 0; the object is left out"
    ),
    (
      "0 1.25 0.5 0.1 0.1",
      "expected a centre with x and y in 0...1, found 1.25 and 0.5; the object is left out"
    ),
    (
      "0 320 240 0.1 0.1",
      "expected a centre with x and y in 0...1, found 320.0 and 240.0; "
        + "divide pixels by the picture's size; the object is left out"
    ),
  ]

  @Test(arguments: faults)
  func `a bad line is told and left out, the others count`(line: String, message: String) {
    let text = "0 0.5 0.5 0.1 0.1\n\(line)\n1 0.5 0.5 0.1 0.1\n"
    let labels = LabelFile(text: text.utf8, name: "d/a.txt", classes: 2)
    #expect(labels.objects.map(\.classIndex) == [0, 1])
    #expect(labels.problems.map(\.description) == ["d/a.txt:2: \(message)"])
    #expect(labels.problems.map(\.group) == [.badLabels])
  }

  @Test func `too large a box is cut and a confidence dropped`() {
    let labels = LabelFile(
      text: "0 0.5 0.5 1.5 0.5\n1 0.5 0.5 0.1 0.1 0.93".utf8, name: "a.txt", classes: nil)
    #expect(
      labels.objects == [
        GroundTruth(box: Box(x: 0.5, y: 0.5, width: 1, height: 0.5), classIndex: 0),
        GroundTruth(box: Box(x: 0.5, y: 0.5, width: 0.1, height: 0.1), classIndex: 1),
      ])
    #expect(
      labels.problems.map(\.description) == [
        "a.txt:1: expected a width and height of at most 1, found 1.5 and 0.5; "
          + "the object is cut to the picture",
        "a.txt:2: expected 'class x y width height', found a sixth number; it is taken for a "
          + "confidence and dropped, here and in other files",
      ])
    #expect(labels.problems.map(\.group) == [.mendedLabels, .mendedLabels])
  }

  @Test func `any bytes are read without a crash`() {
    let junk = (0..<4000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 7) }
    let labels = LabelFile(text: junk, name: "a.txt", classes: 3)
    #expect(labels.objects.isEmpty)
    #expect(!labels.problems.isEmpty)
  }

  // MARK: Files

  @Test func `labels are looked for in both places`() throws {
    try withFolder { folder in
      try makeFolder("\(folder)/images")
      try makeFolder("\(folder)/labels")
      try write("1 0.5 0.5 0.1 0.1", to: "\(folder)/labels/a.txt")
      let picture = "\(folder)/images/a.jpg"
      #expect(LabelFile(ofPicture: picture, classes: 2).objects.map(\.classIndex) == [1])
      try write("0 0.5 0.5 0.1 0.1", to: "\(folder)/images/a.txt")
      #expect(LabelFile(ofPicture: picture, classes: 2).objects.map(\.classIndex) == [0])
      #expect(
        LabelFile(ofPicture: picture, classes: 2, dialect: .pjreddie).objects.map(\.classIndex)
          == [1])
    }
  }

  @Test func `missing labels are a problem with both places`() {
    #expect(
      LabelFile(ofPicture: "no/images/a.jpg", classes: 2).problems.map(\.description) == [
        "no/images/a.txt: expected the labels of 'no/images/a.jpg', found no such file, nor "
          + "'no/labels/a.txt'; write an empty file if the picture shows no objects, as is assumed"
      ])
    #expect(
      LabelFile(ofPicture: "no/a.gif", classes: 2).problems.map(\.description) == [
        "no/a.txt: expected the labels of 'no/a.gif', found no such file; write an empty file if "
          + "the picture shows no objects, as is assumed"
      ])
    #expect(
      LabelFile(ofPicture: "no/a.txt", classes: 2).problems.map(\.description) == [
        "no/a.txt: expected a picture, found the name of a label file; list the pictures; without "
          + "labels it counts as one without objects"
      ])
    for picture in ["data/p1.jpeg", "images/p1.bmp"] {
      #expect(
        LabelFile(ofPicture: picture, classes: 2, dialect: .pjreddie).problems.map(\.description)
          == [
            "\(picture): expected a picture named .jpg, .png, .JPG or .JPEG, found another name; "
              + "pjreddie's rule has no label file for it: rename it; without labels it counts as "
              + "one without objects"
          ])
    }
  }

  @Test(arguments: [
    ("a.jpg.txt", "rename it"), ("a.TXT", "rename it"),
    ("a.xml", "convert it to lines of 'class x y width height'"),
    ("a.json", "convert it to lines of 'class x y width height'"),
  ])
  func `a file that may be meant is named`(name: String, advice: String) throws {
    try withFolder { folder in
      try write("0 .5 .5 .1 .1", to: "\(folder)/\(name)")
      #expect(
        LabelFile(ofPicture: "\(folder)/a.jpg", classes: 2).problems.map(\.description) == [
          "\(folder)/a.txt: expected the labels of '\(folder)/a.jpg', found no such file, but "
            + "'\(folder)/\(name)'; \(advice); without labels the picture counts as one without "
            + "objects"
        ])
    }
  }

  @Test func `two label files of one picture are said if they differ`() throws {
    try withFolder { folder in
      try makeFolder("\(folder)/images")
      try makeFolder("\(folder)/labels")
      try write("0 .5 .5 .1 .1", to: "\(folder)/images/a.txt")
      try write("0 .5 .5 .1 .1", to: "\(folder)/labels/a.txt")
      let picture = "\(folder)/images/a.jpg"
      #expect(LabelFile(ofPicture: picture, classes: 2).problems.isEmpty)
      try write("1 .5 .5 .1 .1", to: "\(folder)/labels/a.txt")
      let labels = LabelFile(ofPicture: picture, classes: 2)
      #expect(labels.objects.map(\.classIndex) == [0])
      #expect(
        labels.problems.map(\.description) == [
          "\(folder)/images/a.txt: expected one label file of the picture, found another one with "
            + "other content, '\(folder)/labels/a.txt'; this one counts; remove one of them"
        ])
      #expect(labels.problems.map(\.group) == [.ambiguousLabels])
    }
  }

  // MARK: Other encodings

  /// UTF-16 with its mark.
  static func utf16(_ text: String, bigEndian: Bool = false) -> [UInt8] {
    ([0xFEFF] + Array(text.utf16)).flatMap { unit -> [UInt8] in
      let (high, low) = (UInt8(unit >> 8), UInt8(unit & 0xFF))
      return bigEndian ? [high, low] : [low, high]
    }
  }

  @Test(arguments: [false, true])
  func `UTF-16 with its mark is read`(bigEndian: Bool) throws {
    let labels = LabelFile(
      text: Self.utf16("1 .5 .5 .25 .5\r\n", bigEndian: bigEndian), name: "a.txt", classes: 2)
    #expect(labels.objects.map(\.classIndex) == [1])
    #expect(labels.problems.isEmpty)
    let list = try ListFile(
      text: Self.utf16("ä 🐕.jpg\r\nb.jpg", bigEndian: bigEndian), name: "l")
    #expect(list.pictures == ["ä 🐕.jpg", "b.jpg"])
    let names = try NamesFile(text: Self.utf16("cat\nçà", bigEndian: bigEndian), name: "n")
    #expect(names.names == ["cat", "çà"])
  }

  /// Bytes, and what they are called.
  static let noText: [([UInt8], String)] = [
    (Array(utf16("0 .5 .5 .1 .1").dropFirst(2)), "UTF-16 text without its mark; save it as UTF-8"),
    (utf16("0 .5") + [0x41], "damaged UTF-16 text; save it as UTF-8"),
    ([0xFF, 0xFE, 0x00, 0xD8, 0x20, 0x00], "damaged UTF-16 text; save it as UTF-8"),
    (
      [0x31, 0x20, 0x00, 0x00, 0x07],
      "zero bytes, as in pictures and weights; check that the right file was named"
    ),
  ]

  @Test(arguments: noText.indices)
  func `bytes of value 0 are named, not printed`(index: Int) {
    let (bytes, words) = Self.noText[index]
    let labels = LabelFile(text: bytes, name: "a.txt", classes: 2)
    #expect(
      labels.problems.map(\.description) == [
        "a.txt: expected a readable label file, found \(words); objects in the picture are not known"
      ])
    #expect(!labels.isUsable)
    #expect {
      try ListFile(text: bytes, name: "l")
    } throws: {
      "\($0)" == "l: expected one picture path per line, found \(words)"
    }
  }

  @Test func `a folder in place of the labels is unreadable`() throws {
    try withFolder { folder in
      try makeFolder("\(folder)/a.txt")
      #expect(
        LabelFile(ofPicture: "\(folder)/a.jpg", classes: 2).problems.map(\.description) == [
          "\(folder)/a.txt: expected a readable label file, found Is a directory; "
            + "objects in the picture are not known"
        ])
    }
  }

  // MARK: Lists of what is bad

  @Test func `each problem is told once and written as Darknet writes it`() throws {
    try withFolder { folder in
      let log = ProblemLog(writingListsTo: folder)
      let lines = [
        "7 .5 .5 .1 .1", "0 0 0 .1 .1", "0 2 .5 .1 .1", "0 .5 .5 .1", "0 .5 .5 3 .1",
        "0 .5 .5 .1 .1 1", "0 .5 .5 .1 .1 1",
      ]
      let name = "a \"b\" $(c).txt"
      let problems = LabelFile(
        text: lines.joined(separator: "\n").utf8, name: name, classes: 2
      ).problems
      // The second confidence is no news.
      #expect(log.note(problems).count == 6)
      #expect(log.note(problems).isEmpty)
      #expect(log.note(LabelFile(ofPicture: "no/a.jpg", classes: 2).problems).count == 1)
      #expect(log.count(.badLabels) == 4)
      #expect(log.count(.mendedLabels) == 3)
      let expected = """
        Wrong annotation: class_id = 7. But class_id should be [from 0 to 1], file: \(name)
        Wrong annotation: x = 0, y = 0, < 0 or > 1, file: \(name)
        Wrong annotation: x = 2.000000, y = 0.500000, file: \(name)
        Wrong annotation: expected 'class x y width height', found 4 numbers, \
        line 4, file: \(name)
        Wrong annotation: w = 3.000000, file: \(name)

        """
      #expect(text(of: "\(folder)/bad_label.list") == expected)
      #expect(text(of: "\(folder)/bad.list") == "no/a.txt\n")
    }
  }
}
