import Darknet
import DarknetCommandLine

/// `train -map`: mean average precision between two iterations, by the code of `detector map`.
final class TrainingEvaluation {
  private let network: Network
  private let list: ListFile
  private let difficult: ListFile?
  private let names: NamesFile
  private let options: DetectorEvaluation.Options
  private let log: ProblemLog
  private let printsSummary: Bool

  /// Ends an evaluation that somebody interrupts.
  private struct Interrupted: Error {}

  /// - Parameters:
  ///   - network: for single pictures.
  ///   - printsSummary: whether Darknet's table of the classes is wanted.
  init(
    _ network: Network, data: DataFile, trainPath: String, _ arguments: Arguments,
    log: ProblemLog, printsSummary: Bool
  ) throws {
    self.network = network
    self.log = log
    self.printsSummary = printsSummary
    let path = data.validPath ?? trainPath
    do {
      list = try data.list("valid", default: path)
    } catch {
      Console.out(
        "\n Error: There is no \(path) file for mAP calculation!\n Don't use -map flag.\n "
          + "Or set valid=\(trainPath) in your \(data.path) file. \n")
      throw error
    }
    let classes = network.lastHead?.classes
    try list.requirePicture()
    try list.requireObjects(classes: classes, dialect: network.dialect, purpose: "to measure")
    if data.validPath == nil {
      Console.error(
        "\(data.path): valid= is missing: -map measures on the training list '\(path)', so "
          + "its figures are too good\n")
    }
    names = try data.names()
    difficult = data.difficultPath == nil ? nil : try data.list("difficult", default: "")
    var map = MeanAveragePrecision.Options()
    map.confidenceThreshold = arguments[Flags.countedThreshold]
    map.iouThreshold = arguments[Flags.iouThreshold]
    options = DetectorEvaluation.Options(
      map: map, letterbox: Pictures.usesLetterbox(network, arguments))
    try Evaluation.check(names, classes: classes ?? 0, cfg: network.file)
  }

  /// Mean average precision, 0...1, of the parameters as they are; nil if it was interrupted.
  func run(_ parameters: Parameters) throws -> Double? {
    let batch = DetectorRun.batch(for: network)
    let detector = HeadDecoder(InferencePlan(network, parameters: parameters, batch: batch))
    if printsSummary {
      Console.out("\n calculation mAP (mean average precision)...\n")
      Evaluation.showHeads(of: detector.heads)
      Console.flush()
    }
    let report = EvaluationReport(total: list.count, log: log)
    report.add(list)
    let result: MeanAveragePrecision.Result
    do {
      result = try DetectorEvaluation(
        of: detector, on: list, difficult: difficult, options: options
      ).run { event in
        if Interruption.isWanted { throw Interrupted() }
        switch event {
        case .scored: report.count()
        case .skipped(let error): report.add(error)
        case .problem(let problem): report.add(problem)
        }
      }
    } catch is Interrupted {
      report.stop()
      return nil
    }
    report.stop()
    if printsSummary {
      Console.out(result.summary(names: names.names))
      Console.out(MeanAveragePrecision.Result.pointsReminder)
    }
    return result.meanAveragePrecision
  }
}
