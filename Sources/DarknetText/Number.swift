#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Numbers as Darknet's cfgs write them: `16`, `+3`, `.1`, `1e-4`, `16 # a remark`.
package enum Number {
  /// A whole number at the start of `text`; a fraction after it is cut off, as C's atoi does, and
  /// a remark (`#` or `;`) is ignored. nil for anything else, and for numbers past Int32.
  package static func int(_ text: some StringProtocol) -> Int? {
    var rest = text.utf8[...]
    var isNegative = false
    if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      isNegative = sign == UInt8(ascii: "-")
      rest = rest.dropFirst()
    }
    let digits = rest.prefix { isDigit($0) }
    guard !digits.isEmpty || rest.first == UInt8(ascii: ".") else { return nil }
    var value = 0
    for digit in digits {
      value = value * 10 + Int(digit - UInt8(ascii: "0"))
      guard value <= Int(Int32.max) else { return nil }
    }
    rest = rest.dropFirst(digits.count)
    if rest.first == UInt8(ascii: ".") {
      let fraction = rest.dropFirst().prefix { isDigit($0) }
      guard !digits.isEmpty || !fraction.isEmpty else { return nil }
      rest = rest.dropFirst(1 + fraction.count)
    }
    return isEndOrRemark(rest) ? (isNegative ? -value : value) : nil
  }

  /// A finite decimal number at the start of `text`, with nothing but a remark after it.
  package static func float(_ text: some StringProtocol) -> Double? {
    let number = text.utf8.prefix { isDigit($0) || "+-.eE".utf8.contains($0) }
    guard !number.isEmpty, isEndOrRemark(text.utf8.dropFirst(number.count)) else { return nil }
    let digits = String(decoding: Array(number), as: UTF8.self)
    // Swift's own initialiser refuses what C takes: `.5`, `5.` and a leading plus.
    var end: UnsafeMutablePointer<CChar>?
    let value = digits.withCString { start -> Double? in
      let value = strtod(start, &end)
      return end.map { $0.pointee == 0 && $0 != UnsafeMutablePointer(mutating: start) } == true
        ? value : nil
    }
    guard let value, value.isFinite else { return nil }
    return value
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  private static func isEndOrRemark(_ rest: some Sequence<UInt8>) -> Bool {
    var iterator = rest.makeIterator()
    guard let next = iterator.next() else { return true }
    return next == UInt8(ascii: "#") || next == UInt8(ascii: ";") || next == UInt8(ascii: "/")
  }
}
