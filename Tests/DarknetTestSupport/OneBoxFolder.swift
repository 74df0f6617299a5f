import DarknetData
import Foundation

/// A folder with a detector that finds one box on every picture, whose place, size and class its
/// weights say: the biases of its only convolution, over one cell.
package struct OneBoxFolder {
  package let url: URL

  /// - Parameters:
  ///   - box: what the head reads: x, y, width, height, objectness and two classes, before the
  ///     logistic or exponential function. Zeros are the middle, and the anchor's size: the picture.
  package init(
    box: [Float] = [0, 0, -1, -1, 8, 8, -8], channels: Int = 3, names: [String] = ["cat", "dog"]
  ) throws {
    url = try TemporaryFolder.make()
    try write(
      """
      [net]
      width=32
      height=32
      channels=\(channels)
      [maxpool]
      size=32
      stride=32
      [convolutional]
      filters=7
      size=1
      activation=linear
      [yolo]
      mask=0
      anchors=32,32
      classes=2
      num=1

      """, to: "x.cfg")
    try write(names.joined(separator: "\n") + "\n", to: "x.names")
    try write("classes=2\nnames=x.names\nvalid=x.list\n", to: "x.data")
    try write(Self.weights(box, inputs: channels), to: "x.weights")
  }

  /// A weights file: header, biases, and weights that are almost 0.
  package static func weights(_ biases: [Float], inputs: Int) -> Data {
    var data = Data([0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0] + [UInt8](repeating: 0, count: 8))
    for value in biases + [Float](repeating: 1e-6, count: biases.count * inputs) {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    return data
  }

  package func write(_ data: Data, to name: String) throws {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: file)
  }

  package func write(_ text: String, to name: String) throws {
    try write(Data(text.utf8), to: name)
  }

  /// Grey pictures of 40 x 30.
  package func pictures(_ names: String...) throws {
    for name in names {
      try write(
        Data("P6\n40 30\n255\n".utf8) + Data(repeating: 100, count: 40 * 30 * 3), to: name)
    }
  }

  package func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path)
  }

  package func text(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: url.appendingPathComponent(name)), as: UTF8.self)
  }

  package func files(_ folder: String = ".") throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: url.appendingPathComponent(folder).path
    ).sorted()
  }

  /// `detector test x.data x.cfg x.weights …`.
  package func test(_ words: String..., input: String = "") throws -> ProgramRun {
    try run(["detector", "test", "x.data", "x.cfg", "x.weights"] + words, input: input)
  }

  package func run(_ words: [String], input: String = "") throws -> ProgramRun {
    try ProgramRun(words, in: url, input: input)
  }

  /// With the shell, for pipes and signals; `$P` is the program.
  package func shell(_ script: String) throws -> ProgramRun {
    try ProgramRun(
      ["-c", script], in: url, program: URL(fileURLWithPath: "/bin/sh"),
      environment: ["P": ProgramRun.program.path])
  }

  /// The boxes of a JSON file of `-out`, picture by picture.
  package func boxes(_ name: String) throws -> [[[String: Double]]] {
    let data = try Data(contentsOf: url.appendingPathComponent(name))
    let pictures = try JSONSerialization.jsonObject(with: data) as? [[String: Any]] ?? []
    return pictures.map { picture in
      (picture["objects"] as? [[String: Any]] ?? []).map {
        $0["relative_coordinates"] as? [String: Double] ?? [:]
      }
    }
  }
}
