import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// `Classifier`, from pictures to classes.
@Suite struct ClassifierTests {
  private let models: ColourModels

  init() throws { models = try ColourModels() }

  @Test(arguments: [1, 2])
  func `pictures become probabilities`(batch: Int) throws {
    let classifier = try models.classifier(batch: batch)
    let found = try classifier.classify(
      ["red", "blue", "red"].map { .file(models.path("\($0).ppm")) }, top: 2)
    // Softmax of (1, 0, 0); of equals the first class goes first.
    let (high, low) = (Float(exp(1.0) / (exp(1.0) + 2)), Float(1 / (exp(1.0) + 2)))
    #expect(
      found.map { $0.map(\.name) } == [["red", "green"], ["blue", "red"], ["red", "green"]])
    for scores in found {
      #expect(abs(scores[0].confidence - high) < 1e-6 && abs(scores[1].confidence - low) < 1e-6)
    }
    let all = try classifier.classify(.file(models.path("blue.ppm")), top: 9)
    #expect(all.map(\.classIndex) == [2, 0, 1] && all[0].description == "blue 58%")
  }

  @Test func `a list gives what single pictures give`() throws {
    let classifier = try models.classifier(batch: 2)
    let files = ["red", "none", "blue"].map { models.path("\($0).ppm") }
    var names: [String] = []
    try classifier.forEach(files, top: 1) { file, scores in
      guard case .success(let scores) = scores else {
        names.append("none")
        return
      }
      names += scores.map(\.name)
      let single = try models.classifier().classify(.file(file), top: 1)
      #expect(scores == single)
    }
    #expect(names == ["red", "none", "blue"])
  }

  @Test func `accuracy is counted over a list`() throws {
    // The second picture is red by its path, and blue.
    try models.folder.write(ColourModels.ppm(ColourModels.blue), to: "pictures/red-2.ppm")
    try models.folder.write(ColourModels.ppm(ColourModels.red), to: "pictures/red-1.ppm")
    try models.folder.write(
      [1, 2, 3].map { models.path("pictures/red-\($0).ppm\n") }.joined(), to: "c.list")
    try models.folder.write("red-\ngreen-\nblue-\n", to: "c.labels")
    try models.folder.write(
      "classes=3\nvalid=\(models.path("c.list"))\nlabels=\(models.path("c.labels"))\n",
      to: "c.data")
    var problems: [DataProblem] = []
    let accuracy = try models.classifier().evaluate(data: models.path("c.data"), top: 2) {
      problems.append($0)
    }
    #expect(accuracy.pictures == 2 && accuracy.firstCorrect == 1 && accuracy.correct == 2)
    #expect(problems.map(\.file) == [models.path("pictures/red-3.ppm")])
  }

  @Test func `a detector is not a classifier`() {
    #expect(
      errorText {
        _ = try Classifier(cfg: models.path("x.cfg"), weights: models.path("x.weights"))
      }.contains("expected a classifier, found a network that finds boxes"))
  }

  @Test func `several threads share one`() async throws {
    let classifier = try models.classifier()
    let pictures = ["red", "blue"].map { InputPicture.file(models.path("\($0).ppm")) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for round in 0..<20 {
        group.addTask {
          let scores = try classifier.classify(pictures[round % 2])
          #expect(scores[0].name == ["red", "blue"][round % 2])
        }
      }
      try await group.waitForAll()
    }
  }
}
