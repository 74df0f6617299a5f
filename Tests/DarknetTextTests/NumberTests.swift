import DarknetText
import Testing

/// Numbers as C's `atoi` and `atof` read them, without taking garbage for 0.
@Suite struct NumberTests {
  @Test(arguments: [
    ("16", 16), ("+3", 3), ("-7", -7), ("007", 7), ("1000.7", 1000), (".5", 0), ("5.", 5),
    ("16#x", 16), ("16;x", 16), ("16//x", 16), ("2147483647", 2_147_483_647), ("-0", 0),
  ])
  func `whole numbers`(text: String, value: Int) { #expect(Number.int(text) == value) }

  @Test(arguments: [
    "", "x", "1x", "-", "+", ".", "1e3", "0x10", "2147483648", "1 2", "--1", "#1", "nan",
  ])
  func `no whole numbers`(text: String) { #expect(Number.int(text) == nil) }

  @Test(arguments: [
    ("0.1", 0.1), (".5", 0.5), ("5.", 5), ("+2", 2), ("-1e-4", -1e-4), ("1E3", 1000),
    ("0.001#x", 0.001), ("1;", 1), ("1e300", 1e300),
  ])
  func `real numbers`(text: String, value: Double) { #expect(Number.float(text) == value) }

  @Test(arguments: ["", "x", "1x", "inf", "nan", "1e999", "0x1p3", "e5", "1e", ".", "1,2", "--1"])
  func `no real numbers`(text: String) { #expect(Number.float(text) == nil) }
}
