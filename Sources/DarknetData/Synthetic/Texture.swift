import DarknetImages
import DarknetTensors

/// Ground for synthetic pictures: two muted colours mixed by smooth noise in several sizes, as in
/// stone or cloth, with grain and a slope of light.
struct Texture {
  let first: Color
  let second: Color
  private let cell: Float
  /// More across than along makes fibres.
  private let stretch: Float
  private let lightX: Float
  private let lightY: Float
  private let seed: UInt64

  init(random: inout Random) {
    let hue = Float(random.unit())
    first = Color(
      hue: hue, saturation: random.uniform(0.05, 0.4), value: random.uniform(0.25, 0.85))
    second = Color(
      hue: hue + random.uniform(-0.12, 0.12) + 1, saturation: random.uniform(0.05, 0.45),
      value: random.uniform(0.2, 0.9))
    cell = random.uniform(24, 110)
    stretch = random.unit() < 0.4 ? random.uniform(2, 7) : 1
    lightX = random.uniform(-0.15, 0.15)
    lightY = random.uniform(-0.15, 0.15)
    seed = random.next()
  }

  var mean: Color { first.mixed(with: second, part: 0.5) }

  func paint(_ bitmap: Bitmap) {
    var grain = Random(seed: seed)
    for y in 0..<bitmap.height {
      for x in 0..<bitmap.width {
        let part = noise(Float(x), Float(y) * stretch)
        let across = Float(x) / Float(bitmap.width) - 0.5
        let down = Float(y) / Float(bitmap.height) - 0.5
        let light = 1 + lightX * across + lightY * down + grain.uniform(-0.035, 0.035)
        let pixel = bitmap.bytes + (y * bitmap.width + x) * 3
        pixel[0] = level(first.red, second.red, part, light)
        pixel[1] = level(first.green, second.green, part, light)
        pixel[2] = level(first.blue, second.blue, part, light)
      }
    }
  }

  private func level(_ a: UInt8, _ b: UInt8, _ part: Float, _ light: Float) -> UInt8 {
    UInt8(min(255, max(0, (Float(a) + (Float(b) - Float(a)) * part) * light)))
  }

  /// Value noise: random numbers on a lattice, smoothly between them; each octave half as large
  /// and 0.55 as strong as the one before. About 0...1.
  private func noise(_ x: Float, _ y: Float) -> Float {
    var (sum, total, strength, size): (Float, Float, Float, Float) = (0, 0, 1, cell)
    for octave in 0..<4 {
      sum += strength * lattice(x / size, y / size, octave)
      total += strength
      strength *= 0.55
      size *= 0.5
    }
    return min(1, max(0, (sum / total - 0.5) * 1.8 + 0.5))
  }

  private func lattice(_ x: Float, _ y: Float, _ octave: Int) -> Float {
    let (column, row) = (x.rounded(.down), y.rounded(.down))
    let (dx, dy) = (smooth(x - column), smooth(y - row))
    let (c, r) = (Int(column), Int(row))
    let upper = value(c, r, octave) * (1 - dx) + value(c + 1, r, octave) * dx
    let lower = value(c, r + 1, octave) * (1 - dx) + value(c + 1, r + 1, octave) * dx
    return upper * (1 - dy) + lower * dy
  }

  private func smooth(_ t: Float) -> Float { t * t * (3 - 2 * t) }

  private func value(_ column: Int, _ row: Int, _ octave: Int) -> Float {
    let place = UInt64(truncatingIfNeeded: column &* 73_856_093 ^ row &* 19_349_663 ^ octave << 40)
    var random = Random(seed: seed ^ place)
    return Float(random.unit())
  }
}
