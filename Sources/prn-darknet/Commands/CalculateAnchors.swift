import Darknet
import DarknetCommandLine

/// `detector calc_anchors DATA`: anchors that fit the labelled objects.
enum CalculateAnchors: Command {
  static let words = ["detector", "calc_anchors"]
  static let about = "anchors for the objects of a training list, by k-means on their overlap"
  private static let clusters = Flag<Int?>.whole(
    "-num_of_clusters", in: 1...1000, without: "num= of CFG, or 5", "how many anchors"
  ).ofDarknet
  private static let width = Flag<Int?>.whole(
    "-width", "W", in: -1...65536, without: "that of CFG",
    "the network's width; anchors are in its pixels"
  ).ofDarknet
  private static let height = Flag<Int?>.whole(
    "-height", "H", in: -1...65536, without: "that of CFG", "the network's height"
  ).ofDarknet
  private static let seed = Flag.whole(
    "-seed", default: 0, in: 0...Int.max, "another random start; the best of ten starts is kept")
  static let syntax = Syntax(
    [Words.data, Words.optionalCfg], flags: [clusters, width, height, seed], family: .detector,
    notes: """
      Reads 'train' of DATA. Writes anchors.txt, counters_per_class.txt and anchors.png, a picture
      of the clusters. Suggests masks of one length for the heads: of CFG, or of the usual networks.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let data = try DataFile(arguments[Words.data])
    let cfg = arguments[Words.optionalCfg]
    Console.show(data.notes)
    let network = try cfg.map { try Load.network($0, arguments, showsTable: false) }
    let heads = try Heads(cfg, network, data)
    let clusters = arguments[clusters] ?? heads.anchorCount ?? 5
    guard clusters >= heads.strides?.count ?? 1 else {
      throw UsageError(
        "-num_of_clusters: expected an anchor for each of the \(heads.strides?.count ?? 1) heads of "
          + "\(cfg ?? ""), found \(clusters)")
    }
    let width = arguments[width] ?? network?.inputShape.width ?? -1
    let height = arguments[height] ?? network?.inputShape.height ?? -1
    Console.out("\n num_of_clusters = \(clusters), width = \(width), height = \(height) \n")
    guard width > 0, height > 0 else {
      Console.out(
        "Usage: darknet detector calc_anchors data/voc.data -num_of_clusters 9 -width 416 "
          + "-height 416 \n")
      throw UsageError(lines: ["Error: set width and height ", ""])
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
    var random = Random(seed: UInt64(arguments[seed]))
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
    Console.out(heads.suggestion(clustering))
    Console.flush()
    if labels.points.count < clusters {
      Console.error(
        "\(list.path): \(counted(labels.points.count, "object", "objects")) for \(clusters) anchors: "
          + "some are equal; use fewer\n")
    }
    return .done
  }

  /// The heads that the anchors are for.
  private struct Heads {
    /// Pixels of the input per cell, of each head of the cfg; nil without a cfg.
    var strides: [Int]?
    /// `num=` of the cfg.
    var anchorCount: Int?
    private var classes: Int?
    /// Values of a box beside the classes.
    private var entries = 5

    init(_ cfg: String?, _ network: Network?, _ data: DataFile) throws {
      classes = try data.classCount()
      guard let cfg, let network else { return }
      anchorCount = try Load.config(cfg).sections.compactMap(HeadSection.init).last?.anchorCount
      let nodes = network.nodes.filter { $0.layer is any DetectionHead }
      guard !nodes.isEmpty else { throw HeadDecoder.noHead(in: cfg) }
      strides = nodes.map { max(1, network.inputShape.width / max(1, $0.outputShape.width)) }
      // The cfg's number counts in training.
      classes = network.lastHead?.classes ?? classes
      entries = network.lastHead?.boxEntries ?? 5
    }

    /// Masks as cfg lines; empty for a single head, which takes all anchors.
    func suggestion(_ clustering: AnchorClustering) -> String {
      let count = clustering.anchors.count
      let strides = strides ?? (count >= 9 ? [8, 16, 32] : count >= 6 ? [32, 16] : [32])
      guard strides.count > 1 else { return "" }
      var text = "\nSuggested masks, the coarsest head with the largest anchors:\n"
      for (stride, mask) in zip(strides, clustering.masks(strides: strides)) {
        let filters =
          classes.map { "\(mask.count * ($0 + entries))" }
          ?? "\(mask.count) * (classes + \(entries))"
        text +=
          " head of stride \(stride): mask = \(mask.map(String.init).joined(separator: ","))"
          + "   filters = \(filters)\n"
      }
      if count % strides.count != 0 {
        text +=
          " \(count) anchors for \(strides.count) heads: with "
          + "-num_of_clusters \((count / strides.count + 1) * strides.count) all masks have one "
          + "length\n"
      }
      return text
    }
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
