import Darknet
import DarknetCommandLine

/// `classifier train DATA CFG [WEIGHTS]`: trains a classifier until max_batches.
enum ClassifierTrain: Command {
  static let words = ["classifier", "train"]
  static let about = "train a classifier on pictures whose paths contain their class"
  private static let accuracy = Flag.toggle(
    "-topk",
    "accuracy on 'valid' every two epochs: how often the right class is among the first "
      + "'top' (5); keeps the best weights"
  ).ofDarknet
  static let syntax = Syntax(
    [Words.data, Words.cfg, Words.optionalWeights], flags: [accuracy],
    groups: [.training, .weightsFile], family: .classifier,
    notes: """
      Reads 'classes', 'train', 'valid', 'labels', 'top', 'leaves' and 'backup' of DATA. A picture
      belongs to the class whose label is a part of its path. Weights go to the folder 'backup' as
      NAME_last.weights every 100 iterations, NAME_1000.weights ..., NAME_best.weights with -topk,
      NAME_final.weights at the end; chart.png, chart_NAME.png, results.csv, results_NAME.csv and
      bad.list to the current folder. Without max_batches in the cfg it trains until it is
      interrupted. Beside another training of the same cfg and folder it runs with -force only.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let (dataPath, cfg, weights, seed) = try TrainingRun.opening(arguments)
    let list = try DetectorFiles.data(dataPath, arguments).list("train", default: "data/train.list")
    let outputs = TrainingRun.outputFolder(try DetectorFiles.data(dataPath, arguments))
    let log = ProblemLog(writingListsTo: outputs.isEmpty ? "." : String(outputs.dropLast()))
    let base = CheckpointFolder.base(of: cfg)
    // One network, however many processors of pictures were named.
    Console.out("\(base)\n1\n")
    let setup = try Classification(
      dataPath, cfg: cfg, weights: weights, arguments, batch: nil, isTraining: true, seed: seed)
    let network = setup.network.network
    try ClassifierTraining.requireClassLoss(of: network)
    let labels = try setup.labels()
    guard list.pictures.contains(where: { !labels.classes(ofPicture: $0).isEmpty }) else {
      throw ConfigError(
        file: list.path, expected: "paths that have a label in them",
        found: "none among \(list.count)", fix: "rename the pictures' folders or the labels")
    }
    try list.requirePicture()
    try TrainingRun.makeBackupFolder(setup.data)
    let folder = CheckpointFolder(
      setup.data.backupFolder, cfg: cfg, dialect: network.dialect, isClassifier: true)
    let lock = try TrainingRun.lock(folder, arguments)
    announce(network, list)
    Console.show(network.scheduleNotes(isEndless: true))

    let tree = ClassDecoder.tree(of: network)
    var configuration = BatchLoader.Configuration(
      classifying: network, labels: labels, isTree: tree != nil, list: list, log: log)
    configuration.threads = min(ThreadPool.shared.threads, 8)
    let (loading, handlers) = (configuration, LoaderSource.Handlers())
    let top = try setup.top(default: 5)
    let settings = try options(
      setup, labels, cfg, folder, arguments, seed: seed, top: top, list, log)
    let trainer = Trainer(
      network, parameters: setup.network.parameters,
      source: { LoaderSource(loading, tree: tree, handlers: handlers, at: $0) }, options: settings)
    setup.network.file?.releasePages()
    TrainingRun.resume(trainer, weights, setup.network.header, arguments)
    let run = TrainingRun(
      trainer: trainer, handlers: handlers, list: list, log: log,
      console: TrainingConsole(
        network, precisionName: "top\(top)", style: .classifier(pictures: list.count, top: top)),
      files: try TrainingFiles(
        chart: arguments[Flags.chart], folder: outputs, base: base,
        start: .init(trainer, settings.schedule), maxBatches: network.net.maxBatches,
        precisionName: "top\(top)"),
      lock: lock)
    let shown =
      arguments[Flags.showImages]
      ? AugmentedPictures(list, classes: labels.count, names: labels.names) : nil
    return try run.run(arguments, shown: shown)
  }

  private static func options(
    _ setup: Classification, _ labels: ClassLabels, _ cfg: String, _ folder: CheckpointFolder,
    _ arguments: Arguments, seed: UInt64, top: Int, _ list: ListFile, _ log: ProblemLog
  ) throws -> Trainer.Options {
    let network = setup.network.network
    let (net, parameters) = (network.net, setup.network.parameters)
    var options = Trainer.Options(
      seed: seed, folder: folder,
      schedule: CheckpointSchedule(
        dialect: network.dialect, isClassifier: true, maxBatches: net.maxBatches),
      maxBatches: net.maxBatches)
    options.shouldStop = { Interruption.isWanted || Console.isReaderGone }
    options.shouldRetryLastSave = { TrainingRun.waitToSaveAgain(attempts: $0) }
    guard arguments[accuracy] else { return options }
    let evaluation = try ClassifierEvaluation(
      Load.network(cfg, arguments, showsTable: false), setup, labels: labels, limit: top, log: log)
    options.evaluationInterval = max(1, 2 * list.count / net.imagesPerUpdate)
    options.firstEvaluation = 100
    options.evaluate = {
      Interruption.willDo("finishing the evaluation, then saving")
      return try evaluation.run(parameters)
    }
    return options
  }

  private static func announce(_ network: Network, _ list: ListFile) {
    let net = network.net
    Console.out(
      "Learning Rate: \(general(Double(net.schedule.learningRate))), "
        + "Momentum: \(general(Double(net.momentum))), Decay: \(general(Double(net.weightDecay)))\n"
        + "\(list.count)\n")
    if network.dialect == .pjreddie {
      Console.out("\(net.augmentation.minCrop) \(net.augmentation.maxCrop)\n")
    }
  }
}
