/// Darknet-53 (Redmon and Farhadi 2018) with any widths and any shortcuts: five stages, each a
/// convolution of stride 2 and blocks x + conv3x3(conv1x1(x)), the 1x1 with half of the block's
/// filters.
package struct Darknet53: Hashable, Sendable {
  /// How the width of a stage runs from its first convolution over its blocks (section 4.2 of Wang
  /// et al. 2019). A stage of n blocks has n + 1 widths.
  package enum Kind: String, CaseIterable, Hashable, Sendable {
    /// Falls in equal steps from the stage's base to gamma of it (figure 3).
    case shrink
    /// Rises in equal steps from gamma of the base to the base (figure 9).
    case expand
    /// Falls to gamma of the base in the stage's middle and rises again (figure 10).
    case bottleneck
  }

  package enum Widths: Hashable, Sendable {
    case constant
    case varying(Kind, gamma: Double)
  }

  package enum Shortcuts: Hashable, Sendable {
    /// `[shortcut]`: all channels.
    case full
    /// `[partial_shortcut]` with all channels that both sides have.
    case narrower
    /// `[partial_shortcut]` with a share of them left out.
    case sparse(Float)
  }

  package var widths: Widths
  package var shortcuts: Shortcuts

  package init(widths: Widths = .constant, shortcuts: Shortcuts = .full) {
    self.widths = widths
    self.shortcuts = shortcuts
  }

  /// Base width and blocks of each stage.
  static let stages = [(64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)]

  /// Filters of a stage's first convolution and of its blocks.
  package func stageWidths(base: Int, blocks: Int) -> [Int] {
    guard case .varying(let kind, let gamma) = widths else {
      return [Int](repeating: base, count: blocks + 1)
    }
    return (0...blocks).map { number in
      let way = Double(number) / Double(blocks)
      // Share of the way from the base to gamma of it.
      let depth =
        switch kind {
        case .shrink: way
        case .expand: 1 - way
        case .bottleneck: 1 - abs(2 * way - 1)
        }
      return max(Int((Double(base) * (1 - (1 - gamma) * depth)).rounded()), 2)
    }
  }

  /// Writes the backbone.
  ///
  /// - Returns: the index of each stage's last layer.
  func write(to cfg: inout ConfigWriter) -> [Int] {
    cfg.convolution(32, 3)
    var ends: [Int] = []
    for (base, blocks) in Self.stages {
      let widths = stageWidths(base: base, blocks: blocks)
      cfg.convolution(widths[0], 3, stride: 2)
      for block in 1...blocks {
        cfg.convolution(max(widths[block] / 2, 1), 1)
        cfg.convolution(widths[block], 3)
        writeShortcut(to: &cfg, limit: min(widths[block - 1], widths[block]))
      }
      ends.append(cfg.count - 1)
    }
    return ends
  }

  private func writeShortcut(to cfg: inout ConfigWriter, limit: Int) {
    switch shortcuts {
    case .full: cfg.section("shortcut", ["from": "-3", "activation": "linear"])
    case .narrower: cfg.partialShortcut(from: -3, channels: limit, "linear")
    case .sparse(let sparsity):
      cfg.section(
        "partial_shortcut",
        ["from": "-3", "sparsity": "\(sparsity)", "activation": "linear"])
    }
  }

  /// The ImageNet classifier.
  func writeClassifier(to cfg: inout ConfigWriter) {
    cfg.net(.classification(width: 256))
    _ = write(to: &cfg)
    cfg.section("avgpool", [:])
    cfg.plainPointwise(1000, "linear", comment: "for other classes: filters=classes")
    cfg.section("softmax", ["groups": "1"])
  }

  /// YOLOv3: heads at strides 32, 16 and 8.
  func writeDetector(to cfg: inout ConfigWriter) {
    cfg.net(.detection(width: 416, subdivisions: 16))
    let ends = write(to: &cfg)
    var width = 512
    for (number, mask) in [6...8, 3...5, 0...2].enumerated() {
      if number > 0 {
        cfg.route(-4)
        width /= 2
        cfg.convolution(width, 1)
        cfg.upsample()
        cfg.route(-1, ends[4 - number])
      }
      for _ in 0..<3 {
        cfg.convolution(width, 1)
        cfg.convolution(2 * width, 3)
      }
      cfg.yolo(mask: mask, .nine)
    }
  }
}
