import Darknet
import DarknetCommandLine

/// `imtest IMAGE`: what the colour changes of training do to a picture.
enum ImageTest: Command {
  static let words = ["imtest"]
  static let about = "write a picture in grey and in four changed colours, as training varies it"
  static let syntax = Syntax(
    [Words.image],
    notes: "IMAGE is data/dog.jpg by default. Writes Original.jpg, Gray.jpg, C1.jpg ... C4.jpg.")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let path = arguments[Words.image] ?? "data/dog.jpg"
    // Six pictures of that size are made and encoded.
    var limits = ImageFile.Limits()
    limits.pixels = 1 << 26
    let picture = try ImageFile.loadBitmap(path, channels: 3, limits: limits)
    try ImageFile.save(picture, to: "Original.jpg", durable: false)
    let gray = changed(picture, channels: 1) { $0.grayscale() }
    try ImageFile.save(gray, to: "Gray.jpg", durable: false)
    let changes: [(hue: Float, saturation: Float, exposure: Float)] = [
      (0.1, 1.5, 1.5), (-0.1, 0.66666, 0.66666), (0.1, 1.5, 0.66666), (0.1, 0.66666, 1.5),
    ]
    for (number, change) in changes.enumerated() {
      let copy = changed(picture, channels: 3) { strip in
        strip.distort(
          ColorDistortion(
            hue: change.hue, saturation: change.saturation, exposure: change.exposure))
        return strip
      }
      try ImageFile.save(copy, to: "C\(number + 1).jpg", durable: false)
    }
    let squares = picture.samples.reduce(0.0) { sum, sample in
      let value = Double(Float(sample) / 255)
      return sum + value * value
    }
    Console.out("L2 Norm: \(fixed(squares.squareRoot(), decimals: 6))\n")
    return .done
  }

  /// A changed copy, made some rows at a time: as floats the whole takes four times its memory.
  private static func changed(
    _ picture: Bitmap, channels: Int, _ change: (Image) -> Image
  ) -> Bitmap {
    let result = Bitmap(width: picture.width, height: picture.height, channels: channels)
    let rowsAtOnce = max(1, (1 << 20) / picture.width)
    for top in stride(from: 0, to: picture.height, by: rowsAtOnce) {
      let rows = min(rowsAtOnce, picture.height - top)
      let strip = Bitmap(width: picture.width, height: rows, channels: picture.channels)
      strip.bytes.update(from: picture.bytes + top * picture.stride, count: strip.count)
      let changed = change(Image(strip)).bitmap()
      (result.bytes + top * result.stride).update(from: changed.bytes, count: changed.count)
    }
    return result
  }
}
