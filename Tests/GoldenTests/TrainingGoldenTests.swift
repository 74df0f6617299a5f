import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// The weights after 1 to 30 updates with the same batch against those that the reference programs
/// saved.
///
/// Ten times the recorded `sensitivity`, but not less than 2e-5, as the data's README says.
/// `sensitivity` is how far the result moves when the initial parameters are moved by a millionth.
@Suite(.enabled(if: sharedFolder != nil, "no golden data beside the package"))
struct TrainingGoldenTests {
  struct Run: CustomTestStringConvertible, Sendable {
    var name: String
    var program: String
    /// Points to compare at; nil for all that were recorded.
    var updates: Int?
    var testDescription: String { "\(name) of \(program)" }

    init(_ name: String, _ program: String, upTo updates: Int? = nil) {
      (self.name, self.program, self.updates) = (name, program, updates)
    }
  }

  @Test(arguments: [
    Run("yolo-plain", "alexeyab"), Run("yolo-plain", "pjreddie"),
    Run("yolo-plain", "alexeyab-cli"), Run("yolo-ciou", "alexeyab"),
    // At update 25 one activation falls on the other side of leaky's kink than in the recording,
    // and update 30 is off by 3.5e-5. With the initial weights moved by a millionth it is off by
    // 8e-7, or by 3e-3, as chance will have it. For the same reason the trainings with batch norm
    // are followed by `TrainingReplayTests` alone, in the recorded order of sums.
    // The order of sums of AVX2 meets such a kink before update 10 already.
    Run("prn-nobn", "pjreddie", upTo: 9),
    Run("shortcut-unequal", "pjreddie"), Run("policy", "alexeyab"), Run("policy", "pjreddie"),
    Run("region", "alexeyab"), Run("detection-v1", "pjreddie"), Run("classifier", "pjreddie"),
    Run("classifier-cost", "pjreddie"), Run("cli-symmetric", "alexeyab"),
    Run("cli-symmetric", "pjreddie"), Run("cli-symmetric", "debian"),
  ])
  func `weights while training`(run: Run) throws {
    let trainer = try PlainTrainer(
      run.name, dialect: run.program.hasPrefix("alexeyab") ? .alexeyab : .pjreddie)
    let recorded = try #require(trainer.manifest.runs[run.program])
    // Files of the programs' own command lines have no sensitivity; the fixed batch's is used.
    let sensitivity = recorded.sensitivity ?? trainer.manifest.runs["alexeyab"]?.sensitivity ?? [:]
    let points = recorded.weights.keys.compactMap { Int($0) }.sorted()
      .prefix { $0 <= run.updates ?? .max }
    for iteration in 1...(points.last ?? 1) {
      trainer.update(iteration)
      guard points.contains(iteration), let file = recorded.weights["\(iteration)"] else {
        continue
      }
      let worst = trainer.largestDifference(from: try trainer.parameters(file))
      let bound = max(10 * (sensitivity["\(iteration)"] ?? 0), 2e-5)
      #expect(worst <= bound, "after \(iteration) updates")
    }
  }
}

/// Gradient descent with momentum and decay as Darknet does it, kept apart from the library's
/// optimiser on purpose: u += decay B w, w -= rate / B u, u *= momentum.
private final class PlainTrainer {
  struct Manifest: Decodable {
    struct Run: Decodable {
      var weights: [String: String]
      var sensitivity: [String: Double]?
    }
    struct File: Decodable { var file: String }
    var images: [String]
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var image_tensor: File?
    // swift-format-ignore: AlwaysUseLowerCamelCase
    var batch_rows: [Int]
    var runs: [String: Run]
    /// A file of values, classes, or a sentence about the label files.
    var truth: Truth?

    struct Truth: Decodable {
      var file: String?
      var classes: Int?
      // swift-format-ignore: AlwaysUseLowerCamelCase
      var class_of_row: [Int]?

      init(from decoder: any Decoder) throws {
        guard let values = try? decoder.container(keyedBy: CodingKeys.self) else { return }
        file = try values.decodeIfPresent(String.self, forKey: .file)
        classes = try values.decodeIfPresent(Int.self, forKey: .classes)
        class_of_row = try values.decodeIfPresent([Int].self, forKey: .class_of_row)
      }

      private enum CodingKeys: String, CodingKey {
        case file, classes
        // swift-format-ignore: AlwaysUseLowerCamelCase
        case class_of_row
      }
    }
  }

  let folder: String
  let dialect: Dialect
  let manifest: Manifest
  let network: Network
  private let executor: TrainingExecutor
  private var miniBatches: [(input: [Float], truth: Truth)] = []

  init(_ name: String, dialect: Dialect) throws {
    folder = "\(try #require(sharedFolder))/golden/train/\(name)"
    self.dialect = dialect
    let root = URL(fileURLWithPath: folder)
    manifest = try JSONDecoder().decode(
      Manifest.self, from: Data(contentsOf: root.appendingPathComponent("manifest.json")))
    network = try NetworkBuilder(dialect: dialect).build(
      ConfigFile(
        text: Data(contentsOf: root.appendingPathComponent("net.cfg")), name: "net.cfg"))
    executor = TrainingExecutor(
      network, parameters: try Self.parameters("\(folder)/init.weights", of: network))
    try makeMiniBatches()
  }

  /// The values of a recorded weights file, copied, so that training may change them.
  func parameters(_ file: String) throws -> Parameters {
    try Self.parameters("\(folder)/\(file)", of: network)
  }

  private static func parameters(_ path: String, of network: Network) throws -> Parameters {
    let loaded = Parameters(of: network, randomize: false)
    _ = try WeightsFile(path, dialect: network.dialect).load(into: loaded, of: network)
    let copy = Parameters(of: network, randomize: false)
    for (own, read) in zip(copy.buffers, loaded.buffers) {
      for (a, b) in zip(own, read) { _ = a.values.update(fromContentsOf: b.values) }
    }
    return copy
  }

  private func floats(_ file: String) throws -> [Float] {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)"))
    return data.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map {
        let bits = bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)
        return Float(bitPattern: UInt32(littleEndian: bits))
      }
    }
  }

  private func makeMiniBatches() throws {
    let count = network.inputShape.count
    let rows = manifest.batch_rows
    let pictures = try manifest.image_tensor.map { try floats($0.file) } ?? decodedPictures()
    let truths = try rowTruths()
    let size = executor.batch
    for start in stride(from: 0, to: rows.count, by: size) {
      let part = start..<start + size
      miniBatches.append(
        (
          part.flatMap { pictures[rows[$0] * count..<(rows[$0] + 1) * count] },
          truths(part)
        ))
    }
  }

  private func decodedPictures() throws -> [Float] {
    try manifest.images.flatMap { try ImageFile.load("\(folder)/\($0)").buffer.array }
  }

  /// What rows of the batch should give.
  private func rowTruths() throws -> (Range<Int>) -> Truth {
    let rows = manifest.batch_rows
    if let file = manifest.truth?.file {
      let values = try floats(file)
      let perImage = values.count / rows.count
      return {
        .values(
          Array(values[$0.lowerBound * perImage..<$0.upperBound * perImage]), perImage: perImage)
      }
    }
    if let classes = manifest.truth?.classes, let numbers = manifest.truth?.class_of_row {
      return { part in
        .values(
          part.flatMap { row in (0..<classes).map { $0 == numbers[row] ? 1 : 0 } },
          perImage: classes)
      }
    }
    let labels = try manifest.images.map { try readLabels($0.replacing(".png", with: ".txt")) }
    // The original's loader packs the boxes of an image by `max`, its layer reads them 90 apart:
    // run from its command line with another `max`, only the first image of a batch has objects.
    let losesLabels = manifest.image_tensor == nil && dialect == .pjreddie
    return { part in
      .boxes(part.map { losesLabels && $0 > part.lowerBound ? [] : labels[rows[$0]] })
    }
  }

  private func readLabels(_ file: String) throws -> [GroundTruth] {
    try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
      .split(whereSeparator: \.isNewline).map { line in
        let numbers = line.split(separator: " ").compactMap { Float($0) }
        try #require(numbers.count == 5)
        return GroundTruth(
          box: Box(x: numbers[1], y: numbers[2], width: numbers[3], height: numbers[4]),
          classIndex: Int(numbers[0]))
      }
  }

  /// One update, counted from 1.
  func update(_ iteration: Int) {
    let net = network.net
    for (input, truth) in miniBatches {
      executor.progress.iteration = iteration
      input.withUnsafeBufferPointer { executor.forward($0) }
      _ = executor.computeLoss(truth)
      executor.backward()
      executor.progress.seen += executor.batch
    }
    let batch = Float(net.batch)
    let rate = net.schedule.rate(iteration: iteration)
    for node in network.nodes {
      for (k, parameter) in node.layer.parameters.enumerated() {
        guard let u = executor.gradients[node.index][k] else { continue }
        let w = executor.parameters.buffers[node.index][k]
        for i in 0..<u.count {
          if parameter.role == .weight { u.pointer[i] += net.weightDecay * batch * w.pointer[i] }
          w.pointer[i] -= rate / batch * u.pointer[i]
          u.pointer[i] *= net.momentum
        }
      }
    }
  }

  func largestDifference(from expected: Parameters) -> Double {
    var worst = 0.0
    for (a, b) in zip(executor.parameters.buffers.joined(), expected.buffers.joined()) {
      for (x, y) in zip(a.values, b.values) { worst = max(worst, abs(Double(x) - Double(y))) }
    }
    return worst
  }
}
