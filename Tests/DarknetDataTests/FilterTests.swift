import DarknetData
import DarknetGeometry
import DarknetImages
import DarknetSystem
import DarknetTensors
import Foundation
import Testing

@Suite struct FilterTests {
  /// The sum over the whole kernel, pixel by pixel, mirrored about the last pixels.
  private func slowBlur(_ image: Image, size: Int) -> Image {
    let deviation = 0.3 * (Double(size - 1) / 2 - 1) + 0.8
    let reach = size / 2
    func mirrored(_ x: Int, _ count: Int) -> Int {
      var x = x
      while x < 0 || x >= count { x = x < 0 ? -x : 2 * (count - 1) - x }
      return x
    }
    let result = image.copy()
    for c in 0..<image.channels {
      for y in 0..<image.height {
        for x in 0..<image.width {
          var (sum, total) = (0.0, 0.0)
          for dy in -reach...reach {
            for dx in -reach...reach {
              let weight = exp(-Double(dx * dx + dy * dy) / (2 * deviation * deviation))
              sum +=
                weight
                * Double(image[c, mirrored(y + dy, image.height), mirrored(x + dx, image.width)])
              total += weight
            }
          }
          result[c, y, x] = Float(sum / total)
        }
      }
    }
    return result
  }

  @Test(arguments: [3, 5, 17], [(24, 31), (5, 13), (2, 9)])
  func `blur is the sum over the kernel`(size: Int, shape: (width: Int, height: Int)) {
    let image = Image(AugmentationTests.noise(width: shape.width, height: shape.height, seed: 1))
    let expected = slowBlur(image, size: size)
    Filters.blur(PlaneTarget(image), channels: 3, size: size)
    // Some 34 roundings of values up to 1.
    #expect(zip(image.values, expected.values).allSatisfy { abs($0 - $1) < 2e-6 })
  }

  @Test func `objects stay sharp`() {
    let image = Image(AugmentationTests.noise(width: 20, height: 16, seed: 2))
    let before = image.copy()
    let expected = slowBlur(image, size: 5)
    let box = Box(left: 0.25, top: 0.25, right: 0.5, bottom: 0.75)
    let outside = Box(left: 1.5, top: -1, right: 2, bottom: -0.5)
    Filters.blur(PlaneTarget(image), channels: 3, size: 5, sharp: [box, outside])
    for y in 0..<16 {
      for x in 0..<20 {
        let isKept = (5..<10).contains(x) && (4..<12).contains(y)
        let wanted = isKept ? before[1, y, x] : expected[1, y, x]
        #expect(abs(image[1, y, x] - wanted) < 2e-6)
      }
    }
  }

  /// Draws below 0 become 0, as in bytes without a sign, and the others whole levels.
  @Test func `noise is the upper half of a normal distribution`() {
    let image = Image(height: 200, width: 203, filledWith: 0.4)
    var random = Random(seed: 7)
    Filters.addNoise(PlaneTarget(image), channels: 3, deviation: 20, random: &random)
    let levels = image.values.map { (Double($0) - 0.4) * 255 }
    #expect(levels.allSatisfy { $0 > -1e-4 && abs($0 - $0.rounded()) < 1e-3 })
    let values = levels.map { $0 / 20 }
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.map { $0 * $0 }.reduce(0, +) / Double(values.count)
    // 121800 draws: the mean's deviation is 0.002, that of the squares 0.004; whole levels move the
    // latter by a twelfth of a level squared.
    #expect(abs(mean - 0.39894) < 0.008)
    #expect(abs(squares - 0.5) < 0.015)
    // 0.51 of the draws are below half a level.
    #expect(abs(Double(values.count { $0 < 0.01 }) / Double(values.count) - 0.51) < 0.01)
    // Above 40.5 levels, which is 2.025 deviations.
    let beyondTwo = Double(values.count { $0 > 2.01 }) / Double(values.count)
    #expect(abs(beyondTwo - 0.0214) < 0.003)
    // Neighbours have nothing to do with one another.
    let together = zip(values, values.dropFirst()).map { ($0 - mean) * ($1 - mean) }.reduce(0, +)
    #expect(abs(together / Double(values.count)) < 0.01)
  }

  @Test func `noise ends at white`() {
    let image = Image(height: 20, width: 20, filledWith: 0.99)
    var random = Random(seed: 7)
    Filters.addNoise(PlaneTarget(image), channels: 3, deviation: 127, random: &random)
    #expect(image.values.allSatisfy { $0 >= 0.99 && $0 <= 1 })
    #expect(image.values.contains(1))
  }

  struct Change: Sendable {
    var hue: Float = 0
    var saturation: Float = 1
    var exposure: Float = 1
    /// What becomes of `before`.
    var after: [[UInt8]]
  }

  private static let before: [[UInt8]] = [
    [200, 40, 30], [30, 40, 200], [60, 180, 50], [230, 230, 220], [220, 60, 120], [250, 128, 3],
    [90, 90, 90], [255, 255, 255], [180, 60, 90], [128, 200, 255],
  ]

  /// `after` was made by OpenCV 4.6: RGB2HSV, `saturation` and `exposure` times the second and third
  /// plane, 179 `hue` added to the first, HSV2RGB, all of bytes.
  @Test(arguments: [
    Change(
      hue: -0.1,
      after: [
        [200, 30, 30], [30, 143, 200], [137, 180, 50], [230, 224, 220], [220, 60, 215],
        [250, 3, 3], [90, 90, 90], [255, 255, 255], [180, 60, 160], [128, 255, 234],
      ]),
    Change(
      hue: 0.1,
      after: [
        [200, 143, 30], [121, 30, 200], [50, 180, 119], [224, 230, 220], [220, 98, 60],
        [225, 250, 3], [90, 90, 90], [255, 255, 255], [180, 104, 60], [132, 128, 255],
      ]),
    Change(
      saturation: 1.5,
      after: [
        [200, 13, 0], [0, 13, 200], [12, 180, 0], [230, 230, 216], [220, 0, 81], [250, 125, 0],
        [90, 90, 90], [255, 255, 255], [180, 0, 42], [65, 173, 255],
      ]),
    Change(
      exposure: 1.5,
      after: [
        [255, 52, 38], [38, 52, 255], [83, 255, 71], [255, 255, 244], [255, 70, 138],
        [255, 129, 3], [135, 135, 135], [255, 255, 255], [255, 85, 125], [128, 200, 255],
      ]),
    Change(
      saturation: 0.6667, exposure: 0.6667,
      after: [
        [133, 62, 57], [57, 62, 133], [66, 120, 62], [153, 153, 149], [147, 76, 102],
        [167, 112, 57], [60, 60, 60], [170, 170, 170], [120, 67, 79], [113, 145, 170],
      ]),
    Change(
      hue: -0.08, saturation: 1.5, exposure: 1.5,
      after: [
        [255, 0, 0], [0, 136, 255], [136, 255, 0], [255, 248, 239], [255, 0, 212], [255, 9, 0],
        [135, 135, 135], [255, 255, 255], [255, 0, 178], [65, 255, 249],
      ]),
    // Hues end at 255 steps of two degrees, which is 150 degrees.
    Change(
      hue: 0.8,
      after: [
        [172, 30, 200], [30, 200, 115], [180, 141, 50], [230, 220, 222], [60, 220, 140],
        [250, 3, 184], [90, 90, 90], [255, 255, 255], [60, 180, 120], [128, 255, 153],
      ]),
    Change(
      hue: -0.8,
      after: [
        [200, 30, 30], [200, 30, 30], [180, 50, 50], [230, 220, 220], [220, 199, 60],
        [250, 3, 3], [90, 90, 90], [255, 255, 255], [180, 180, 60], [255, 128, 128],
      ]),
  ])
  func `colours of detectors as OpenCV changes them`(change: Change) {
    let bitmap = Bitmap(width: 10, height: 1, channels: 3, Self.before.flatMap { $0 })
    let image = Image(bitmap)
    image.distort(
      ColorDistortion(
        hue: change.hue, saturation: change.saturation, exposure: change.exposure,
        isOf8Bits: true))
    for (x, wanted) in change.after.enumerated() {
      for c in 0..<3 {
        // Hues are rounded twice there, to steps of two degrees: 2 steps are 17 of 255 levels of
        // chroma. Saturation and value are too, and the result: 2 levels more.
        let chroma = Float(wanted.max()! - wanted.min()!)
        #expect(
          abs(image[c, 0, x] * 255 - Float(wanted[c])) <= 2 + chroma / 15,
          "channel \(c) of \(Self.before[x]): \(image[c, 0, x] * 255) for \(wanted)")
      }
    }
  }

  /// The hexcone, case by case, in double precision.
  private func slowDistort(
    _ rgb: [Double], _ distortion: ColorDistortion
  ) -> [Double] {
    let (most, least) = (rgb.max()!, rgb.min()!)
    var hue = 0.0
    if most > least {
      let spread = most - least
      hue =
        most == rgb[0]
        ? (rgb[1] - rgb[2]) / spread
        : most == rgb[1] ? 2 + (rgb[2] - rgb[0]) / spread : 4 + (rgb[0] - rgb[1]) / spread
      hue = (hue < 0 ? hue + 6 : hue) / 6
    }
    var saturation = most > 0 ? (most - least) / most : 0
    hue += Double(distortion.hue)
    if hue > 1 { hue -= 1 }
    if hue < 0 { hue += 1 }
    saturation *= Double(distortion.saturation)
    let value = most * Double(distortion.exposure)
    let sector = Int(hue * 6)
    let f = hue * 6 - Double(sector)
    let (p, q, t) = (
      value * (1 - saturation), value * (1 - saturation * f), value * (1 - saturation * (1 - f))
    )
    let result =
      switch sector {
      case 0, 6: [value, t, p]
      case 1: [q, value, p]
      case 2: [p, value, t]
      case 3: [p, q, value]
      case 4: [t, p, value]
      default: [value, p, q]
      }
    return result.map { min(1, max(0, $0)) }
  }

  @Test(arguments: [
    ColorDistortion(hue: 0.1, saturation: 1.5, exposure: 0.67),
    ColorDistortion(hue: -0.1, saturation: 0.5, exposure: 1.5),
    ColorDistortion(hue: 1, saturation: 1, exposure: 1),
    ColorDistortion(hue: -1, saturation: 2, exposure: 2),
    ColorDistortion(hue: 0.5, saturation: 0, exposure: 1),
    .none,
  ])
  func `colours go once round the hexcone`(distortion: ColorDistortion) {
    let bitmap = AugmentationTests.noise(width: 61, height: 40, seed: 5)
    // Corner cases: black, white, grey, and two channels alike.
    let corners: [UInt8] = [
      0, 0, 0, 255, 255, 255, 90, 90, 90, 9, 200, 200, 200, 9, 200, 200, 200, 9,
    ]
    for (i, level) in corners.enumerated() { bitmap.bytes[i] = level }
    let image = Image(bitmap)
    image.distort(distortion)
    for i in 0..<61 * 40 {
      let rgb = (0..<3).map { Double(bitmap.bytes[3 * i + $0]) / 255 }
      let expected = slowDistort(rgb, distortion)
      for c in 0..<3 {
        // Hues in sixths of a turn have an error of some 1e-6, chroma is up to 4 times that of
        // the picture.
        #expect(abs(Double(image.plane(c)[i]) - expected[c]) < 5e-6)
      }
    }
  }
}
