import DarknetConfig
import DarknetImages
import DarknetSystem
import DarknetText

/// A Darknet `.data` file: where the lists, names and results of a data set are.
///
/// Read as a cfg is, so all blanks vanish and a remark may follow a value. A path that is not there
/// without its blanks but is with them is taken with them, and so is one with a `#` that looks like
/// a remark; a folder to write to keeps its blanks unless the one without them is there. Relative
/// paths start at the current folder, as Darknet's do, not at the file's.
package struct DataFile: Sendable {
  /// The file's own path.
  package let path: String
  /// Lines that have no effect: doubled, unknown or misspelt options.
  package let notes: [ConfigNote]
  private let options: [ConfigFile.Option]

  /// - Throws: `DataError` if the file cannot be read, is not text or is a cfg.
  package init(_ path: String) throws(DataError) {
    let file: LimitedFile
    do throws(LimitedFile.Failure) {
      file = try LimitedFile(path, firstPart: 4096)
      try file.readRest(limit: 1 << 20)
    } catch {
      switch error {
      case .system(let code): throw .file(FileError(.open, path, code: code))
      case .tooLong:
        throw .content(
          ConfigError(
            file: path, expected: "a .data file", found: "more than a megabyte",
            fix: "check that the right file was named"))
      case .special(let what):
        throw .content(
          ConfigError(
            file: path, expected: "a .data file", found: what,
            fix: "write the text to a file and name that"))
      }
    }
    try self.init(text: file.bytes, name: path)
  }

  /// From the bytes of a file; `name` is for errors.
  package init(text: some Collection<UInt8>, name: String) throws(DataError) {
    do throws(ConfigError) {
      let file = try ConfigFile(text: text, name: name)
      if let first = file.sections.first {
        throw ConfigError(
          file: name, line: first.line, expected: "a .data file with lines such as 'names=x.names'",
          found: "the section [\(first.name)] of a cfg", fix: "name the .data file before the cfg")
      }
      path = name
      options = file.preamble
      notes = file.notes + (try Self.notes(file))
    } catch {
      throw .content(error)
    }
  }

  /// What Darknet's programs and this one read.
  private static let keys: Set<String> = [
    "backup", "classes", "difficult", "eval", "labels", "leaves", "map", "names", "results",
    "savelast", "saveweights", "test", "top", "train", "tree", "valid",
  ]

  /// - Throws: for a known option without a value.
  private static func notes(_ file: ConfigFile) throws(ConfigError) -> [ConfigNote] {
    var notes: [ConfigNote] = []
    func note(
      _ option: ConfigFile.Option, _ kind: ConfigNote.Kind, _ text: String, isFault: Bool
    ) {
      notes.append(
        ConfigNote(
          file: file.name, line: option.line, section: nil, option: option.key, kind: kind,
          text: "'\(option.key)\(option.value == nil ? "" : "=" + option.verbatim)' is ignored: "
            + text, isFault: isFault))
    }
    var firsts: [String: ConfigFile.Option] = [:]
    for option in file.preamble {
      if let first = firsts[option.key] {
        let isSame = first.value == option.value
        note(
          option, .repeated,
          "line \(first.line) has "
            + (isSame ? "the same" : "'\(first.key)=\(first.verbatim)', which is used")
            + "; drop one of the two", isFault: !isSame)
        continue
      }
      guard keys.contains(option.key) else {
        let near = nearestName(to: option.key, among: keys.sorted())
        note(
          option, .unknown,
          "no command reads it" + (near.map { "; did you mean '\($0)'?" } ?? ""),
          isFault: near != nil)
        continue
      }
      guard option.value != nil else {
        throw ConfigError(
          file: file.name, line: option.line, option: option.key,
          expected: "a value after '\(option.key)='", found: "a line without '='",
          fix: "give it one or drop the line")
      }
      firsts[option.key] = option
    }
    return notes
  }

  // MARK: Any key

  /// The option's value, without blanks.
  package func string(_ key: String) -> String? { option(key)?.value }

  /// A whole number, or nil if the option is absent.
  package func int(
    _ key: String, in range: ClosedRange<Int> = 0...Int(Int32.max)
  ) throws(DataError) -> Int? {
    guard let option = option(key), let value = option.value else { return nil }
    guard let number = Number.int(value), range.contains(number) else {
      let limits =
        range.upperBound == Int(Int32.max)
        ? "of at least \(range.lowerBound)"
        : "in \(range.lowerBound)...\(range.upperBound)"
      throw error(
        key, expected: "a whole number \(limits)", found: "'\(value)'",
        fix: "change it or drop the line")
    }
    return number
  }

  /// The path of something to be read; with its blanks, or with what looks like a remark, if only
  /// that one is there.
  package func path(_ key: String) -> String? {
    guard let option = option(key), let squeezed = option.value else { return nil }
    return Self.readings(option).first(where: fileExists) ?? squeezed
  }

  /// The path of a folder to be written to: one that is there, else with its blanks.
  package func outputPath(_ key: String) -> String? {
    guard let option = option(key), option.value != nil else { return nil }
    return Self.readings(option).first(where: fileExists) ?? option.verbatim
  }

  /// What a value may mean as a path, the likeliest first.
  private static func readings(_ option: ConfigFile.Option) -> [String] {
    let squeezedWhole = option.whole.filter { $0 != " " && $0 != "\t" }
    return [option.value ?? "", option.verbatim, squeezedWhole, option.whole]
  }

  /// An error about an option, at its line.
  package func error(
    _ key: String, expected: String, found: String, fix: String
  ) -> DataError {
    .content(
      ConfigError(
        file: path, line: option(key)?.line, option: key, expected: expected, found: found,
        fix: fix))
  }

  private func option(_ key: String) -> ConfigFile.Option? { options.first { $0.key == key } }

  /// The files that it names to be read.
  package var inputPaths: [String] {
    ["train", "valid", "test", "names", "labels", "leaves", "difficult", "tree", "map"].compactMap {
      path($0)
    }
  }

  // MARK: Keys of `detector`

  package var trainPath: String? { path("train") }
  package var validPath: String? { path("valid") }
  /// Pictures whose missed objects do not count, as VOC has them.
  package var difficultPath: String? { path("difficult") }
  package var namesPath: String { path("names") ?? "data/names.list" }
  /// Folder of the weights that training writes.
  package var backupFolder: String { outputPath("backup") ?? "/backup/" }
  /// Folder of the files that `valid` writes.
  package var resultsFolder: String { outputPath("results") ?? "results" }
  /// Which files `valid` writes: voc, coco, imagenet and others.
  package var evaluation: String { string("eval") ?? "voc" }
  /// Class names of a classifier.
  package var labelsPath: String { path("labels") ?? "data/labels.list" }

  package func classCount() throws(DataError) -> Int? { try int("classes", in: 1...1_000_000) }
  /// Iterations between numbered weights files.
  package func saveWeightsInterval() throws(DataError) -> Int? {
    try int("saveweights", in: 1...Int(Int32.max))
  }
  /// Iterations between `_last` weights files.
  package func saveLastInterval() throws(DataError) -> Int? {
    try int("savelast", in: 1...Int(Int32.max))
  }

  // MARK: Files that the keys name

  /// The list of pictures that `key` names, or `fallback` if the key is absent.
  package func list(_ key: String, default fallback: String) throws(DataError) -> ListFile {
    let listPath = path(key) ?? fallback
    try requireFile(listPath, key: key, expected: "a list of pictures")
    return try ListFile(listPath)
  }

  /// The names of the classes.
  ///
  /// - Parameter key: `names`, or `labels` for classifiers.
  package func names(
    _ key: String = "names", default fallback: String? = nil
  ) throws(DataError) -> NamesFile {
    let namesPath = path(key) ?? fallback ?? (key == "labels" ? labelsPath : self.namesPath)
    try requireFile(namesPath, key: key, expected: "a file of class names")
    return try NamesFile(namesPath)
  }

  private func requireFile(_ wanted: String, key: String, expected: String) throws(DataError) {
    guard !fileExists(wanted) else { return }
    var fix = "correct the path, which starts at the current folder"
    if let slash = path.lastIndex(of: "/"), !wanted.hasPrefix("/") {
      let folder = String(path[..<slash])
      if fileExists("\(folder)/\(wanted)") { fix += ", or run from the folder '\(folder)'" }
    }
    let found = option(key) == nil ? "no such line and no file '\(wanted)'" : "no file '\(wanted)'"
    throw error(key, expected: expected, found: found, fix: fix)
  }
}
