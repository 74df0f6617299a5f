import Darknet
import DarknetCommandLine

/// A picture with one mistake of the network in it, beside what the labels say.
struct MistakePicture {
  enum Kind: String {
    case falsePositive = "false-positive"
    case miss
  }

  private let mistake: WorstMistakes.Mistake
  private let kind: Kind
  private let picture: Bitmap
  private let objects: [GroundTruth]
  private let names: NamesFile
  private let path: String

  private static let wrong = Color(0xE02020)
  private static let labelled = Color(0x20C040)

  init(
    _ mistake: WorstMistakes.Mistake, _ kind: Kind, on picture: Bitmap, objects: [GroundTruth],
    names: NamesFile, path: String
  ) {
    self.mistake = mistake
    self.kind = kind
    self.picture = picture
    self.objects = objects
    self.names = names
    self.path = path
  }

  /// The picture with a line of text below it.
  func bitmap() -> Bitmap {
    let (width, height) = (picture.width, picture.height)
    let canvas = Canvas(picture)
    let others = objects.filter { $0.box != mistake.box }.map { object in
      BoxAnnotation(
        object.box, pictureWidth: width, pictureHeight: height, classIndex: object.classIndex,
        text: names[object.classIndex], color: Self.labelled)
    }
    let box = BoxAnnotation(
      mistake.box, pictureWidth: width, pictureHeight: height, classIndex: mistake.classIndex,
      text: label, color: Self.wrong)
    canvas.frame(
      x: box.left, y: box.top, width: box.right - box.left + 1,
      height: box.bottom - box.top + 1, line: 2 * canvas.boxLineWidth + 1, Self.wrong)
    // Its text first, as later ones make room for it where they can, and again above all.
    canvas.draw([box] + others, classCount: names.count)
    canvas.draw([box], classCount: names.count)

    let text = caption
    let strip = Int(max(13, canvas.boxTextSize * 0.9) * 2)
    let fits = (Float(width) - Float(strip) / 2) / max(1, canvas.width(of: text, size: 1))
    let size = min(Float(strip) / 2, fits)
    let whole = Canvas(width: width, height: height + strip)
    whole.bitmap.bytes.update(from: picture.bytes, count: picture.count)
    let baseline = Float(height) + size * 1.35
    whole.text(text, at: Point(Float(strip) / 4, baseline), size: size, Chart.ink)
    return whole.bitmap
  }

  private var label: String {
    switch kind {
    case .falsePositive:
      "\(names[mistake.classIndex]) \(fixed(Double(mistake.weight) * 100, decimals: 0))%"
    case .miss: "\(names[mistake.classIndex]) missed"
    }
  }

  private var caption: String {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    let legend = "red: \(kind == .miss ? "missed" : "wrong"), green: labelled"
    return "\(file)   \(legend)"
  }
}
