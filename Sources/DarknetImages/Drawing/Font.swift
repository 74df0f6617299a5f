import DarknetSystem

/// The one typeface of pictures and charts, as outlines, so that it is sharp in every size.
///
/// It has the printable characters of ASCII and Latin-1; any other is an empty box.
struct Font: Sendable {
  static let shared = Font(decoding: fontOutlines)

  /// Units of the outlines' coordinates in an em.
  private static let unitsPerEm: Float = 1024
  /// Height of letters with a rise above the baseline, and depth of those below, in ems.
  static let ascent: Float = 0.76
  static let descent: Float = 0.24

  private struct Glyph {
    var advance: Float
    var contours: [[Corner]]
  }

  /// A point of an outline; those that are not on it pull a quadratic curve.
  private struct Corner {
    var x: Float
    var y: Float
    var isOnCurve: Bool
  }

  private let glyphs: [Character: Glyph]
  /// Those of the first 256 characters, found without hashing.
  private let latin: [Glyph?]
  private let missing: Glyph

  /// Width of one line of text in pixels.
  func width(of text: String, size: Float) -> Float {
    text.reduce(0) { $0 + glyph($1).advance } * size / Self.unitsPerEm
  }

  /// `text` if it fits into `limit` pixels, else as much of its start as does with three dots
  /// after it. Looks no further than the limit, as a box may have the names of all classes.
  func shortened(_ text: String, toWidth limit: Float, size: Float) -> String {
    let scale = size / Self.unitsPerEm
    let dots = "..."
    let dotsAdvance = dots.reduce(0) { $0 + glyph($1).advance }
    var advance: Float = 0
    // Where the dots would stand.
    var cut = text.startIndex
    for index in text.indices {
      if (advance + dotsAdvance) * scale <= limit { cut = index }
      advance += glyph(text[index]).advance
      if advance * scale > limit { return text[..<cut] + dots }
    }
    return text
  }

  /// Adds the outlines of one line of text, which begins at (0, 0) on the baseline; `place` moves
  /// a point, y down, to where it belongs.
  func add(
    _ text: String, size: Float, to path: inout Path, place: (_ x: Float, _ y: Float) -> Point
  ) {
    let scale = size / Self.unitsPerEm
    // Curves are cut into pieces of a few pixels.
    let pieces = Int(min(16, max(2, size / 8)))
    var pen: Float = 0
    for character in text {
      let glyph = glyph(character)
      for contour in glyph.contours {
        let points = Self.flatten(contour, pieces: pieces)
        path.add(polygon: points.map { place((pen + $0.x) * scale, -$0.y * scale) })
      }
      pen += glyph.advance
    }
  }

  private func glyph(_ character: Character) -> Glyph {
    let scalars = character.unicodeScalars
    if let first = scalars.first, first.value < 256, scalars.count == 1,
      let glyph = latin[Int(first.value)]
    {
      return glyph
    }
    // Compares by canonical equivalence, so a letter with a separate accent is found, too.
    if let glyph = glyphs[character] { return glyph }
    // A name that is not UTF-8: Latin-1 is the likeliest guess.
    if let byte = character.unicodeScalars.first?.outsideByte {
      return glyphs[Character(Unicode.Scalar(byte))] ?? missing
    }
    return character.isWhitespace ? glyphs[" "] ?? missing : missing
  }

  /// The contour as a polygon. Between two points off the curve lies one on it, half-way.
  private static func flatten(_ contour: [Corner], pieces: Int) -> [Point] {
    var points: [Point] = []
    let count = contour.count
    func middle(_ a: Corner, _ b: Corner) -> Corner {
      Corner(x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, isOnCurve: true)
    }
    for (k, corner) in contour.enumerated() {
      if corner.isOnCurve {
        points.append(Point(corner.x, corner.y))
        continue
      }
      let (before, after) = (contour[(k + count - 1) % count], contour[(k + 1) % count])
      let start = before.isOnCurve ? before : middle(before, corner)
      let end = after.isOnCurve ? after : middle(corner, after)
      for piece in 1...pieces {
        let t = Float(piece) / Float(pieces)
        let (a, b, c) = ((1 - t) * (1 - t), 2 * t * (1 - t), t * t)
        points.append(
          Point(
            a * start.x + b * corner.x + c * end.x, a * start.y + b * corner.y + c * end.y))
      }
    }
    return points
  }
}

// MARK: - Decoding

extension Font {
  /// Base64 of, for each glyph: code point minus the one before, advance, number of contours, and
  /// for each contour its number of points and the points as steps from the point before (the
  /// first of a glyph from 0, 0): x * 2 + 1 if on the curve, y. Numbers are little-endian groups
  /// of seven bits, the upper bit set but in the last; signed ones are folded to 0, -1, 1, -2 ...
  private init(decoding text: String) {
    let bytes = Self.base64(text)
    var position = 0
    func number() -> Int {
      var value = 0
      var shift = 0
      while true {
        let byte = Int(bytes[position])
        position += 1
        value |= (byte & 0x7F) << shift
        guard byte & 0x80 != 0 else { return value }
        shift += 7
      }
    }
    func unfolded(_ value: Int) -> Int { value & 1 == 0 ? value / 2 : -(value + 1) / 2 }

    var glyphs: [Character: Glyph] = [:]
    var code: UInt32 = 0
    while position < bytes.count {
      code += UInt32(number())
      let advance = Float(number())
      var (x, y) = (0, 0)
      let contours = (0..<number()).map { _ in
        (0..<number()).map { _ in
          let step = number()
          x += unfolded(step >> 1)
          y += unfolded(number())
          return Corner(x: Float(x), y: Float(y), isOnCurve: step & 1 == 1)
        }
      }
      if let scalar = Unicode.Scalar(code) {
        glyphs[Character(scalar)] = Glyph(advance: advance, contours: contours)
      }
    }
    self.glyphs = glyphs
    latin = (0..<256).map { glyphs[Character(Unicode.Scalar(UInt8($0)))] }
    // A box, its inside wound the other way round.
    func box(_ inset: Float, _ order: [Int]) -> [Corner] {
      let corners: [(Float, Float)] = [
        (80 + inset, inset), (80 + inset, 740 - inset), (560 - inset, 740 - inset),
        (560 - inset, inset),
      ]
      return order.map { Corner(x: corners[$0].0, y: corners[$0].1, isOnCurve: true) }
    }
    missing = Glyph(advance: 640, contours: [box(0, [0, 1, 2, 3]), box(70, [3, 2, 1, 0])])
  }

  private static func base64(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count * 3 / 4)
    var bits: UInt32 = 0
    var count = 0
    for character in text.utf8 {
      let value: UInt8
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - UInt8(ascii: "A")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - UInt8(ascii: "a") + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character - UInt8(ascii: "0") + 52
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      default: continue
      }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return bytes
  }
}
