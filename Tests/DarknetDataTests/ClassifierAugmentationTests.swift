import DarknetConfig
import DarknetData
import DarknetImages
import DarknetTensors
import DarknetTestSupport
import DarknetText
import Testing

@Suite struct ClassifierAugmentationTests {
  private func plain(size: Int) -> ClassifierAugmentation {
    var options = AugmentationOptions()
    options.flip = false
    options.minCrop = size
    options.maxCrop = size
    return ClassifierAugmentation(options: options)
  }

  // MARK: Classes

  @Test func `the class is the label that the path holds`() {
    let labels = ClassLabels(["cat", "dog", "hot dog", ""])
    #expect(labels.classes(ofPicture: "train/cat/1.jpg") == [0])
    #expect(labels.classes(ofPicture: "train/hot dog/1.jpg") == [1, 2])
    #expect(labels.classes(ofPicture: "train/bird/1.jpg") == [])
    #expect(labels.row([1]) == [0, 1, 0, 0])
    let smooth = labels.row([0], smoothing: 0.3)
    #expect(zip(smooth, [0.7, 0.1, 0.1, 0.1]).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(ClassLabels(["one"]).row([], smoothing: 0.1) == [0])
  }

  // MARK: Pixels

  @Test func `a crop as large as the picture is the picture`() {
    let bitmap = AugmentationTests.noise(width: 40, height: 40, seed: 1)
    let image = Image(height: 40, width: 40)
    var random = Random(seed: 1)
    let truth = plain(size: 40).compose(into: PlaneTarget(image), random: &random) {
      (_: inout Random) in (bitmap, [0, 1])
    }
    #expect(truth == [0, 1])
    let expected = Image(bitmap)
    #expect(zip(image.values, expected.values).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test(arguments: [
    TurnedCrop(size: 32, radians: 0, scale: 0.8, aspect: 1.2, shiftX: 3, shiftY: -4),
    TurnedCrop(size: 32, radians: 0.4, scale: 1.3, aspect: 0.8, shiftX: -5, shiftY: 2),
    TurnedCrop(size: 32, radians: -1.6, scale: 0.3, aspect: 1, shiftX: 0, shiftY: 0),
  ])
  func `turned crops are those of pictures`(crop: TurnedCrop) {
    let bitmap = AugmentationTests.noise(width: 45, height: 38, seed: 2)
    let image = Image(height: 32, width: 32)
    let expected = Image(bitmap).rotatedCrop(
      radians: crop.radians, scale: crop.scale, aspect: crop.aspect, shiftX: crop.shiftX,
      shiftY: crop.shiftY, width: 32, height: 32)
    crop.paint(bitmap, into: PlaneTarget(image), flipped: false, distortion: .none)
    // Places are computed in another order, and noise makes much of little.
    #expect(zip(image.values, expected.values).allSatisfy { abs($0 - $1) < 2e-5 })
    expected.flipHorizontally()
    crop.paint(bitmap, into: PlaneTarget(image), flipped: true, distortion: .none)
    #expect(zip(image.values, expected.values).allSatisfy { abs($0 - $1) < 2e-5 })
    let distortion = ColorDistortion(hue: 0.1, saturation: 1.4, exposure: 0.8)
    expected.distort(distortion)
    crop.paint(bitmap, into: PlaneTarget(image), flipped: true, distortion: distortion)
    #expect(zip(image.values, expected.values).allSatisfy { abs($0 - $1) < 2e-4 })
  }

  @Test func `crops stay inside the picture while it is large enough`() {
    // min_crop at least the input's size: the square never leaves the scaled picture.
    var options = AugmentationOptions()
    options.minCrop = 32
    options.maxCrop = 64
    options.aspect = 1.3
    let augmentation = ClassifierAugmentation(options: options)
    let bitmap = Bitmap(width: 70, height: 50)
    bitmap.samples.update(repeating: 100)
    // The outermost pixels only show if the crop touches the border.
    for x in 0..<70 { for c in 0..<3 { bitmap.bytes[x * 3 + c] = 255 } }
    var touched = 0
    for seed in 0..<300 {
      let image = Image(height: 32, width: 32)
      var random = Random(seed: UInt64(seed))
      _ = augmentation.compose(into: PlaneTarget(image), random: &random) {
        (_: inout Random) in (bitmap, [1])
      }
      // Two rows of border would be repeated pixels.
      if image[0, 3, 16] > 0.7 { touched += 1 }
    }
    #expect(touched == 0)
  }

  // MARK: Mixing

  @Test(arguments: [
    AugmentationOptions.Mix.mixup, .cutmix, .mosaic, .mosaicOrCutmix,
  ])
  func `truths are mixed as pixels are`(mix: AugmentationOptions.Mix) {
    var augmentation = plain(size: 40)
    augmentation.options.mix = mix
    let colors = [Color(0xFF0000), Color(0x00FF00), Color(0x0000FF), Color(0xFFFFFF)]
    let bitmaps = colors.map { Canvas(width: 40, height: 40, background: $0).bitmap }
    var mixed = 0
    var largest: Float = 0
    for seed in 0..<200 {
      let image = Image(height: 40, width: 40)
      var random = Random(seed: UInt64(seed))
      var number = 0
      let truth = augmentation.compose(into: PlaneTarget(image), random: &random) {
        (_: inout Random) in
        defer { number += 1 }
        return (bitmaps[number], (0..<4).map { $0 == number ? 1 : 0 })
      }
      #expect(abs(truth.reduce(0, +) - 1) < 1e-5)
      // Red shows in red and white pixels, and so on.
      for c in 0..<3 {
        let shown = image.mean(ofChannel: c)
        #expect(abs(shown - truth[c] - truth[3]) < 1e-5, "\(mix) \(seed)")
      }
      if truth[0] < 1 { mixed += 1 }
      if mix == .cutmix, truth[0] < 1 {
        largest = max(largest, truth[1])
        #expect((0.09 - 0.01...0.64 + 0.01).contains(truth[1]))
      }
      if mix == .mixup, truth[0] < 1 { #expect(truth == [0.5, 0.5, 0, 0]) }
    }
    // 100 of 200 expected, deviation 7.
    #expect((70...130).contains(mixed))
    if mix == .cutmix { #expect(largest > 0.5) }
  }

  @Test func `impossible options are refused`() {
    var augmentation = plain(size: 0)
    #expect(throws: ConfigError.self) { try augmentation.check(file: "c.cfg") }
    augmentation = plain(size: 10)
    augmentation.options.angle = .nan
    #expect(throws: ConfigError.self) { try augmentation.check(file: "c.cfg") }
  }
}
