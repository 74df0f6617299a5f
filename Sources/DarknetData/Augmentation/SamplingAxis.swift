import DarknetSystem

/// For each new sample along an axis, which two old ones make it: `v = a + d (b - a)`.
///
/// Old samples are counted in a line with one more sample at each end, so 0 stands for all that
/// lies before the picture, 1...old for the picture, old + 1 for what lies after it.
struct SamplingAxis {
  private(set) var first: [Int32]
  private(set) var second: [Int32]
  private(set) var weight: [Float]
  /// Whether samples outside the picture are among them.
  private(set) var leavesPicture = false

  var count: Int { weight.count }

  /// The value where the picture has no samples.
  enum Outside { case nearest, fill }

  /// A crop of `length` old samples from `start` on (either may lie outside the picture) stretched
  /// to `new` samples, of which `range` is wanted. Corner-aligned, as Darknet resizes: the first
  /// and last new samples are the first and last of the crop.
  init(
    start: Int, length: Int, of old: Int, to new: Int, range: Range<Int>, flipped: Bool,
    outside: Outside
  ) {
    precondition(length > 0 && old > 0 && new > 0, "an axis needs samples")
    precondition(range.lowerBound >= 0 && range.upperBound <= new, "\(range) of \(new) samples")
    self.init(count: range.count)
    let scale = new > 1 ? Float(length - 1) / Float(new - 1) : 0
    for (place, sample) in range.enumerated() {
      let k = flipped ? new - 1 - sample : sample
      if k == new - 1 || length == 1 {
        // Rounding may end just short of the last one, which is to be an exact copy.
        set(place, start + length - 1, start + length - 1, 0, of: old, outside)
      } else {
        let position = Float(k) * scale
        let index = min(Int(position), length - 2)
        set(place, start + index, start + index + 1, position - Float(index), of: old, outside)
      }
    }
  }

  /// `count` samples at real places, old samples lying at 0, 1, 2…; outside the nearest one.
  init(count: Int, of old: Int, flipped: Bool, position: (Int) -> Float) {
    self.init(count: count)
    for place in 0..<count {
      // Clamped before the conversion; NaN becomes the first sample.
      let x = min(Float(old), max(-1, position(flipped ? count - 1 - place : place)))
      let index = Int(x.rounded(.down))
      set(place, index, index + 1, x - Float(index), of: old, .nearest)
    }
  }

  private init(count: Int) {
    first = [Int32](repeating: 0, count: count)
    second = first
    weight = [Float](repeating: 0, count: count)
  }

  private mutating func set(
    _ place: Int, _ a: Int, _ b: Int, _ d: Float, of old: Int, _ outside: Outside
  ) {
    let inside = outside == .nearest ? 0...old - 1 : -1...old
    let a = min(max(a, inside.lowerBound), inside.upperBound)
    let b = min(max(b, inside.lowerBound), inside.upperBound)
    if a < 0 || b < 0 || a >= old || b >= old { leavesPicture = true }
    first[place] = Int32(a + 1)
    second[place] = Int32(b + 1)
    weight[place] = d
  }
}
