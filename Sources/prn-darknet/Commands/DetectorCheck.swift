import Darknet
import DarknetCommandLine
import Synchronization

/// `detector check DATA [CFG]`: what is wrong with a data set, before a training finds out.
enum DetectorCheck: Command {
  static let words = ["detector", "check"]
  static let about = "read a whole data set, and report all that is wrong with it"
  private static let json = Flag.text("-json", "everything as JSON, for programs").written
  static let syntax = Syntax(
    [Words.data, Words.optionalCfg], flags: [json, Flags.letterBox], family: .detector,
    notes: """
      Reads the lists 'train' and 'valid' of DATA, all pictures and labels, 'names' and 'classes',
      and the heads of CFG. Counts objects by class, and by size against the anchors of CFG. The
      text lists at most 20 problems of each kind.

      Exit code 0 if all is well, 3 if anything should be fixed: a list without an object, pictures
      or labels that are missing or bad, two label files for one picture, paths that are listed
      twice, pictures in both lists, numbers of classes that disagree. Empty lines in lists, a sixth
      number in labels and notes (boxes that reach out of the picture, anchors that do not fit or
      are not used) are reported, but are not faults.
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
      findings.add("\(dataPath): 'valid' is the training list, so all figures are too good")
    } else if data.validPath != nil {
      valid = findings.attempt { try data.list("valid", default: "") }
    } else {
      options.notes.append("\(dataPath): valid= is missing, so there is nothing to measure with")
    }

    let progress = Locked(Progress(total: train.count + (valid?.count ?? 0)))
    let check = DataSetCheck(train: train, valid: valid, options: options) { done, _ in
      progress.withLock { $0.show(done: done) }
    }
    _ = progress.withLock { $0.finish() }
    for line in findings.lines { Console.out(line + "\n") }
    if !findings.lines.isEmpty { Console.out("\n") }
    Console.out(check.text())
    let isClean = check.isClean && findings.lines.isEmpty
    let verdict =
      !isClean
      ? "Fix the above, or train without it."
      : check.notes.isEmpty ? "No problems found." : "No problems found, apart from the notes."
    Console.out(verdict + "\n")
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
        let network = try Load.network(cfg, arguments, showsTable: false, showsNotes: false)
        try network.requirePictureInput()
        return network
      })
    else { return options }
    findings.add(network.notes + network.scheduleNotes())
    options.letterBox = Pictures.usesLetterbox(network, arguments)
    (options.inputWidth, options.inputHeight) = (
      network.inputShape.width, network.inputShape.height
    )
    for node in network.nodes {
      guard let head = node.layer as? any DetectionHead else { continue }
      // Labels belong to the data set; a cfg of other classes is reported by itself.
      if options.classes == nil, options.names.isEmpty { options.classes = head.classes }
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
      findings.add("\(HeadDecoder.noHead(in: cfg))")
    }
    options.notes += try anchorNotes(Load.config(cfg))
    options.anchors.sort { $0.width * $0.height < $1.width * $1.height }
    return options
  }

  /// Anchors of a cfg that no head ever uses.
  private static func anchorNotes(_ config: ConfigFile) -> [String] {
    let heads = config.sections.compactMap(HeadSection.init)
    var notes: [String] = []
    for head in heads {
      guard let (count, line) = head.anchorNumbers, count > 2 * head.anchorCount else { continue }
      notes.append(
        "\(config.name):\(line): \(count) numbers in anchors=, of which num=\(head.anchorCount) "
          + "takes the first \(2 * head.anchorCount)")
    }
    // Heads that share a list of anchors.
    let count = heads.last?.anchorCount ?? 0
    let used = Set(heads.flatMap(\.mask))
    let spare = (0..<count).filter { !used.contains($0) }
    if !spare.isEmpty, heads.allSatisfy({ $0.anchorCount == count }) {
      notes.append(
        "\(config.name): anchors that no mask= uses: "
          + spare.map(String.init).joined(separator: ", "))
    }
    return notes
  }
}

/// Lines about files that could not be used; the check continues without them.
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
