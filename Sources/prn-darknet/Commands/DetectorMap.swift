import Darknet

/// `detector map DATA CFG WEIGHTS`: mean average precision.
enum DetectorMap: Command {
  static let words = ["detector", "map"]
  static let usage = "DATA CFG WEIGHTS [-thresh .25] [-iou_thresh .5] [-points N] [-coco] …"
  static let about = "mean average precision on a list of labelled pictures"
  static let details = """
      -thresh X       probability above which TP, FP and FN are counted (.25)
      -iou_thresh X   overlap that finds an object (.5)
      -points N       0: area under the curve; else the mean of the precision at N recalls from 0
                      to 1: 11 as PASCAL VOC 2007, 101 as COCO (0)
      -nms X          overlap that suppression tolerates (.45)
      -hier X         threshold inside class trees (.5)
      -letter_box     keep the pictures' proportions
      -coco           COCO's figures, too: AP, AP50, AP75, small, medium, large, AR; of the boxes
                      that 'detector valid' writes
      -instances FILE objects, crowds and areas for -coco from COCO's JSON instead of the labels
      -best           a table of the threshold of the highest F1 of each class, too
      -json FILE      every figure, for programs
      -plots DIR      curves, confusion matrix, statistics of the labels and the worst mistakes as
                      pictures
      -batch N        pictures computed at once
      -strict         exit 1 if a picture could not be read
      Reads 'valid', 'names' and 'difficult' of DATA.

    """

  static func run(_ arguments: inout Arguments) throws -> ExitStatus {
    var options = DetectorEvaluation.Options()
    options.map.confidenceThreshold = try arguments.float("-thresh", default: 0.25)
    options.map.iouThreshold = try arguments.float("-iou_thresh", default: 0.5, in: 0...1)
    let points = try arguments.int("-points", default: 0, in: 0...1_000_000)
    guard let area = PrecisionRecallCurve.Area(points: points) else {
      throw UsageError(
        "-points: expected 0 for the area, or 2 recalls and more (11 is PASCAL VOC 2007, 101 "
          + "COCO), found '\(points)'; change it")
    }
    options.map.area = area
    options.selection.overlap = try arguments.float("-nms", default: 0.45)
    options.hierarchyThreshold = try arguments.float("-hier", default: 0.5)
    let json = try arguments.string("-json").map { path in
      // Made before the work, as it would be lost if the file could not be written.
      try Folder.make(ofFile: path)
      return try AtomicFile(path, durable: false)
    }

    let evaluation = try Evaluation(
      &arguments, listFallback: "data/train.txt", needsNames: true)
    options.letterbox = evaluation.letterbox
    let dialect = evaluation.detector.plan.network.dialect
    var coco: CocoCollector?
    if arguments.has("-coco") {
      coco = try CocoCollector(
        list: evaluation.list, classCount: evaluation.detector.classes,
        instances: arguments.string("-instances"))
      options.moreSelections = [.valid(dialect)]
    }
    var plots = try arguments.string("-plots").map {
      try EvaluationPlots(
        folder: $0, names: evaluation.names, options: options.map, dialect: dialect)
    }

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
    let names = evaluation.names
    let figures = try coco?.figures()
    Console.out(result.summary(names: names.names))
    if let figures { Console.out("\n COCO's figures:\n" + figures.summary) }
    if arguments.has("-best") { Console.out("\n" + result.thresholdTable(names: names.names)) }
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
