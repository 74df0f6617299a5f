import DarknetData
import DarknetGeometry
import DarknetImages
import DarknetTensors
import DarknetTestSupport
import Foundation

/// What is compared of many varied pictures: for each statistic of a picture its values.
///
/// Values of one statistic are independent of one another, one a picture, as the test of
/// Kolmogorov and Smirnov wants it: of several objects of a class in a picture only the first and
/// the last count.
struct AugmentationSamples {
  private(set) var count = 0
  private(set) var series: [String: [Float]] = [:]
  /// Of each class, and each picture that has it, how many objects of it.
  private var counts: [Int: [Float]] = [:]

  static let pixelNames: [String] = {
    let places = ["top left", "top right", "bottom left", "bottom right", "middle"]
    return places.flatMap { place in ["red", "green", "blue"].map { "\($0) \(place)" } }
  }()
  static let names: [String] =
    ["red", "green", "blue"].flatMap { ["mean \($0)", "deviation \($0)"] }
    + ["difference of neighbours"] + pixelNames

  /// Whether a statistic is one of the picture's colours, in parts of white.
  static func isColor(_ name: String) -> Bool { names.contains(name) }

  private mutating func add(_ values: [Float], _ boxes: [(kind: Int, values: [Float])]) {
    count += 1
    for (name, value) in zip(Self.names, values) { series[name, default: []].append(value) }
    series["number of objects", default: []].append(Float(boxes.count))
    for (kind, of) in Dictionary(grouping: boxes, by: \.kind) {
      counts[kind, default: []].append(Float(of.count))
      for (name, box) in [("first", of.first!), ("last", of.last!)] {
        for (side, value) in zip(["x", "y", "width", "height"], box.values) {
          series["\(side) of the \(name) \(kind)", default: []].append(value)
        }
      }
    }
  }
}

extension AugmentationSamples {
  /// The recorded samples of a file.
  ///
  /// Lines are `S k`, then the statistics, and `B k class x y w h` for each object.
  init(ofReference path: String) throws {
    let unpack = Process()
    unpack.executableURL = URL(fileURLWithPath: "/bin/gzip")
    unpack.arguments = ["-dc", path]
    let output = Pipe()
    unpack.standardOutput = output
    try unpack.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    unpack.waitUntilExit()
    var values: [Float] = []
    var boxes: [(kind: Int, values: [Float])] = []
    for line in text.split(separator: "\n") {
      let numbers = line.split(separator: " ").dropFirst(2).map { Float($0)! }
      if line.hasPrefix("S") {
        if !values.isEmpty { add(values, boxes) }
        (values, boxes) = (numbers, [])
      } else {
        boxes.append((Int(numbers[0]), Array(numbers[1...])))
      }
    }
    // The last one may have lost objects where the file was cut.
    finish()
  }

  /// Pictures without a class are told of, too.
  private mutating func finish() {
    for (kind, counts) in counts {
      series["objects \(kind)"] = counts + [Float](repeating: 0, count: count - counts.count)
    }
  }

  /// As many pictures as `count`, varied as `augmentation` says.
  init(
    _ count: Int, of picture: LabelledPicture, size: Int, _ augmentation: DetectionAugmentation,
    seed: UInt64
  ) {
    let image = Image(height: size, width: size)
    for number in 0..<count {
      var random = Random(seed: seed).split(UInt64(number))
      let objects = augmentation.compose(into: PlaneTarget(image), random: &random) {
        (_: inout Random) in picture
      }
      add(
        Self.statistics(image),
        objects.map {
          ($0.classIndex, [$0.box.x, $0.box.y, $0.box.width, $0.box.height])
        })
    }
    finish()
  }

  private static func statistics(_ image: Image) -> [Float] {
    let (width, height) = (image.width, image.height)
    var result: [Float] = []
    for c in 0..<3 {
      let plane = image.plane(c)
      var (sum, squares) = (0.0, 0.0)
      for y in 0..<height {
        var (lineSum, lineSquares): (Float, Float) = (0, 0)
        for x in 0..<width {
          let value = plane[y &* width &+ x]
          lineSum += value
          lineSquares += value * value
        }
        sum += Double(lineSum)
        squares += Double(lineSquares)
      }
      let mean = sum / Double(width * height)
      let variance = max(0, squares / Double(width * height) - mean * mean)
      result += [Float(mean), Float(variance.squareRoot())]
    }
    let red = image.plane(0)
    var differences = 0.0
    for y in 0..<height {
      var line: Float = 0
      for x in 1..<width { line += abs(red[y &* width &+ x] - red[y &* width &+ x &- 1]) }
      differences += Double(line)
    }
    result.append(Float(differences / Double(height * (width - 1))))
    let places = [
      (0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1), (width / 2, height / 2),
    ]
    for (x, y) in places { for c in 0..<3 { result.append(image[c, y, x]) } }
    return result
  }
}
