#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads JSON (RFC 8259) from front to back, without building a tree of it.
///
/// Annotation files are tens of megabytes, most of it outlines that figures on boxes never look
/// at: those are checked and skipped. Every fault names its line and the way to the value.
package struct JSONReader {
  private let bytes: UnsafeRawBufferPointer
  private let file: String
  private var position = 0
  /// The way to the value being read: `annotations`, `[3]`, `bbox`.
  private var path: [Step] = []

  private enum Step {
    case key(String)
    case element(Int)
  }

  /// Deeper nesting is not an annotation file, and would fill the stack.
  private static let deepest = 200

  /// - Parameter file: the name for messages.
  /// - Precondition: `bytes` outlive the reader.
  package init(_ bytes: UnsafeRawBufferPointer, file: String) {
    self.bytes = bytes
    self.file = file
    // A byte order mark is not content.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  // MARK: Values

  /// Reads an object; `body` must read, or skip, the value of each key it is given.
  package mutating func object(
    _ body: (inout JSONReader, String) throws(ConfigError) -> Void
  ) throws(ConfigError) {
    try open(UInt8(ascii: "{"), "an object")
    if take(UInt8(ascii: "}")) { return }
    repeat {
      skipBlanks()
      let key = try string()
      path.append(.key(key))
      guard take(UInt8(ascii: ":")) else { throw unexpected("':' after the name") }
      try body(&self, key)
      path.removeLast()
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw unexpected("',' or '}'") }
  }

  /// Reads an array; `body` must read, or skip, each element.
  package mutating func array(
    _ body: (inout JSONReader, Int) throws(ConfigError) -> Void
  ) throws(ConfigError) {
    try open(UInt8(ascii: "["), "an array")
    if take(UInt8(ascii: "]")) { return }
    var index = 0
    repeat {
      path.append(.element(index))
      try body(&self, index)
      path.removeLast()
      index += 1
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw unexpected("',' or ']'") }
  }

  /// Reads an array of this many numbers.
  package mutating func numbers(_ count: Int) throws(ConfigError) -> [Double] {
    var values: [Double] = []
    values.reserveCapacity(count)
    try array { reader, _ throws(ConfigError) in values.append(try reader.number()) }
    guard values.count == count else {
      throw error("\(count) numbers", found: "\(values.count)")
    }
    return values
  }

  /// A finite number.
  package mutating func number() throws(ConfigError) -> Double {
    skipBlanks()
    let start = position
    try skipNumber()
    let text = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    let value = Self.parse(text)
    guard value.isFinite else {
      throw error("a number", found: "'\(String(decoding: text, as: UTF8.self))'")
    }
    return value
  }

  /// A whole number; `7.0` is one as well, as some programs write identities so.
  package mutating func integer() throws(ConfigError) -> Int {
    let value = try number()
    guard let whole = Int(exactly: value), abs(value) <= 9_007_199_254_740_992 else {
      throw error("a whole number", found: "\(value)")
    }
    return whole
  }

  /// 0 or 1, true or false.
  package mutating func flag() throws(ConfigError) -> Bool {
    skipBlanks()
    if take(word: "true") { return true }
    if take(word: "false") { return false }
    return try number() != 0
  }

  package mutating func string() throws(ConfigError) -> String {
    skipBlanks()
    let start = position
    try skipString()
    let content = bytes[start + 1..<position - 1]
    guard content.contains(UInt8(ascii: "\\")) else {
      return String(decoding: content, as: UTF8.self)
    }
    return unescaped(content)
  }

  /// Passes over a value of any kind.
  package mutating func skip() throws(ConfigError) { try skip(depth: path.count) }

  /// - Throws: if anything but blanks is left.
  package mutating func end() throws(ConfigError) {
    skipBlanks()
    guard position == bytes.count else { throw unexpected("the end of the file") }
  }

  // MARK: Errors

  /// An error at the present place.
  package func error(_ expected: String, found: String) -> ConfigError {
    var way = ""
    for step in path {
      switch step {
      case .key(let key): way += way.isEmpty ? key : ".\(key)"
      case .element(let index): way += "[\(index)]"
      }
    }
    let line = 1 + bytes[..<min(position, bytes.count)].count { $0 == UInt8(ascii: "\n") }
    return ConfigError(
      file: file, line: line, option: way.isEmpty ? nil : way, expected: expected, found: found,
      fix: "fix the file or write it again")
  }

  private func unexpected(_ expected: String) -> ConfigError {
    guard position < bytes.count else { return error(expected, found: "the end of the file") }
    let byte = bytes[position]
    return error(
      expected,
      found: (0x20..<0x7F).contains(byte)
        ? "'\(Character(UnicodeScalar(byte)))'" : "byte \(byte)")
  }

  // MARK: Scanning

  private mutating func skipBlanks() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func take(word: StaticString) -> Bool {
    let text = UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
    guard bytes[position...].starts(with: text) else { return false }
    position += text.count
    return true
  }

  private mutating func open(_ byte: UInt8, _ what: String) throws(ConfigError) {
    guard take(byte) else { throw unexpected(what) }
  }

  private mutating func skip(depth: Int) throws(ConfigError) {
    skipBlanks()
    guard depth < Self.deepest else {
      throw error("at most \(Self.deepest) levels", found: "more")
    }
    guard position < bytes.count else { throw unexpected("a value") }
    switch bytes[position] {
    case UInt8(ascii: "{"):
      position += 1
      if take(UInt8(ascii: "}")) { return }
      repeat {
        skipBlanks()
        try skipString()
        guard take(UInt8(ascii: ":")) else { throw unexpected("':' after the name") }
        try skip(depth: depth + 1)
      } while take(UInt8(ascii: ","))
      guard take(UInt8(ascii: "}")) else { throw unexpected("',' or '}'") }
    case UInt8(ascii: "["):
      position += 1
      if take(UInt8(ascii: "]")) { return }
      repeat { try skip(depth: depth + 1) } while take(UInt8(ascii: ","))
      guard take(UInt8(ascii: "]")) else { throw unexpected("',' or ']'") }
    case UInt8(ascii: "\""): try skipString()
    default:
      if take(word: "true") || take(word: "false") || take(word: "null") { return }
      try skipNumber()
    }
  }

  private mutating func skipString() throws(ConfigError) {
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
      throw unexpected("text in double quotes")
    }
    position += 1
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        position += 1
        return
      case UInt8(ascii: "\\"): position += 2
      case 0..<0x20: throw unexpected("the end of the text")
      default: position += 1
      }
    }
    throw unexpected("the end of the text")
  }

  private mutating func skipDigits() -> Bool {
    let start = position
    while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
    return position > start
  }

  private mutating func skipNumber() throws(ConfigError) {
    if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
    guard skipDigits() else { throw unexpected("a number") }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      position += 1
      guard skipDigits() else { throw unexpected("a digit") }
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      position += 1
      if position < bytes.count,
        bytes[position] == UInt8(ascii: "-") || bytes[position] == UInt8(ascii: "+")
      {
        position += 1
      }
      guard skipDigits() else { throw unexpected("a digit") }
    }
  }

  // MARK: Conversion

  /// The double nearest to a number that `skipNumber` has passed.
  private static func parse(_ text: UnsafeRawBufferPointer) -> Double {
    var mantissa = 0
    var decimals = 0
    var isFraction = false
    var isShort = text.count <= 16
    if isShort {
      for byte in text {
        switch byte {
        case UInt8(ascii: "-"): break
        case UInt8(ascii: "."): isFraction = true
        case 0x30...0x39:
          mantissa = mantissa &* 10 &+ Int(byte &- 0x30)
          if isFraction { decimals += 1 }
        default: isShort = false
        }
      }
    }
    // Both are exact, so one division rounds right.
    if isShort, mantissa < 1 << 53 {
      let value = Double(mantissa) / powersOfTen[decimals]
      return text.first == UInt8(ascii: "-") ? -value : value
    }
    return String(decoding: text, as: UTF8.self).withCString { strtod($0, nil) }
  }

  private static let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
  ]

  /// A text with its escapes replaced; surrogates without their partner become U+FFFD.
  private func unescaped(_ content: Slice<UnsafeRawBufferPointer>) -> String {
    var units: [UInt16] = []
    var plain: [UInt8] = []
    var index = content.startIndex
    func flush() {
      units.append(contentsOf: String(decoding: plain, as: UTF8.self).utf16)
      plain.removeAll()
    }
    while index < content.endIndex {
      let byte = content[index]
      index += 1
      guard byte == UInt8(ascii: "\\"), index < content.endIndex else {
        plain.append(byte)
        continue
      }
      let mark = content[index]
      index += 1
      switch mark {
      case UInt8(ascii: "n"): plain.append(0x0A)
      case UInt8(ascii: "t"): plain.append(0x09)
      case UInt8(ascii: "r"): plain.append(0x0D)
      case UInt8(ascii: "b"): plain.append(0x08)
      case UInt8(ascii: "f"): plain.append(0x0C)
      case UInt8(ascii: "u"):
        flush()
        let digits = content[index..<min(index + 4, content.endIndex)]
        units.append(UInt16(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0xFFFD)
        index = digits.endIndex
      default: plain.append(mark)
      }
    }
    flush()
    return String(decoding: units, as: UTF16.self)
  }
}
