import Darknet
import DarknetCommandLine

/// `detector recall DATA CFG WEIGHTS`: how many objects have any box on them.
enum DetectorRecallCommand: Command {
  static let words = ["detector", "recall"]
  static let about = "how many of the labelled objects have a box on them, of whatever class"
  static let syntax = Syntax(
    [Words.data, Words.cfg, Words.weights], flags: [Flags.letterBox],
    groups: [.evaluation, .inference, .weightsFile], family: .detector,
    notes: """
      Reads 'valid' of DATA. One line per picture on standard error, with the figures so far: boxes
      of objectness above .001 after suppression at .4, found if the best overlaps by more than
      half.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let evaluation = try Evaluation(
      arguments, listFallback: "data/train.txt", needsNames: false)
    try evaluation.requireObjects(classes: nil)
    evaluation.showHeads()
    let dialect = evaluation.detector.plan.network.dialect
    var options = DetectorRun.Options(.recall, letterbox: evaluation.letterbox)
    options.shouldStop = { EvaluationReport.shouldStop(isOnErrors: true) }
    options.labels = PictureFeed.Labels(classes: nil, dialect: dialect)
    var recall = DetectorRecall()
    Interruption.watch()
    let report = EvaluationReport(total: evaluation.list.count)
    report.add(evaluation.list)
    Console.flush()
    let run = DetectorRun(
      evaluation.detector, pictures: evaluation.list.pictures, options: options)
    // swift-format-ignore: ReplaceForEachWithForLoop
    run.forEach { event in
      switch event {
      case .picture(let picture):
        recall.add(picture.detections[0], truths: picture.objects)
        report.line(recall.line)
        report.count(showsProgress: false)
      case .skipped(let error): report.add(error)
      case .problem(let problem): report.add(problem)
      }
    }
    _ = report.finish()
    guard recall.pictures > 0 || EvaluationReport.shouldStop(isOnErrors: true) else {
      throw evaluation.list.nothingReadable
    }
    return Console.isErrorClosed ? .inputOutput : report.status(arguments)
  }
}
