import DarknetBoxes
import DarknetData
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

  @Test func `noise is normal`() {
    let image = Image(height: 200, width: 203, filledWith: 0.5)
    var random = Random(seed: 7)
    Filters.addNoise(PlaneTarget(image), channels: 3, deviation: 20, random: &random)
    let values = image.values.map { (Double($0) - 0.5) * 255 / 20 }
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.map { $0 * $0 }.reduce(0, +) / Double(values.count)
    // 121800 draws: the mean's deviation is 0.003, the variance's 0.004.
    #expect(abs(mean) < 0.015)
    #expect(abs(variance - 1) < 0.02)
    let beyondTwo = Double(values.count { abs($0) > 2 }) / Double(values.count)
    #expect(abs(beyondTwo - 0.0455) < 0.004)
    // Neighbours have nothing to do with one another.
    let together = zip(values, values.dropFirst()).map { $0 * $1 }.reduce(0, +)
    #expect(abs(together / Double(values.count)) < 0.015)
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
