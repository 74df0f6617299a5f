/// Changes of hue, saturation and brightness, as Darknet's `hue`, `saturation` and `exposure` ask
/// for; the numbers of one picture, already drawn.
public struct ColorDistortion: Hashable, Sendable {
  /// Added to the hue, a whole turn being 1; in -1...1.
  public var hue: Float
  /// Factor of the saturation.
  public var saturation: Float
  /// Factor of the value, which is the largest of r, g and b.
  public var exposure: Float

  public static let none = ColorDistortion(hue: 0, saturation: 1, exposure: 1)

  public init(hue: Float, saturation: Float, exposure: Float) {
    self.hue = hue
    self.saturation = saturation
    self.exposure = exposure
  }
}

extension ColorDistortion {
  /// Distorts `count` pixels in place: RGB to hue, saturation and value (the hexcone of Smith
  /// 1978), there the changes, and back, clamped to 0...1.
  ///
  /// With the hue `h` in sixths of a turn, the value `v` and the chroma `c = v s`, the way back is
  /// `v - c min(k, 4 - k, 1)`, not below `v - c` nor above `v`, with `k = (n + h) mod 6` and n of
  /// 5, 3, 1 for red, green, blue. So there are no cases to branch on, and several pixels are
  /// computed at once.
  public func apply(
    red: UnsafeMutablePointer<Float>, green: UnsafeMutablePointer<Float>,
    blue: UnsafeMutablePointer<Float>, count: Int
  ) {
    let turn = hue * 6
    let (valueFactor, chromaFactor) = (exposure, exposure * saturation)
    for i in 0..<count {
      let (r, g, b) = (red[i], green[i], blue[i])
      let largest = max(r, max(g, b))
      let spread = largest - min(r, min(g, b))
      // Grey has no hue, and no chroma that would show it.
      let inverse = spread > 0 ? 1 / spread : 0
      let ofGreenOrBlue = largest == g ? 2 + (b - r) * inverse : 4 + (r - g) * inverse
      var sixth = (largest == r ? (g - b) * inverse : ofGreenOrBlue) + turn
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

  /// Samples of other than RGB pictures are multiplied by the exposure, and clamped.
  public func apply(gray: UnsafeMutablePointer<Float>, count: Int) {
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
  public func distort(_ distortion: ColorDistortion) {
    if channels == 3 {
      distortion.apply(red: plane(0), green: plane(1), blue: plane(2), count: shape.area)
    } else {
      distortion.apply(gray: pointer, count: shape.count)
    }
  }
}
