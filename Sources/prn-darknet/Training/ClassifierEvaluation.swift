import Darknet
import DarknetCommandLine

/// `classifier train -topk`: accuracy between two iterations, by the code of `classifier valid`.
struct ClassifierEvaluation {
  private let network: Network
  private let list: ListFile
  private let labels: ClassLabels
  private let leaves: Set<String>?
  private let limit: Int
  private let log: ProblemLog

  /// Ends an evaluation that somebody interrupts.
  private struct Interrupted: Error {}

  /// - Parameters:
  ///   - network: for single pictures.
  ///   - limit: classes among which the right one has to be.
  init(
    _ network: Network, _ setup: Classification, labels: ClassLabels, limit: Int, log: ProblemLog
  ) throws {
    self.network = network
    self.labels = labels
    self.limit = limit
    self.log = log
    list = try setup.data.list("valid", default: "data/train.list")
    leaves = try setup.leaves()
  }

  /// Share of pictures whose class is among the first, 0...1, with the parameters as they are; nil
  /// if it was interrupted.
  func run(_ parameters: Parameters) throws -> Double? {
    let batch = DetectorRun.batch(for: network)
    let classifier = ClassDecoder(
      InferencePlan(network, parameters: parameters, batch: batch), leaves: leaves)
    var accuracy = TopAccuracy(limit: limit)
    let report = EvaluationReport(total: list.count, log: log)
    do {
      // swift-format-ignore: ReplaceForEachWithForLoop
      try ClassifierRun(
        classifier, pictures: list.pictures, options: .init(.valid(network.dialect))
      ).forEach { event in
        if Interruption.isWanted { throw Interrupted() }
        switch event {
        case .picture(let picture):
          let truth = labels.classes(ofPicture: picture.path).first
          accuracy.add(picture.probabilities.prefix(labels.count), truth: truth)
          report.count()
        case .skipped(let error): report.add(error)
        }
      }
    } catch is Interrupted {
      report.stop()
      return nil
    }
    report.stop()
    guard accuracy.pictures > 0 else { throw list.nothingReadable }
    Console.out(" TOP calculation...\n\(accuracy.line)")
    return accuracy.top
  }
}
