import DarknetConfig

/// The first 16 or 20 bytes of a weights file.
///
/// `seen` has 64 bits from version 0.2 on, 32 before; pjreddie's program also takes 32 for the
/// version numbers above 1000, which mark transposed weights. Some programs write the other count
/// than their version says: PyTorch-YOLOv3 writes version 0.0 with 64 bits.
package struct WeightsHeader: Hashable, Sendable {
  package var major: Int32
  package var minor: Int32
  package var revision: Int32
  /// Training images seen.
  package var seen: UInt64

  /// What `dialect` writes.
  package init(seen: UInt64, dialect: Dialect = .alexeyab) {
    major = 0
    minor = 2
    revision = dialect == .alexeyab ? 5 : 0
    self.seen = seen
  }

  /// Reads the start of a file; nil if it is too short.
  ///
  /// - Parameter isWide: whether `seen` has 64 bits; nil for what the version says.
  package init?(_ bytes: UnsafeRawBufferPointer, dialect: Dialect, isWide: Bool? = nil) {
    guard bytes.count >= 16 else { return nil }
    func int32(_ offset: Int) -> Int32 {
      Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
    }
    major = int32(0)
    minor = int32(4)
    revision = int32(8)
    let version = Int64(major) * 10 + Int64(minor)
    let isMarked = major >= 1000 || minor >= 1000
    hasWideSeen = isWide ?? (version >= 2 && !(dialect == .pjreddie && isMarked))
    if hasWideSeen {
      guard bytes.count >= 20 else { return nil }
      seen = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt64.self))
    } else {
      seen = UInt64(UInt32(bitPattern: int32(12)))
    }
  }

  /// Whether `seen` takes 8 bytes.
  package private(set) var hasWideSeen = true

  /// Bytes before the first parameter.
  package var count: Int { hasWideSeen ? 20 : 16 }

  /// Connected layers stand input-major in the file.
  package var isTransposed: Bool { major > 1000 || minor > 1000 }

  /// The bytes as they stand in a file.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    for value in [major, minor, revision] {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    if hasWideSeen {
      withUnsafeBytes(of: seen.littleEndian) { bytes.append(contentsOf: $0) }
    } else {
      let narrow = UInt32(truncatingIfNeeded: seen)
      withUnsafeBytes(of: narrow.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }
}
