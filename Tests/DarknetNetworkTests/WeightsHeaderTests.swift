import Darknet
import Foundation
import Testing

/// A file in a folder of its own, for as long as `body` runs.
private func withFile(_ bytes: [UInt8], _ body: (String) throws -> Void) throws {
  let path = NSTemporaryDirectory() + "weights-\(UUID().uuidString)"
  try Data(bytes).write(to: URL(fileURLWithPath: path))
  defer { try? FileManager.default.removeItem(atPath: path) }
  try body(path)
}

private func int32(_ values: [Int32]) -> [UInt8] {
  values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}

private func floats(_ values: [Float]) -> [UInt8] {
  values.flatMap { value in
    withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
  }
}

/// The first bytes of weights files, of all versions and of other programs.
@Suite struct WeightsHeaderTests {
  private func read(_ version: [Int32], _ rest: [Int32], _ dialect: Dialect) -> WeightsHeader? {
    int32(version + rest).withUnsafeBytes { WeightsHeader($0, dialect: dialect) }
  }

  @Test(arguments: [
    ([0, 0, 0], 16, Dialect.alexeyab), ([0, 1, 0], 16, .alexeyab), ([0, 2, 0], 20, .alexeyab),
    ([0, 2, 5], 20, .alexeyab), ([1, 0, 0], 20, .alexeyab), ([0, 2, 0], 20, .pjreddie),
    ([1001, 0, 0], 20, .alexeyab), ([1001, 0, 0], 16, .pjreddie), ([0, 1001, 0], 16, .pjreddie),
  ])
  func `length by version and dialect`(version: [Int32], count: Int, dialect: Dialect) throws {
    let header = try #require(read(version, [7, 1], dialect))
    #expect(header.count == count)
    #expect(header.seen == (count == 20 ? 7 + 1 << 32 : 7))
    #expect(header.bytes == Array(int32(version + [7, 1]).prefix(count)))
    #expect(header.isTransposed == (version[0] > 1000 || version[1] > 1000))
  }

  @Test(arguments: [([0, 2, 5], [7]), ([0, 1], [7])] as [([Int32], [Int32])])
  func `too short for a header`(version: [Int32], rest: [Int32]) {
    #expect(read(version, rest, .alexeyab) == nil)
  }

  @Test func `what is written`() {
    #expect(WeightsHeader(seen: 1 << 33).bytes == int32([0, 2, 5, 0, 2]))
    #expect(WeightsHeader(seen: 64, dialect: .pjreddie).bytes == int32([0, 2, 0, 64, 0]))
  }

  // MARK: Another width than the version says

  /// Two convolutions: 2 biases and 6 weights, then 1 bias and 2 weights.
  private static let cfg = """
    [net]
    width=4
    height=4
    channels=3
    [convolutional]
    filters=2
    activation=linear
    [convolutional]
    filters=1
    activation=linear
    """
  private let values = (1...11).map { Float($0) / 16 }

  private func network() throws -> Network {
    try NetworkBuilder(batch: 1).build(ConfigFile(text: Self.cfg.utf8, name: "net.cfg"))
  }

  /// PyTorch-YOLOv3 writes version 0.0 and yet 8 bytes of images seen.
  @Test(arguments: [11, 8]) func `8 bytes of images seen in version 0.0`(count: Int) throws {
    let network = try network()
    try withFile(int32([0, 0, 0, 640, 0]) + floats(Array(values.prefix(count)))) { path in
      let file = try WeightsFile(path)
      let parameters = Parameters(of: network, randomize: false)
      let report = try file.load(into: parameters, of: network)
      #expect(parameters.buffers[0][0].array == [1 / 16, 2 / 16])
      if count == 11 { #expect(parameters.buffers[1][1].array == [10 / 16, 11 / 16]) }
      #expect(report.header.seen == 640 && report.layersLoaded == (count == 11 ? 2 : 1))
      #expect(
        report.notes == [
          "\(path): version 0.0, but 8 bytes of images seen, as PyTorch-YOLOv3 writes them: read "
            + "with a header of 20 bytes"
        ])
    }
  }

  @Test func `16 bytes stay 16 where they fit`() throws {
    let network = try network()
    try withFile(int32([0, 0, 0, 640]) + floats(values)) { path in
      let parameters = Parameters(of: network, randomize: false)
      let report = try WeightsFile(path).load(into: parameters, of: network)
      #expect(parameters.buffers[0][0].array == [1 / 16, 2 / 16])
      #expect(report.header.count == 16 && report.notes.isEmpty)
    }
  }

  /// 4 bytes too few or too many of a file of version 0.2 are no other header, but a fault.
  @Test(arguments: [10, 12]) func `version 0.2 keeps its 20 bytes`(count: Int) throws {
    let network = try network()
    let numbers = Array((values + [1]).prefix(count))
    try withFile(int32([0, 2, 5, 640, 0]) + floats(numbers)) { path in
      let parameters = Parameters(of: network, randomize: false)
      #expect(throws: WeightsError.self) {
        try WeightsFile(path).load(into: parameters, of: network)
      }
    }
  }
}

/// Files that are no weights, by their first bytes.
@Suite struct ForeignFileTests {
  @Test(arguments: [
    (
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
      "a Git LFS pointer; get the file itself with 'git lfs pull'"
    ),
    (
      "<!DOCTYPE html><html><p>too many people have viewed this file</p>",
      "a web page or XML; download it again; open the address in a browser to see why"
    ),
    (
      "PK\u{3}\u{4}\u{14}\0\0\0",
      "a ZIP archive, as PyTorch's .pt and .pth are; convert them: PyTorch's weights have another "
        + "format"
    ),
    (
      "[net]\nwidth=416\n",
      "a cfg file or JSON; name the weights here, which come before any picture"
    ),
    ("{\"a\": 1}", "JSON; name the weights here, which come before any picture"),
    ("dog.jpg\ncat.jpg\n", "text; name the weights here, which come before any picture"),
    ("BZh9", "a bzip2 archive; name the weights here, which come before any picture"),
    (
      "\u{8}\u{7}\u{12}\u{7}pytorch\u{1A}",
      "an ONNX model; convert them: ONNX's weights have another format"
    ),
    ("%PDF-1.7", "a PDF document; name the weights here, which come before any picture"),
  ])
  func `texts and archives`(text: String, found: String) throws {
    try expect(Array(text.utf8), found)
  }

  @Test(
    arguments: [
      (
        [0xFF, 0xD8, 0xFF, 0xE0],
        "a JPEG picture; name the weights here, which come before any picture"
      ),
      ([0x1F, 0x8B, 8, 0], "a gzip archive; unpack it with gunzip"),
      (
        [0x80, 2, 0x8A, 10],
        "a PyTorch or pickle file; convert them: PyTorch's weights have another format"
      ),
      (
        [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A],
        "an HDF5 file, as Keras writes; convert them: Keras's weights have another format"
      ),
      (
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A],
        "a PNG picture; name the weights here, which come before any picture"
      ),
    ] as [([UInt8], String)])
  func `pictures and other models`(start: [UInt8], found: String) throws {
    try expect(start, found)
  }

  @Test func `a tar archive is known by its place 257`() throws {
    let start = [UInt8](repeating: 0, count: 257) + Array("ustar".utf8)
    try expect(
      start, "a tar archive; name the weights here, which come before any picture", padding: 300)
  }

  private func expect(_ start: [UInt8], _ found: String, padding: Int = 64) throws {
    let text = start.allSatisfy { $0 >= 0x20 || $0 == 0x0A }
    let bytes = start + [UInt8](repeating: text ? 0x20 : 0, count: padding)
    try withFile(bytes) { path in
      #expect {
        try WeightsFile(path)
      } throws: {
        "\($0)" == "\(path): byte 0: expected Darknet's weights, found \(found)"
      }
    }
  }
}
