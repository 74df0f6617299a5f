/// Changes of hue, saturation and brightness, as Darknet's `hue`, `saturation` and `exposure` ask
/// for; the numbers of one picture, already drawn.
package struct ColorDistortion: Hashable, Sendable {
  /// Added to the hue, a whole turn being 1; in -1...1.
  package var hue: Float
  /// Factor of the saturation.
  package var saturation: Float
  /// Factor of the value, which is the largest of r, g and b.
  package var exposure: Float
  /// Whether the changed hue, saturation and value are cut to what 8 bits hold before they become
  /// colours again, as OpenCV does it for AlexeyAB's detectors. Otherwise hues go round, and only
  /// the colours are cut: bright pixels burn out to white.
  package var isOf8Bits: Bool

  package static let none = ColorDistortion(hue: 0, saturation: 1, exposure: 1)

  package init(hue: Float, saturation: Float, exposure: Float, isOf8Bits: Bool = false) {
    self.hue = hue
    self.saturation = saturation
    self.exposure = exposure
    self.isOf8Bits = isOf8Bits
  }

  /// Whether it leaves all colours as they are.
  package var isIdentity: Bool { hue == 0 && saturation == 1 && exposure == 1 }
}

extension ColorDistortion {
  /// Distorts `count` pixels in place: RGB to hue, saturation and value (the hexcone of Smith
  /// 1978), there the changes, and back, clamped to 0...1.
  ///
  /// With the hue `h` in sixths of a turn, the value `v` and the chroma `c = v s`, the way back is
  /// `v - c min(k, 4 - k, 1)`, not below `v - c` nor above `v`, with `k = (n + h) mod 6` and n of
  /// 5, 3, 1 for red, green, blue. So there are no cases to branch on, and several pixels are
  /// computed at once.
  package func apply(
    red: UnsafeMutablePointer<Float>, green: UnsafeMutablePointer<Float>,
    blue: UnsafeMutablePointer<Float>, count: Int
  ) {
    if isOf8Bits { return apply8Bits(red: red, green: green, blue: blue, count: count) }
    let turn = hue * 6
    let (valueFactor, chromaFactor) = (exposure, exposure * saturation)
    for i in 0..<count {
      let (r, g, b) = (red[i], green[i], blue[i])
      let largest = max(r, max(g, b))
      let spread = largest - min(r, min(g, b))
      var sixth = Self.sixth(r, g, b, largest, spread) + turn
      // From -7..<11, as hues of red begin at -1.
      sixth = sixth < 0 ? sixth + 6 : sixth
      sixth = sixth < 0 ? sixth + 6 : sixth
      sixth = sixth >= 6 ? sixth - 6 : sixth
      let value = largest * valueFactor
      let chroma = spread * chromaFactor
      red[i] = Self.channel(5, sixth, value, chroma)
      green[i] = Self.channel(3, sixth, value, chroma)
      blue[i] = Self.channel(1, sixth, value, chroma)
    }
  }

  /// The same where saturation and value end at 1, and the hue, which OpenCV counts in steps of two
  /// degrees from 0 to 179, at 0 and 255: a red that would turn towards magenta stays red. Values
  /// are not rounded to bytes on the way.
  private func apply8Bits(
    red: UnsafeMutablePointer<Float>, green: UnsafeMutablePointer<Float>,
    blue: UnsafeMutablePointer<Float>, count: Int
  ) {
    // A whole hue of the cfg is 179 steps; 30 steps are a sixth.
    let turn = hue * 179 / 30
    let last: Float = 255 / 30
    let (valueFactor, saturationFactor) = (exposure, saturation)
    for i in 0..<count {
      let (r, g, b) = (red[i], green[i], blue[i])
      let largest = max(r, max(g, b))
      let spread = largest - min(r, min(g, b))
      var sixth = Self.sixth(r, g, b, largest, spread)
      sixth = sixth < 0 ? sixth + 6 : sixth
      sixth = min(last, max(0, sixth + turn))
      sixth = sixth >= 6 ? sixth - 6 : sixth
      let inverse = largest > 0 ? 1 / largest : 0
      let value = min(1, largest * valueFactor)
      let chroma = value * min(1, spread * inverse * saturationFactor)
      red[i] = Self.channel(5, sixth, value, chroma)
      green[i] = Self.channel(3, sixth, value, chroma)
      blue[i] = Self.channel(1, sixth, value, chroma)
    }
  }

  /// The hue in sixths of a turn, in -1..<5.
  @inline(__always)
  private static func sixth(
    _ r: Float, _ g: Float, _ b: Float, _ largest: Float, _ spread: Float
  ) -> Float {
    // Grey has no hue, and no chroma that would show it.
    let inverse = spread > 0 ? 1 / spread : 0
    let ofGreenOrBlue = largest == g ? 2 + (b - r) * inverse : 4 + (r - g) * inverse
    return largest == r ? (g - b) * inverse : ofGreenOrBlue
  }

  /// Samples of other than RGB pictures are multiplied by the exposure, and clamped.
  package func apply(gray: UnsafeMutablePointer<Float>, count: Int) {
    for i in 0..<count { gray[i] = min(1, max(0, gray[i] * exposure)) }
  }

  @inline(__always)
  private static func channel(
    _ n: Float, _ sixth: Float, _ value: Float, _ chroma: Float
  ) -> Float {
    let sum = n + sixth
    let k = sum >= 6 ? sum - 6 : sum
    let share = max(0, min(1, min(k, 4 - k)))
    return min(1, max(0, value - chroma * share))
  }
}

extension Image {
  /// Distorts the colours in place; pictures of other than three channels are only multiplied by
  /// the exposure, and clamped.
  package func distort(_ distortion: ColorDistortion) {
    if channels == 3 {
      distortion.apply(red: plane(0), green: plane(1), blue: plane(2), count: shape.area)
    } else {
      distortion.apply(gray: pointer, count: shape.count)
    }
  }
}
