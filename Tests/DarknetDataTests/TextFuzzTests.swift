import DarknetData
import DarknetTestSupport
import Testing

/// Broken `.data` files, lists, names and labels, in UTF-8 and UTF-16: `make fuzz`.
@Suite struct TextFuzzTests {
  private static let texts = [
    "classes=3\ntrain = a b/train.txt # mine\nvalid=valid.txt\nnames=x.names\nbackup=back up\n",
    "classes=80\nresults=r\neval=coco\nsavelast=100\nsaveweights=1000\ntop=5\nlabels=l\ntree=t\n",
    "data/a.jpg\ndata/b c.png\r\n\n/x/images/d.JPG\ndata/a.jpg\n",
    "person\nbicycle\n\ntraffic light\ncafé\n",
    "0 0.5 0.5 0.25 0.125\n2 0.1 0.9 1e-1 .2\n1 0.5 0.5 1 1 0.75\n",
    "3.0 0.5 0.5 0.000001 1.000001\r2 0,1 0.9 0.1 0.2\n",
  ]

  private static func utf16(_ text: String, isBigEndian: Bool) -> [UInt8] {
    (isBigEndian ? [0xFE, 0xFF] : [0xFF, 0xFE])
      + text.utf16.flatMap {
        let bytes = [UInt8($0 >> 8), UInt8($0 & 0xFF)]
        return isBigEndian ? bytes : bytes.reversed()
      }
  }

  private static let mutator = Mutator(
    seeds: texts.map { Array($0.utf8) } + texts.map { utf16($0, isBigEndian: false) }
      + texts.map { utf16($0, isBigEndian: true) } + [[0xEF, 0xBB, 0xBF] + texts[3].utf8],
    words: [
      "classes=", "train=", "names", "[net]", "#", " # ", "=", ",", ";", "\r", "\n", "\r\n", "\t",
      "\u{0}", "\u{1B}[2J", "\u{FEFF}", "\u{10FE80}", "\u{85}", "0 0.5 0.5 0.1 0.1\n",
      "<<<<<<< a\n",
    ])

  @Test func `broken data files, lists, names and labels`() {
    let run = Fuzzing("text", count: Fuzzing.asked ?? 4000)
    let outcome = run.run(Self.mutator) { bytes, random in
      switch random.below(4) {
      case 0: return try Self.readDataFile(bytes)
      case 1:
        let list = try ListFile(text: bytes, name: "x.txt")
        _ = list.duplicates()
        guard !list.pictures.contains(""), list.lines == list.lines.sorted(),
          list.lines.count == list.count
        else { return "an empty path, or lines in disorder" }
        return list.problems.lazy.compactMap { Fuzzing.fault(ofText: "\($0)") }.first
      case 2:
        let names = try NamesFile(text: bytes, name: "x.names")
        return names.count > 0 && names.names.last != "" ? nil : "a list without a last name"
      default: return Self.readLabels(bytes, classes: random.below(2) == 0 ? 3 : nil)
      }
    }
    #expect(outcome.failures == [])
    #expect(outcome.accepted > run.count / 20 && outcome.refused > run.count / 20)
  }

  private static func readDataFile(_ bytes: [UInt8]) throws -> String? {
    let file = try DataFile(text: bytes, name: "x.data")
    for note in file.notes {
      if let fault = Fuzzing.fault(ofText: "\(note)") { return fault }
    }
    if let classes = try file.classCount(), !(1...1_000_000).contains(classes) {
      return "\(classes) classes"
    }
    if let interval = try file.saveWeightsInterval(), interval < 1 { return "every \(interval)" }
    _ = try file.saveLastInterval()
    _ = (file.inputPaths, file.backupFolder, file.resultsFolder, file.evaluation)
    return nil
  }

  private static func readLabels(_ bytes: [UInt8], classes: Int?) -> String? {
    let labels = LabelFile(text: bytes, name: "x.txt", classes: classes)
    for object in labels.objects {
      let box = object.box
      guard (0...1).contains(box.x), (0...1).contains(box.y), box.width > 0, box.width <= 1,
        box.height > 0, box.height <= 1, object.classIndex >= 0,
        object.classIndex < classes ?? .max
      else { return "the object \(object)" }
    }
    return labels.problems.lazy.compactMap { Fuzzing.fault(ofText: "\($0)") }.first
  }
}
