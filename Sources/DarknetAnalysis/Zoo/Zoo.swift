import DarknetConfig
import DarknetGeometry
import DarknetLayers
import DarknetNetwork
import DarknetText

/// The networks of `cfg/`, each written by a rule, so that the files can be made again and changed
/// on purpose.
package enum Zoo {
  /// A network of the zoo.
  package struct Member: Sendable {
    /// The file's name without `.cfg`.
    package let name: String
    /// What it is and where it comes from; goes into the file's head.
    let about: String
    /// The command that makes it, if its name alone does not.
    var command: String?
    /// Input sizes whose operations the head names.
    let sizes: [Int]
    let write: @Sendable (inout ConfigWriter) -> Void
  }

  package static let members: [Member] = detectors + classifiers

  package static func member(named name: String) -> Member? { members.first { $0.name == name } }

  private static let paper =
    "Wang et al., \"Enriching Variety of Layer-wise Learning Information by Gradient "
    + "Combination\", ICCV Workshops 2019"
  private static let yolov3 =
    "Redmon and Farhadi 2018, \"YOLOv3: An Incremental Improvement\""

  private static let detectors: [Member] = [
    Member(
      name: "yolov3",
      about: "YOLOv3 (\(yolov3); the published network: same layers, so its "
        + "weights fit).", sizes: [416, 320]
    ) { Darknet53().writeDetector(to: &$0) },
    Member(
      name: "yolov3-fprn",
      about: "YOLOv3-FPRN: YOLOv3 whose shortcuts add the first half of the "
        + "channels only (\(paper)). YOLOv3's weights fit, but were trained with whole shortcuts.",
      sizes: [416, 320]
    ) { Darknet53(shortcuts: .sparse(0.5)).writeDetector(to: &$0) },
    Member(
      name: "yolov3-prn",
      about: "YOLOv3-PRN: YOLOv3 whose stages shrink linearly to half of "
        + "their width, with shortcuts of all channels that both sides have (\(paper); its "
        + "figures are 42.43 BFLOPs at 416 and 25.11 at 320, and how exactly its stages shrink is "
        + "not in it).", sizes: [416, 320]
    ) { shrunk(0.5).writeDetector(to: &$0) },
    Member(
      name: "yolov3-tiny",
      about: "YOLOv3-tiny (\(yolov3); the published network: same layers, so "
        + "its weights fit). Weights: weights/yolov3-tiny.weights (make weights); to start from: "
        + "its cut before layer 15.", sizes: [416]
    ) { TinyNetworks.writeYOLOv3Tiny(to: &$0) },
    Member(
      name: "v3-tiny-prn",
      about: "YOLOv3-tiny-PRN: YOLOv3-tiny with partial residual connections "
        + "in its neck and heads (\(paper); the network that the authors published as "
        + "yolov3-tiny-prn, here with [partial_shortcut]). 38 % fewer operations and 44 % fewer "
        + "parameters than YOLOv3-tiny. To start from: yolov3-tiny.weights cut before layer 11 "
        + "(partial ... 11), or transplant.", sizes: [416]
    ) { TinyNetworks.writeYOLOv3TinyPRN(to: &$0) },
    Member(
      name: "pelee-prn",
      about: "Pelee-PRN: PeleeNet (Wang, Li and Ling 2018, \"Pelee: A "
        + "Real-Time Object Detection System on Mobile Devices\") with the head of "
        + "YOLOv3-tiny-PRN (\(paper); its figures are 2.39 BFLOPs at 320, 4.04 at 416, 3.16M "
        + "parameters).", sizes: [416, 320]
    ) { TinyNetworks.writePeleePRN(to: &$0, scales: 2) },
    Member(
      name: "pelee-prn-3l",
      about: "Pelee-PRN-3l: Pelee-PRN with a third head at stride 8 (the "
        + "authors' figures are 5.03 BFLOPs at 416, 3.98 at 320, 3.36M parameters; the one at 320 "
        + "does not agree with the one at 416 and must be 2.98).", sizes: [416, 320]
    ) { TinyNetworks.writePeleePRN(to: &$0, scales: 3) },
    Member(
      name: "pelee-yolov3",
      about: "Pelee-YOLOv3: PeleeNet with two heads in the manner of "
        + "YOLOv3, against which the authors hold Pelee-PRN (2.99 BFLOPs at 320, 5.06 at 416, "
        + "3.91M parameters). They published these figures only: the widths of the heads are "
        + "chosen to meet them.", sizes: [416, 320]
    ) { TinyNetworks.writePeleeYOLOv3(to: &$0) },
    Member(
      name: "enet-b0-prn",
      about: "EfficientNet-B0-PRN: an EfficientNet-B0 (Tan and Le 2019) with "
        + "the head of YOLOv3-tiny-PRN. Same layers as the enet-coco.cfg that AlexeyAB and the "
        + "authors of PRN published, so its weights fit; they give 3.73 BFLOPs at 416, 2.208 at "
        + "320.", sizes: [416, 320]
    ) { TinyNetworks.writeEnetB0PRN(to: &$0) },
  ]

  private static let classifiers: [Member] =
    [
      Member(
        name: "darknet53",
        about: "Darknet-53, classifier for ImageNet (\(yolov3); the published "
          + "network: same layers, so its weights fit).", sizes: [256]
      ) { Darknet53().writeClassifier(to: &$0) },
      Member(
        name: "darknet53-fprn",
        about: "Darknet-53-FPRN: Darknet-53 whose shortcuts add the first "
          + "half of the channels only (\(paper)).", sizes: [256]
      ) { Darknet53(shortcuts: .sparse(0.5)).writeClassifier(to: &$0) },
      Member(
        name: "darknet53-prn",
        about: "Darknet-53-PRN: Darknet-53 whose stages shrink linearly "
          + "to half of their width (\(paper)); the backbone of yolov3-prn.cfg.", sizes: [256]
      ) { shrunk(0.5).writeClassifier(to: &$0) },
    ]
    + Darknet53.Kind.allCases.flatMap { kind in
      [0.75, 0.5].map { gamma in
        partial(Base.darknet53, kind, gamma: gamma, name: "darknet53-prn-\(kind)-\(gamma)")
      }
    }

  private static func shrunk(_ gamma: Double) -> Darknet53 {
    Darknet53(widths: .varying(.shrink, gamma: gamma), shortcuts: .narrower)
  }

  // MARK: Partial residual networks by rule

  package enum Base: String, CaseIterable, Sendable { case darknet53, yolov3 }

  /// A partial residual network of section 4.2: `base` with stages whose widths vary.
  ///
  /// - Parameters:
  ///   - gamma: the narrowest width of a stage, relative to its base; in 0...1.
  ///   - sparsity: the share of a shortcut's channels that is left out.
  package static func partial(
    _ base: Base, _ kind: Darknet53.Kind, gamma: Double, sparsity: Float = 0,
    name: String? = nil
  ) -> Member {
    let way =
      switch kind {
      case .shrink: "stages shrink linearly to"
      case .expand: "stages expand linearly from"
      case .bottleneck: "stages shrink linearly to, and expand again from,"
      }
    let share = sparsity > 0 ? ", \(general(Double(sparsity))) of their channels left out" : ""
    let network = Darknet53(
      widths: .varying(kind, gamma: gamma), shortcuts: sparsity > 0 ? .sparse(sparsity) : .narrower)
    return Member(
      name: name ?? "\(base)-prn-\(kind)-\(gamma)",
      about: "\(base == .darknet53 ? "Darknet-53" : "YOLOv3") as PRN-\(kind): its \(way) "
        + "\(general(gamma)) of their width, with shortcuts of all channels that both sides "
        + "have\(share) (section 4.2 of \(paper)).",
      command: "generate prn --base \(base) --kind \(kind) --gamma \(general(gamma))"
        + (sparsity > 0 ? " --sparsity \(general(Double(sparsity)))" : ""),
      sizes: base == .darknet53 ? [256] : [416, 320]
    ) { base == .darknet53 ? network.writeClassifier(to: &$0) : network.writeDetector(to: &$0) }
  }
}

extension Zoo.Member {
  /// The cfg: a head with source and figures, then the network.
  ///
  /// - Throws: `ConfigError` if the network cannot be built, with widths below 1 for example.
  package func text() throws(ConfigError) -> String {
    var writer = ConfigWriter()
    write(&writer)
    let figures = try figures(writer.text)
    return Zoo.comment(about) + Zoo.comment(figures)
      + Zoo.comment("Made by: prn-darknet \(command ?? "generate \(name)")") + writer.text
  }

  /// Operations at each size, and parameters, as our layer table counts them.
  private func figures(_ text: String) throws(ConfigError) -> String {
    let config = try ConfigFile(text: text.utf8, name: name + ".cfg")
    var parts: [String] = []
    var parameters = 0
    for size in sizes {
      let network = try NetworkBuilder(batch: 1, inputSize: (size, size)).build(config)
      let total = fixed(network.operations / 1e9, decimals: 3)
      let products = network.nodes.reduce(0.0) { sum, node in
        node.layer.convolution != nil ? sum + node.layer.operations : sum
      }
      parts.append(
        "\(size)x\(size): \(total) BFLOPs, \(fixed(products / 1e9, decimals: 3)) of them in "
          + "convolutions")
      parameters = network.parameterCount
    }
    return parts.joined(separator: "; ")
      + "; \(fixed(Double(parameters) / 1e6, decimals: 2))M parameters."
  }
}

extension Zoo {
  /// `text` as comment lines of at most 99 columns.
  static func comment(_ text: String) -> String {
    var lines = ["#"]
    for word in text.split(separator: " ") {
      if lines[lines.count - 1].count + word.count + 1 > 99 { lines.append("#") }
      lines[lines.count - 1] += " " + word
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A cfg whose every `[shortcut]` is a `[partial_shortcut]` with `sparsity`; all other bytes
  /// stay as they are.
  ///
  /// - Throws: `ConfigError` for a shortcut that does more than add.
  package static func makingShortcutsPartial(
    _ bytes: [UInt8], name: String, sparsity: Float
  ) throws(ConfigError) -> [UInt8] {
    let config = try ConfigFile(text: bytes, name: name)
    var replaced: Set<Int> = []
    for section in config.sections where section.name == "shortcut" {
      for option in section.options {
        let isPlain =
          switch option.key {
          case "from", "activation": true
          case "weights_type", "weights_normalization": option.value == "none"
          case "alpha", "beta": option.value.flatMap { Number.float($0) } == 1
          default: false
          }
        if !isPlain {
          throw ConfigError(
            file: name, line: option.line, section: section.name, option: option.key,
            expected: "a shortcut that only adds", found: "'\(option.value ?? "")'",
            fix: "drop the option first: a [partial_shortcut] has no weights")
        }
      }
      replaced.insert(section.line)
    }
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    var result: [UInt8] = []
    for (index, line) in lines.enumerated() {
      if index > 0 { result.append(0x0A) }
      guard replaced.contains(index + 1) else {
        result += line
        continue
      }
      let end = line.last == 0x0D ? "\r" : ""
      result += Array("[partial_shortcut]\(end)\nsparsity=\(general(Double(sparsity)))\(end)".utf8)
    }
    return result
  }
}
