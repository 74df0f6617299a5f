import Darknet
import DarknetCommandLine

/// The files that `detector valid` writes; they appear when closed.
final class ResultsFiles {
  private enum Target {
    /// One file, and how its array continues if it is one.
    case single(AtomicFile)
    /// A file a class.
    case classes([AtomicFile])
    /// Too many classes for open files: paths, with all text kept in `texts`.
    case paths([String])
    /// A file a picture in this folder.
    case folder(String)
  }

  private let format: ResultsFormat
  private let names: NamesFile
  private let target: Target
  private var json = JSONResultsWriter()
  private var texts: [TextBuffer]
  /// The numbers that COCO's results know the pictures of the list by.
  private let identities: CocoIdentities?
  private let base: String

  /// Makes the folder and the files.
  ///
  /// - Parameter name: what `-out` says.
  init(
    _ format: ResultsFormat, folder: String, name: String?, names: NamesFile, classCount: Int,
    list: ListFile
  ) throws {
    self.format = format
    self.names = names
    let base = "\(folder)/\(name ?? format.defaultName)"
    self.base = base
    identities = format == .coco ? CocoIdentities(list) : nil
    texts = [TextBuffer()]
    switch format {
    case .coco, .bdd:
      try Folder.make(ofFile: base)
      target = .single(try AtomicFile(base + ".json", durable: false))
    case .imagenet:
      try Folder.make(ofFile: base)
      target = .single(try AtomicFile(base + ".txt", durable: false))
    case .voc:
      try Folder.make(ofFile: base)
      texts = Array(repeating: TextBuffer(), count: classCount)
      // A name may hold a slash, which would lead to another folder.
      let paths = (0..<classCount).map {
        base + String(names[$0].map { $0 == "/" ? "_" : $0 }) + ".txt"
      }
      target =
        classCount <= 256
        ? .classes(try paths.map { try AtomicFile($0, durable: false) }) : .paths(paths)
    case .kitti:
      try Folder.make("\(base)/data")
      target = .folder("\(base)/data")
    }
  }

  func add(_ picture: DetectorRun.Picture) throws {
    var detections = picture.detections[0]
    detections.mapBoxes { $0.scaled(Float(picture.width), Float(picture.height)) }
    let about = ResultsPicture(path: picture.path, width: picture.width, height: picture.height)
    switch format {
    case .coco:
      json.coco(
        detections, picture: about, identity: identities![picture.index], to: &texts[0])
    case .bdd: json.bdd(detections, picture: about, names: names.names, to: &texts[0])
    case .imagenet:
      ResultsWriter.imagenet(
        detections, picture: about, number: picture.index + 1, to: &texts[0])
    case .voc: ResultsWriter.voc(detections, picture: about, to: &texts)
    case .kitti:
      ResultsWriter.kitti(detections, picture: about, names: names.names, to: &texts[0])
      guard case .folder(let folder) = target else { return }
      try texts[0].drain { bytes in
        try bytes.withUnsafeBytes {
          try AtomicFile.write(to: "\(folder)/\(about.identity).txt", durable: false, [$0])
        }
      }
    }
    try flush(above: 1 << 16)
  }

  /// Writes what is left and puts the files into place.
  ///
  /// - Returns: what the user should know about them.
  func close() throws -> [String] {
    if format == .coco || format == .bdd { json.finish(&texts[0]) }
    try flush(above: 0)
    switch target {
    case .single(let file): try file.commit()
    case .classes(let files): for file in files { try file.commit() }
    case .paths(let paths):
      for (path, text) in zip(paths, texts) {
        try AtomicFile.write(to: path, durable: false, text.string)
      }
    case .folder: break
    }
    guard let identities, let note = identities.note else { return [] }
    let path = base + "-images.json"
    try AtomicFile.write(to: path, durable: false, identities.images)
    return ["\(note); \(path) lists them"]
  }

  private func flush(above limit: Int) throws {
    let files: [AtomicFile]
    switch target {
    case .single(let file): files = [file]
    case .classes(let list): files = list
    case .paths, .folder: return
    }
    for (index, file) in files.enumerated() where texts[index].bytes.count > limit {
      try texts[index].drain { bytes in try bytes.withUnsafeBytes { try file.write($0) } }
    }
  }
}
