import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// `DetectorTraining` and `ClassifierTraining`.
@Suite struct TrainingTests {
  private let url: URL

  init() throws { url = try TemporaryFolder.make() }

  private func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  private func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: url.appendingPathComponent(name))
  }

  /// A set of shapes, and a detector's cfg for them.
  private func makeDetector(maxBatches: Int = 6) throws {
    var shapes = SyntheticShapes()
    (shapes.width, shapes.height) = (96, 72)
    (shapes.trainCount, shapes.validCount, shapes.maxObjects) = (8, 2, 2)
    _ = try shapes.write(to: path("set"))
    try write(
      """
      [net]
      width=64
      height=64
      channels=3
      batch=4
      subdivisions=2
      learning_rate=0.001
      momentum=0.9
      decay=0.0005
      max_batches=\(maxBatches)
      [convolutional]
      batch_normalize=1
      filters=8
      size=3
      stride=16
      pad=1
      activation=leaky
      [convolutional]
      filters=27
      size=1
      activation=linear
      [yolo]
      mask=0,1,2
      anchors=10,10, 20,20, 40,40
      classes=4
      num=3
      """, to: "x.cfg")
  }

  private func options(_ folder: String) -> TrainingOptions {
    var options = TrainingOptions()
    options.seed = 7
    options.folder = path(folder)
    return options
  }

  private func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: url.appendingPathComponent(name))
  }

  @Test func `trains what the program trains, with the same events`() throws {
    try makeDetector()
    var settings = options("library")
    settings.measures = true
    let training = try DetectorTraining(
      data: path("set/shapes.data"), cfg: path("x.cfg"), options: settings)
    var iterations: [Int] = []
    var saved: [String] = []
    var figures: [Double] = []
    let outcome = try training.run { event in
      switch event {
      case .iteration(let report):
        iterations.append(report.iteration)
        #expect(report.loss.isFinite && report.loss > 0 && report.images == 4 * report.iteration)
      case .saved(_, let path): saved.append(path)
      case .evaluated(let precision, _): figures.append(precision)
      default: break
      }
    }
    guard case .finished = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(iterations == Array(1...6) && training.iteration == 6)
    #expect(figures.count == 1 && (0...1).contains(figures[0]))
    #expect(saved.last == path("library/x_final.weights") && training.lastWeights == saved.last)

    let run = try ProgramRun(
      ["detector", "train", path("set/shapes.data"), path("x.cfg"), "-seed", "7", "-dont_show"],
      in: url)
    #expect(run.status == 0, "\(run.errors)")
    #expect(
      try bytes("set/backup/x_final.weights") == bytes("library/x_final.weights"),
      "the program's weights differ")
  }

  @Test func `a training that is stopped continues as if it had not been`() throws {
    try makeDetector()
    let data = path("set/shapes.data")
    try DetectorTraining(data: data, cfg: path("x.cfg"), options: options("whole")).run()

    let first = try DetectorTraining(data: data, cfg: path("x.cfg"), options: options("parts"))
    let outcome = try first.run { event in
      if case .iteration(let report) = event, report.iteration == 2 { first.stop() }
    }
    guard case .stopped = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(first.iteration == 2 && first.lastWeights == path("parts/x_last.weights"))
    let second = try DetectorTraining(
      data: data, cfg: path("x.cfg"), weights: first.lastWeights, options: options("parts"))
    #expect(second.iteration == 2)
    try second.run()
    #expect(try bytes("parts/x_final.weights") == bytes("whole/x_final.weights"))
    // The first object continues where it was, too.
    try first.run()
    #expect(first.iteration == 6)
    #expect(try bytes("parts/x_final.weights") == bytes("whole/x_final.weights"))
    // From 0 on if that is wanted.
    var settings = options("parts")
    settings.startsOver = true
    let again = try DetectorTraining(
      data: data, cfg: path("x.cfg"), weights: first.lastWeights, options: settings)
    #expect(again.iteration == 0)
  }

  @Test func `two trainings do not write the same weights`() throws {
    try makeDetector()
    let data = path("set/shapes.data")
    let first = try DetectorTraining(data: data, cfg: path("x.cfg"), options: options("same"))
    let second = try DetectorTraining(data: data, cfg: path("x.cfg"), options: options("same"))
    var texts: [String] = []
    try first.run { event in
      if case .iteration = event { texts.append(errorText { try second.run() }) }
    }
    #expect(
      texts.first?.hasPrefix(
        path("same/x.lock") + ": expected no other training of 'x' in this folder, found process ")
        ?? false, "\(texts)")
    try second.run()
    #expect(second.iteration == 6)
  }

  @Test func `what cannot be trained is an error before anything is written`() throws {
    try makeDetector()
    let (data, cfg) = (path("set/shapes.data"), path("x.cfg"))
    try write("[net]\nwidth=8\nheight=8\nchannels=3\n[avgpool]\n[softmax]\n", to: "mean.cfg")
    #expect(
      errorText { _ = try DetectorTraining(data: data, cfg: path("mean.cfg")) }
        .contains("mean.cfg: expected a network with a [yolo]"))
    #expect(
      errorText { _ = try ClassifierTraining(data: data, cfg: cfg) }
        .contains("x.cfg: expected a classifier"))
    try write("train=\(path("set/train.txt"))\n", to: "odd.data")
    #expect(
      errorText { _ = try DetectorTraining(data: path("odd.data"), cfg: cfg) }
        == path("odd.data") + ": backup: expected a folder for the weights, found no such line; "
        + "add a line such as 'backup=backup'")
    try write("nothing.jpg\n", to: "none.txt")
    try write("train=\(path("none.txt"))\nbackup=\(path("b"))\n", to: "odd.data")
    #expect(
      errorText { _ = try DetectorTraining(data: path("odd.data"), cfg: cfg) }
        .contains("none.txt:1: expected a picture that can be read, found none"))
    #expect(!FileManager.default.fileExists(atPath: path("b")))
  }

  @Test func `pictures that cannot be read are reported once`() throws {
    try makeDetector()
    try write("text", to: "set/train/broken.jpg")
    let list = url.appendingPathComponent("set/train.txt")
    let text = try String(contentsOf: list, encoding: .utf8)
    try write(text + path("set/train/broken.jpg") + "\n", to: "set/train.txt")
    let training = try DetectorTraining(
      data: path("set/shapes.data"), cfg: path("x.cfg"), options: options("b"))
    var problems: [String] = []
    try training.run {
      _ in
    } onProblem: {
      problems.append($0.file)
    }
    #expect(problems == [path("set/train/broken.jpg")])
  }

  @Test func `a classifier learns and is measured`() throws {
    var shapes = SyntheticShapes.single
    (shapes.width, shapes.height) = (32, 32)
    (shapes.trainCount, shapes.validCount) = (8, 4)
    _ = try shapes.writeClasses(to: path("set"))
    try write(
      """
      [net]
      width=16
      height=16
      channels=3
      batch=4
      subdivisions=1
      learning_rate=0.01
      max_batches=4
      [convolutional]
      filters=4
      size=3
      stride=2
      pad=1
      activation=linear
      [avgpool]
      [softmax]
      """, to: "x.cfg")
    var settings = options("library")
    settings.measures = true
    let data = path("set/shapes.data")
    let training = try ClassifierTraining(data: data, cfg: path("x.cfg"), options: settings)
    var figures: [Double] = []
    try training.run { event in
      if case .evaluated(let precision, _) = event { figures.append(precision) }
    }
    let run = try ProgramRun(
      ["classifier", "train", data, path("x.cfg"), "-seed", "7"], in: url)
    #expect(run.status == 0, "\(run.errors)")
    #expect(try bytes("set/backup/x_final.weights") == bytes("library/x_final.weights"))

    let classifier = try Classifier(
      cfg: path("x.cfg"), weights: path("library/x_final.weights"),
      names: path("set/shapes.names"))
    let accuracy = try classifier.evaluate(data: data, top: 2)
    #expect(accuracy.pictures == 4 && figures == [accuracy.top])
  }
}
