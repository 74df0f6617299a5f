import DarknetData
import DarknetGeometry
import DarknetImages
import Testing

@Suite struct DataSetCheckTests {
  /// Six pictures of 100x50 with every kind of fault.
  private func withFaultySet<Result>(_ body: (String, ListFile, ListFile) throws -> Result)
    throws -> Result
  {
    try withFolder { folder in
      for (index, name) in ["a", "b", "c", "d", "v"].enumerated() {
        let background = Color(UInt32(0x102030 * (index + 1)))
        try ImageFile.save(
          Canvas(width: 100, height: 50, background: background).bitmap,
          to: "\(folder)/\(name).png", durable: false)
      }
      // The same bytes under another name, on the other side.
      try ImageFile.save(
        Canvas(width: 100, height: 50, background: Color(0x102030)).bitmap,
        to: "\(folder)/copy of a.png", durable: false)
      try write("0 0.5 0.5 0.1 0.2\n0 0.5 0.5 0.5 0.5\n", to: "\(folder)/a.txt")
      try write("1 0.5 0.5 0.001 0.5\n7 0.5 0.5 0.1 0.1\n", to: "\(folder)/b.txt")
      try write("", to: "\(folder)/c.txt")
      try write("broken", to: "\(folder)/e.jpg")
      try write("0 0.5 0.5 0.1 0.2\n", to: "\(folder)/e.txt")
      try write("0 0.5 0.5 0.1 0.2\n", to: "\(folder)/v.txt")
      try write("0 0.5 0.5 0.1 0.2\n", to: "\(folder)/copy of a.txt")
      let train = ["a.png", "b.png", "", "c.png", "d.png", "e.jpg", "a.png"].map {
        $0.isEmpty ? "" : "\(folder)/\($0)"
      }.joined(separator: "\n")
      let valid = ["v.png", "c.png", "copy of a.png"].map { "\(folder)/\($0)\n" }.joined()
      return try body(
        folder, ListFile(text: train.utf8, name: "train.txt"),
        ListFile(text: valid.utf8, name: "valid.txt"))
    }
  }

  @Test func `everything is found`() throws {
    try withFaultySet { folder, train, valid in
      var options = DataSetCheck.Options()
      options.names = ["circle", "square", "star"]
      options.classes = 3
      (options.inputWidth, options.inputHeight) = (200, 200)
      options.anchors = [(20, 40), (100, 100)]
      let check = DataSetCheck(train: train, valid: valid, options: options)
      #expect(!check.isClean)
      #expect(check.train.pictures == 6)
      #expect(check.train.readable == 5)
      #expect(check.train.objects == 6)
      #expect(check.train.objectsOfClass == [5, 1, 0])
      #expect(check.train.picturesOfClass == [3, 1, 0])
      #expect(check.train.withObjects == 4)
      #expect(check.train.withoutObjects == 1)
      #expect(check.train.count(.badLabels) == 1)
      #expect(check.train.count(.missingLabels) == 1)
      #expect(check.train.count(.unreadablePictures) == 1)
      #expect(check.train.count(.lists) == 1)
      #expect(check.train.duplicates.map { [$0.firstLine, $0.line] } == [[1, 7]])
      #expect(check.inBothLists == ["\(folder)/c.png"])
      #expect(check.twins.map(\.first) == ["\(folder)/a.png"])
      #expect(check.twins.map(\.second) == ["\(folder)/copy of a.png"])
      #expect(check.twins.map(\.acrossParts) == [true])
      // Of readable pictures: a twice (20x40 and 100x100), b (0.2x100).
      #expect(check.boxes.tooSmall == 1)
      #expect(check.boxes.sizes.map(\.count) == [1, 0, 2, 0, 2, 0, 0])
      #expect(check.boxes.anchors.map(\.count) == [3, 2])
      #expect(check.boxes.unfitting == 1)
      #expect(check.valid?.objects == 2)

      let text = check.text()
      for part in [
        "train: train.txt\n  pictures             6\n  sizes                all 100x50\n",
        "  objects              6 in 4 pictures\n  without objects      1\n",
        "    train.txt:7: \(folder)/a.png is in line 1 already\n",
        "    \(folder)/b.txt:2: expected a class in 0...2, found 7; the object is left out\n",
        "pictures in both lists, which makes every figure too good: 1\n  \(folder)/c.png\n",
        "copies across the lists, which makes every figure too good: 1\n"
          + "  \(folder)/a.png = \(folder)/copy of a.png\n",
        "class    train  pictures   valid\ncircle       5         3       2  \(String(repeating: "#", count: 30))\n",
        "star         0         0       0\n",
        "no objects to learn from: star\n",
        "counters_per_class = 5, 1, 0\n",
        "  0…8             1  ###############\n",
        "  less than a pixel wide or high, so not learned: 1\n",
        "  20x40: 3 objects, overlap ",
      ] {
        #expect(text.contains(part), "\(part) in \(text)")
      }
    }
  }

  @Test func `a sound set is clean`() throws {
    try withFolder { folder in
      let files = try BatchLoaderTests.shapes.write(to: "\(folder)/set")
      var options = DataSetCheck.Options()
      options.names = SyntheticShapes.classNames
      let check = DataSetCheck(
        train: try ListFile(files.train), valid: try ListFile(files.valid), options: options)
      #expect(check.isClean)
      #expect(!check.text().contains("expected"))
    }
  }
}
