import DarknetTensors

/// A 64-bit checksum of a stream of bytes: not against forgers, but any cut, swap or flipped bit
/// changes it.
///
/// Words of eight bytes are mixed in by multiplication and rotation, four streams at a time.
package struct Checksum {
  private var lanes: SIMD4<UInt64> = [
    0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63,
  ]
  private var count: UInt64 = 0

  package init() {}

  /// Pieces count as separate: the same bytes cut elsewhere give another sum.
  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    count &+= UInt64(bytes.count) &+ 1
    var offset = 0
    while offset &+ 32 <= bytes.count {
      let words = bytes.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
      mix(words)
      offset &+= 32
    }
    guard offset < bytes.count else { return }
    var rest = SIMD4<UInt64>.zero
    withUnsafeMutableBytes(of: &rest) { target in
      target.copyBytes(from: UnsafeRawBufferPointer(rebasing: bytes[offset...]))
    }
    mix(rest)
  }

  private mutating func mix(_ words: SIMD4<UInt64>) {
    lanes = (lanes ^ words) &* SIMD4(repeating: 0x9FB2_1C65_1E98_DF25)
    lanes = (lanes &<< 29) | (lanes &>> 35)
  }

  package var value: UInt64 {
    var sum = count
    for i in 0..<4 {
      sum = (sum ^ lanes[i]) &* 0xFF51_AFD7_ED55_8CCD
      sum ^= sum >> 32
    }
    return sum
  }

  /// Of all values of `parameters`, shared ones once each.
  static func of(_ buffers: some Sequence<FloatBuffer>, seed: UInt64) -> UInt64 {
    var sum = Checksum()
    withUnsafeBytes(of: seed.littleEndian) { sum.add($0) }
    for buffer in buffers { sum.add(UnsafeRawBufferPointer(buffer.values)) }
    return sum.value
  }
}
