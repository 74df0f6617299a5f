import Darknet
import Foundation

let words = Array(CommandLine.arguments.dropFirst())
guard words.count > 3 else {
  print("usage: detect CFG WEIGHTS NAMES PICTURE ...")
  exit(2)
}
do {
  let detector = try Detector(cfg: words[0], weights: words[1], names: words[2])
  for note in detector.notes { print(note) }
  for path in words[3...] {
    for object in try detector.detect(in: .file(path), threshold: 0.25) {
      let box = object.box
      print("\(path): \(object.name) \(object.confidence), \(box.width) x \(box.height) pixels")
    }
  }
} catch {
  print(error)
  exit(1)
}
