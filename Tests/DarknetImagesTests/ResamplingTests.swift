import DarknetImages
import DarknetTensors
import DarknetTestSupport
import Testing

@Suite struct ResamplingTests {
  /// Corner-aligned: new column k lies at k * (2 - 1) / (4 - 1).
  @Test func `a row grows`() {
    let image = Image(height: 1, width: 2, [0, 3])
    let result = image.resized(width: 4, height: 1).samples
    #expect(zip(result, [0, 1, 2, 3]).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  /// Step (5 - 1) / (3 - 1) = 2: every second sample.
  @Test func `a row shrinks`() {
    let image = Image(height: 1, width: 5, [1, 2, 3, 4, 5])
    #expect(image.resized(width: 3, height: 1).samples == [1, 3, 5])
  }

  /// Columns at 0, 0.5, 1 and rows at 0, 0.5, 1.
  @Test func `two by two becomes three by three`() {
    let image = Image(height: 2, width: 2, [0, 2, 4, 6])
    #expect(image.resized(width: 3, height: 3).samples == [0, 1, 2, 2, 3, 4, 4, 5, 6])
  }

  /// Step 3 / 2 = 1.5: 0, half-way between 1 and 2, 3.
  @Test func `between rows`() {
    let image = Image(height: 4, width: 1, [10, 20, 40, 80])
    #expect(image.resized(width: 1, height: 3).samples == [10, 30, 80])
  }

  @Test func `the same size is a copy`() {
    let image = Image(channels: 2, height: 2, width: 3, (0..<12).map(Float.init))
    #expect(image.resized(width: 3, height: 2).samples == image.samples)
  }

  @Test func `one sample fills any size`() {
    let image = Image(height: 1, width: 1, [7])
    #expect(image.resized(width: 3, height: 2).samples == [Float](repeating: 7, count: 6))
  }

  /// The reference divides by zero here; the last column and row are what it copies elsewhere.
  @Test func `down to one sample`() {
    let image = Image(height: 2, width: 2, [1, 2, 3, 4])
    #expect(image.resized(width: 1, height: 1).samples == [4])
  }

  /// Heights for which rounding puts the last row just before the end of the source, where the
  /// reference paints it black.
  @Test(arguments: [(240, 416), (244, 416), (446, 416), (842, 416), (338, 608), (767, 608)])
  func `the last row and column are the source's`(old: Int, new: Int) {
    let column = Image(height: old, width: 1, (0..<old).map { Float($0 + 1) })
    #expect(column.resized(width: 1, height: new).samples.last == Float(old))
    let row = Image(height: 1, width: old, (0..<old).map { Float($0 + 1) })
    #expect(row.resized(width: new, height: 1).samples.last == Float(old))
  }

  @Test(arguments: [(16, 16), (5, 31), (33, 7), (24, 1)], [1, 3])
  func `from bytes as from floats, to the bit`(size: (Int, Int), channels: Int) {
    let bitmap = Bitmap(
      width: 24, height: 13, channels: channels,
      (0..<24 * 13 * channels).map { UInt8($0 * 97 % 256) })
    let image = Image(bitmap)
    #expect(
      bitmap.resized(width: size.0, height: size.1).samples
        == image.resized(width: size.0, height: size.1).samples)
    #expect(
      bitmap.letterboxed(width: size.0, height: size.1).samples
        == image.letterboxed(width: size.0, height: size.1).samples)
  }

  /// The definition, sample by sample in double precision.
  @Test(arguments: [1, 5, 13, 16, 31], [1, 5, 13, 24])
  func `every sample by the formula`(newWidth: Int, newHeight: Int) {
    let (width, height) = (17, 11)
    let image = Image(
      height: height, width: width, (0..<width * height).map { Float($0 * 89 % 101) / 100 })
    let result = image.resized(width: newWidth, height: newHeight)
    func place(_ k: Int, _ old: Int, _ new: Int) -> (Int, Int, Double) {
      if k == new - 1 { return (old - 1, old - 1, 0) }
      let x = Double(k) * Double(old - 1) / Double(new - 1)
      let i = min(Int(x), old - 1)
      return (i, min(i + 1, old - 1), x - Double(i))
    }
    for y in 0..<newHeight {
      let (j, l, e) = place(y, height, newHeight)
      for x in 0..<newWidth {
        let (i, k, d) = place(x, width, newWidth)
        func p(_ x: Int, _ y: Int) -> Double { Double(image[0, y, x]) }
        let upper = (1 - d) * p(i, j) + d * p(k, j)
        let lower = (1 - d) * p(i, l) + d * p(k, l)
        let expected = (1 - e) * upper + e * lower
        // Positions are float32: an error of 17 * 2^-24 times a slope of at most 1.
        #expect(abs(Double(result[0, y, x]) - expected) < 5e-6)
      }
    }
  }

  /// 4x2 into 4x4: rows 1 and 2, a bar of one row above and below.
  @Test func `letterbox of a wide picture`() {
    let image = Image(height: 2, width: 4, (1...8).map(Float.init))
    let bar = [Float](repeating: 0.5, count: 4)
    #expect(image.letterboxed(width: 4, height: 4).samples == bar + image.samples + bar)
  }

  /// 2x4 into 5x4: the spare columns are 3, one on the left and two on the right.
  @Test func `letterbox of a tall picture`() {
    let image = Image(height: 4, width: 2, (1...8).map(Float.init))
    #expect(
      image.letterboxed(width: 5, height: 4).samples == [
        0.5, 1, 2, 0.5, 0.5, 0.5, 3, 4, 0.5, 0.5, 0.5, 5, 6, 0.5, 0.5, 0.5, 7, 8, 0.5, 0.5,
      ])
  }

  /// (1 * 8) / 1000 is 0 rows; one is shown.
  @Test func `letterbox of a line`() {
    let image = Image(height: 1, width: 1000, filled: 1)
    let samples = image.letterboxed(width: 8, height: 8).samples
    #expect(samples.filter { $0 == 1 }.count == 8)
    #expect(samples.filter { $0 == 0.5 }.count == 56)
  }

  @Test func `shorter and longer side`() {
    let wide = Image(height: 10, width: 15)
    #expect(wide.resized(shorterSide: 7).shape == Shape(channels: 3, height: 7, width: 10))
    #expect(wide.resized(longerSide: 7).shape == Shape(channels: 3, height: 4, width: 7))
    let tall = Image(height: 15, width: 10)
    #expect(tall.resized(shorterSide: 7).shape == Shape(channels: 3, height: 10, width: 7))
    #expect(tall.resized(longerSide: 7).shape == Shape(channels: 3, height: 7, width: 4))
    let line = Image(height: 1, width: 100)
    #expect(line.resized(longerSide: 7).shape == Shape(channels: 3, height: 1, width: 7))
  }
}

extension Image {
  convenience init(height: Int, width: Int, filled value: Float) {
    self.init(channels: 1, height: height, width: width, filledWith: value)
  }
}
