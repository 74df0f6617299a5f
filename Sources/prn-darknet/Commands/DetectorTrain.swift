import Darknet
import DarknetCommandLine

/// `detector train DATA CFG [WEIGHTS]`: trains a detector until max_batches.
enum DetectorTrain: Command {
  static let words = ["detector", "train"]
  static let about = "train a detector on labelled pictures"
  private static let map = Flag.toggle(
    "-map", "mean average precision on 'valid' every few epochs; keeps the best weights"
  ).ofDarknet
  private static let epochs = Flag.whole(
    "-mAP_epochs", default: 4, in: 1...Int(Int32.max),
    "epochs between two measurements; at least 100 iterations"
  ).ofDarknet
  private static let chartPort = Flag<Int?>.whole(
    "-mjpeg_port", in: -1...65535, "without effect, which is reported: look at chart.png"
  ).ofDarknet
  static let syntax = Syntax(
    [Words.data, Words.cfg, Words.optionalWeights],
    flags: [map, epochs, Flags.countedThreshold, Flags.iouThreshold, Flags.letterBox, chartPort],
    groups: [.training, .weightsFile], family: .detector,
    notes: """
      -thresh, -iou_thresh and -letter_box are for -map, as for 'detector map'.

      Reads 'train', 'valid', 'names', 'backup', 'saveweights' and 'savelast' of DATA. Weights go
      to the folder 'backup' as NAME_last.weights every 100 iterations, NAME_1000.weights ...,
      NAME_best.weights with -map, NAME_final.weights at the end; chart.png, chart_NAME.png,
      results.csv, results_NAME.csv, bad.list and bad_label.list to the current folder. A run that
      is interrupted continues from NAME_last.weights. Beside another training of the same cfg and
      folder it runs with -force only.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let (dataPath, cfg, weights, seed) = try TrainingRun.opening(arguments)
    let data = try DetectorFiles.data(dataPath, arguments)
    let isOriginal = arguments.dialect == .pjreddie
    let trainPath = data.trainPath ?? (isOriginal ? "data/train.list" : "data/train.txt")
    let list = try data.list("train", default: trainPath)
    let outputs = TrainingRun.outputFolder(data)
    let log = ProblemLog(writingListsTo: outputs.isEmpty ? "." : String(outputs.dropLast()))
    let evaluation = try evaluation(data, trainPath, cfg, arguments, log)

    let folder = CheckpointFolder(
      data.backupFolder, cfg: cfg, dialect: arguments.dialect)
    Console.out("\(folder.base)\n")
    let loaded = try Load.network(
      cfg, weights: weights, arguments, batch: nil, isTraining: true, seed: seed
    ) { network in try network.requirePictureInput() }
    let network = loaded.network
    let head = try head(of: network, data)
    try list.requirePicture()
    try list.requireObjects(
      classes: head.classes, dialect: network.dialect, purpose: "to train on")
    DetectorFiles.checkNames(data, classes: head.classes, of: cfg)
    try TrainingRun.makeBackupFolder(data)
    let lock = try TrainingRun.lock(folder, arguments)

    var configuration = BatchLoader.Configuration(for: network, head: head, list: list, log: log)
    configuration.threads = min(ThreadPool.shared.threads, 8)
    let schedule = CheckpointSchedule(
      dialect: network.dialect, maxBatches: network.net.maxBatches,
      numberedInterval: try data.saveWeightsInterval(), lastInterval: try data.saveLastInterval())
    var options = Trainer.Options(
      seed: seed, folder: folder, schedule: schedule, maxBatches: network.net.maxBatches)
    options.random = head.training.random
    options.shouldStop = { Interruption.isWanted || Console.isReaderGone }
    options.shouldRetryLastSave = { TrainingRun.waitToSaveAgain(attempts: $0) }
    if let evaluation {
      options.evaluationInterval = max(
        100, arguments[epochs] * list.count / network.net.imagesPerUpdate)
      let parameters = loaded.parameters
      options.evaluate = {
        Interruption.willDo("finishing the evaluation, then saving")
        return try evaluation.run(parameters)
      }
    }
    let (loading, handlers) = (configuration, LoaderSource.Handlers())
    let trainer = Trainer(
      network, parameters: loaded.parameters,
      source: { LoaderSource(loading, handlers: handlers, at: $0) }, options: options)
    loaded.file?.releasePages()
    announce(network, schedule)
    Console.show(network.scheduleNotes())
    for warning in warnings(network, head, configuration, data, arguments) {
      Console.error("\(warning)\n")
    }
    TrainingRun.resume(trainer, weights, loaded.header, arguments)
    let iouThreshold = arguments[Flags.iouThreshold]
    let precisionName = "mAP@\(fixed(Double(iouThreshold), decimals: 2))"
    let run = TrainingRun(
      trainer: trainer, handlers: handlers, list: list, log: log,
      console: TrainingConsole(
        network, precisionName: precisionName, style: .detector(iouThreshold: iouThreshold)),
      files: try TrainingFiles(
        chart: arguments[Flags.chart], folder: outputs, base: folder.base,
        start: .init(trainer, schedule), maxBatches: network.net.maxBatches,
        precisionName: precisionName),
      lock: lock)
    let shown =
      arguments[Flags.showImages]
      ? AugmentedPictures(list, classes: head.classes, names: (try? data.names())?.names ?? [])
      : nil
    let status = try run.run(arguments, shown: shown)
    if status == .done, network.dialect == .alexeyab {
      Console.out(
        "If you want to train from the beginning, then use flag in the end of training command: "
          + "-clear \n")
    }
    return status
  }

  // MARK: Before the first iteration

  /// With `-map`, what evaluates; Darknet reads the cfg once more for it, and says so.
  private static func evaluation(
    _ data: DataFile, _ trainPath: String, _ cfg: String, _ arguments: Arguments, _ log: ProblemLog
  ) throws -> TrainingEvaluation? {
    guard arguments[map] else { return nil }
    Console.out(" Prepare additional network for mAP calculation...\n")
    let network = try Load.network(cfg, arguments)
    return try TrainingEvaluation(
      network, data: data, trainPath: trainPath, arguments, log: log,
      printsSummary: !Console.outputIsTerminal)
  }

  /// - Throws: `ConfigError` if the network cannot be trained here.
  private static func head(
    of network: Network, _ data: DataFile
  ) throws -> any DetectionHead {
    guard let head = network.lastHead else { throw HeadDecoder.noHead(in: network.file) }
    let batch = network.net.imagesPerUpdate
    guard batch > 1 else {
      throw ConfigError(
        file: network.file, section: "net", option: "batch",
        expected: "several images for an update, as batch=64",
        found: "1 (Error: You set incorrect value batch=1 for Training! You should set batch=64 "
          + "subdivision=64)", fix: "change it; subdivisions= saves memory")
    }
    if network.dialect == .alexeyab, batch < 8 {
      Console.out(
        "\n Warning: You set batch=\(batch) lower than 64! It is recommended to set batch=64 "
          + "subdivision=64 \n")
    }
    return head
  }

  private static func announce(_ network: Network, _ schedule: CheckpointSchedule) {
    let net = network.net
    if network.dialect == .alexeyab {
      Console.out(
        "Weights are saved after: \(schedule.numberedInterval) iterations. Last weights "
          + "(*_last.weight) are stored every \(schedule.lastInterval) iterations. \n")
    }
    Console.out(
      "Learning Rate: \(general(Double(net.schedule.learningRate))), "
        + "Momentum: \(general(Double(net.momentum))), Decay: \(general(Double(net.weightDecay)))\n"
    )
    guard network.dialect == .alexeyab else { return }
    Evaluation.showHeads(
      of: network.nodes.compactMap { node in
        (node.layer as? any DetectionHead).map { (node.index, $0) }
      }.filter { $0.1.boxesPerCell != nil })
  }

  private static func warnings(
    _ network: Network, _ head: any DetectionHead, _ loading: BatchLoader.Configuration,
    _ data: DataFile, _ arguments: Arguments
  ) -> [String] {
    var warnings: [String] = []
    if case .detection(let augmentation, _) = loading.task { warnings = augmentation.warnings() }
    if let classes = try? data.classCount(), classes != head.classes {
      warnings.append(
        "\(data.path): classes=\(classes), but the last head of \(network.file) has "
          + "classes=\(head.classes), which is used")
    }
    let net = network.net
    let images = net.miniBatch * net.subdivisions
    if images != net.batch {
      warnings.append(
        "\(network.file): batch=\(net.batch) is not a multiple of "
          + "subdivisions=\(net.subdivisions): an update takes \(images) images")
    }
    if arguments.has(chartPort) {
      warnings.append(
        "-mjpeg_port has no effect: look at chart.png, which is updated during the training")
    }
    return warnings
  }
}
