import Darknet
import Synchronization

/// `detector check DATA [CFG]`: what is wrong with a data set, before a training finds out.
enum DetectorCheck: Command {
  static let words = ["detector", "check"]
  static let about = "read a whole data set, and report all that is wrong with it"
  private static let json = Flag.text("-json", "everything, for programs").written
  static let syntax = Syntax(
    [Words.data, Words.optionalCfg], flags: [json, Flags.letterBox], family: .detector,
    notes: """
      Reads the lists 'train' and 'valid' of DATA, all pictures and labels, 'names' and 'classes',
      and the heads of CFG. Counts objects by class, and by size against the anchors of CFG. The
      text has 20 problems of a kind.

      Exit code 0 if all is well, 3 if anything should be fixed: pictures or labels that are missing
      or bad, paths that are there twice, pictures in both lists, numbers of classes that disagree.
      Empty lines in lists and a sixth number in labels are reported, and are no fault.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let dataPath = arguments[Words.data]
    let cfg = arguments[Words.optionalCfg]
    let json = try arguments[json].map { path in
      try Folder.make(ofFile: path)
      return try AtomicFile(path, durable: false)
    }
    let data = try DetectorFiles.data(dataPath, arguments, showsNotes: false)
    let train = try data.list("train", default: "data/train.txt")
    var findings = Findings()
    findings.add(data.notes)
    var options = try Self.options(data, cfg: cfg, arguments, &findings)
    options.threads = ThreadPool.shared.threads
    var valid: ListFile?
    if data.validPath == data.trainPath, data.validPath != nil {
      findings.add("\(dataPath): 'valid' is the list that is trained with, so all figures flatter")
    } else if data.validPath != nil {
      valid = findings.attempt { try data.list("valid", default: "") }
    }

    let progress = Guarded(Progress(total: train.count + (valid?.count ?? 0)))
    let check = DataSetCheck(train: train, valid: valid, options: options) { done, _ in
      progress.withLock { $0.show(done: done) }
    }
    _ = progress.withLock { $0.finish() }
    for line in findings.lines { Console.out(line + "\n") }
    if !findings.lines.isEmpty { Console.out("\n") }
    Console.out(check.text())
    let isClean = check.isClean && findings.lines.isEmpty
    Console.out(isClean ? "No problems found.\n" : "Mend the above, or train without it.\n")
    if let json {
      try json.write(check.json(findings: findings.lines))
      try json.commit()
    }
    return isClean ? .done : .badInput
  }

  /// What names and cfg say; a file that cannot be used is a finding like others.
  private static func options(
    _ data: DataFile, cfg: String?, _ arguments: Arguments, _ findings: inout Findings
  ) throws -> DataSetCheck.Options {
    var options = DataSetCheck.Options()
    options.dialect = arguments.dialect
    options.letterBox = options.dialect == .pjreddie || arguments[Flags.letterBox]
    if let classes = findings.attempt({ try data.classCount() }) ?? nil {
      options.classes = classes
      options.classCounts.append(("classes= of \(data.path)", classes))
    }
    if let names = findings.attempt({ try data.names() }) {
      options.names = names.names
      options.classCounts.append(("names in \(names.path)", names.count))
    }
    guard let cfg,
      let network = findings.attempt({
        try Load.network(cfg, arguments, showsTable: false, showsNotes: false)
      })
    else { return options }
    findings.add(network.notes + network.scheduleNotes())
    options.letterBox = Pictures.usesLetterbox(network, arguments)
    (options.inputWidth, options.inputHeight) = (
      network.inputShape.width, network.inputShape.height
    )
    for node in network.nodes {
      guard let head = node.layer as? any DetectionHead else { continue }
      options.classes = head.classes
      options.classCounts.append(
        ("\(cfg), layer \(node.index) [\(node.name)]", head.classes))
      options.maxObjects = head.training.maximumBoxes
      for anchor in head.anchors(
        networkWidth: options.inputWidth, networkHeight: options.inputHeight)
      where !options.anchors.contains(where: { $0 == (anchor.width, anchor.height) }) {
        options.anchors.append((anchor.width, anchor.height))
      }
    }
    if !options.classCounts.contains(where: { $0.place.hasPrefix(cfg) }) {
      findings.add("\(DetectorFiles.noHead(in: cfg))")
    }
    options.anchors.sort { $0.width * $0.height < $1.width * $1.height }
    return options
  }
}

/// Lines about files that could not be used; the check goes on without them.
private struct Findings {
  private(set) var lines: [String] = []

  mutating func add(_ line: String) { lines.append(line) }

  /// Lines of cfg and data file that are likely to be mistakes; others are shown beside the report.
  mutating func add(_ notes: [ConfigNote]) {
    lines += notes.filter(\.isFault).map(\.description)
    Console.show(notes.filter { !$0.isFault })
  }

  /// What `body` gives, or nil if it throws, which is noted.
  mutating func attempt<Result>(_ body: () throws -> Result) -> Result? {
    do {
      return try body()
    } catch {
      lines.append("\(error)")
      return nil
    }
  }
}
