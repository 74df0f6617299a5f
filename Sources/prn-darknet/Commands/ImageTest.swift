import Darknet

/// `imtest IMAGE`: what the colour changes of training do to a picture.
enum ImageTest: Command {
  static let words = ["imtest"]
  static let about = "write a picture in grey and in four changed colours, as training varies it"
  static let syntax = Syntax(
    [Words.image],
    notes: "IMAGE is data/dog.jpg by default. Writes Original.jpg, Gray.jpg, C1.jpg ... C4.jpg.")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let path = arguments[Words.image] ?? "data/dog.jpg"
    let image = try ImageFile.load(path, channels: 3)
    try ImageFile.save(image.bitmap(), to: "Original.jpg", durable: false)
    try ImageFile.save(image.grayscale().bitmap(), to: "Gray.jpg", durable: false)
    let changes: [(hue: Float, saturation: Float, exposure: Float)] = [
      (0.1, 1.5, 1.5), (-0.1, 0.66666, 0.66666), (0.1, 1.5, 0.66666), (0.1, 0.66666, 1.5),
    ]
    for (number, change) in changes.enumerated() {
      let copy = image.copy()
      copy.distort(
        ColorDistortion(
          hue: change.hue, saturation: change.saturation, exposure: change.exposure))
      try ImageFile.save(copy.bitmap(), to: "C\(number + 1).jpg", durable: false)
    }
    let count = image.shape.count
    let norm = (0..<count).reduce(0.0) { $0 + Double(image.pointer[$1] * image.pointer[$1]) }
    Console.out("L2 Norm: \(fixed(norm.squareRoot(), decimals: 6))\n")
    return .done
  }
}
