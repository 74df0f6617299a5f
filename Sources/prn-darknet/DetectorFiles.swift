import Darknet
import DarknetCommandLine

/// Files around a detector: `.data`, names, labels.
enum DetectorFiles {
  /// - Throws: `UsageError` if a flag's file would take the place of one that the data file names.
  static func data(
    _ path: String, _ arguments: Arguments, showsNotes: Bool = true
  ) throws -> DataFile {
    let data = try DataFile(path)
    try arguments.checkOutputs(spare: data.inputPaths)
    if showsNotes { Console.show(data.notes) }
    return data
  }

  /// A line on stderr if `classes=` of the data file is not the network's number. Darknet never
  /// compares them, so it is not an error.
  static func compareClasses(_ data: DataFile, with classes: Int, of cfg: String) {
    guard let text = data.string("classes"), Number.int(text) != classes else { return }
    let error = data.error(
      "classes", expected: "\(classes), as in \(cfg)", found: "'\(text)'",
      fix: "the cfg's number counts; change the line")
    Console.error("warning: \(error)\n")
  }

  /// The same for commands that need no names: what they train or write is of little use without.
  static func checkNames(_ data: DataFile, classes: Int, of cfg: String) {
    do throws(DataError) {
      compareNames(try data.names(), with: classes, of: cfg)
    } catch {
      Console.error("warning: \(error); detector test and map will need it\n")
    }
  }

  /// A line on stderr if there are classes without a name, for commands that go on all the same.
  static func compareNames(_ names: NamesFile, with classes: Int, of cfg: String) {
    guard names.count < classes else { return }
    let error = ConfigError(
      file: names.path, expected: "a name for each of the \(classes) classes of \(cfg)",
      found: "\(names.count)", fix: "classes without a name are shown by their number")
    Console.error("warning: \(error)\n")
  }

  /// A line on stderr for each head whose boxes are left out, as Darknet leaves them out silently.
  static func compareHeads(of detector: HeadDecoder, in cfg: String) {
    for head in detector.leftOutHeads {
      let error = ConfigError(
        file: cfg,
        expected:
          "\(counted(detector.classes, "class", "classes")) in layer \(head.index) [\(head.name)], as the last "
          + "head has",
        found: "\(head.classes)", fix: "the boxes of this head are left out; change its classes=")
      Console.error("warning: \(error)\n")
    }
  }
}

extension Box {
  /// The four numbers of what lies inside the picture, with this many decimals; nil if nothing
  /// does, or too little to be written. What is read back lies inside, too.
  func written(decimals: Int) -> (x: String, y: String, width: String, height: String)? {
    guard let box = insidePicture else { return nil }
    var scale = 1
    for _ in 0..<decimals { scale *= 10 }
    func axis(_ centre: Float, _ size: Float) -> (String, String)? {
      let whole = Int((Double(centre) * Double(scale)).rounded())
      let wanted = Int((Double(size) * Double(scale)).rounded())
      let fitting = min(wanted, 2 * whole, 2 * (scale - whole))
      guard fitting > 0 else { return nil }
      let shown = fitting < wanted ? Double(fitting) / Double(scale) : Double(size)
      return (fixed(Double(centre), decimals: decimals), fixed(shown, decimals: decimals))
    }
    guard let (x, width) = axis(box.x, box.width), let (y, height) = axis(box.y, box.height) else {
      return nil
    }
    return (x, y, width, height)
  }
}
