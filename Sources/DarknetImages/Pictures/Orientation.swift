/// How the stored pixels of a picture are to be turned to be seen upright: the orientation that
/// cameras note in EXIF data. The raw values are those of its tag 0x0112.
package enum Orientation: Int, Sendable, CaseIterable {
  case upright = 1
  /// Left and right are exchanged.
  case mirrored
  /// A half turn.
  case halfTurn
  /// Top and bottom are exchanged.
  case flipped
  /// Rows are columns.
  case transposed
  /// A quarter turn clockwise makes it upright, as for a phone held upright.
  case quarterClockwise
  /// Rows are columns, both backwards.
  case transposedHalfTurn
  /// A quarter turn counterclockwise makes it upright.
  case quarterCounterclockwise

  /// Whether the upright picture is as wide as the stored one is high.
  package var swapsSides: Bool { rawValue >= 5 }

  /// Whether the upright picture shows the stored columns, rows from the last to the first.
  fileprivate var reversesColumns: Bool { [2, 3, 7, 8].contains(rawValue) }
  fileprivate var reversesRows: Bool { [3, 4, 6, 7].contains(rawValue) }
}

extension ImageFile {
  /// The orientation that a file notes: in the EXIF segment of a JPEG or the eXIf chunk of a PNG,
  /// of either byte order. Upright if there is none, or none that makes sense, as in OpenCV.
  ///
  /// - Parameter bytes: the file's bytes, or as many of its first as are at hand. They need not be
  ///   a picture.
  package static func orientation(of bytes: UnsafeRawBufferPointer) -> Orientation {
    let exif =
      switch ImageFormat.identify(bytes) {
      case .format(.jpeg): ExifData(inJPEG: bytes)
      case .format(.png): ExifData(inPNG: bytes)
      default: ExifData?.none
      }
    return exif?.orientation ?? .upright
  }
}

extension Bitmap {
  /// The picture seen upright, itself if it is; nil if there is no memory for it.
  func upright(_ orientation: Orientation) -> Bitmap? {
    guard orientation != .upright else { return self }
    let swapped = orientation.swapsSides
    guard
      let result = Bitmap(
        checkedWidth: swapped ? height : width, height: swapped ? width : height,
        channels: channels)
    else { return nil }
    // Where the new first pixel is, and the way from there to the next along the new row, and to
    // that below.
    let column = orientation.reversesColumns ? -channels : channels
    let row = orientation.reversesRows ? -stride : stride
    let first =
      bytes + (column < 0 ? (width - 1) * channels : 0) + (row < 0 ? (height - 1) * stride : 0)
    let (right, down) = swapped ? (row, column) : (column, row)
    // In squares, as rows that become columns are far apart in memory.
    let side = 32
    for top in Swift.stride(from: 0, to: result.height, by: side) {
      for left in Swift.stride(from: 0, to: result.width, by: side) {
        for y in top..<min(top + side, result.height) {
          var source = first + y * down + left * right
          var target = result.bytes + y * result.stride + left * channels
          for _ in left..<min(left + side, result.width) {
            for c in 0..<channels { target[c] = source[c] }
            source += right
            target += channels
          }
        }
      }
    }
    return result
  }
}

/// The part of EXIF data that is of use here: a TIFF header and its first directory. Every place
/// in it comes from outside, and what is not there reads as nil.
private struct ExifData {
  private let bytes: UnsafeRawBufferPointer
  private var bigEndian = true

  /// The first segment APP1 that holds EXIF, before the picture's own data.
  init?(inJPEG file: UnsafeRawBufferPointer) {
    var place = 2
    let mark = Array("Exif\0\0".utf8)
    while place + 4 <= file.count {
      switch (file[place], file[place + 1]) {
      case (0xFF, 0xD9), (0xFF, 0xDA):
        // The end, or the beginning of coded data.
        return nil
      case (0xFF, 0x02...0xCF), (0xFF, 0xDB...0xFE):
        let length = Int(file[place + 2]) << 8 | Int(file[place + 3])
        let end = place + 2 + length
        guard length >= 2, end <= file.count else { return nil }
        let content = UnsafeRawBufferPointer(rebasing: file[place + 4..<end])
        if file[place + 1] == 0xE1, content.starts(with: mark) {
          self.init(tiff: UnsafeRawBufferPointer(rebasing: content[mark.count...]))
          return
        }
        place = end
      default:
        // Fill bytes, and markers without content.
        place += 1
      }
    }
    return nil
  }

  /// The chunk eXIf, which may follow the pixels.
  init?(inPNG file: UnsafeRawBufferPointer) {
    var place = 8
    while place + 8 <= file.count {
      let length = Int(
        UInt32(bigEndian: file.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
      let content = place + 8
      guard length <= file.count - content else { return nil }
      if file[place + 4..<content].elementsEqual("eXIf".utf8) {
        self.init(tiff: UnsafeRawBufferPointer(rebasing: file[content..<content + length]))
        return
      }
      // Four bytes of checksum follow.
      place = content + length + 4
    }
    return nil
  }

  private init?(tiff bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 8, bytes[0] == bytes[1] else { return nil }
    switch bytes[0] {
    case UInt8(ascii: "I"): bigEndian = false
    case UInt8(ascii: "M"): bigEndian = true
    default: return nil
    }
    self.bytes = bytes
  }

  private func number<T: FixedWidthInteger & UnsignedInteger>(_: T.Type, at place: Int) -> Int? {
    guard place >= 0, place <= bytes.count - MemoryLayout<T>.size else { return nil }
    let stored = bytes.loadUnaligned(fromByteOffset: place, as: T.self)
    return Int(bigEndian ? T(bigEndian: stored) : T(littleEndian: stored))
  }

  /// What the first orientation tag of the first directory says.
  var orientation: Orientation? {
    guard number(UInt16.self, at: 2) == 42, let directory = number(UInt32.self, at: 4),
      let count = number(UInt16.self, at: directory)
    else { return nil }
    for entry in 0..<count {
      let place = directory + 2 + 12 * entry
      guard let tag = number(UInt16.self, at: place) else { return nil }
      guard tag == 0x0112 else { continue }
      // A short number by the standard; others that hold one are read as what they are.
      let value =
        switch number(UInt16.self, at: place + 2) {
        case 1: number(UInt8.self, at: place + 8)
        case 3: number(UInt16.self, at: place + 8)
        case 4: number(UInt32.self, at: place + 8)
        default: Int?.none
        }
      return value.flatMap(Orientation.init(rawValue:))
    }
    return nil
  }
}
