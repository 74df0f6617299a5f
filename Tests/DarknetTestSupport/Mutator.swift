import DarknetTensors

/// Makes broken files out of whole ones.
///
/// The mutations are those of common fuzzers: flipped bits, runs of one byte, cuts, doubled parts,
/// parts of other files, words that the readers know, and numbers at the ends of their ranges.
package struct Mutator: Sendable {
  /// Numbers at which readers of text go wrong.
  package static let numbers = [
    "0", "-1", "1", "-0", "0.5", "2147483647", "2147483648", "-2147483649",
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e39", "-1e39", "1e400",
    "nan", "inf", "-inf", "1e-400", "99999999999999999999999999", "0x10", "1.5e", "+", "١",
  ]

  /// The same for numbers of four bytes.
  private static let patterns: [UInt32] = [
    0, 1, 0xFFFF_FFFF, 0x8000_0000, 0x7FFF_FFFF, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000,
    0x7F7F_FFFF, 0x0001_0000, 0x8000_0001,
  ]

  private let seeds: [[UInt8]]
  private let words: [[UInt8]]
  private let isText: Bool

  /// - Parameters:
  ///   - seeds: whole files.
  ///   - words: what means something in them.
  ///   - isText: whether numbers are written in digits.
  package init(seeds: [[UInt8]], words: [String] = [], isText: Bool = true) {
    self.seeds = seeds
    self.words = (words + (isText ? Self.numbers : [])).map { Array($0.utf8) }
    self.isText = isText
  }

  /// A file with one to five mutations; a seventh of the files are whole.
  package func make(_ random: inout Random) -> [UInt8] {
    var bytes = seeds[random.below(seeds.count)]
    guard random.below(7) != 0 else { return bytes }
    for _ in 0...random.below(5) { mutate(&bytes, &random) }
    return bytes
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout Random) {
    guard !bytes.isEmpty else {
      bytes = [UInt8(random.below(256))]
      return
    }
    // Half of the changes of binary files are near their start, where the headers are.
    let near = !isText && random.below(2) == 0
    let place = random.below(near ? min(bytes.count, 32) : bytes.count)
    switch random.below(10) {
    case 0: bytes[place] ^= 1 << UInt8(random.below(8))
    case 1: bytes[place] = UInt8(random.below(256))
    case 2:
      let run = [UInt8](
        repeating: [0, 0xFF, 0x20, 0x0A, UInt8(random.below(256))][random.below(5)],
        count: 1 + random.below(40))
      bytes.insert(contentsOf: run, at: place)
    case 3: bytes.removeSubrange(place...)
    case 4: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(20)))
    case 5:
      let end = min(bytes.count, place + 1 + random.below(64))
      bytes.insert(contentsOf: bytes[place..<end], at: random.below(bytes.count))
    case 6:
      let other = seeds[random.below(seeds.count)]
      guard !other.isEmpty else { return }
      bytes.replaceSubrange(place..., with: other[random.below(other.count)...])
    case 7 where !words.isEmpty:
      bytes.insert(contentsOf: words[random.below(words.count)], at: place)
    default:
      if isText {
        replaceNumber(&bytes, near: place, &random)
      } else {
        writeNumber(&bytes, place, &random)
      }
    }
  }

  /// Writes another number in the place of the one at `place` or after it.
  private func replaceNumber(_ bytes: inout [UInt8], near place: Int, _ random: inout Random) {
    func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || byte == 0x2E }
    guard let start = bytes[place...].firstIndex(where: isDigit) else { return }
    let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
    bytes.replaceSubrange(start..<end, with: Self.numbers[random.below(Self.numbers.count)].utf8)
  }

  private func writeNumber(_ bytes: inout [UInt8], _ place: Int, _ random: inout Random) {
    let pattern = Self.patterns[random.below(Self.patterns.count)]
    let isBigEndian = random.below(2) == 0
    let size = [2, 4][random.below(2)]
    for k in 0..<size where place + k < bytes.count {
      bytes[place + k] = UInt8(truncatingIfNeeded: pattern >> UInt32(8 * (isBigEndian ? 3 - k : k)))
    }
  }
}
