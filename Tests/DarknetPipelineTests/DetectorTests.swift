import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// `Detector`, from files, bytes and pixels to boxes.
@Suite struct DetectorTests {
  private let models: ColourModels

  init() throws { models = try ColourModels() }

  @Test func `a file, its bytes and its pixels give the same objects`() throws {
    let detector = try models.detector()
    let expected = try detector.detect(in: .file(models.path("red.ppm")))
    // Worked by hand: exp(-1) of 40 x 30 around its middle; logistic(8) times logistic(10).
    let object = try #require(expected.first)
    #expect(expected.count == 1 && object.name == "red" && object.classIndex == 0)
    #expect(abs(object.confidence - 0.999_619_3) < 1e-6)
    let (width, height) = (Float(40 * exp(-1.0)), Float(30 * exp(-1.0)))
    #expect(abs(object.box.width - width) < 1e-3 && abs(object.box.height - height) < 1e-3)
    #expect(abs(object.box.x - (20 - width / 2)) < 1e-3)
    #expect(abs(object.box.y - (15 - height / 2)) < 1e-3)

    let bytes = [UInt8](ColourModels.ppm(ColourModels.red))
    #expect(try detector.detect(in: .bytes(bytes)) == expected)
    let pixels = Array(bytes.suffix(3600))
    #expect(
      try detector.detect(in: .pixels(pixels, width: 40, height: 30, order: .rgb)) == expected)
    let bitmap = try Bitmap(pixels: pixels, width: 40, height: 30, order: .rgb)
    #expect(try detector.detect(in: .bitmap(bitmap)) == expected)
    // The same bytes as BGR are blue.
    let other = try detector.detect(in: .pixels(pixels, width: 40, height: 30, order: .bgr))
    #expect(other.map(\.name) == ["blue"])
  }

  @Test func `the program finds the same`() throws {
    let run = try models.folder.test("red.ppm", "blue.ppm", "-out", "x.json", "-dont_show")
    #expect(run.status == 0)
    let text = try models.folder.text("x.json")
    let found = try models.detector().detect(
      in: ["red", "blue"].map { .file(models.path("\($0).ppm")) })
    #expect(found.map(\.count) == [1, 1])
    for objects in found {
      let confidence = "\"confidence\":" + String(format: "%f", objects[0].confidence)
      #expect(text.contains("\"name\":\"\(objects[0].name)\""))
      #expect(text.contains(confidence), "\(confidence) is not in \(text)")
    }
    let boxes = try models.folder.boxes("x.json").flatMap { $0 }
    #expect(boxes.count == 2)
    for (box, objects) in zip(boxes, found) {
      let rect = objects[0].box
      #expect(abs(Float(box["width"] ?? 0) * 40 - rect.width) < 1e-3)
      #expect(abs(Float(box["center_x"] ?? 0) * 40 - rect.x - rect.width / 2) < 1e-3)
      #expect(abs(Float(box["center_y"] ?? 0) * 30 - rect.y - rect.height / 2) < 1e-3)
    }
  }

  @Test(arguments: [1, 2, 3])
  func `several pictures come back in their order`(batch: Int) throws {
    let detector = try models.detector(batch: batch)
    let names = ["red", "blue", "blue", "red", "red"]
    let found = try detector.detect(in: names.map { .file(models.path("\($0).ppm")) })
    #expect(found.map { $0.map(\.name) } == names.map { [$0] })
    #expect(try detector.detect(in: [InputPicture]()).isEmpty)
  }

  @Test(arguments: [1, 2])
  func `a list goes on after pictures that cannot be read`(batch: Int) throws {
    let detector = try models.detector(batch: batch)
    let files = ["red", "none", "blue", "red"].map { models.path("\($0).ppm") }
    var seen: [String] = []
    try detector.forEach(files) { file, objects in
      switch objects {
      case .success(let objects):
        seen.append("\(file) \(objects.map(\.name))")
        let single = try models.detector().detect(in: .file(file))
        #expect(objects == single)
      case .failure(let error):
        seen.append(error.path)
      }
    }
    #expect(
      seen == [
        "\(files[0]) [\"red\"]", files[1], "\(files[2]) [\"blue\"]", "\(files[3]) [\"red\"]",
      ])
  }

  @Test func `thresholds decide, and a box of two classes comes twice`() throws {
    let detector = try models.detector()
    // Half red and all blue: logistic(0) and logistic(10), times logistic(8).
    let pixels = (0..<1200).flatMap { _ -> [UInt8] in [128, 0, 255] }
    let picture = try InputPicture.pixels(pixels, width: 40, height: 30, order: .rgb)
    let both = try detector.detect(in: picture)
    #expect(both.map(\.name) == ["blue", "red"])
    #expect(both[0].box == both[1].box && abs(both[1].confidence - 0.5095) < 1e-3)
    #expect(try detector.detect(in: picture, threshold: 0.6).map(\.name) == ["blue"])
    #expect(try detector.detect(in: picture, threshold: 1).isEmpty)
  }

  @Test func `detectors in two threads, and one in several`() async throws {
    let shared = try models.detector()
    let own = [try models.detector(), try models.detector()]
    let names = ["red", "blue"]
    let pictures = names.map { InputPicture.file(models.path("\($0).ppm")) }
    let expected = try pictures.map { try shared.detect(in: $0) }
    try await withThrowingTaskGroup(of: [DetectedObject].self) { group in
      for round in 0..<40 {
        let detector = round % 4 < 2 ? shared : own[round % 2]
        let picture = pictures[round / 4 % 2]
        let wanted = expected[round / 4 % 2]
        group.addTask {
          let found = try detector.detect(in: picture)
          #expect(found == wanted)
          return found
        }
      }
      var count = 0
      for try await found in group { count += found.count }
      #expect(count == 40)
    }
  }

  @Test func `boxes are clipped to the picture`() {
    let rect = PixelRect(x: -10, y: 20, width: 60, height: 30)
    #expect(
      rect.clipped(width: 40, height: 30) == PixelRect(x: 0, y: 20, width: 40, height: 10))
    let outside = PixelRect(x: 50, y: 50, width: 5, height: 5).clipped(width: 40, height: 30)
    #expect(outside.width == 0 && outside.height == 0)
  }

  // MARK: Errors

  @Test func `files that are missing, wrong or do not fit`() throws {
    let (cfg, weights) = (models.path("x.cfg"), models.path("x.weights"))
    #expect(
      errorText { _ = try Detector(cfg: models.path("y.cfg"), weights: weights) }
        .hasPrefix(models.path("y.cfg") + ": cannot open the file: "))
    #expect(
      errorText { _ = try Detector(cfg: cfg, weights: models.path("y.weights")) }
        .contains("y.weights: cannot open the file"))
    #expect(
      errorText { _ = try Detector(cfg: models.path("mean.cfg"), weights: weights) }
        == models.path("mean.cfg")
        + ": expected a network with a [yolo], [region], [Gaussian_yolo] or [detection], found "
        + "none; name a detector's cfg")
    #expect(
      errorText { _ = try Detector(cfg: cfg, weights: weights, names: models.path("mean.names")) }
        == models.path("mean.names") + ": expected a name for each of the 2 classes of \(cfg), "
        + "found 3; make names and classes agree")
    #expect(
      errorText { _ = try Detector(cfg: cfg, weights: models.path("mean.weights")) }
        .contains("expected weights for all layers of \(cfg), found the end before layer 1"))
  }

  @Test func `a picture that cannot be read is an error, and the detector goes on`() throws {
    let detector = try models.detector()
    #expect(
      errorText { _ = try detector.detect(in: .bytes([1, 2, 3], name: "upload")) }
        .hasPrefix("upload: expected a JPEG, PNG, BMP or PPM picture, found "))
    #expect(
      errorText { _ = try detector.detect(in: .file(models.path("none.ppm"))) }
        .contains("none.ppm: expected a JPEG, PNG, BMP or PPM picture, found no readable file"))
    #expect(try detector.detect(in: .file(models.path("red.ppm"))).count == 1)
  }

  @Test func `options without effect are noted`() throws {
    let text = try models.folder.text("x.cfg")
    try models.folder.write(
      text.replacingOccurrences(of: "height=32", with: "height=32\nwidht=7"), to: "odd.cfg")
    let detector = try Detector(cfg: models.path("odd.cfg"), weights: models.path("x.weights"))
    #expect(detector.notes.count == 1 && detector.notes[0].contains("odd.cfg:4: [net] widht"))
    #expect(detector.names == ["0", "1"])
    #expect(try models.detector().notes.isEmpty)
  }
}
