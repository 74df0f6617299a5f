/// Writes the text of a cfg, section by section, and counts its layers.
struct ConfigWriter {
  private(set) var text = ""
  /// Layers so far: the index of the next one.
  private(set) var count = 0

  /// What `[net]` says for a detector or a classifier.
  enum Purpose {
    case detection(width: Int, subdivisions: Int)
    case classification(width: Int)
  }

  mutating func net(_ purpose: Purpose) {
    switch purpose {
    case .detection(let width, let subdivisions):
      text += """
        [net]
        # One picture at a time for testing; for training, batch=64 in as many subdivisions as the
        # memory asks for.
        batch=64
        subdivisions=\(subdivisions)
        width=\(width)
        height=\(width)
        channels=3
        momentum=0.9
        decay=0.0005
        angle=0
        saturation=1.5
        exposure=1.5
        hue=.1

        learning_rate=0.001
        burn_in=1000
        max_batches=500200
        policy=steps
        steps=400000,450000
        scales=.1,.1

        """
    case .classification(let width):
      text += """
        [net]
        batch=128
        subdivisions=4
        width=\(width)
        height=\(width)
        channels=3
        min_crop=128
        max_crop=448
        momentum=0.9
        decay=0.0005
        angle=7
        hue=.1
        saturation=.75
        exposure=.75
        aspect=.75

        learning_rate=0.1
        burn_in=1000
        max_batches=800000
        policy=poly
        power=4

        """
    }
  }

  /// A layer; its index is returned.
  @discardableResult
  mutating func section(
    _ name: String, _ options: KeyValuePairs<String, String>, comment: String? = nil
  ) -> Int {
    text += "\n"
    if let comment { text += "# \(comment)\n" }
    text += "[\(name)]\n"
    for (key, value) in options { text += "\(key)=\(value)\n" }
    count += 1
    return count - 1
  }

  // MARK: Layers of the zoo

  /// A convolution that keeps the size at stride 1, with batch norm.
  @discardableResult
  mutating func convolution(
    _ filters: Int, _ size: Int, stride: Int = 1, groups: Int = 1, _ activation: String = "leaky"
  ) -> Int {
    text += "\n[convolutional]\nbatch_normalize=1\nfilters=\(filters)\n"
    if groups > 1 { text += "groups=\(groups)\n" }
    text += "size=\(size)\nstride=\(stride)\npad=1\nactivation=\(activation)\n"
    count += 1
    return count - 1
  }

  /// A 1x1 convolution without batch norm.
  @discardableResult
  mutating func plainPointwise(
    _ filters: Int, _ activation: String, comment: String? = nil
  ) -> Int {
    section(
      "convolutional",
      ["filters": "\(filters)", "size": "1", "stride": "1", "pad": "1", "activation": activation],
      comment: comment)
  }

  @discardableResult
  mutating func route(_ layers: Int...) -> Int {
    section("route", ["layers": layers.map(String.init).joined(separator: ",")])
  }

  @discardableResult
  mutating func maxPool(stride: Int) -> Int {
    section("maxpool", ["size": "2", "stride": "\(stride)"])
  }

  @discardableResult
  mutating func upsample() -> Int { section("upsample", ["stride": "2"]) }

  /// Adds `channels` of layer `from`.
  @discardableResult
  mutating func partialShortcut(
    from: Int, channels: Int, _ activation: String = "leaky", comment: String? = nil
  ) -> Int {
    section(
      "partial_shortcut",
      ["from": "\(from)", "channels": "\(channels)", "activation": activation], comment: comment)
  }

  /// The 1x1 convolution before a YOLO head of COCO's 80 classes, and the head.
  mutating func yolo(mask: ClosedRange<Int>, _ anchors: Anchors) {
    plainPointwise(255, "linear", comment: "for other classes: filters=(classes+5)*3")
    section(
      "yolo",
      [
        "mask": mask.map(String.init).joined(separator: ","), "anchors": anchors.text,
        "classes": "80", "num": "\(anchors.count)", "jitter": ".3", "ignore_thresh": ".7",
        "truth_thresh": "1", "random": "1",
      ])
  }

  /// Anchor boxes for COCO at 416, clustered by YOLOv3's authors.
  enum Anchors {
    case six, nine

    var count: Int { self == .six ? 6 : 9 }
    var text: String {
      switch self {
      case .six: "10,14, 23,27, 37,58, 81,82, 135,169, 344,319"
      case .nine: "10,13, 16,30, 33,23, 30,61, 62,45, 59,119, 116,90, 156,198, 373,326"
      }
    }
  }
}
