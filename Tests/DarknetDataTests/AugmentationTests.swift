import DarknetConfig
import DarknetData
import DarknetGeometry
import DarknetImages
import DarknetSystem
import DarknetTensors
import DarknetText
import Testing

/// Pictures of one coloured rectangle on grey ground are augmented, and the rectangle is found
/// again in the pixels.
@Suite struct AugmentationTests {
  struct Variant: Sendable, CustomTestStringConvertible {
    var name: String
    var change: @Sendable (inout DetectionAugmentation) -> Void
    var testDescription: String { name }
  }

  static let variants: [Variant] = [
    Variant(name: "none") { _ in },
    Variant(name: "flip") { $0.options.flip = true },
    Variant(name: "jitter") { $0.jitter = 0.3 },
    Variant(name: "jitter of all") { $0.jitter = 1 },
    Variant(name: "resize up") {
      $0.jitter = 0.1
      $0.resize = 1.5
    },
    Variant(name: "resize down") { $0.resize = 0.5 },
    Variant(name: "letter_box") {
      $0.letterBox = true
      $0.jitter = 0.2
    },
    Variant(name: "colours") {
      $0.options.hue = 0.02
      $0.options.saturation = 1.2
      $0.options.exposure = 1.2
    },
    Variant(name: "blurred background") {
      $0.options.blur = 1
      $0.jitter = 0.2
    },
    Variant(name: "blur") {
      $0.options.blur = 9
      $0.jitter = 0.2
    },
    Variant(name: "noise") {
      $0.options.gaussianNoise = 12
      $0.jitter = 0.2
    },
    Variant(name: "mixup") {
      $0.options.mix = .mixup
      $0.jitter = 0.2
      $0.options.flip = true
    },
    // Without bounds boxes reach into other tiles, where the pixels do not follow.
    Variant(name: "mosaic") {
      $0.options.mix = .mosaic
      $0.options.mosaicBound = true
      $0.jitter = 0.2
      $0.options.flip = true
    },
    Variant(name: "mosaic_bound") {
      $0.options.mix = .mosaic
      $0.options.mosaicBound = true
      $0.jitter = 0.4
      $0.options.flip = true
    },
    // Blur carries colour over edges, which noise then makes more or less than half.
    Variant(name: "all but blur") {
      $0.jitter = 0.3
      $0.resize = 1.3
      $0.options.mix = .mosaic
      $0.options.mosaicBound = true
      $0.options.flip = true
      $0.options.hue = 0.02
      $0.options.saturation = 1.2
      $0.options.exposure = 1.2
      $0.options.gaussianNoise = 3
    },
    Variant(name: "pjreddie") {
      $0.dialect = .pjreddie
      $0.jitter = 0.2
    },
    Variant(name: "pjreddie, much jitter") {
      $0.dialect = .pjreddie
      $0.jitter = 0.8
    },
  ]

  @Test(arguments: variants, [(96, 96), (128, 80), (61, 97)])
  func `boxes follow the pixels`(variant: Variant, size: (width: Int, height: Int)) {
    var augmentation = DetectionAugmentation.none
    variant.change(&augmentation)
    var found = 0
    for seed in 0..<60 {
      var random = Random(seed: UInt64(seed))
      var number = 0
      let image = Image(height: size.height, width: size.width)
      let objects = augmentation.compose(into: PlaneTarget(image), random: &random) {
        (random: inout Random) in
        defer { number += 1 }
        return Self.picture(number, &random)
      }
      for kind in 0..<number {
        let pixels = Self.extent(
          of: kind, in: image, mixed: augmentation.options.mix == .mixup)
        let boxes = objects.filter { $0.classIndex == kind }
        #expect(boxes.count <= 1)
        guard let box = boxes.first?.box.scaled(Float(size.width), Float(size.height)) else {
          // Lost: at most a sliver is to be seen.
          if let pixels { #expect(min(pixels.width, pixels.height) <= 2.5, "seed \(seed)") }
          continue
        }
        // A sliver may drown in blur or lie between pixels.
        guard min(box.width, box.height) > 3 else { continue }
        guard let pixels else {
          Issue.record("seed \(seed): nothing to be seen of \(box)")
          continue
        }
        found += 1
        // Whole pixels are counted (0.5), resizing is corner-aligned (up to 1), blur takes off
        // corners and carries colour over edges (0.5; all of it by 9 taps, 1.5).
        let tolerance: Float = augmentation.options.blur > 1 ? 3 : 2
        #expect(abs(pixels.left - box.left) <= tolerance, "seed \(seed): \(pixels) for \(box)")
        #expect(abs(pixels.right - box.right) <= tolerance, "seed \(seed): \(pixels) for \(box)")
        #expect(abs(pixels.top - box.top) <= tolerance, "seed \(seed): \(pixels) for \(box)")
        #expect(abs(pixels.bottom - box.bottom) <= tolerance, "seed \(seed): \(pixels) for \(box)")
      }
    }
    #expect(found > 30)
  }

  /// Red, green, blue and black rectangles, one a picture, in pictures of different sizes.
  static func picture(_ kind: Int, _ random: inout Random) -> LabelledPicture {
    let (width, height) = (60 + random.below(100), 60 + random.below(100))
    let bitmap = Bitmap(width: width, height: height)
    let canvas = Canvas(bitmap)
    canvas.fill(x: 0, y: 0, width: width, height: height, Color(0xA0A0A0))
    let (w, h) = (width / 5 + random.below(width / 4), height / 5 + random.below(height / 4))
    let (x, y) = (random.below(width - w), random.below(height - h))
    let color = [Color(0xF01010), Color(0x10F010), Color(0x1010F0), Color(0x000000)][kind]
    canvas.fill(x: x, y: y, width: w, height: h, color)
    let box = Box(
      left: Float(x) / Float(width), top: Float(y) / Float(height),
      right: Float(x + w) / Float(width), bottom: Float(y + h) / Float(height))
    return LabelledPicture(bitmap, [GroundTruth(box: box, classIndex: kind)])
  }

  /// The rectangle around all pixels that are nearer to the colour of a kind than to grey.
  static func extent(of kind: Int, in image: Image, mixed: Bool) -> Box? {
    // How much of the colour each pixel has; half of the most is the edge.
    func strength(_ x: Int, _ y: Int) -> Float {
      let (r, g, b) = (image[0, y, x], image[1, y, x], image[2, y, x])
      // Mixed pictures are red and green, and may overlap.
      if mixed { return kind == 0 ? r - b : g - b }
      switch kind {
      case 0: return r - max(g, b)
      case 1: return g - max(r, b)
      case 2: return b - max(r, g)
      default: return 0.5 - max(r, max(g, b))
      }
    }
    var most: Float = 0
    for y in 0..<image.height { for x in 0..<image.width { most = max(most, strength(x, y)) } }
    guard most > 0.2 else { return nil }
    var (left, top, right, bottom) = (image.width, image.height, -1, -1)
    let edge = kind == 3 ? 0.24 : most / 2
    for y in 0..<image.height {
      for x in 0..<image.width where strength(x, y) > edge {
        (left, right) = (min(left, x), max(right, x))
        (top, bottom) = (min(top, y), max(bottom, y))
      }
    }
    return Box(
      left: Float(left), top: Float(top), right: Float(right + 1), bottom: Float(bottom + 1))
  }

  // MARK: Pixels

  @Test(arguments: [(1, 1), (5, 7), (96, 96), (31, 160), (200, 33)])
  func `without variation a picture is resized as for detection`(width: Int, height: Int) {
    let bitmap = Self.noise(width: 57, height: 43, seed: 3)
    let image = Image(height: height, width: width)
    var random = Random(seed: 1)
    let objects = DetectionAugmentation.none.compose(into: PlaneTarget(image), random: &random) {
      (_: inout Random) in LabelledPicture(bitmap, [])
    }
    #expect(objects.isEmpty)
    let expected = bitmap.resized(width: width, height: height)
    // A few roundings of values up to 1.
    #expect(zip(image.values, expected.values).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func `a flipped picture is the mirror image`() {
    let bitmap = Self.noise(width: 50, height: 40, seed: 4)
    var augmentation = DetectionAugmentation.none
    augmentation.options.flip = true
    let expected = bitmap.resized(width: 64, height: 48)
    let mirrored = expected.copy()
    mirrored.flipHorizontally()
    var flips = 0
    for seed in 0..<40 {
      let image = Image(height: 48, width: 64)
      var random = Random(seed: UInt64(seed))
      _ = augmentation.compose(into: PlaneTarget(image), random: &random) {
        (_: inout Random) in LabelledPicture(bitmap, [])
      }
      let plain = zip(image.values, expected.values).allSatisfy { abs($0 - $1) < 1e-6 }
      let flipped = zip(image.values, mirrored.values).allSatisfy { abs($0 - $1) < 1e-6 }
      #expect(plain != flipped)
      if flipped { flips += 1 }
    }
    // 20 of 40 expected, deviation 3.2.
    #expect((8...32).contains(flips))
  }

  @Test func `outside the picture there is its mean colour`() {
    let bitmap = Bitmap(width: 40, height: 20)
    let canvas = Canvas(bitmap)
    canvas.fill(x: 0, y: 0, width: 20, height: 20, Color(red: 200, green: 100, blue: 0))
    canvas.fill(x: 20, y: 0, width: 20, height: 20, Color(red: 100, green: 0, blue: 50))
    var augmentation = DetectionAugmentation.none
    augmentation.letterBox = true
    let image = Image(height: 40, width: 40)
    var random = Random(seed: 1)
    _ = augmentation.compose(into: PlaneTarget(image), random: &random) {
      (_: inout Random) in LabelledPicture(bitmap, [])
    }
    for (c, level) in [150, 50, 25].enumerated() {
      #expect(abs(image[c, 0, 7] * 255 - Float(level)) < 0.01)
      #expect(abs(image[c, 39, 30] * 255 - Float(level)) < 0.01)
    }
    #expect(abs(image[0, 20, 0] * 255 - 200) < 0.01)
    #expect(abs(image[2, 20, 39] * 255 - 50) < 0.01)
  }

  @Test func `grey networks get grey pictures`() {
    let bitmap = Self.noise(width: 30, height: 30, seed: 9).converted(toChannels: 1)
    var augmentation = DetectionAugmentation.none
    augmentation.jitter = 0.3
    augmentation.options.exposure = 1.5
    augmentation.options.blur = 5
    augmentation.options.gaussianNoise = 5
    let image = Image(channels: 1, height: 20, width: 20)
    for seed in 0..<10 {
      var random = Random(seed: UInt64(seed))
      _ = augmentation.compose(into: PlaneTarget(image), random: &random) {
        (_: inout Random) in LabelledPicture(bitmap, [])
      }
      #expect(image.values.allSatisfy { (0...1).contains($0) })
    }
  }

  static func noise(width: Int, height: Int, seed: UInt64) -> Bitmap {
    let bitmap = Bitmap(width: width, height: height)
    var random = Random(seed: seed)
    for i in 0..<bitmap.count { bitmap.bytes[i] = UInt8(truncatingIfNeeded: random.next() >> 40) }
    return bitmap
  }

  // MARK: Objects

  @Test func `objects are cut to the head's max, each as likely`() {
    let bitmap = Self.noise(width: 20, height: 20, seed: 2)
    let objects = (0..<10).map {
      GroundTruth(box: Box(x: 0.5, y: 0.5, width: 0.4, height: 0.4), classIndex: $0)
    }
    var augmentation = DetectionAugmentation.none
    augmentation.maxObjects = 3
    var counts = [Int](repeating: 0, count: 10)
    let image = Image(height: 20, width: 20)
    for seed in 0..<1000 {
      var random = Random(seed: UInt64(seed))
      let kept = augmentation.compose(into: PlaneTarget(image), random: &random) {
        (_: inout Random) in LabelledPicture(bitmap, objects)
      }
      #expect(kept.count == 3)
      for object in kept { counts[object.classIndex] += 1 }
    }
    // 300 each expected, deviation 14.5; exchanging with random partners is not quite uniform.
    #expect(counts.allSatisfy { (220...380).contains($0) })
  }

  /// AlexeyAB's order: of the objects in their random order the first `max` are looked at, and
  /// those of less than a pixel among them are lost.
  @Test(arguments: [AugmentationOptions.Mix.none, .mosaic])
  func `max cuts before small objects are left out`(mix: AugmentationOptions.Mix) {
    let bitmap = Self.noise(width: 20, height: 20, seed: 2)
    let objects = (0..<10).map { kind in
      let side: Float = kind < 5 ? 0.01 : 0.5
      return GroundTruth(box: Box(x: 0.5, y: 0.5, width: side, height: side), classIndex: kind)
    }
    var augmentation = DetectionAugmentation.none
    augmentation.maxObjects = 4
    augmentation.options.mix = mix
    var counts = [Int](repeating: 0, count: 5)
    let image = Image(height: 20, width: 20)
    for seed in 0..<400 {
      var random = Random(seed: UInt64(seed))
      let kept: [GroundTruth] = augmentation.compose(
        into: PlaneTarget(image), random: &random
      ) { (_: inout Random) in LabelledPicture(bitmap, objects) }
      #expect(kept.allSatisfy { $0.classIndex >= 5 })
      counts[min(kept.count, 4)] += 1
    }
    // None of the four is large in 1 of 42 cases, two are in 20 of 42; a mosaic has four tries.
    if mix == .none { #expect((150...230).contains(counts[2]) && counts[4] > 0, "\(counts)") }
    #expect(counts[1] > 0 && counts[4] > 0, "\(counts)")
  }

  /// A third is sharp and a third has a blurred background, which is all of the picture.
  @Test func `a blur of all leaves pictures without objects sharp`() {
    let bitmap = Self.noise(width: 32, height: 32, seed: 6)
    var augmentation = DetectionAugmentation.none
    augmentation.options.blur = 9
    let plain = Image(bitmap)
    let whole = GroundTruth(box: Box(x: 0.5, y: 0.5, width: 1, height: 1), classIndex: 0)
    for objects in [[], [whole]] {
      let image = Image(height: 32, width: 32)
      var sharp = 0
      for seed in 0..<300 {
        var random = Random(seed: UInt64(seed))
        _ = augmentation.compose(into: PlaneTarget(image), random: &random) {
          (_: inout Random) in LabelledPicture(bitmap, objects)
        }
        if zip(image.values, plain.values).allSatisfy({ abs($0 - $1) < 1e-6 }) {
          sharp += 1
        }
      }
      // Two thirds of 300, deviation 8.2: sharp and, without objects, what would be blurred as a
      // whole; or sharp and those whose background is, of which the object leaves nothing.
      #expect((165...235).contains(sharp), "\(objects.count) objects: \(sharp)")
    }
  }

  @Test func `an object of less than a pixel is left out`() {
    let bitmap = Self.noise(width: 20, height: 20, seed: 2)
    let boxes: [Float] = [0.6 / 32, 1.5 / 32]
    let objects = boxes.enumerated().map {
      GroundTruth(box: Box(x: 0.5, y: 0.5, width: $1, height: 0.5), classIndex: $0)
    }
    let image = Image(height: 32, width: 32)
    var random = Random(seed: 5)
    let kept: [GroundTruth] = DetectionAugmentation.none.compose(
      into: PlaneTarget(image), random: &random
    ) {
      (_: inout Random) in LabelledPicture(bitmap, objects)
    }
    #expect(kept.map(\.classIndex) == [1])
  }

  // MARK: Options

  @Test func `letter_box and mosaic exclude each other`() {
    var augmentation = DetectionAugmentation.none
    augmentation.letterBox = true
    augmentation.options.mix = .mosaic
    #expect {
      try augmentation.check(file: "y.cfg")
    } throws: {
      "\($0)" == "y.cfg: [net] letter_box: expected one of letter_box and mosaic, found both; "
        + "drop one"
    }
  }

  @Test(arguments: [Float.nan, .infinity, 0, -1, 1e30, 1e-30])
  func `impossible factors are refused`(factor: Float) {
    var augmentation = DetectionAugmentation.none
    augmentation.resize = factor
    #expect(throws: ConfigError.self) { try augmentation.check(file: "y.cfg") }
    augmentation.resize = 1
    // 0 and numbers near it are grey pictures.
    guard !(0..<1).contains(factor) else { return }
    augmentation.options.saturation = factor
    #expect(throws: ConfigError.self) { try augmentation.check(file: "y.cfg") }
  }

  @Test func `an impossible factor is named with its line`() throws {
    let text = "[net]\nsaturation=0\nexposure=-1.5\n"
    let file = try ConfigFile(text: text.utf8, name: "y.cfg")
    var reader = OptionReader(file.sections[0], file: file.name)
    var augmentation = DetectionAugmentation.none
    augmentation.options = try AugmentationOptions(&reader, width: 416)
    #expect {
      try augmentation.check(file: "y.cfg")
    } throws: {
      "\($0)" == "y.cfg:3: [net] exposure: expected a number in 0...100, found -1.5; change it or "
        + "drop the line"
    }
    augmentation.options.exposure = 1.5
    try augmentation.check(file: "y.cfg")
  }

  /// AlexeyAB's advice for grey pictures. The factor is one of 0...1 or one by it.
  @Test func `saturation of 0 draws finite factors`() {
    var random = Random(seed: 3)
    let factors = (0..<10_000).map { _ in random.factor(0) }
    #expect(factors.allSatisfy { $0 > 0 && $0.isFinite })
    // Each of the two in half of the cases; the deviation is 50.
    #expect((4700...5300).contains(factors.count { $0 <= 1 }))
  }

  @Test func `cutmix is told to be ignored`() {
    var augmentation = DetectionAugmentation.none
    augmentation.options.mix = .cutmix
    #expect(augmentation.warnings() == ["cutmix=1 is for classifiers only: it is ignored"])
    augmentation.options.mix = .mosaicOrCutmix
    #expect(
      augmentation.warnings() == ["cutmix=1 is for classifiers only: mosaic=1 is used without it"])
  }
}
