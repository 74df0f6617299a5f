#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `value` with this many decimals, rounded as C's printf rounds: `%.*f`.
package func fixed(_ value: Double, decimals: Int, width: Int = 0) -> String {
  if value.isNaN { return (value.sign == .minus ? "-nan" : "nan").leftPadded(to: width) }
  // The longest double has 309 digits before its point.
  return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400 + decimals) { buffer in
    let count = withVaList([Int32(decimals), value]) { arguments in
      vsnprintf(buffer.baseAddress!, buffer.count, "%.*f", arguments)
    }
    return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }.leftPadded(to: width)
}

/// `%g`: the shorter of fixed and scientific form, six significant digits.
package func general(_ value: Double) -> String {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
    let count = withVaList([value]) { vsnprintf(buffer.baseAddress!, buffer.count, "%g", $0) }
    return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// A number of things: `1 picture`, `2 pictures`.
package func counted(_ count: Int, _ one: String, _ many: String) -> String {
  "\(count) \(count == 1 ? one : many)"
}

/// A whole number in a field of `width`, right-aligned: `%4d`.
package func padded(_ number: Int, _ width: Int) -> String { "\(number)".leftPadded(to: width) }

extension String {
  /// Blanks in front until the text is `width` long.
  package func leftPadded(to width: Int) -> String {
    let missing = width - utf8.count
    return missing > 0 ? String(repeating: " ", count: missing) + self : self
  }
}
