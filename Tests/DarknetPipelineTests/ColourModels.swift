import Darknet
import DarknetTestSupport
import Foundation

/// Networks whose answer is the colour of the picture, with weights written by hand.
struct ColourModels {
  let folder: OneBoxFolder

  init() throws {
    folder = try OneBoxFolder(names: ["red", "blue"])
    // One box of any picture: in the middle, as wide and high as exp(-1) of it. The class is the
    // logistic function of 20 c - 10, c being the brightest red or blue.
    let biases: [Float] = [0, 0, -1, -1, 8, -10, -10]
    var weights = [Float](repeating: 1e-6, count: 21)
    weights[5 * 3] = 20
    weights[6 * 3 + 2] = 20
    var data = OneBoxFolder.weights(biases, inputs: 0)
    for value in weights {
      withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }
    try folder.write(data, to: "x.weights")
    // The mean colour, without any weights.
    try folder.write(
      "[net]\nwidth=8\nheight=8\nchannels=3\n[avgpool]\n[softmax]\n", to: "mean.cfg")
    try folder.write(data.prefix(20), to: "mean.weights")
    try folder.write("red\ngreen\nblue\n", to: "mean.names")
    try folder.write(Self.ppm(Self.red), to: "red.ppm")
    try folder.write(Self.ppm(Self.blue), to: "blue.ppm")
  }

  /// Red, green and blue of a pixel.
  typealias Colour = (UInt8, UInt8, UInt8)
  static let red: Colour = (255, 0, 0)
  static let blue: Colour = (0, 0, 255)

  /// A PPM of 40 x 30.
  static func ppm(_ colour: Colour) -> Data {
    Data("P6\n40 30\n255\n".utf8)
      + Data((0..<1200).flatMap { _ in [colour.0, colour.1, colour.2] })
  }

  func path(_ name: String) -> String { folder.url.appendingPathComponent(name).path }

  func detector(batch: Int = 1) throws -> Detector {
    var options = Detector.Options()
    options.batch = batch
    return try Detector(
      cfg: path("x.cfg"), weights: path("x.weights"), names: path("x.names"), options: options)
  }

  func classifier(batch: Int = 1) throws -> Classifier {
    var options = Classifier.Options()
    options.batch = batch
    return try Classifier(
      cfg: path("mean.cfg"), weights: path("mean.weights"), names: path("mean.names"),
      options: options)
  }
}

/// The text of the error that `body` throws; empty if it throws none.
func errorText(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return "\(error)"
  }
}
