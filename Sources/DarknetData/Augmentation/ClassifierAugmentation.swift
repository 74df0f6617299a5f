import DarknetConfig
import DarknetImages
import DarknetTensors
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How pictures for classifiers are varied: turned, scaled and cropped in one step, mirrored,
/// changed in colour, and mixed.
package struct ClassifierAugmentation: Hashable, Sendable {
  /// Of `[net]`: angle, aspect, crop sizes, flip, colours, mixing, label smoothing.
  package var options: AugmentationOptions

  package init(options: AugmentationOptions) { self.options = options }

  /// - Throws: `ConfigError` for sizes or factors that no picture can have; `file` is the cfg.
  package func check(file: String) throws(ConfigError) {
    for (option, value, range) in ranges {
      try options.places.check(option, value, in: range, file: file)
    }
  }

  private var ranges: [(String, Float, ClosedRange<Float>)] {
    [
      ("min_crop", Float(options.minCrop), 1...1e6), ("max_crop", Float(options.maxCrop), 1...1e6),
      ("aspect", options.aspect, 0.01...100), ("angle", options.angle, -360...360),
    ] + options.colorRanges
  }

  private var isSane: Bool { ranges.allSatisfy { $2.contains($1) } }

  /// Paints one row of a batch into `target` and returns its truth: a share a class.
  ///
  /// Half of the rows are mixed if the cfg asks for it: 1 averages two pictures and their truths,
  /// 2 puts a rectangle of one into the other, 3 makes one of four, both weighing the truths by
  /// area, 4 is 2 or 3. (Darknet decides once for all rows that a thread makes.)
  ///
  /// - Parameter draw: gives a picture and its truth; called once a picture that is needed.
  /// - Precondition: `check` finds nothing.
  package func compose<Failure: Error>(
    into target: PlaneTarget, random: inout Random,
    draw: (inout Random) throws(Failure) -> (bitmap: Bitmap, truth: [Float])
  ) throws(Failure) -> [Float] {
    precondition(isSane, "check the augmentation first")
    var varying = random.split(0x56_41_52_59)
    let first = try draw(&random)
    paint(first.bitmap, target, random: &varying)
    guard options.mix != .none, varying.unit() < 0.5 else { return first.truth }
    var mix = options.mix
    if mix == .mosaicOrCutmix { mix = varying.unit() < 0.5 ? .cutmix : .mosaic }

    let channels = first.bitmap.channels
    let memory = FloatBuffer(count: channels * target.width * target.height)
    let other = PlaneTarget(memory.pointer, width: target.width, height: target.height)
    let area = Float(target.width * target.height)
    var truth = first.truth
    func add(_ second: [Float], part: Float) {
      for i in truth.indices { truth[i] += part * second[i] }
    }
    switch mix {
    case .mixup:
      let second = try draw(&random)
      paint(second.bitmap, other, random: &varying)
      target.average(with: other, channels: channels)
      truth = zip(truth, second.truth).map { ($0 + $1) / 2 }
    case .cutmix:
      let second = try draw(&random)
      paint(second.bitmap, other, random: &varying)
      // 0.3 to 0.8 of each side.
      let width = varying.int(target.width * 3 / 10, target.width * 8 / 10)
      let height = varying.int(target.height * 3 / 10, target.height * 8 / 10)
      let left = varying.int(0, target.width - width - 1)
      let top = varying.int(0, target.height - height - 1)
      copy(from: other, to: target, left..<left + width, top..<top + height, channels)
      let part = Float(width * height) / area
      truth = truth.map { $0 * (1 - part) }
      add(second.truth, part: part)
    default:
      // Where the four meet, in the inner part of the input.
      let cutX = varying.int(target.width / 5, target.width - target.width / 5)
      let cutY = varying.int(target.height / 5, target.height - target.height / 5)
      let part = Float(cutX * cutY) / area
      truth = truth.map { $0 * part }
      for corner in Mosaic.Corner.allCases where corner != .topLeft {
        let picture = try draw(&random)
        paint(picture.bitmap, other, random: &varying)
        let columns = corner.isLeft ? 0..<cutX : cutX..<target.width
        let rows = corner.isTop ? 0..<cutY : cutY..<target.height
        copy(from: other, to: target, columns, rows, channels)
        add(picture.truth, part: Float(columns.count * rows.count) / area)
      }
    }
    return truth
  }

  private func copy(
    from source: PlaneTarget, to target: PlaneTarget, _ columns: Range<Int>, _ rows: Range<Int>,
    _ channels: Int
  ) {
    for c in 0..<channels {
      for y in rows {
        (target.row(y, ofPlane: c) + columns.lowerBound).update(
          from: source.row(y, ofPlane: c) + columns.lowerBound, count: columns.count)
      }
    }
  }

  // MARK: One picture

  /// Draws how the picture is turned and cut, and paints it.
  private func paint(_ bitmap: Bitmap, _ target: PlaneTarget, random: inout Random) {
    let turn = draw(width: bitmap.width, height: bitmap.height, for: target, &random)
    let flipped = random.unit() < 0.5 && options.flip
    let distortion = ColorDistortion(options, random: &random)
    turn.paint(bitmap, into: target, flipped: flipped, distortion: distortion)
  }

  func draw(
    width: Int, height: Int, for target: PlaneTarget, _ random: inout Random
  ) -> TurnedCrop {
    let aspect = random.factor(options.aspect)
    let crop = Float(random.int(options.minCrop, options.maxCrop))
    let scale = crop / min(Float(height), Float(width) * aspect)
    let limit = Double(options.angle)
    let radians = random.uniform(-limit, limit) * 2 * .pi / 360
    // Half of what the scaled picture has more than the square, or less.
    let size = max(target.width, target.height)
    let slackX = Double((Float(width) * scale / aspect - Float(size)) / 2)
    let slackY = Double((Float(height) * scale - Float(size)) / 2)
    return TurnedCrop(
      size: size, radians: radians, scale: scale, aspect: aspect,
      shiftX: random.uniform(-slackX, slackX), shiftY: random.uniform(-slackY, slackY))
  }
}

/// A square of `size`, cut out of a turned, scaled and stretched picture, and stretched to the
/// input.
///
/// Its pixel (x, y) shows the place, from the picture's middle, of
/// `((x - size/2 + shiftX) / scale * aspect, (y - size/2 + shiftY) / scale)` turned by `radians`;
/// outside, the nearest pixel.
package struct TurnedCrop: Hashable {
  package var size: Int
  package var radians: Float
  package var scale: Float
  package var aspect: Float
  package var shiftX: Float
  package var shiftY: Float

  package init(
    size: Int, radians: Float, scale: Float, aspect: Float, shiftX: Float, shiftY: Float
  ) {
    self.size = size
    self.radians = radians
    self.scale = scale
    self.aspect = aspect
    self.shiftX = shiftX
    self.shiftY = shiftY
  }

  package func paint(
    _ bitmap: Bitmap, into target: PlaneTarget, flipped: Bool, distortion: ColorDistortion
  ) {
    // Inputs that are not square take their samples from the square directly.
    let stepX = target.width > 1 ? Float(size - 1) / Float(target.width - 1) : 0
    let stepY = target.height > 1 ? Float(size - 1) / Float(target.height - 1) : 0
    let half = Float(size) / 2
    func across(_ x: Int) -> Float { (Float(x) * stepX - half + shiftX) / scale * aspect }
    func down(_ y: Int) -> Float { (Float(y) * stepY - half + shiftY) / scale }
    let (middleX, middleY) = (Float(bitmap.width) / 2, Float(bitmap.height) / 2)
    if radians == 0 {
      PictureRenderer(
        bitmap,
        horizontal: SamplingAxis(count: target.width, of: bitmap.width, flipped: flipped) {
          across($0) + middleX
        },
        vertical: SamplingAxis(count: target.height, of: bitmap.height, flipped: false) {
          down($0) + middleY
        }, distortion: distortion
      ).render(bitmap, into: target)
      return
    }
    let (cosine, sine) = (cosf(radians), sinf(radians))
    for y in 0..<target.height {
      let dy = down(y)
      for x in 0..<target.width {
        let dx = across(flipped ? target.width - 1 - x : x)
        bitmap.sample(
          x: cosine * dx - sine * dy + middleX, y: sine * dx + cosine * dy + middleY
        ) { channel, value in target.row(y, ofPlane: channel)[x] = value }
      }
      target.distort(row: y, channels: bitmap.channels, distortion)
    }
  }
}

extension Bitmap {
  /// The bilinear value of every channel at (x, y) as 0...1, pixels lying at whole numbers;
  /// outside, the nearest pixel.
  @inline(__always)
  func sample(x: Float, y: Float, _ give: (_ channel: Int, _ value: Float) -> Void) {
    // Clamped before the conversion; NaN becomes the first pixel.
    let (x, y) = (min(Float(width - 1), max(0, x)), min(Float(height - 1), max(0, y)))
    let (left, top) = (Int(x), Int(y))
    let (dx, dy) = (x - Float(left), y - Float(top))
    let right = min(left &+ 1, width &- 1) &- left
    let below = (min(top &+ 1, height &- 1) &- top) &* stride
    let p = bytes + (top &* stride &+ left &* channels)
    let q = p + below
    for c in 0..<channels {
      let (a, b) = (Float(p[c]), Float(p[right &* channels &+ c]))
      let (e, f) = (Float(q[c]), Float(q[right &* channels &+ c]))
      let upper = a + dx * (b - a)
      let lower = e + dx * (f - e)
      give(c, (upper + dy * (lower - upper)) * (1 / 255))
    }
  }
}
