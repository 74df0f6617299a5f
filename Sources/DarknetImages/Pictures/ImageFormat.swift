import DarknetSystem

/// The picture formats that are read here; the first two are written, too.
public enum ImageFormat: String, Sendable, CaseIterable {
  /// The formats that are read, as their first bytes say.
  case jpeg, png, bmp, ppm

  /// As messages call it: `JPEG`.
  public var name: String { rawValue.uppercased() }

  /// What the first bytes of a file say that it is, whatever its name: a format, or in words
  /// something that is not read here.
  package static func identify(_ bytes: UnsafeRawBufferPointer) -> Identification {
    guard let kind = FileKind.identify(bytes) else {
      return .other(describeUnknown(bytes.prefix(64)))
    }
    let format = allCases.first { kind == .known("a \($0.name) picture") }
    return format.map { .format($0) } ?? .other(kind.name)
  }

  package enum Identification: Equatable {
    case format(ImageFormat)
    case other(String)
  }

  private static func describeUnknown(_ start: Slice<UnsafeRawBufferPointer>) -> String {
    if start.allSatisfy({ $0 == 0 }) { return "zero bytes" }
    let digits = start.prefix(8).map { byte in
      let hex = String(byte, radix: 16, uppercase: true)
      return hex.count == 1 ? "0" + hex : hex
    }
    return "unknown bytes (\(digits.joined(separator: " ")))"
  }
}
