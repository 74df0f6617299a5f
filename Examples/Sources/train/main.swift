import Darknet
import Foundation

let words = CommandLine.arguments
guard words.count == 3 || words.count == 4 else {
  print("usage: train DATA CFG [WEIGHTS]")
  exit(2)
}
do {
  var options = TrainingOptions()
  options.measures = true
  let training = try DetectorTraining(
    data: words[1], cfg: words[2], weights: words.count == 4 ? words[3] : nil, options: options)
  let outcome = try training.run { event in
    switch event {
    case .iteration(let report):
      print("iteration \(report.iteration): loss \(report.averageLoss)")
      if report.averageLoss < 0.01 { training.stop() }
    case .evaluated(let precision, _): print("mAP \(precision)")
    case .saved(_, let path): print("saved \(path)")
    default: break
    }
  }
  print(outcome)
} catch {
  print(error)
  exit(1)
}
