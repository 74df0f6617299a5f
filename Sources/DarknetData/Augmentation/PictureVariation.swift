import DarknetConfig
import DarknetGeometry
import DarknetImages
import DarknetTensors

/// How one picture is varied: the numbers, already drawn.
package struct PictureVariation: Hashable {
  enum Blur: Hashable {
    case none
    /// All but the objects, by a kernel of 17.
    case background
    case whole(kernel: Int)
  }

  package var crop: PictureCrop
  var distortion: ColorDistortion
  var blur: Blur
  /// Deviation of the noise in levels of 255; 0 for none.
  var noise: Float

  /// The kernel with regard to the objects: no larger than an eighth of the smallest side of the
  /// smallest object, which would vanish. What becomes 1 by that means the background, and where
  /// there are no objects nothing is blurred, as AlexeyAB has it.
  func blurKernel(_ objects: [GroundTruth], width: Int, height: Int) -> Blur {
    guard case .whole(var kernel) = blur else { return blur }
    if objects.isEmpty { return .none }
    for object in objects {
      let side = min(object.box.width * Float(width), object.box.height * Float(height))
      kernel = min(kernel, Int(side) / 8)
    }
    switch kernel {
    case ...0: return .none
    case 1: return .background
    default: return .whole(kernel: kernel / 2 * 2 + 1)
    }
  }
}

extension ColorDistortion {
  /// Draws a change of colours: hue uniform around 0, saturation and exposure a factor of up to
  /// the cfg's, or one by it.
  init(_ options: AugmentationOptions, isOf8Bits: Bool = false, random: inout Random) {
    self.init(
      hue: random.uniform(Double(-options.hue), Double(options.hue)),
      saturation: random.factor(options.saturation), exposure: random.factor(options.exposure),
      isOf8Bits: isOf8Bits)
  }
}

extension AugmentationOptions {
  /// What colours can be varied by. 0 is written for grey pictures; Darknet draws from 0...1 then.
  var colorRanges: [(String, Float, ClosedRange<Float>)] {
    [("saturation", saturation, 0...100), ("exposure", exposure, 0...100), ("hue", hue, -1...1)]
  }
}

extension Random {
  /// A factor in 1...`limit`, uniform, or one by it: each in half of the cases. Of a limit below 1,
  /// 0 included, the factor is in `limit`...1.
  package mutating func factor(_ limit: Float) -> Float {
    let scale = uniform(1, Double(limit))
    return unit() < 0.5 ? scale : 1 / scale
  }

  /// A whole number in low...high, each as likely; `low` if `high` is less.
  mutating func int(_ low: Int, _ high: Int) -> Int {
    high > low ? low + below(high - low + 1) : low
  }
}

extension PlaneTarget {
  /// The mean of this and another picture of the same size.
  func average(with other: PlaneTarget, channels: Int) {
    for c in 0..<channels {
      for y in 0..<height {
        let (a, b) = (row(y, ofPlane: c), other.row(y, ofPlane: c))
        for x in 0..<width { a[x] = 0.5 * a[x] + 0.5 * b[x] }
      }
    }
  }
}
