import DarknetData
import DarknetImages
import DarknetTensors
import DarknetTestSupport
import Testing

@Suite struct ImageTests {
  private let small = Image(height: 2, width: 3, [1, 2, 3, 4, 5, 6])

  @Test func `bytes become parts of 255 and back`() {
    let bytes = (0...255).map { UInt8($0) } + [0, 128]
    let bitmap = Bitmap(width: 43, height: 2, channels: 3, bytes)
    let image = Image(bitmap)
    #expect(image[1, 0, 0] == Float(1) / 255)
    #expect(image[2, 1, 42] == Float(128) / 255)
    #expect(image.bitmap().array == bytes)
  }

  @Test func `out of range is clamped, and NaN is black`() {
    let image = Image(height: 1, width: 5, [-1, 2, .nan, .infinity, -.infinity])
    #expect(image.bitmap().array == [0, 255, 0, 255, 0])
  }

  /// (77 * 10 + 150 * 20 + 29 * 30) / 256 = 18.1
  @Test func `grey of bytes`() {
    let bitmap = Bitmap(width: 1, height: 1, channels: 3, [10, 20, 30])
    #expect(bitmap.converted(toChannels: 1).array == [18])
    #expect(bitmap.converted(toChannels: 3) === bitmap)
  }

  @Test func `grey of floats`() {
    let image = Image(channels: 3, height: 1, width: 1, [1, 0.5, 0.25])
    #expect(abs(image.grayscale()[0, 0, 0] - (0.299 + 0.2935 + 0.0285)) < 1e-6)
  }

  @Test func `crop inside`() {
    #expect(small.cropped(x: 1, y: 0, width: 2, height: 2).samples == [2, 3, 5, 6])
  }

  @Test func `crop repeats the border`() {
    #expect(
      small.cropped(x: -1, y: -1, width: 5, height: 4).samples == [
        1, 1, 2, 3, 3, 1, 1, 2, 3, 3, 4, 4, 5, 6, 6, 4, 4, 5, 6, 6,
      ])
    #expect(small.cropped(x: 10, y: 1, width: 2, height: 1).samples == [6, 6])
    #expect(small.cropped(x: -10, y: 0, width: 2, height: 1).samples == [1, 1])
  }

  @Test func `crop of the middle`() {
    #expect(small.centerCropped(width: 1, height: 2).samples == [2, 5])
  }

  /// Resized as a whole it would take 60 GB.
  @Test func `a crop of the middle of a picture far longer than wide`() {
    let line = Bitmap(width: 100_000, height: 1, channels: 1)
    line.bytes[50_000] = 255
    let target = Image(channels: 1, height: 400, width: 400)
    PicturePreparation(shape: target.shape, fit: .centerCrop).write(line, into: target.pointer)
    let row = (0..<400).map { target.pointer[$0] }
    #expect(row.max()! > 0.9 && row.min()! < 0.1)
    #expect((0..<400).allSatisfy { target.pointer[399 * 400 + $0] == row[$0] })
  }

  @Test func `paste cuts what does not fit`() {
    func pasted(_ x: Int, _ y: Int) -> [Float] {
      let canvas = Image(height: 2, width: 2, filled: 0)
      canvas.paste(small, x: x, y: y)
      return canvas.samples
    }
    #expect(pasted(0, 0) == [1, 2, 4, 5])
    #expect(pasted(-1, -1) == [5, 6, 0, 0])
    #expect(pasted(1, 1) == [0, 0, 0, 1])
    #expect(pasted(5, 0) == [0, 0, 0, 0])
    #expect(pasted(-9, -9) == [0, 0, 0, 0])
  }

  @Test func `flip`() {
    let image = small.copy()
    image.flipHorizontally()
    #expect(image.samples == [3, 2, 1, 6, 5, 4])
    #expect(small.samples == [1, 2, 3, 4, 5, 6])
  }

  @Test func `quarter turns are clockwise`() {
    #expect(small.rotated(quarters: 1).samples == [4, 1, 5, 2, 6, 3])
    #expect(small.rotated(quarters: 2).samples == [6, 5, 4, 3, 2, 1])
    #expect(small.rotated(quarters: -1).samples == [3, 6, 2, 5, 1, 4])
    #expect(small.rotated(quarters: 4).samples == small.samples)
    #expect(small.rotated(quarters: 1).shape == Shape(channels: 1, height: 3, width: 2))
  }

  /// Unturned and unscaled: the middle of the new picture is the middle of the old one.
  @Test func `rotated crop without rotation is a crop`() {
    let image = Image(height: 4, width: 4, (0..<16).map(Float.init))
    let crop = image.rotatedCrop(radians: 0, scale: 1, width: 2, height: 2)
    #expect(crop.samples == [5, 6, 9, 10])
    let large = image.rotatedCrop(radians: 0, scale: 1, width: 6, height: 4)
    #expect(large.samples.prefix(6) == [0, 0, 1, 2, 3, 3])
  }

  /// Half a turn of a picture of odd sizes, pixel centres being whole numbers.
  @Test func `rotated crop by half a turn`() {
    let image = Image(height: 4, width: 4, (0..<16).map(Float.init))
    let crop = image.rotatedCrop(radians: .pi, scale: 1, width: 2, height: 2)
    // New (0, 0) is -1, -1 from the middle (2, 2), turned: (3, 3), which is 15.
    #expect(zip(crop.samples, [15, 14, 11, 10]).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  @Test func `numbers that are none do not crash`() {
    let crop = small.rotatedCrop(radians: .nan, scale: 0, width: 2, height: 2)
    #expect(crop.samples == [1, 1, 1, 1])
    let huge = small.rotatedCrop(radians: 1, scale: 1e-38, width: 2, height: 2)
    #expect(huge.samples.allSatisfy { (1...6).contains($0) })
  }

  /// New column k comes from k / 4 * 2, clamped at the last.
  @Test func `placed without corner alignment`() {
    let canvas = Image(height: 1, width: 6, filled: 0.5)
    Image(height: 1, width: 2, [0, 1]).place(on: canvas, x: 1, y: 0, width: 4, height: 1)
    #expect(canvas.samples == [0.5, 0, 0.5, 1, 1, 0.5])
    Image(height: 1, width: 2, [7, 7]).place(on: canvas, x: -3, y: 0, width: 4, height: 1)
    #expect(canvas.samples == [7, 0, 0.5, 1, 1, 0.5])
    Image(height: 1, width: 2, [7, 7]).place(on: canvas, x: 9, y: 3, width: 4, height: 1)
    #expect(canvas.samples == [7, 0, 0.5, 1, 1, 0.5])
  }

  @Test func `mean of a channel`() {
    #expect(small.mean(ofChannel: 0) == 3.5)
  }
}

@Suite struct ColorDistortionTests {
  private func distorted(_ rgb: [Float], _ h: Float, _ s: Float, _ v: Float) -> [Float] {
    let image = Image(channels: 3, height: 1, width: 1, rgb)
    image.distort(ColorDistortion(hue: h, saturation: s, exposure: v))
    return image.samples
  }

  private func isNear(_ a: [Float], _ b: [Float]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-6 }
  }

  @Test(
    arguments: [
      [0.2, 0.4, 0.9], [0.9, 0.4, 0.2], [0.4, 0.9, 0.2], [0.9, 0.2, 0.4], [0.2, 0.9, 0.4],
      [0.4, 0.2, 0.9], [0.5, 0.5, 0.5], [0, 0, 0], [1, 1, 1], [1, 0, 0],
    ] as [[Float]])
  func `no distortion changes nothing`(rgb: [Float]) {
    #expect(isNear(distorted(rgb, 0, 1, 1), rgb))
  }

  /// Hue 0 (red) moves a third to green, a sixth to yellow, and back to blue.
  @Test func `hue`() {
    #expect(isNear(distorted([1, 0, 0], 1 / 3, 1, 1), [0, 1, 0]))
    #expect(isNear(distorted([1, 0, 0], 1 / 6, 1, 1), [1, 1, 0]))
    #expect(isNear(distorted([1, 0, 0], -1 / 3, 1, 1), [0, 0, 1]))
    #expect(isNear(distorted([0, 0, 1], 2 / 3, 1, 1), [0, 1, 0]))
  }

  /// Saturation of (0.8, 0.4, 0.4) is 0.5; halved, the lows are 0.8 * 0.75.
  @Test func `saturation`() {
    #expect(isNear(distorted([0.8, 0.4, 0.4], 0, 0.5, 1), [0.8, 0.6, 0.6]))
    #expect(isNear(distorted([0.8, 0.4, 0.4], 0, 4, 1), [0.8, 0, 0]))
    #expect(isNear(distorted([0.5, 0.5, 0.5], 0.3, 4, 1), [0.5, 0.5, 0.5]))
  }

  @Test func `exposure`() {
    #expect(isNear(distorted([0.8, 0.4, 0.2], 0, 1, 0.5), [0.4, 0.2, 0.1]))
    #expect(isNear(distorted([0.8, 0.4, 0.2], 0, 1, 2), [1, 0.8, 0.4]))
  }

  @Test func `grey pictures have exposure only`() {
    let image = Image(height: 1, width: 2, [0.2, 0.8])
    image.distort(ColorDistortion(hue: 0.3, saturation: 3, exposure: 2))
    #expect(image.samples == [0.4, 1])
  }

  @Test func `numbers that are none do not crash`() {
    let result = distorted([0.1, .nan, 0.3], .nan, .infinity, .nan)
    #expect(result.allSatisfy { (0...1).contains($0) })
  }
}
