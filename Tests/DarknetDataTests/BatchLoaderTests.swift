import DarknetConfig
import DarknetData
import DarknetGeometry
import DarknetImages
import DarknetTensors
import Foundation
import Testing

@Suite struct BatchLoaderTests {
  static let shapes: SyntheticShapes = {
    var shapes = SyntheticShapes()
    shapes.width = 96
    shapes.height = 72
    shapes.trainCount = 12
    shapes.validCount = 4
    return shapes
  }()

  static func everything() -> DetectionAugmentation {
    var augmentation = DetectionAugmentation(jitter: 0.3, resize: 1.2)
    augmentation.options.hue = 0.1
    augmentation.options.saturation = 1.5
    augmentation.options.exposure = 1.5
    augmentation.options.mix = .mosaic
    augmentation.options.blur = 3
    augmentation.options.gaussianNoise = 10
    return augmentation
  }

  private func configuration(
    _ list: ListFile, _ augmentation: DetectionAugmentation = everything(), images: Int = 4,
    parts: Int = 1
  ) -> BatchLoader.Configuration {
    var configuration = BatchLoader.Configuration(
      list: list, task: .detection(augmentation, classes: 4),
      sizes: InputSizes(width: 64, height: 48), imagesPerBatch: images,
      batchesPerIteration: parts, seed: 42)
    configuration.lastIteration = 6
    return configuration
  }

  struct Row: Hashable {
    var pixels: [Float]
    var truth: [GroundTruth]
    var shares: [Float]
    var picture: Int
  }

  /// A picture may never come: whoever waits can stop, and the loader gives nothing from then on.
  @Test func `a loader that is stopped while it is waited for`() throws {
    try withShapes { list in
      let loader = try BatchLoader(configuration(list))
      #expect(try loader.next() != nil)
      var count = 0
      while try loader.next(unless: { true }) != nil { count += 1 }
      // Those that were ready.
      #expect(count < 6)
      #expect(try loader.next() == nil)
    }
  }

  /// All rows of each iteration.
  private func rows(_ configuration: BatchLoader.Configuration) throws -> [Int: [Row]] {
    let loader = try BatchLoader(configuration)
    var rows: [Int: [Row]] = [:]
    while let batch = try loader.next() {
      let count = batch.shape.count
      for n in 0..<batch.images {
        rows[batch.iteration, default: []].append(
          Row(
            pixels: Array(batch.input.values[n * count..<(n + 1) * count]),
            truth: batch.truth.isEmpty ? [] : batch.truth[n],
            shares: batch.classShares.isEmpty ? [] : batch.classShares[n],
            picture: batch.pictures[n]))
      }
      #expect(batch.waitSeconds >= 0)
      #expect(batch.problems.isEmpty)
    }
    return rows
  }

  private func withShapes<Result>(_ body: (ListFile) throws -> Result) throws -> Result {
    try withFolder { folder in
      try body(try ListFile(Self.shapes.write(to: "\(folder)/set").train))
    }
  }

  // MARK: The same batches

  @Test func `threads, queue, cache and subdivisions change nothing`() throws {
    try withShapes { list in
      let expected = try rows(configuration(list))
      #expect(expected.keys.sorted() == [1, 2, 3, 4, 5, 6])
      #expect(expected.values.allSatisfy { $0.count == 4 })
      for threads in [1, 3, 8] {
        var other = configuration(list, images: threads == 3 ? 2 : 4, parts: threads == 3 ? 2 : 1)
        other.threads = threads
        other.queueDepth = threads
        other.cacheBytes = threads == 1 ? 0 : threads == 3 ? 50_000 : 1 << 30
        #expect(try rows(other) == expected)
      }
      var seeded = configuration(list)
      seeded.seed = 43
      #expect(try rows(seeded)[1] != expected[1])
    }
  }

  @Test func `a resumed run sees what an uninterrupted one does`() throws {
    try withShapes { list in
      let expected = try rows(configuration(list))
      var resumed = configuration(list)
      resumed.firstIteration = 4
      #expect(try rows(resumed) == expected.filter { $0.key >= 4 })
    }
  }

  @Test func `no two rows are alike`() throws {
    try withShapes { list in
      let all = try rows(configuration(list)).values.flatMap { $0 }
      #expect(Set(all).count == all.count)
    }
  }

  @Test func `sizes change with the iteration`() throws {
    try withShapes { list in
      var changing = configuration(list)
      changing.sizes = InputSizes(width: 64, height: 64, random: 1, maxBatches: 1000, seed: 3)
      changing.firstIteration = 9
      changing.lastIteration = 22
      let loader = try BatchLoader(changing)
      var iterations: [Int] = []
      while let batch = try loader.next() {
        let size = changing.sizes.size(at: batch.iteration)
        #expect(batch.shape == Shape(channels: 3, height: size.height, width: size.width))
        #expect(batch.input.count == 4 * batch.shape.count)
        iterations.append(batch.iteration)
      }
      #expect(iterations == Array(9...22))
    }
  }

  // MARK: Draws

  @Test func `pictures are drawn uniformly with replacement`() throws {
    try withShapes { list in
      var plain = configuration(list, .none, images: 12, parts: 1)
      plain.sizes = InputSizes(width: 8, height: 8)
      plain.lastIteration = 200
      let rows = try rows(plain)
      var counts = [Int](repeating: 0, count: 12)
      for row in rows.values.joined() { counts[row.picture] += 1 }
      // 200 each; the sum of squares over 200 is chi-squared with 11 degrees: 31.3 once in 1000.
      let chi = counts.map { Double(($0 - 200) * ($0 - 200)) / 200 }.reduce(0, +)
      #expect(chi < 31.3)
      #expect(rows.values.contains { Set($0.map(\.picture)).count < 12 })
    }
  }

  @Test func `sequences follow the list`() throws {
    try withShapes { list in
      var video = configuration(list, .none, images: 6)
      video.sequences = .init(streams: 2, speed: 3)
      var steps: Set<Int> = []
      for rows in try rows(video).values {
        let pictures = rows.map(\.picture)
        let step = (pictures[2] - pictures[0] + 12) % 12
        steps.insert(step)
        #expect((pictures[4] - pictures[2] + 12) % 12 == step)
        #expect((pictures[5] - pictures[1] + 24) % 12 == 2 * step % 12)
      }
      #expect(steps.isSubset(of: [1, 2, 3]))
    }
  }

  @Test func `frames of a sequence are varied alike`() throws {
    try withFolder { folder in
      // The same picture under two names, so that only the variation could differ.
      let picture = Self.shapes.picture(3)
      for name in ["a", "b"] {
        try ImageFile.save(picture.bitmap, to: "\(folder)/\(name).png", durable: false)
        try write("0 0.5 0.5 0.3 0.3\n", to: "\(folder)/\(name).txt")
      }
      let list = ListFile(pictures: ["\(folder)/a.png", "\(folder)/b.png"], name: "l")
      var augmentation = Self.everything()
      augmentation.options.mix = .none
      var video = configuration(list, augmentation, images: 3)
      video.sequences = .init(streams: 1, speed: 1)
      for rows in try rows(video).values {
        #expect(rows[0].pixels == rows[1].pixels && rows[1].pixels == rows[2].pixels)
      }
    }
  }

  @Test func `pairs show the same picture in two ways`() throws {
    try withShapes { list in
      var pairs = configuration(list)
      pairs.pairs = true
      for rows in try rows(pairs).values {
        #expect(rows[0].picture == rows[1].picture && rows[2].picture == rows[3].picture)
        #expect(rows[0].pixels != rows[1].pixels)
      }
    }
  }

  // MARK: Bad data

  @Test func `what cannot be read is replaced, and told once`() throws {
    try withFolder { folder in
      let files = try Self.shapes.write(to: "\(folder)/set")
      var pictures = try ListFile(files.train).pictures
      try write("no picture", to: "\(folder)/bad.jpg")
      pictures += ["\(folder)/bad.jpg", "\(folder)/missing.jpg"]
      try write("9 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.2\n", to: pictures[0].dropLast(3) + "txt")
      let log = ProblemLog(writingListsTo: folder)
      var configuration = configuration(ListFile(pictures: pictures, name: "l.txt"), .none)
      configuration.lastIteration = 100
      configuration.log = log
      let loader = try BatchLoader(configuration)
      var problems: [DataProblem] = []
      while let batch = try loader.next() {
        #expect(batch.pictures.allSatisfy { $0 < 12 })
        problems += batch.problems
      }
      #expect(Set(problems).count == problems.count)
      #expect(log.count(.unreadablePictures) == 2)
      #expect(log.count(.badLabels) == 2)
      #expect(
        Set(problems.map(\.description)) == [
          "\(folder)/bad.jpg: expected a JPEG, PNG, BMP or PPM picture, found text; "
            + "convert it, for example to PNG, or correct the path; another picture takes its place",
          "\(folder)/missing.jpg: expected a JPEG, PNG, BMP or PPM picture, found no readable file "
            + "(No such file or directory); check the path and permissions; "
            + "another picture takes its place",
          "\(pictures[0].dropLast(3))txt:1: expected a class in 0...3, found 9; "
            + "the object is left out",
          "\(pictures[0].dropLast(3))txt:2: expected 'class x y width height', found 4 numbers; "
            + "the object is left out",
        ])
      let bad = try #require(text(of: "\(folder)/bad.list"))
      #expect(
        Set(bad.split(separator: "\n")) == ["\(folder)/bad.jpg", "\(folder)/missing.jpg"])
    }
  }

  @Test func `one picture that can be read is enough`() throws {
    try withFolder { folder in
      let files = try Self.shapes.write(to: "\(folder)/set")
      let good = try ListFile(files.train).pictures[0]
      let pictures = (0..<500).map { $0 == 333 ? good : "no/\($0).jpg" }
      let loader = try BatchLoader(configuration(ListFile(pictures: pictures, name: "l"), .none))
      while let batch = try loader.next() { #expect(batch.pictures.allSatisfy { $0 == 333 }) }
    }
  }

  /// Nobody can have meant that the pictures show nothing from then on.
  @Test func `labels that vanish take their pictures with them`() throws {
    try withFolder { folder in
      let files = try Self.shapes.write(to: "\(folder)/set")
      let list = try ListFile(files.train)
      var endless = configuration(list, .none, images: 12)
      endless.lastIteration = nil
      endless.queueDepth = 1
      endless.threads = 1
      let loader = try BatchLoader(endless)
      var seen: Set<Int> = []
      while seen.count < 12, let batch = try loader.next() { seen.formUnion(batch.pictures) }
      let gone = Set([1, 5])
      for index in gone {
        try FileManager.default.removeItem(
          atPath: String(list.pictures[index].dropLast(3)) + "txt")
      }
      // What was made ahead may still be whole.
      var problems: [DataProblem] = []
      for _ in 0..<2 { problems += try loader.next()?.problems ?? [] }
      for _ in 0..<8 {
        let batch = try #require(try loader.next())
        problems += batch.problems
        #expect(gone.isDisjoint(with: batch.pictures))
        #expect(batch.truth.allSatisfy { !$0.isEmpty })
      }
      #expect(
        Set(problems.map(\.description))
          == Set(
            gone.map {
              let labels = String(list.pictures[$0].dropLast(3)) + "txt"
              return "\(labels): expected the labels of '\(list.pictures[$0])', found no such file "
                + "any more; another picture takes its place"
            }))
      for picture in list.pictures {
        try? FileManager.default.removeItem(atPath: String(picture.dropLast(3)) + "txt")
      }
      #expect {
        while try loader.next() != nil {}
      } throws: {
        "\($0)" == "\(files.train): expected label files that can be read, found 16 pictures in a "
          + "row without; check the disk and the labels' folder"
      }
    }
  }

  @Test func `none is an error, every time`() throws {
    let list = ListFile(pictures: ["no/a.jpg", "no/b.jpg"], name: "train.txt")
    let loader = try BatchLoader(configuration(list))
    for _ in 0..<2 {
      #expect {
        try loader.next()
      } throws: {
        "\($0)" == "train.txt:1: expected a picture that can be read among 2, found none "
          + "('no/a.jpg': no readable file (No such file or directory)); "
          + "check the paths, which start at the current folder"
      }
    }
  }

  @Test func `a loader may be left at any time`() throws {
    try withShapes { list in
      for taken in 0..<4 {
        var endless = configuration(list)
        endless.lastIteration = nil
        let loader = try BatchLoader(endless)
        for _ in 0..<taken { _ = try loader.next() }
      }
    }
  }

  @Test func `channels must be a picture's`() throws {
    try withShapes { list in
      var odd = configuration(list)
      odd.channels = 4
      #expect {
        try BatchLoader(odd)
      } throws: {
        "\($0)" == "cfg: [net] channels: expected 1 or 3, as pictures have, found 4; change it"
      }
    }
  }

  // MARK: Classifiers

  @Test func `classes come from the paths`() throws {
    try withFolder { folder in
      var pictures: [String] = []
      for (index, name) in ["cat", "dog", "bird", "catdog"].enumerated() {
        let path = "\(folder)/\(name)-1.png"
        try ImageFile.save(Self.shapes.picture(index).bitmap, to: path, durable: false)
        pictures.append(path)
      }
      var options = AugmentationOptions()
      (options.minCrop, options.maxCrop) = (20, 40)
      options.angle = 7
      options.hue = 0.1
      options.labelSmoothing = 0.2
      var configuration = configuration(ListFile(pictures: pictures, name: "l"))
      configuration.task = .classification(
        ClassifierAugmentation(options: options), labels: ClassLabels(["cat", "dog", "bird"]))
      configuration.lastIteration = 30
      let loader = try BatchLoader(configuration)
      let expected: [[Float]] = [
        [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.8, 0.8, 0.1],
      ]
      var problems: [DataProblem] = []
      while let batch = try loader.next() {
        #expect(batch.truth.isEmpty)
        for (picture, shares) in zip(batch.pictures, batch.classShares) {
          #expect(zip(shares, expected[picture]).allSatisfy { abs($0 - $1) < 1e-6 })
        }
        #expect(batch.input.values.allSatisfy { (0...1).contains($0) })
        problems += batch.problems
      }
      #expect(
        problems.map(\.description) == [
          "\(pictures[3]): expected one label as part of the path, found 2; "
            + "rename the picture's folder or the labels"
        ])
    }
  }
}
