/// YOLOv3-tiny, PeleeNet and EfficientNet-B0, with the heads of YOLOv3-tiny and of YOLOv3-tiny-PRN.
enum TinyNetworks {
  // MARK: YOLOv3-tiny

  /// The first eleven layers; layer 8 has 256 channels at stride 16.
  private static func writeTinyBackbone(to cfg: inout ConfigWriter) {
    for (number, filters) in [16, 32, 64, 128, 256, 512].enumerated() {
      cfg.convolution(filters, 3)
      cfg.maxPool(stride: number == 5 ? 1 : 2)
    }
  }

  static func writeYOLOv3Tiny(to cfg: inout ConfigWriter) {
    cfg.net(.detection(width: 416, subdivisions: 8))
    writeTinyBackbone(to: &cfg)
    cfg.convolution(1024, 3)
    cfg.convolution(256, 1)
    cfg.convolution(512, 3)
    cfg.yolo(mask: 3...5, .six)
    cfg.route(-4)
    cfg.convolution(128, 1)
    cfg.upsample()
    cfg.route(-1, 8)
    cfg.convolution(256, 3)
    cfg.yolo(mask: 0...2, .six)
  }

  static func writeYOLOv3TinyPRN(to cfg: inout ConfigWriter) {
    cfg.net(.detection(width: 416, subdivisions: 8))
    writeTinyBackbone(to: &cfg)
    cfg.convolution(512, 3)
    cfg.partialShortcut(from: -3, channels: 512, comment: "layer 12 + layer 10, all 512 channels")
    writePRNHead(to: &cfg, skips: [(8, 256)])
  }

  /// Figure 8 of Wang et al. 2019: at stride 32 a 3x3 convolution with a shortcut around it; at
  /// each finer scale the first 128 channels of the backbone's map are added before the 3x3
  /// convolution and, with its input, after it.
  ///
  /// - Parameter skips: layer and channels of the backbone's map at each finer scale.
  private static func writePRNHead(
    to cfg: inout ConfigWriter, skips: [(layer: Int, channels: Int)]
  ) {
    let anchors: ConfigWriter.Anchors = skips.count == 1 ? .six : .nine
    let masks = skips.count == 1 ? [3...5, 1...3] : [6...8, 3...5, 0...2]
    cfg.convolution(256, 1)
    var features = cfg.convolution(256, 3)
    cfg.partialShortcut(from: -2, channels: 256, comment: "all 256 channels")
    cfg.yolo(mask: masks[0], anchors)
    for (skip, mask) in zip(skips, masks.dropFirst()) {
      cfg.route(features - cfg.count)
      cfg.convolution(128, 1)
      cfg.upsample()
      cfg.partialShortcut(
        from: skip.layer, channels: 128,
        comment: "the first 128 of the \(skip.channels) channels of layer \(skip.layer)")
      features = cfg.convolution(128, 3)
      cfg.partialShortcut(from: -3, channels: 128, comment: "the upsampled map again")
      cfg.partialShortcut(
        from: skip.layer, channels: 128, comment: "and layer \(skip.layer) again")
      cfg.yolo(mask: mask, anchors)
    }
  }

  // MARK: PeleeNet

  /// PeleeNet (Wang, Li and Ling 2018): a stem, then 3, 4, 8 and 6 two-way dense layers that add
  /// 32 channels each, a 1x1 convolution and mean pooling after each of the first three stages.
  ///
  /// - Returns: the index and channels of each stage's last convolution.
  private static func writePelee(to cfg: inout ConfigWriter) -> [(layer: Int, channels: Int)] {
    cfg.convolution(32, 3, stride: 2, "relu")
    cfg.convolution(16, 1, "relu")
    cfg.convolution(32, 3, stride: 2, "relu")
    cfg.route(-3)
    cfg.maxPool(stride: 2)
    cfg.route(-1, -3)
    cfg.convolution(32, 1, "relu")
    var channels = 32
    var ends: [(Int, Int)] = []
    for (stage, (layers, width)) in zip([3, 4, 8, 6], [16, 32, 64, 64]).enumerated() {
      for _ in 0..<layers {
        // The inner 1x1 convolutions get at most half of the input's channels.
        let inner = 2 * width > channels ? channels / 8 * 4 : width
        cfg.convolution(inner, 1, "relu")
        cfg.convolution(16, 3, "relu")
        cfg.route(-3)
        cfg.convolution(inner, 1, "relu")
        cfg.convolution(16, 3, "relu")
        cfg.convolution(16, 3, "relu")
        cfg.route(-7, -5, -1)
        channels += 32
      }
      ends.append((cfg.convolution(channels, 1, "relu"), channels))
      if stage < 3 { cfg.section("local_avgpool", ["size": "2", "stride": "2"]) }
    }
    return ends
  }

  static func writePeleePRN(to cfg: inout ConfigWriter, scales: Int) {
    cfg.net(.detection(width: 416, subdivisions: 8))
    let ends = writePelee(to: &cfg)
    writePRNHead(to: &cfg, skips: (1..<scales).map { ends[3 - $0] })
  }

  static func writePeleeYOLOv3(to cfg: inout ConfigWriter) {
    cfg.net(.detection(width: 416, subdivisions: 8))
    let ends = writePelee(to: &cfg)
    cfg.convolution(256, 1)
    cfg.convolution(256, 3)
    cfg.yolo(mask: 3...5, .six)
    cfg.route(-4)
    cfg.convolution(96, 1)
    cfg.upsample()
    cfg.route(-1, ends[2].layer)
    for _ in 0..<2 {
      cfg.convolution(128, 1)
      cfg.convolution(320, 3)
    }
    cfg.yolo(mask: 0...2, .six)
  }

  // MARK: EfficientNet-B0

  /// An inverted bottleneck with squeeze and excitation.
  private struct Block {
    var expanded: Int
    var size: Int
    var stride: Int
    var squeezed: Int
    var filters: Int
    /// Whether the input is added; only where both have one shape.
    var isResidual = false
  }

  /// As AlexeyAB's enet-coco.cfg has it: the stage of 80 channels works at stride 8.
  private static let blocks: [Block] = [
    Block(expanded: 32, size: 3, stride: 1, squeezed: 8, filters: 16),
    Block(expanded: 96, size: 3, stride: 2, squeezed: 16, filters: 24),
    Block(expanded: 144, size: 3, stride: 1, squeezed: 8, filters: 24, isResidual: true),
    Block(expanded: 144, size: 5, stride: 2, squeezed: 8, filters: 40),
    Block(expanded: 192, size: 5, stride: 1, squeezed: 16, filters: 40, isResidual: true),
    Block(expanded: 192, size: 3, stride: 1, squeezed: 16, filters: 80),
    Block(expanded: 384, size: 3, stride: 1, squeezed: 24, filters: 80, isResidual: true),
    Block(expanded: 384, size: 3, stride: 1, squeezed: 24, filters: 80, isResidual: true),
    Block(expanded: 384, size: 5, stride: 2, squeezed: 24, filters: 112),
    Block(expanded: 576, size: 5, stride: 1, squeezed: 32, filters: 112, isResidual: true),
    Block(expanded: 576, size: 5, stride: 1, squeezed: 32, filters: 112, isResidual: true),
    Block(expanded: 576, size: 5, stride: 2, squeezed: 32, filters: 192),
    Block(expanded: 960, size: 5, stride: 1, squeezed: 64, filters: 192, isResidual: true),
    Block(expanded: 960, size: 5, stride: 1, squeezed: 64, filters: 192, isResidual: true),
    Block(expanded: 960, size: 5, stride: 1, squeezed: 64, filters: 192, isResidual: true),
    Block(expanded: 960, size: 3, stride: 1, squeezed: 64, filters: 320),
  ]

  static func writeEnetB0PRN(to cfg: inout ConfigWriter) {
    cfg.net(.detection(width: 416, subdivisions: 8))
    cfg.convolution(32, 3, stride: 2, "swish")
    // The last map at stride 16, wide before the depthwise convolution that halves it.
    var skip = (layer: 0, channels: 0)
    for block in blocks {
      let expanded = cfg.convolution(block.expanded, 1, "swish")
      if block.stride == 2 { skip = (expanded, block.expanded) }
      cfg.convolution(
        block.expanded, block.size, stride: block.stride, groups: block.expanded, "swish")
      cfg.section("avgpool", [:])
      cfg.plainPointwise(block.squeezed, "swish")
      cfg.plainPointwise(block.expanded, "logistic")
      cfg.section("scale_channels", ["from": "-4"])
      cfg.convolution(block.filters, 1, "linear")
      if block.isResidual {
        cfg.section(
          "dropout", ["probability": ".0"])
        cfg.section("shortcut", ["from": "-9", "activation": "linear"])
      }
    }
    cfg.convolution(1280, 1, "swish")
    writePRNHead(to: &cfg, skips: [skip])
  }
}
