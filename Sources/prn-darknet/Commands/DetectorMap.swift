import Darknet
import DarknetCommandLine

/// `detector map DATA CFG WEIGHTS`: mean average precision.
enum DetectorMap: Command {
  static let words = ["detector", "map"]
  static let about = "mean average precision on a list of labelled pictures"
  private static let points = Flag.whole(
    "-points", default: 0, in: 0...1_000_000,
    "0: area under the curve; else the mean of the precision at N recalls from 0 to 1: 11 as "
      + "PASCAL VOC 2007, 101 as COCO"
  ).ofDarknet
  private static let coco = Flag.toggle(
    "-coco",
    "also COCO's figures: AP, AP50, AP75, small, medium, large, AR; from the boxes that 'detector "
      + "valid' writes")
  private static let instances = Flag.text(
    "-instances", "objects, crowds and areas for -coco from COCO's JSON instead of the labels"
  ).readable
  private static let best = Flag.toggle(
    "-best", "also a table of the threshold with the highest F1 of each class")
  private static let json = Flag.text("-json", "every figure as JSON, for programs").written
  private static let plots = Flag.text(
    "-plots", "DIR",
    "curves, confusion matrix, statistics of the labels and the worst mistakes as "
      + "pictures")
  static let syntax = Syntax(
    [Words.data, Words.cfg, Words.weights],
    flags: [
      Flags.countedThreshold, Flags.iouThreshold, points, coco, instances, best, json, plots,
    ],
    groups: [.suppression, .evaluation, .inference, .weightsFile], family: .detector,
    notes: "Reads 'valid', 'names' and 'difficult' of DATA.")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    var options = DetectorEvaluation.Options()
    options.map.confidenceThreshold = arguments[Flags.countedThreshold]
    options.map.iouThreshold = arguments[Flags.iouThreshold]
    let points = arguments[points]
    guard let area = PrecisionRecallCurve.Area(points: points) else {
      throw UsageError(
        "-points: expected 0 for the area, or at least 2 recalls (11 is PASCAL VOC 2007, 101 "
          + "COCO), found '\(points)'; change it")
    }
    options.map.area = area
    options.selection.overlap = arguments[Flags.overlap]
    options.hierarchyThreshold = arguments[Flags.hierarchy]
    let json = try arguments[json].map { path in
      // Made before the work, as it would be lost if the file could not be written.
      try Folder.make(ofFile: path)
      return try AtomicFile(path, durable: false)
    }

    let evaluation = try Evaluation(
      arguments, listFallback: "data/train.txt", needsNames: true)
    options.letterbox = evaluation.letterbox
    let dialect = evaluation.detector.plan.network.dialect
    var coco: CocoCollector?
    if arguments[self.coco] {
      coco = try CocoCollector(
        list: evaluation.list, classCount: evaluation.detector.classes,
        instances: arguments[instances])
      options.moreSelections = [.valid(dialect)]
    }
    var plots = try arguments[plots].map {
      try EvaluationPlots(
        folder: $0, names: evaluation.names, options: options.map, dialect: dialect)
    }

    // COCO's figures of COCO's objects need no labels.
    options.requiresObjects = coco == nil || arguments[instances] == nil
    if options.requiresObjects {
      try evaluation.requireObjects(classes: evaluation.detector.classes)
    }
    Interruption.watch()
    options.shouldStop = { EvaluationReport.shouldStop() }
    Console.out("\n calculation mAP (mean average precision)...\n")
    evaluation.showHeads()
    Console.flush()
    let report = EvaluationReport(total: evaluation.list.count)
    report.add(evaluation.list)
    let hasDifficult = evaluation.data.difficultPath != nil
    let result = try DetectorEvaluation(
      of: evaluation.detector, on: evaluation.list,
      difficult: hasDifficult ? evaluation.data.list("difficult", default: "") : nil,
      options: options
    ).run { event in
      switch event {
      case .scored(let scored):
        coco?.add(scored.picture)
        plots?.add(scored)
        report.count()
      case .skipped(let error): report.add(error)
      case .problem(let problem): report.add(problem)
      }
    }
    let time = report.finish()
    guard result.pictureCount > 0 else { return report.status(arguments) }
    let names = evaluation.names
    let figures = try coco?.figures()
    Console.out(result.summary(names: names.names))
    if let figures { Console.out("\n COCO's figures:\n" + figures.summary) }
    if arguments[best] { Console.out("\n" + result.thresholdTable(names: names.names)) }
    Console.out(MeanAveragePrecision.Result.pointsReminder)
    if let json {
      try json.write(result.json(names: names.names, coco: figures))
      try json.commit()
    }
    try plots?.write(result)
    Console.flush()
    Console.error("Total Detection Time: \(Int(time)) Seconds\n")
    return report.status(arguments)
  }
}
