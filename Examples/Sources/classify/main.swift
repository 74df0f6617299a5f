import Darknet
import Foundation

let words = Array(CommandLine.arguments.dropFirst())
guard words.count > 3 else {
  print("usage: classify CFG WEIGHTS NAMES PICTURE ...")
  exit(2)
}
do {
  let classifier = try Classifier(cfg: words[0], weights: words[1], names: words[2])
  let pictures = words[3...].map { InputPicture.file($0) }
  for (path, scores) in zip(words[3...], try classifier.classify(pictures, top: 3)) {
    print("\(path): " + scores.map { "\($0.name) \($0.confidence)" }.joined(separator: ", "))
  }
} catch {
  print(error)
  exit(1)
}
