import DarknetSystem
import DarknetTensors
import Testing

/// Bytes that are no UTF-8 go through strings unharmed.
@Suite struct OutsideTextTests {
  static let texts: [[UInt8]] = [
    [], Array("plain".utf8), Array("gr\u{00FC}\u{00DF}e \u{1F603} \u{4E2D}".utf8),
    // Latin-1, GBK, a cut character, a lone surrogate, a byte that UTF-8 never has.
    [0x63, 0x61, 0x66, 0xE9], [0xD6, 0xD0, 0xCE, 0xC4], [0x61, 0xE4, 0xB8],
    [0xED, 0xB2, 0x80, 0x62],
    [0xFF, 0xFE, 0x80, 0x7F],
    // Overlong, beyond the last character, two starts.
    [0xC0, 0xAF], [0xF4, 0x90, 0x80, 0x80], [0xC3, 0xC3, 0xA4],
    // The characters that stand for bytes, spelt out, and their neighbours.
    Array("\u{10FE80}\u{10FEFF}".utf8), Array("\u{10FE7F}\u{10FF00}\u{100000}".utf8),
    Array("\u{10FE80}".utf8) + [0xE9],
  ]

  @Test(arguments: texts)
  func `bytes come back`(bytes: [UInt8]) {
    let text = String(rawBytes: bytes)
    #expect(text.rawBytes == bytes)
    #expect(text.cPath == bytes.map { CChar(bitPattern: $0) } + [0])
  }

  @Test func `text in UTF-8 stays what it is`() {
    let text = "gr\u{00FC}\u{00DF}e \u{1F603}\r\n"
    #expect(String(rawBytes: Array(text.utf8)) == text)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `any bytes`(seed: UInt64) {
    var random = Random(seed: seed)
    for _ in 0..<2000 {
      // Many starts and continuations, as those decide.
      let bytes = (0..<random.below(12)).map { _ in
        [0xF4, 0x8F, 0xB8, 0xBA, 0x80, 0xE9, 0x41, UInt8(random.below(256))][random.below(8)]
      }
      #expect(String(rawBytes: bytes).rawBytes == bytes)
    }
  }
}
