import Darknet
import Foundation

let words = CommandLine.arguments
guard words.count == 4 else {
  print("usage: evaluate DATA CFG WEIGHTS")
  exit(2)
}
do {
  let detector = try Detector(cfg: words[2], weights: words[3])
  let result = try detector.evaluate(data: words[1]) { problem in print(problem) }
  for part in result.classes { print("class \(part.classIndex): \(part.averagePrecision)") }
  print("pictures: \(result.pictureCount), mAP@0.5: \(result.meanAveragePrecision)")
} catch {
  print(error)
  exit(1)
}
