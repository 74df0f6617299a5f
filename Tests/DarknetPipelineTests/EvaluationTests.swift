import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// `Detector.evaluate`.
@Suite struct EvaluationTests {
  @Test(arguments: [1, 2])
  func `mAP of boxes that are known`(batch: Int) throws {
    let models = try ColourModels()
    // Each picture has one object where the network finds one; the last is named as the other
    // class, so that red is ranked wrong, right, … by equal probabilities in the list's order.
    let size = String(format: "%f", exp(-1.0))
    for (number, label) in [0, 0, 1].enumerated() {
      try models.folder.write(ColourModels.ppm(ColourModels.red), to: "p\(number).ppm")
      try models.folder.write("\(label) 0.5 0.5 \(size) \(size)\n", to: "p\(number).txt")
    }
    let list = (0..<4).map { models.path("p\($0).ppm\n") }.joined()
    try models.folder.write(list, to: "v.list")
    let data = "classes=2\nnames=x.names\nvalid=\(models.path("v.list"))\n"
    try models.folder.write(data, to: "v.data")
    var problems: [DataProblem] = []
    let result = try models.detector(batch: batch).evaluate(data: models.path("v.data")) {
      problems.append($0)
    }
    // Red: two right before the wrong one. Blue: its only object is missed.
    #expect(result.classes.map(\.averagePrecision) == [1, 0])
    #expect(result.meanAveragePrecision == 0.5 && result.pictureCount == 3)
    #expect(result.counts.truePositives == 2 && result.counts.falsePositives == 1)
    #expect(problems.map(\.file) == [models.path("p3.ppm")])
    // The same figure from the program.
    let run = try models.folder.run(
      ["detector", "map", models.path("v.data"), "x.cfg", "x.weights", "-json", "map.json"])
    #expect(run.output.contains("mean average precision (mAP@0.50) = 0.500000"), "\(run)")
  }

  @Test func `a data set without pictures is an error`() throws {
    let models = try ColourModels()
    try models.folder.write("nowhere.ppm\n", to: "v.list")
    try models.folder.write("valid=\(models.path("v.list"))\n", to: "v.data")
    #expect(
      errorText { _ = try models.detector().evaluate(data: models.path("v.data")) }
        .hasPrefix(models.path("v.list") + ":1: expected a picture that can be read, found none"))
    #expect(
      errorText { _ = try models.detector().evaluate(data: models.path("none.data")) }
        .contains("none.data: cannot open the file"))
  }
}
