import Darknet
import Foundation

let words = CommandLine.arguments
guard words.count == 5, let width = Int(words[3]), let height = Int(words[4]) else {
  print("usage: ffmpeg -i FILM -f rawvideo -pix_fmt bgr24 - | frames CFG WEIGHTS WIDTH HEIGHT")
  exit(2)
}
do {
  let detector = try Detector(cfg: words[1], weights: words[2])
  var number = 0
  while let frame = try FileHandle.standardInput.read(upToCount: 3 * width * height),
    !frame.isEmpty
  {
    let picture = try InputPicture.pixels(Array(frame), width: width, height: height, order: .bgr)
    print("frame \(number): \(try detector.detect(in: picture))")
    number += 1
  }
} catch {
  print(error)
  exit(1)
}
