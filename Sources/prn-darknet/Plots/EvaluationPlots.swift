import Darknet
import DarknetCommandLine

/// Pictures of an evaluation: `detector map -plots DIR`.
struct EvaluationPlots {
  private let folder: String
  private let names: NamesFile
  private let options: MeanAveragePrecision.Options
  private let dialect: Dialect
  private var confusion: ConfusionMatrix
  private var labels: LabelPlot
  private var mistakes = WorstMistakes(limit: 12)
  private var paths: [Int: String] = [:]

  /// Makes the folder, so that one that cannot be written is reported before the work.
  init(
    folder: String, names: NamesFile, options: MeanAveragePrecision.Options, dialect: Dialect
  ) throws {
    self.folder = folder
    self.names = names
    self.options = options
    self.dialect = dialect
    confusion = ConfusionMatrix(
      classCount: names.count, confidenceThreshold: options.confidenceThreshold,
      iouThreshold: options.iouThreshold)
    labels = LabelPlot(names: names)
    try Folder.make(folder)
  }

  /// Takes a picture.
  mutating func add(_ scored: DetectorEvaluation.Scored) {
    let picture = scored.picture
    confusion.add(picture.detections[0], truths: picture.objects)
    labels.add(picture.objects, width: picture.width, height: picture.height)
    mistakes.add(
      scored.matches, detections: picture.detections[0], picture: picture.index,
      threshold: options.confidenceThreshold)
    paths[picture.index] = picture.path
  }

  /// Writes everything.
  func write(_ result: MeanAveragePrecision.Result) throws {
    let curves = CurvePlots(result, names: names)
    try save(curves.precisionRecall().bitmap(width: 1200, height: 800), "precision-recall.png")
    try save(curves.thresholds().bitmap(width: 1200, height: 800), "f1.png")
    try save(ConfusionPlot(confusion, names: names).bitmap(), "confusion.png")
    try save(labels.bitmap(), "labels.png")
    try AtomicFile.write(
      to: "\(folder)/best-thresholds.txt", durable: false,
      result.thresholdTable(names: names.names))
    try write(mistakes.falsePositives, .falsePositive)
    try write(mistakes.missedObjects, .miss)
  }

  private func write(
    _ mistakes: [WorstMistakes.Mistake], _ kind: MistakePicture.Kind
  ) throws {
    for (index, mistake) in mistakes.enumerated() {
      guard let path = paths[mistake.picture],
        // It was readable a moment ago; if it is not any more there is nothing to show.
        let bitmap = try? ImageFile.loadBitmap(path, limits: .init(dialect: dialect))
      else { continue }
      let objects = LabelFile(ofPicture: path, classes: names.count, dialect: dialect).objects
      let picture = MistakePicture(
        mistake, kind, on: bitmap, objects: objects, names: names, path: path)
      let number = index < 9 ? "0\(index + 1)" : "\(index + 1)"
      try save(picture.bitmap(), "\(kind.rawValue)-\(number).jpg")
    }
  }

  private func save(_ bitmap: Bitmap, _ name: String) throws {
    try ImageFile.save(bitmap, to: "\(folder)/\(name)", quality: 90, durable: false)
  }
}
