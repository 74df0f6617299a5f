import Darknet

/// `detector calc_anchors DATA`: anchors that fit the labelled objects.
enum CalculateAnchors: Command {
  static let words = ["detector", "calc_anchors"]
  static let usage = "DATA [CFG] -num_of_clusters N -width W -height H [-seed S]"
  static let about = "anchors for the objects of a training list, by k-means on their overlap"
  static let details = """
      -num_of_clusters N  how many anchors (5)
      -width, -height     the network's input; anchors are in its pixels
      -seed S             another random start (0); the best of ten starts is kept
      -show               accepted; nothing is shown in windows
      Reads 'train' of DATA. Writes anchors.txt, counters_per_class.txt and anchors.png, a picture
      of the clusters. Suggests a mask for each head: of CFG, whose size is taken too unless given,
      or of the usual networks.

    """

  static func run(_ arguments: inout Arguments) throws -> ExitStatus {
    let data = try DataFile(try arguments.require("DATA"))
    let cfg = arguments.optional()
    try arguments.finish()
    for message in data.messages { Console.show(message) }
    let network = try cfg.map { try Load.network($0, arguments, showsTable: false) }
    let clusters = try arguments.int("-num_of_clusters", default: 5, in: 1...1000)
    let width = try arguments.int(
      "-width", default: network?.inputShape.width ?? -1, in: -1...65536)
    let height = try arguments.int(
      "-height", default: network?.inputShape.height ?? -1, in: -1...65536)
    let seed = try arguments.int("-seed", default: 0, in: 0...Int.max)
    Console.out("\n num_of_clusters = \(clusters), width = \(width), height = \(height) \n")
    guard width > 0, height > 0 else {
      Console.out(
        "Usage: darknet detector calc_anchors data/voc.data -num_of_clusters 9 -width 416 "
          + "-height 416 \n")
      throw UsageError("Error: set width and height \n")
    }

    let list = try data.list("train", default: "data/train.list")
    Console.out(" read labels from \(list.count) images \n")
    Console.flush()
    let labels = try Labels(
      list, classCount: data.classCount(), width: width, height: height,
      dialect: arguments.dialect)
    Console.out(
      " loaded \t image: \(list.count) \t box: \(labels.points.count)\n all loaded. \n"
        + "\n calculating k-means++ ...\n")
    Console.flush()
    var random = Random(seed: UInt64(seed))
    guard
      let clustering = AnchorClustering(
        points: labels.points, clusters: clusters, using: &random)
    else {
      throw ConfigError(
        file: list.path, expected: "pictures with labelled objects", found: "no object",
        fix: "check where the label files are")
    }
    let counters = labels.statistics.countersText
    let anchors = clustering.text(networkWidth: width)
    Console.out(
      "\n iterations = \(clustering.iterations) \n\n\n\(counters)\n\n"
        + " avg IoU = \(fixed(clustering.averageIoU * 100, decimals: 2)) % \n\n"
        + "Saving anchors to the file: anchors.txt \nanchors = \(anchors)\n")
    Console.flush()
    try AtomicFile.write(to: "counters_per_class.txt", durable: false, counters)
    try AtomicFile.write(to: "anchors.txt", durable: false, anchors)
    let picture = AnchorPicture(
      clustering, points: labels.points, width: width, height: height)
    try ImageFile.save(picture.bitmap(), to: "anchors.png", durable: false)
    Console.error(suggestion(clustering, network: network, networkWidth: width))
    return .done
  }

  /// Masks for the heads, as cfg lines.
  private static func suggestion(
    _ clustering: AnchorClustering, network: Network?, networkWidth: Int
  ) -> String {
    let count = clustering.anchors.count
    var strides = count >= 9 ? [8, 16, 32] : count >= 6 ? [32, 16] : [32]
    if let network {
      let heads = network.nodes.filter { $0.layer is any DetectionHead }
      strides = heads.map { max(1, networkWidth / max(1, $0.outputShape.width)) }
    }
    guard strides.count > 1 else { return "" }
    let lines = zip(strides, clustering.masks(strides: strides)).map { stride, mask in
      let numbers = mask.map(String.init).joined(separator: ",")
      return
        " head of stride \(stride): mask = \(numbers)   filters = \(mask.count) * (classes + 5)"
    }
    return "Suggested masks, the coarsest head with the largest anchors:\n"
      + lines.joined(separator: "\n") + "\n"
  }

  /// The objects of a list.
  private struct Labels {
    /// In pixels of the network's input.
    var points: [AnchorClustering.Size] = []
    var statistics: LabelStatistics

    /// - Parameter classCount: nil to take as many classes as there are.
    init(
      _ list: ListFile, classCount: Int?, width: Int, height: Int, dialect: Dialect
    ) throws {
      let files = Self.read(list.pictures, classCount, dialect)
      let report = EvaluationReport(total: list.count)
      report.add(list)
      let most = files.lazy.flatMap(\.objects).map(\.classIndex).max() ?? 0
      // A class number from a damaged file must not decide about memory.
      statistics = LabelStatistics(classCount: classCount ?? min(most + 1, 1_000_000))
      for file in files {
        for problem in file.problems { report.add(problem) }
        statistics.add(file.objects, pictureWidth: 1, pictureHeight: 1)
        points += file.objects.map {
          AnchorClustering.Size(
            width: $0.box.width * Float(width), height: $0.box.height * Float(height))
        }
      }
      _ = report.finish()
    }

    /// All label files, in order, several at a time as each waits for the disk.
    private static func read(
      _ pictures: [String], _ classCount: Int?, _ dialect: Dialect
    ) -> [LabelFile] {
      var files = [LabelFile?](repeating: nil, count: pictures.count)
      files.withUnsafeMutableBufferPointer { files in
        ThreadPool.shared.run(pictures.count) { index in
          files[index] = LabelFile(
            ofPicture: pictures[index], classes: classCount, dialect: dialect)
        }
      }
      return files.compactMap { $0 }
    }
  }
}
