import Darknet
import DarknetCommandLine

/// `detector valid DATA CFG WEIGHTS`: result files for the programs of COCO, VOC and others.
enum DetectorValid: Command {
  static let words = ["detector", "valid"]
  static let about =
    "write the detections on a list of pictures for the programs of COCO, VOC and others"
  private static let name = Flag.text(
    "-out", "NAME",
    "name of the file without its ending (default: the name that the format asks for)"
  ).ofDarknet
  private static let overlap = Flag<Float?>.share(
    "-nms", without: "0.6, 0.45 in pjreddie's dialect", "overlap that suppression tolerates")
  static let syntax = Syntax(
    [Words.data, Words.cfg, Words.weights],
    flags: [name, overlap, Flags.hierarchy, Flags.letterBox],
    groups: [.evaluation, .inference, .weightsFile], family: .detector,
    notes: """
      Reads 'valid' of DATA and writes into its folder 'results', in the format that its 'eval'
      says: voc, coco, imagenet, bdd, kitti. All boxes are written whose probability is above .001
      (.005 in pjreddie's dialect), whatever -thresh says, as in Darknet.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let evaluation = try Evaluation(
      arguments, listFallback: "data/train.list", needsNames: false)
    let (data, network) = (evaluation.data, evaluation.detector.plan.network)
    guard let format = ResultsFormat(rawValue: data.evaluation) else {
      let formats = ResultsFormat.allCases.map(\.rawValue).joined(separator: ", ")
      throw data.error(
        "eval", expected: "one of \(formats)", found: "'\(data.evaluation)'", fix: "change it")
    }
    if data.string("map") != nil {
      throw data.error(
        "map", expected: "no map from the classes of one tree to another's",
        found: "one, which is not read here", fix: "drop the line")
    }
    let net = network.net
    Console.error(
      "Learning Rate: \(general(Double(net.schedule.learningRate))), "
        + "Momentum: \(general(Double(net.momentum))), Decay: \(general(Double(net.weightDecay)))\n"
    )
    evaluation.showHeads()
    var selection = DetectorRun.Selection.valid(network.dialect)
    selection.overlap = arguments[overlap] ?? selection.overlap
    var options = DetectorRun.Options(selection, letterbox: evaluation.letterbox)
    options.hierarchyThreshold = arguments[Flags.hierarchy]
    let files = try ResultsFiles(
      format, folder: data.resultsFolder, name: arguments[self.name],
      names: evaluation.names, classCount: evaluation.detector.classes, list: evaluation.list)
    Interruption.watch()
    options.shouldStop = { EvaluationReport.shouldStop() }
    let report = EvaluationReport(total: evaluation.list.count)
    report.add(evaluation.list)
    Console.flush()
    // swift-format-ignore: ReplaceForEachWithForLoop
    try DetectorRun(
      evaluation.detector, pictures: evaluation.list.pictures, options: options
    ).forEach { event in
      switch event {
      case .picture(let picture):
        try files.add(picture)
        report.count()
      case .skipped(let error): report.add(error)
      case .problem(let problem): report.add(problem)
      }
    }
    let time = report.finish()
    guard report.skipped < evaluation.list.count || Interruption.isWanted else {
      throw evaluation.list.nothingReadable
    }
    for note in try files.close() { Console.error("\(note)\n") }
    Console.error("Total Detection Time: \(fixed(time, decimals: 6)) Seconds\n")
    return report.status(arguments, kept: "the result files hold these")
  }
}
