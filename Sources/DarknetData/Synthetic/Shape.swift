import DarknetGeometry
import DarknetImages
import DarknetTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension SyntheticShapes {
  /// One object: its outline, and its colours.
  struct Shape {
    let classIndex: Int
    private let corners: [Point]
    private let radius: Float
    private let color: Color
    private let edge: Color

    /// Draws a shape that lies inside the picture, in a colour that stands out from `ground`.
    ///
    /// - Parameter radii: smallest and largest, as a fraction of the picture's shorter side.
    init(
      width: Float, height: Float, radii: ClosedRange<Float>, ground: Color, random: inout Random
    ) {
      classIndex = random.below(SyntheticShapes.classNames.count)
      let side = min(width, height)
      // Small ones are as frequent as large ones by their logarithm.
      let span = radii.upperBound / radii.lowerBound
      radius = side * radii.lowerBound * powf(span, Float(random.unit()))
      let turn = Float(random.unit()) * 2 * .pi
      let outline = Self.outline(classIndex, turn: turn, radius: radius)
      let reachX = outline.map { abs($0.x) }.max()! + 2
      let reachY = outline.map { abs($0.y) }.max()! + 2
      let centre = Point(
        random.uniform(Double(reachX), Double(width - reachX)),
        random.uniform(Double(reachY), Double(height - reachY)))
      corners = outline.map { Point(centre.x + $0.x, centre.y + $0.y) }
      color = Self.contrasting(ground, random: &random)
      edge = color.mixed(with: random.unit() < 0.5 ? .black : .white, part: 0.45)
    }

    /// In pixels.
    var box: Box {
      Box(
        left: corners.map(\.x).min()!, top: corners.map(\.y).min()!,
        right: corners.map(\.x).max()!, bottom: corners.map(\.y).max()!)
    }

    func paint(on canvas: Canvas) {
      // The shadow grows softer outwards.
      for step in 0..<4 {
        let shift = radius * 0.05 * Float(step + 1)
        canvas.fill(path(scale: 1, shift: Point(shift, shift)), Color(0, alpha: 0.1))
      }
      canvas.fill(path(scale: 1), edge)
      canvas.fill(path(scale: 0.88), color)
      // Light from the upper left.
      let light = Point(-radius * 0.1, -radius * 0.12)
      canvas.fill(path(scale: 0.62, shift: light), Color(0xFFFFFF, alpha: 0.12))
      canvas.fill(path(scale: 0.36, shift: light), Color(0xFFFFFF, alpha: 0.12))
    }

    private func path(scale: Float, shift: Point = Point(0, 0)) -> Path {
      let count = Float(corners.count)
      let middle = Point(
        corners.map(\.x).reduce(0, +) / count, corners.map(\.y).reduce(0, +) / count)
      var path = Path()
      path.add(
        polygon: corners.map {
          Point(
            middle.x + ($0.x - middle.x) * scale + shift.x,
            middle.y + ($0.y - middle.y) * scale + shift.y)
        })
      return path
    }

    /// Corners about the origin.
    private static func outline(_ classIndex: Int, turn: Float, radius: Float) -> [Point] {
      func ring(_ count: Int, inner: Float = 1) -> [Point] {
        (0..<count).map { k in
          let angle = turn + Float(k) / Float(count) * 2 * .pi
          let reach = k % 2 == 0 ? radius : radius * inner
          return Point(reach * cosf(angle), reach * sinf(angle))
        }
      }
      switch classIndex {
      case 0: return ring(72)
      case 1: return ring(4)
      case 2: return ring(3)
      default: return ring(10, inner: 0.42)
      }
    }

    /// A strong colour whose brightness is not the ground's.
    private static func contrasting(_ ground: Color, random: inout Random) -> Color {
      var best = Color.black
      var bestDistance: Float = -1
      for _ in 0..<4 {
        let candidate = Color(
          hue: Float(random.unit()), saturation: random.uniform(0.45, 1),
          value: random.uniform(0.35, 1))
        let distance = abs(candidate.luminance - ground.luminance)
        if distance > bestDistance { (best, bestDistance) = (candidate, distance) }
        if distance > 0.25 { break }
      }
      return best
    }
  }
}

extension Color {
  /// From hue (a turn is 1), saturation and value, each in 0...1.
  init(hue: Float, saturation: Float, value: Float) {
    func level(_ n: Float) -> UInt8 {
      let k = (n + hue * 6).truncatingRemainder(dividingBy: 6)
      let share = max(0, min(k, 4 - k, 1))
      return UInt8(min(255, max(0, (value - value * saturation * share) * 255)))
    }
    self.init(red: level(5), green: level(3), blue: level(1))
  }

  func mixed(with other: Color, part: Float) -> Color {
    func mix(_ a: UInt8, _ b: UInt8) -> UInt8 {
      UInt8(min(255, max(0, Float(a) + (Float(b) - Float(a)) * part)))
    }
    return Color(
      red: mix(red, other.red), green: mix(green, other.green), blue: mix(blue, other.blue))
  }
}
