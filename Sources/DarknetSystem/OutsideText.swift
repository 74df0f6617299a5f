/// Paths and names from outside, whose bytes need not be UTF-8: a class name in Latin-1 or GBK,
/// a file of an old disk.
///
/// Swift's strings hold Unicode only. A byte that is no part of valid UTF-8 becomes the character
/// U+10FE00 + byte of a private plane that nothing else uses; `rawBytes` turns it back, so what
/// is read is what is written and what the system opens. Bytes that spell such a character
/// themselves are kept in the same way, four characters for four bytes.
///
/// Everything that comes in (command line, standard input, lists, `.data`, names) goes through
/// `init(rawBytes:)`, everything that goes out (both streams, files, paths given to the system)
/// through `rawBytes` or `cPath`.
extension String {
  /// First of the characters that stand for bytes.
  private static let escapeBase: UInt32 = 0x10FE00

  /// All bytes are kept, whatever they are.
  package init(rawBytes bytes: some Collection<UInt8>) {
    if let text = String(validating: bytes, as: UTF8.self), !text.mayHoldEscapes {
      self = text
      return
    }
    var scalars = String.UnicodeScalarView()
    var rest = Array(bytes)[...]
    while let first = rest.first {
      // One character of UTF-8 has at most four bytes; the shortest valid start is the character.
      let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
      let scalar = String(validating: rest.prefix(length), as: UTF8.self)?.unicodeScalars
      if let scalar, scalar.count == 1, let only = scalar.first, only.outsideByte == nil {
        scalars.append(only)
        rest = rest.dropFirst(length)
      } else {
        scalars.append(Unicode.Scalar(Self.escapeBase + UInt32(first))!)
        rest = rest.dropFirst()
      }
    }
    self = String(scalars)
  }

  /// The bytes that the text was made of.
  package var rawBytes: [UInt8] {
    var bytes: [UInt8] = []
    appendOutsideBytes(to: &bytes)
    return bytes
  }

  /// Appends `rawBytes`.
  package func appendOutsideBytes(to bytes: inout [UInt8]) {
    guard mayHoldEscapes else {
      bytes.append(contentsOf: utf8)
      return
    }
    for scalar in unicodeScalars {
      if let byte = scalar.outsideByte {
        bytes.append(byte)
      } else {
        bytes.append(contentsOf: UTF8.encode(scalar)!)
      }
    }
  }

  /// `rawBytes` with the zero byte that C's functions want at the end of a path.
  package var cPath: [CChar] {
    var bytes = rawBytes.map { CChar(bitPattern: $0) }
    bytes.append(0)
    return bytes
  }

  /// Quick: the escapes begin with F4 in UTF-8, which hardly any other character does.
  private var mayHoldEscapes: Bool { utf8.contains(0xF4) }
}

extension Unicode.Scalar {
  /// The byte that this character stands for in a text from outside; nil for all real characters.
  package var outsideByte: UInt8? {
    (0x10FE80...0x10FEFF).contains(value) ? UInt8(truncatingIfNeeded: value) : nil
  }
}
