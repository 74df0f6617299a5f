import Darknet

/// The one batch of a recorded training.
struct FixedBatches {
  /// Pixels of each image, 0...1.
  private let images: [[Float]]
  /// Image of each row of the batch.
  private let rows: [Int]
  private let truths: Truths
  private let batch: Int
  /// Boxes that the loader packs for each image, where pjreddie's program then looks for those of
  /// image n 90 n boxes further on, whatever `max` is: with less than 90 all images of a
  /// mini-batch but the first seem to show nothing. Its recorded command lines have the fault.
  private let packedBoxes: Int?

  private enum Truths {
    /// By image.
    case boxes([[GroundTruth]])
    /// By row.
    case values([Float], perImage: Int)
  }

  init(
    _ recorded: RecordedCase, _ network: Network, batch: Int, subdivisions: Int, losesTruths: Bool
  ) throws {
    let manifest = recorded.manifest
    self.batch = batch
    packedBoxes = losesTruths ? network.lastHead?.training.maximumBoxes : nil
    let names = try recorded.field("images", manifest["images"]?.array).map {
      try recorded.field("images", $0.string)
    }
    guard !names.isEmpty else { throw recorded.fault(expected: "images", found: "none") }
    rows = try recorded.numbers("batch_rows", manifest["batch_rows"], in: 0...names.count - 1)
    guard rows.count == batch * subdivisions else {
      throw recorded.fault(
        expected: "\(batch * subdivisions) batch_rows, as the cfg's batch has",
        found: "\(rows.count)")
    }
    let count = network.inputShape.count
    if let file = manifest["image_tensor"]?["file"]?.string {
      let values = try recorded.values(
        file, count: names.count * count, "values, \(count) an image")
      images = names.indices.map { Array(values[$0 * count..<($0 + 1) * count]) }
    } else {
      let preparation = PicturePreparation(shape: network.inputShape)
      images = try names.map { name in
        let buffer = FloatBuffer(count: count)
        preparation.write(try preparation.load(recorded.path(name)), into: buffer.pointer)
        return buffer.array
      }
    }
    if let file = manifest["truth"]?["file"]?.string {
      let perImage = recorded.truthCount(of: network)
      let values = try recorded.values(
        file, count: rows.count * perImage, "values of truth, \(perImage) an image")
      truths = .values(values, perImage: perImage)
    } else if manifest["truth"]?["classes"] != nil {
      let outputs = recorded.truthCount(of: network)
      let classes = try recorded.number(
        "truth.classes", manifest["truth"]?["classes"], in: outputs...outputs)
      let labels = try recorded.numbers(
        "truth.class_of_row", manifest["truth"]?["class_of_row"], in: 0...classes - 1)
      guard labels.count == rows.count else {
        throw recorded.fault(
          expected: "a truth.class_of_row for each of the \(rows.count) batch_rows",
          found: "\(labels.count)")
      }
      let values = labels.flatMap { label in (0..<classes).map { Float($0 == label ? 1 : 0) } }
      truths = .values(values, perImage: classes)
    } else {
      truths = .boxes(
        try names.map { name in
          try Self.labels("\(recorded.source)/\(name.prefix { $0 != "." }).txt")
        })
    }
  }

  private static func labels(_ path: String) throws -> [GroundTruth] {
    let text = String(decoding: try FileBytes.read(path), as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).compactMap { line in
      let numbers = line.split(separator: " ").compactMap { Number.float(String($0)) }
      guard numbers.count >= 5, let number = Int(exactly: numbers[0]) else { return nil }
      return GroundTruth(
        box: Box(
          x: Float(numbers[1]), y: Float(numbers[2]), width: Float(numbers[3]),
          height: Float(numbers[4])),
        classIndex: number)
    }
  }

  func fill(_ input: TensorView, miniBatch k: Int) throws -> Truth {
    let part = Array(rows[k * batch..<(k + 1) * batch])
    for (n, row) in part.enumerated() {
      _ = UnsafeMutableBufferPointer(start: input.image(n), count: input.shape.count)
        .update(fromContentsOf: images[row])
    }
    switch truths {
    case .boxes(let boxes):
      let lists = part.map { boxes[$0] }
      guard let packedBoxes else { return .boxes(lists) }
      let packed = lists.flatMap { list -> [GroundTruth?] in
        (0..<packedBoxes).map { $0 < list.count ? list[$0] : nil }
      }
      return .boxes(
        lists.indices.map { n in
          packed.dropFirst(90 * n).prefix(packedBoxes).prefix { $0 != nil }.compactMap(\.self)
        })
    case .values(let values, let perImage):
      return .values(
        Array(values[k * batch * perImage..<(k + 1) * batch * perImage]), perImage: perImage)
    }
  }
}
