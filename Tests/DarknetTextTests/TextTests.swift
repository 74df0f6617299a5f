import DarknetConfig
import DarknetText
import Testing

/// Small tools for texts: names, numbers in tables, JSON.
@Suite struct TextTests {
  @Test(arguments: [
    ("convolutionl", "convolutional"), ("Yolo", "yolo"), ("maxpol", "maxpool"),
    ("rout", "route"), ("zzzzzz", nil), ("learning", nil),
  ])
  func `the nearest name`(name: String, nearest: String?) {
    let known = ["convolutional", "yolo", "maxpool", "route"]
    #expect(nearestName(to: name, among: known) == nearest)
  }

  @Test func `errors and notes show control characters, and cut long values`() {
    let error = ConfigError(
      file: "a\u{1B}.cfg", line: 3, section: "net", option: "batch", expected: "a number",
      found: "'\u{1B}[2J\r'", fix: "change it")
    #expect(
      "\(error)" == #"a\x1B.cfg:3: [net] batch: expected a number, found '\x1B[2J\x0D'; change it"#)
    let long = ConfigError(
      file: "x", expected: "a number", found: String(repeating: "9", count: 5000), fix: "change it")
    #expect("\(long)".hasSuffix("9…; change it") && "\(long)".count < 2100)
    let note = ConfigNote(
      file: "x.cfg", line: 1, section: nil, option: "\u{7}a", kind: .unknown, text: "it is ignored")
    #expect("\(note)" == #"x.cfg:1: \x07a: it is ignored"#)
  }

  @Test func `nothing is near nothing`() { #expect(nearestName(to: "a", among: []) == nil) }

  @Test(arguments: [
    (0.5, 0, "0"), (1.5, 0, "2"), (2.5, 0, "2"), (0.125, 2, "0.12"), (-0.0, 1, "-0.0"),
    (1e20, 1, "100000000000000000000.0"), (.infinity, 2, "inf"), (.nan, 2, "nan"),
  ])
  func `decimals are rounded as printf rounds them`(value: Double, decimals: Int, text: String) {
    #expect(fixed(value, decimals: decimals) == text)
  }

  @Test func `the longest number has all its digits`() {
    // A sign, 309 digits, a point, 6 decimals.
    #expect(fixed(-Double.greatestFiniteMagnitude, decimals: 6).utf8.count == 317)
  }

  @Test(arguments: [
    (0.0001, "0.0001"), (0.00001, "1e-05"), (123456.0, "123456"), (1_234_567.0, "1.23457e+06"),
  ])
  func `six significant digits`(value: Double, text: String) { #expect(general(value) == text) }

  @Test func `fields and counts`() {
    #expect(padded(7, 4) == "   7")
    #expect(padded(12345, 4) == "12345")
    #expect(fixed(1.5, decimals: 1, width: 6) == "   1.5")
    #expect(counted(1, "picture", "pictures") == "1 picture")
    #expect(counted(0, "picture", "pictures") == "0 pictures")
    #expect(" \t a b \r\n".trimmingBlanks() == "a b")
    #expect(" \t".trimmingBlanks() == "")
  }

  @Test func `JSON keeps order and escapes`() {
    let value = JSONText.object([
      ("b", .whole(1)), ("a", .number(.nan)), ("c", .text("\"\\\n\u{1}")), ("d", .list([])),
    ])
    let expected = #"""
      {
       "b": 1,
       "a": null,
       "c": "\"\\\n\u0001",
       "d": []
      }
      """#
    #expect(value.text() == expected)
  }
}
