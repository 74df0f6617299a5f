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

extension Image {
  /// Distorts the colours in place: RGB to hue, saturation and value (the hexcone of Smith 1978),
  /// there the changes, and back, clamped to 0...1. Pictures of other than three channels are
  /// only multiplied by the exposure, and clamped.
  public func distort(_ distortion: ColorDistortion) {
    guard channels == 3 else {
      for i in 0..<shape.count { pointer[i] = clamp(pointer[i] * distortion.exposure) }
      return
    }
    let (red, green, blue) = (plane(0), plane(1), plane(2))
    for i in 0..<shape.area {
      let (r, g, b) = (red[i], green[i], blue[i])
      let largest = max(r, max(g, b))
      let spread = largest - min(r, min(g, b))
      // Grey and black have no hue, and no saturation that a factor could raise.
      var hue: Float = 0
      var saturation: Float = 0
      if spread > 0, largest > 0 {
        saturation = spread / largest
        let sixth: Float
        if r == largest {
          sixth = (g - b) / spread
        } else if g == largest {
          sixth = 2 + (b - r) / spread
        } else {
          sixth = 4 + (r - g) / spread
        }
        hue = (sixth < 0 ? sixth + 6 : sixth) / 6
      }
      hue += distortion.hue
      if hue > 1 { hue -= 1 } else if hue < 0 { hue += 1 }
      saturation *= distortion.saturation
      let value = largest * distortion.exposure

      // This order of arguments makes NaN 0.
      let sector = min(6, max(0, hue * 6))
      let index = Int(sector)
      let fraction = sector - Float(index)
      let low = value * (1 - saturation)
      let falling = value * (1 - saturation * fraction)
      let rising = value * (1 - saturation * (1 - fraction))
      let (r2, g2, b2) =
        switch index {
        case 0, 6: (value, rising, low)
        case 1: (falling, value, low)
        case 2: (low, value, rising)
        case 3: (low, falling, value)
        case 4: (rising, low, value)
        default: (value, low, falling)
        }
      red[i] = clamp(r2)
      green[i] = clamp(g2)
      blue[i] = clamp(b2)
    }
  }

  @inline(__always)
  private func clamp(_ value: Float) -> Float { min(1, max(0, value)) }
}
