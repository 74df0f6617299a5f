import Darknet

/// All that a command takes: its words in order, its flags, and what help says beyond them.
package struct Syntax: Sendable {
  package let words: [any WordDeclaration]
  /// Its own flags first, then those of groups, then those of every command.
  package let flags: [any FlagDeclaration]
  /// Whose flags without effect here are taken out silently, as Darknet does.
  package let family: DarknetFlags.Family
  /// What it reads and writes; paragraphs with an empty line between.
  package let notes: String

  /// - Parameters:
  ///   - groups: flags that several commands share.
  package init(
    _ words: [any WordDeclaration] = [], flags: [any FlagDeclaration] = [],
    groups: [FlagGroup] = [], family: DarknetFlags.Family = .utility, notes: String = ""
  ) {
    self.words = words
    self.flags = flags + groups.flatMap(\.flags) + FlagGroup.everywhere.flags
    self.family = family
    self.notes = notes
  }

  /// The same with other words and one flag that has another default.
  package func with(words: [any WordDeclaration], flag: any FlagDeclaration, notes: String)
    -> Syntax
  {
    Syntax(
      words: words, flags: flags.map { $0.name == flag.name ? flag : $0 }, family: family,
      notes: notes)
  }

  private init(
    words: [any WordDeclaration], flags: [any FlagDeclaration], family: DarknetFlags.Family,
    notes: String
  ) {
    self.words = words
    self.flags = flags
    self.family = family
    self.notes = notes
  }

  /// The words that must be there.
  package var requiredCount: Int { words.count { $0.isRequired } }

  /// `DATA CFG [WEIGHTS]`.
  package var usage: String { words.map(\.usage).joined(separator: " ") }

  /// The declared flag of a name with one dash.
  package func flag(_ name: String) -> (any FlagDeclaration)? {
    flags.first { $0.name == name || $0.aliases.contains(name) }
  }

  /// Own flags, without those of every command.
  package var ownFlags: [any FlagDeclaration] {
    let common = Set(FlagGroup.everywhere.flags.map(\.name))
    return flags.filter { !common.contains($0.name) }
  }
}

/// Flags that several commands take.
package struct FlagGroup: Sendable {
  package let flags: [any FlagDeclaration]

  package init(_ flags: any FlagDeclaration...) { self.flags = flags }

  /// Every command has these.
  package static let everywhere = FlagGroup(Flags.dialect, Flags.threads, Flags.strict)
  /// Commands that read a weights file.
  package static let weightsFile = FlagGroup(Flags.force, Flags.order)
  /// Commands that run a network.
  package static let inference = FlagGroup(Flags.exact)
  /// Commands that look for boxes and suppress some of them.
  package static let suppression = FlagGroup(Flags.overlap, Flags.hierarchy, Flags.letterBox)
  /// Commands that take a network through a list of pictures.
  package static let evaluation = FlagGroup(Flags.batch)
  /// Commands that train.
  package static let training = FlagGroup(
    Flags.clear, Flags.trainingSeed, Flags.chart, Flags.showImages, Flags.processors)
}

/// Flags that groups or several commands share.
package enum Flags {
  package static let dialect = Flag.choice(
    "-dialect", default: Dialect.alexeyab, "which program to follow where the two differ")
  package static let threads = Flag<Int?>.whole(
    "-threads", in: 1...1024, without: "all cores", "threads for the computation")
  package static let strict = Flag.toggle(
    "-strict", "exit 2 for unknown flags and words, exit 1 if a picture was skipped")
  package static let force = Flag.toggle(
    "-force",
    "take a weights file that ends inside a layer or continues after the last one, or "
      + "whose numbers cannot be this network's")
  package static let order = Flag<Dialect?>.choice(
    "-order", without: "default what its header says",
    "order of the parameters in a weights file")
  package static let exact = Flag.toggle(
    "-exact", "the plain im2col executor instead of the fastest kernels")

  package static let quiet = Flag.toggle(
    "-quiet", "print results only, without the network's table, prompts and lines about heads")

  package static let overlap = Flag.share(
    "-nms", default: 0.45, "overlap that suppression tolerates")
  package static let hierarchy = Flag.share(
    "-hier", default: 0.5, "threshold inside class trees"
  ).ofDarknet
  package static let letterBox = Flag.toggle("-letter_box", "keep the pictures' proportions")
    .ofDarknet
  package static let batch = Flag<Int?>.whole(
    "-batch", in: 1...1024, without: "chosen by the network's size", "pictures computed at once")

  /// Of what is counted as found, by `detector map` and by training.
  package static let countedThreshold = Flag.share(
    "-thresh", default: 0.25, "probability above which TP, FP and FN are counted"
  ).ofDarknet.calledElsewhere("-conf", "-confidence", "-threshold")
  package static let iouThreshold = Flag.share(
    "-iou_thresh", default: 0.5, "overlap that finds an object"
  ).ofDarknet

  package static let clear = Flag.toggle(
    "-clear", "start at iteration 0, whatever the weights have seen"
  ).ofDarknet
  package static let trainingSeed = Flag<Int?>.whole(
    "-seed", in: 0...Int.max, without: "random",
    "make the run repeatable, bit for bit with the same number of threads")
  package static let processors = Flag.text(
    "-gpus", "LIST", "without effect; repeated in the output, as in Darknet"
  ).ofDarknet
  package static let chart = Flag.text(
    "-chart", "continue this chart, and the results.csv beside it"
  ).ofDarknet.written
  package static let showImages = Flag.toggle(
    "-show_imgs", "write the first hundred pictures as the network sees them"
  ).ofDarknet
}
