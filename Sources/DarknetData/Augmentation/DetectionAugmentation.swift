import DarknetConfig
import DarknetGeometry
import DarknetImages
import DarknetTensors
import DarknetText

/// A picture with its objects, in parts of the picture.
package struct LabelledPicture: Sendable {
  package var bitmap: Bitmap
  package var objects: [GroundTruth]

  package init(_ bitmap: Bitmap, _ objects: [GroundTruth]) {
    self.bitmap = bitmap
    self.objects = objects
  }
}

/// How pictures for detectors are varied: `[net]`'s options and those of the last detection head.
///
/// The default dialect does what AlexeyAB's program does when it is built with OpenCV: blur, noise
/// and mosaic, the mean colour where a crop leaves the picture, colours within 8 bits. (Without
/// OpenCV it cannot do some of this, and does the rest otherwise.)
package struct DetectionAugmentation: Hashable, Sendable {
  /// Of `[net]`: flip, hue, saturation, exposure, blur, noise, mixup, mosaic.
  package var options: AugmentationOptions
  /// Of the head: each side of the picture moves by up to this part of its size.
  package var jitter: Float
  /// Of the head: the picture is enlarged or made smaller by up to this factor.
  package var resize: Float
  /// Of `[net]`: keep the picture's proportions.
  package var letterBox: Bool
  /// Of the head: objects a picture may have; more are cut off.
  package var maxObjects: Int
  /// Where the head's options are in the cfg.
  package var headPlaces = OptionPlaces()
  /// The original has another scheme of its own: always flips, keeps no side cut off, and knows
  /// none of the other options.
  package var dialect: Dialect

  package init(
    options: AugmentationOptions = AugmentationOptions(), jitter: Float = 0.2, resize: Float = 1,
    letterBox: Bool = false, maxObjects: Int = 200, dialect: Dialect = .alexeyab
  ) {
    self.options = options
    self.jitter = jitter
    self.resize = resize
    self.letterBox = letterBox
    self.maxObjects = maxObjects
    self.dialect = dialect
  }

  /// Pictures as they are, stretched to the network's input.
  package static var none: DetectionAugmentation {
    var options = AugmentationOptions()
    options.flip = false
    return DetectionAugmentation(options: options, jitter: 0)
  }

  /// What the user should know about these options before training; `file` is the cfg.
  package func warnings() -> [String] {
    switch options.mix {
    case .cutmix:
      ["cutmix=1 is for classifiers only: it is ignored"]
    case .mosaicOrCutmix:
      ["cutmix=1 is for classifiers only: mosaic=1 is used without it"]
    default: []
    }
  }

  /// Whether this can be done at all.
  ///
  /// - Throws: `ConfigError` for options that exclude each other; `file` is the cfg.
  package func check(file: String) throws(ConfigError) {
    if letterBox, usesMosaic {
      throw ConfigError(
        file: file, line: options.places.lines["letter_box"], section: "net", option: "letter_box",
        expected: "one of letter_box and mosaic",
        found: "both", fix: "drop one")
    }
    for (option, value, range) in headRanges {
      try headPlaces.check(option, value, in: range, file: file)
    }
    for (option, value, range) in options.colorRanges {
      try options.places.check(option, value, in: range, file: file)
    }
  }

  private var headRanges: [(String, Float, ClosedRange<Float>)] {
    [("jitter", jitter, 0...10), ("resize", resize, 0.01...100)]
  }

  private var isSane: Bool {
    (headRanges + options.colorRanges).allSatisfy { $2.contains($1) }
  }

  var usesMosaic: Bool { options.mix == .mosaic || options.mix == .mosaicOrCutmix }

  // MARK: One row of a batch

  /// Paints one row of a batch into `target` and returns its objects, in parts of the input.
  ///
  /// - Precondition: `check` finds nothing.
  /// - Parameters:
  ///   - random: decides everything, so the same state gives the same row.
  ///   - variation: draws the variation where it is not `random`'s to draw: frames of a sequence
  ///     are varied alike.
  ///   - draw: gives a picture; called once, twice for mixup, four times for mosaic.
  package func compose<Failure: Error>(
    into target: PlaneTarget, random: inout Random, variation: Random? = nil,
    draw: (inout Random) throws(Failure) -> LabelledPicture
  ) throws(Failure) -> [GroundTruth] {
    precondition(isSane, "check the augmentation first")
    var varying = variation ?? random.split(0x56_41_52_59)
    let first = try draw(&random)
    let channels = first.bitmap.channels
    let whole = MosaicTile(covering: target)
    if dialect == .pjreddie {
      return place(shuffled(first, &random), into: target, random: &varying)
    }
    if usesMosaic, varying.unit() < 0.5 {
      let tiles = Mosaic(width: target.width, height: target.height, random: &varying)
      var objects: [GroundTruth] = []
      for corner in Mosaic.Corner.allCases {
        let picture = corner == .topLeft ? first : try draw(&random)
        objects += tiles.paint(
          shuffled(picture, &random), at: corner, of: target,
          limit: maxObjects - objects.count, with: self, random: &varying)
      }
      return objects
    }
    var objects = paint(shuffled(first, &random), whole, of: target, random: &varying)
    if options.mix == .mixup, varying.unit() < 0.5 {
      let second = try draw(&random)
      let other = FloatBuffer(count: channels * target.width * target.height)
      let otherTarget = PlaneTarget(other.pointer, width: target.width, height: target.height)
      objects += paint(
        shuffled(second, &random), MosaicTile(covering: otherTarget), of: otherTarget,
        random: &varying)
      target.average(with: otherTarget, channels: channels)
    }
    return Array(objects.prefix(maxObjects))
  }

  /// Objects in another order, so that those cut off by `maxObjects` differ from time to time:
  /// as many exchanges with random partners as there are objects, which is Darknet's way.
  private func shuffled(_ picture: LabelledPicture, _ random: inout Random) -> LabelledPicture {
    var picture = picture
    for i in picture.objects.indices {
      picture.objects.swapAt(i, random.below(picture.objects.count))
    }
    return picture
  }

  // MARK: AlexeyAB

  private func paint(
    _ picture: LabelledPicture, _ tile: MosaicTile, of target: PlaneTarget, random: inout Random
  ) -> [GroundTruth] {
    let variation = draw(for: picture, width: target.width, height: target.height, &random)
    return paint(picture, variation, tile, of: target, random: &random)
  }

  /// Draws how a picture is varied for an input of `width` x `height`.
  ///
  /// - Parameter corner: of the tile in a mosaic. Every second picture there has its own corner in
  ///   the input's, so that what the crop adds comes near the cut, which leaves it out.
  package func draw(
    for picture: LabelledPicture, width: Int, height: Int, corner: Mosaic.Corner? = nil,
    _ random: inout Random
  ) -> PictureVariation {
    var crop = PictureCrop(
      pictureWidth: picture.bitmap.width, pictureHeight: picture.bitmap.height)
    crop.draw(
      jitter: jitter, resize: resize,
      networkAspect: letterBox ? Float(width) / Float(height) : nil, random: &random)
    crop.flipped = random.unit() < 0.5 && options.flip
    let distortion = ColorDistortion(options, isOf8Bits: true, random: &random)
    let blur = drawBlur(random.below(3))
    let limit = Float(min(max(options.gaussianNoise, 0), 127))
    let noise = limit > 0 && random.unit() < 0.5 ? limit : 0
    if let corner, random.unit() < 0.5 {
      crop.push(towardLeft: corner.isLeft, towardTop: corner.isTop)
    }
    crop.resetIfEmpty()
    return PictureVariation(crop: crop, distortion: distortion, blur: blur, noise: noise)
  }

  /// A third of the pictures stays sharp, a third gets a blurred background, the last third what
  /// the cfg asks for: 1 for the background, more for the size of the kernel.
  private func drawBlur(_ third: Int) -> PictureVariation.Blur {
    guard options.blur > 0, third > 0 else { return .none }
    return third == 1 || options.blur == 1 ? .background : .whole(kernel: options.blur)
  }

  /// Paints the tile's part of the varied picture, and returns its objects in parts of the whole
  /// varied picture, cut to it: of the first `maxObjects` those that are a pixel or more.
  func paint(
    _ picture: LabelledPicture, _ variation: PictureVariation, _ tile: MosaicTile,
    of target: PlaneTarget, random: inout Random
  ) -> [GroundTruth] {
    let (width, height) = (target.width, target.height)
    let objects = picture.objects.prefix(maxObjects).compactMap { object -> GroundTruth? in
      guard let box = variation.crop.map(object.box), box.width >= 1 / Float(width),
        box.height >= 1 / Float(height)
      else { return nil }
      return GroundTruth(box: box, classIndex: object.classIndex, trackID: object.trackID)
    }
    guard tile.width > 0, tile.height > 0 else { return objects }
    let part = target.part(x: tile.left, y: tile.top, width: tile.width, height: tile.height)
    let axes = variation.crop.axes(
      width: width, height: height, columns: tile.sourceColumns, rows: tile.sourceRows)
    PictureRenderer(
      picture.bitmap, horizontal: axes.horizontal, vertical: axes.vertical,
      distortion: variation.distortion
    ).render(picture.bitmap, into: part)
    let channels = picture.bitmap.channels
    switch variation.blurKernel(objects, width: width, height: height) {
    case .none: break
    case .background:
      let sharp = objects.map { tile.inTile($0.box, width: width, height: height) }
      Filters.blur(part, channels: channels, size: 17, sharp: sharp)
    case .whole(let kernel): Filters.blur(part, channels: channels, size: kernel)
    }
    if variation.noise > 0 {
      Filters.addNoise(part, channels: channels, deviation: variation.noise, random: &random)
    }
    return objects
  }

  // MARK: pjreddie

  /// The original's scheme: the picture with its proportions jittered is put at a random place of
  /// a grey input that it fills in one direction, the colours of all change, half are mirrored.
  private func place(
    _ picture: LabelledPicture, into target: PlaneTarget, random: inout Random
  ) -> [GroundTruth] {
    let bitmap = picture.bitmap
    let (w, h) = (Double(bitmap.width), Double(bitmap.height))
    let (dw, dh) = (w * Double(jitter), h * Double(jitter))
    // A jitter of 1 may leave no picture.
    let newWidth = max(1, w + Double(random.uniform(-dw, dw)))
    let newHeight = max(1, h + Double(random.uniform(-dh, dh)))
    let aspect = newWidth / newHeight
    let (inputWidth, inputHeight) = (Double(target.width), Double(target.height))
    // An input that is not square may cut the other side.
    let placedWidth = max(1, Int(min(1e6, aspect < 1 ? inputHeight * aspect : inputWidth)))
    let placedHeight = max(1, Int(min(1e6, aspect < 1 ? inputHeight : inputWidth / aspect)))
    let left = Int(random.unit() * (inputWidth - Double(placedWidth)))
    let top = Int(random.unit() * (inputHeight - Double(placedHeight)))
    let distortion = ColorDistortion(options, random: &random)
    let flipped = random.unit() < 0.5

    target.fill(min(1, max(0, 0.5 * distortion.exposure)), channels: bitmap.channels)
    let columns = max(0, left)..<min(target.width, left + placedWidth)
    let rows = max(0, top)..<min(target.height, top + placedHeight)
    PictureRenderer(
      bitmap,
      horizontal: SamplingAxis(count: columns.count, of: bitmap.width, flipped: flipped) { x in
        Float(x + columns.lowerBound - left) / Float(placedWidth) * Float(bitmap.width)
      },
      vertical: SamplingAxis(count: rows.count, of: bitmap.height, flipped: false) { y in
        Float(y + rows.lowerBound - top) / Float(placedHeight) * Float(bitmap.height)
      }, distortion: distortion
    ).render(
      bitmap,
      into: target.part(
        x: flipped ? target.width - columns.upperBound : columns.lowerBound,
        y: rows.lowerBound, width: columns.count, height: rows.count))

    let (scaleX, scaleY) = (
      Float(placedWidth) / Float(target.width), Float(placedHeight) / Float(target.height)
    )
    let (shiftX, shiftY) = (Float(left) / Float(target.width), Float(top) / Float(target.height))
    return picture.objects.compactMap { object -> GroundTruth? in
      func clamped(_ value: Float) -> Float { min(1, max(0, value)) }
      var x0 = clamped(object.box.left * scaleX + shiftX)
      var x1 = clamped(object.box.right * scaleX + shiftX)
      let y0 = clamped(object.box.top * scaleY + shiftY)
      let y1 = clamped(object.box.bottom * scaleY + shiftY)
      if flipped { (x0, x1) = (1 - x1, 1 - x0) }
      guard x1 - x0 >= 0.001, y1 - y0 >= 0.001 else { return nil }
      return GroundTruth(
        box: Box(left: x0, top: y0, right: x1, bottom: y1), classIndex: object.classIndex,
        trackID: object.trackID)
    }.prefix(maxObjects).map { $0 }
  }
}
