import Darknet

/// The command line behind the command's words: flags anywhere, as Darknet takes them, and what
/// is left in order.
struct Arguments {
  private var flags: [String: String] = [:]
  private var switches: Set<String> = []
  private(set) var positional: [String] = []
  private var next = 0

  /// Flags with a value, of all of Darknet's commands and ours: a script may give a command more
  /// than it looks at.
  static let valueFlags: Set<String> = [
    "-i", "-gpus", "-thresh", "-iou_thresh", "-hier", "-points", "-mAP_epochs", "-out", "-chart",
    "-c", "-s", "-avgframes", "-avg", "-mjpeg_port", "-json_port", "-http_post_host",
    "-time_limit_sec", "-out_filename", "-json_file_output", "-prefix", "-num_of_clusters",
    "-width", "-height", "-t", "-nms", "-file", "-seed", "-len", "-temp", "-srand", "-tokens",
    "-range", "-norm", "-rounds", "-iters", "-octaves", "-zoom", "-rate", "-rotate", "-momentum",
    "-lambda", "-smooth", "-w", "-h", "-fps", "-resign", "-cpuct", "-time", "-cuda_debug_sync",
    "-dialect", "-threads", "-batch", "-runs", "-weights", "-order", "-json", "-plots", "-map_to",
    "-max_batches", "-results", "-instances", "-cutoff", "-svg", "-save_every", "-base", "-kind",
    "-gamma", "-sparsity", "-select", "-count", "-sizes", "-batches", "-write_weights",
  ]
  static let plainFlags: Set<String> = [
    "-map", "-dont_show", "-ext_output", "-save_labels", "-letter_box", "-show", "-benchmark",
    "-benchmark_layers", "-show_imgs", "-clear", "-dontdraw_bbox", "-dontuse_opencv", "-topk",
    "-tokenized", "-reconstruct", "-multi", "-nogpu", "-fullscreen", "-anon", "-display", "-b",
    "-layers", "-exact", "-strict", "-force", "-quiet", "-coco", "-best", "-int8", "-help",
    "--help",
    "--json", "-fast", "-train",
  ]

  /// - Throws: `UsageError` for a flag that no command knows, or one that lacks its value.
  init(_ words: some Sequence<String>) throws {
    var words = Array(words)[...]
    while let given = words.popFirst() {
      let word = Self.shortForm(given)
      if word == "--" {
        positional += words
        break
      }
      if Self.plainFlags.contains(word) {
        switches.insert(word)
      } else if Self.valueFlags.contains(word) {
        guard let value = words.popFirst() else {
          if word == "-h" {
            switches.insert("--help")
            break
          }
          throw UsageError("\(word) needs a value; put it behind the flag")
        }
        // The first value wins, as in Darknet; pairs of layers add up.
        if let first = flags[word] {
          if word == "-map_to" { flags[word] = first + "," + value }
        } else {
          flags[word] = value
        }
      } else if word.hasPrefix("-"), word.utf8.count > 1, Number.float(word) == nil {
        if let equals = word.firstIndex(of: "="), Self.valueFlags.contains(String(word[..<equals]))
        {
          throw UsageError(
            "\(word): expected the value behind a blank; write "
              + "'\(word[..<equals]) \(word[word.index(after: equals)...])'")
        }
        let near = nearestName(to: word, among: Self.valueFlags.union(Self.plainFlags))
        let hint = near.map { "did you mean \($0)?" } ?? "--help lists what there is"
        throw UsageError("unknown flag \(word); \(hint) (a file of that name goes behind --)")
      } else {
        positional.append(word)
      }
    }
  }

  /// Our own flags may have two dashes; `--map` is `-map_to`, as Darknet's `-map` is another flag.
  private static func shortForm(_ word: String) -> String {
    guard word.hasPrefix("--"), !plainFlags.contains(word) else { return word }
    let short = word == "--map" ? "-map_to" : String(word.dropFirst())
    return valueFlags.contains(short) ? short : word
  }

  // MARK: Flags

  func has(_ flag: String) -> Bool {
    precondition(Self.plainFlags.contains(flag), "\(flag) is not declared")
    return switches.contains(flag)
  }

  var wantsHelp: Bool { has("--help") || has("-help") }

  func string(_ flag: String) -> String? {
    precondition(Self.valueFlags.contains(flag), "\(flag) is not declared")
    return flags[flag]
  }

  func int(
    _ flag: String, default fallback: Int, in range: ClosedRange<Int> = 0...Int(Int32.max)
  ) throws -> Int {
    guard let text = string(flag) else { return fallback }
    guard let value = Int(text), range.contains(value) else {
      throw UsageError(
        "\(flag): expected a whole number in \(range.lowerBound)...\(range.upperBound), found "
          + "'\(text)'; change it")
    }
    return value
  }

  func float(
    _ flag: String, default fallback: Float, in range: ClosedRange<Float>? = nil
  ) throws -> Float {
    guard let text = string(flag) else { return fallback }
    guard let value = Number.float(text) else {
      throw UsageError("\(flag): expected a number, found '\(text)'; change it")
    }
    let number = Float(value)
    if let range, !range.contains(number) {
      throw UsageError(
        "\(flag): expected a number in \(general(Double(range.lowerBound)))..."
          + "\(general(Double(range.upperBound))), found '\(text)'; change it")
    }
    return number
  }

  var dialect: Dialect {
    get throws {
      guard let name = string("-dialect") else { return .alexeyab }
      guard let dialect = Dialect(rawValue: name) else {
        throw UsageError("-dialect: expected alexeyab or pjreddie, found '\(name)'")
      }
      return dialect
    }
  }

  /// `-exact`, which every command that runs networks takes.
  var convolutions: InferencePlan.Convolutions { has("-exact") ? .exact : .fastest }

  // MARK: Words in order

  /// The next word, which the command needs.
  mutating func require(_ what: String) throws -> String {
    guard let word = optional() else { throw UsageError("\(what) is missing") }
    return word
  }

  mutating func optional() -> String? {
    guard next < positional.count else { return nil }
    defer { next += 1 }
    // Lists that came from Windows leave a carriage return at the end.
    let word = positional[next]
    return word.utf8.last == 13 ? String(decoding: word.utf8.dropLast(), as: UTF8.self) : word
  }

  /// All words not yet taken.
  mutating func rest() -> [String] {
    defer { next = positional.count }
    return Array(positional[next...])
  }

  /// - Throws: `UsageError` if words are left over, or a flag's file would take the place of one of
  ///   them.
  func finish() throws {
    guard next >= positional.count else {
      throw UsageError("'\(positional[next])' is one word too many")
    }
    try checkOutputs(spare: positional)
  }

  /// - Throws: `UsageError` if a flag's file would take the place of one that is read.
  func checkOutputs(spare inputs: [String]) throws {
    for flag in ["-out", "-json", "-svg", "-chart", "-write_weights"] {
      if let path = string(flag) { try Output.check(path, flag, isNoneOf: inputs) }
    }
  }
}
