import Darknet
import DarknetTestSupport
import Foundation

/// A folder with shapes, a small detector's cfg and a `.data` file, to train in.
struct TrainingFolder {
  let url: URL

  init(
    net: String = "max_batches=12", layers: String = TrainingFolder.layers, data: String = "",
    trainCount: Int = 12, side: Int = 64
  ) throws {
    url = try TemporaryFolder.make()
    var shapes = SyntheticShapes()
    (shapes.width, shapes.height) = (96, 72)
    (shapes.trainCount, shapes.validCount, shapes.maxObjects) = (trainCount, 4, 2)
    _ = try shapes.write(to: url.appendingPathComponent("shapes").path)
    // Lists with paths as users have them, from the current folder on.
    for name in ["train", "valid"] {
      let list = url.appendingPathComponent("shapes/\(name).txt")
      let text = try String(contentsOf: list, encoding: .utf8)
      try write(text.replacingOccurrences(of: url.path + "/", with: ""), to: "shapes/\(name).txt")
    }
    try write(
      """
      classes=4
      train=shapes/train.txt
      valid=shapes/valid.txt
      names=shapes/shapes.names
      backup=backup
      \(data)
      """, to: "x.data")
    try write(Self.cfg(net, layers, side: side), to: "x.cfg")
  }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: url.appendingPathComponent(name))
  }

  func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path)
  }

  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: url.appendingPathComponent(name))
  }

  func text(_ name: String) throws -> String {
    try String(contentsOf: url.appendingPathComponent(name), encoding: .utf8)
  }

  func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: url.appendingPathComponent(folder).path
    ).sorted()
  }

  /// `detector train x.data x.cfg …`.
  func train(_ arguments: String..., input: String = "") throws -> ProgramRun {
    try ProgramRun(
      ["detector", "train", "x.data", "x.cfg", "-dont_show", "-seed", "7", "-threads", "2"]
        + arguments, in: url, input: input)
  }

  static func cfg(_ net: String, _ layers: String = layers, side: Int = 64) -> String {
    """
    [net]
    width=\(side)
    height=\(side)
    channels=3
    batch=8
    subdivisions=2
    learning_rate=0.001
    momentum=0.9
    decay=0.0005
    saturation=1.5
    exposure=1.5
    hue=.1
    \(net)
    \(layers)

    """
  }

  /// Three halvings and a `[yolo]` of three anchors and four classes.
  static let layers =
    [8, 16, 16].map { filters in
      """
      [convolutional]
      batch_normalize=1
      filters=\(filters)
      size=3
      stride=2
      pad=1
      activation=leaky

      """
    }.joined() + """
      [convolutional]
      filters=27
      size=1
      stride=1
      pad=1
      activation=linear
      [yolo]
      mask=0,1,2
      anchors=10,10, 20,20, 40,40
      classes=4
      num=3
      jitter=.2
      ignore_thresh=.7
      """
}
