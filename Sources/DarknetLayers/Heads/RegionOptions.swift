import DarknetConfig
import DarknetGeometry
import DarknetText

/// What `[region]` reads.
struct RegionOptions: Sendable {
  let dialect: Dialect
  let classes: Int
  /// In cells of the grid.
  let anchors: [Anchor]
  let training: HeadTrainingOptions
  let hasSoftmax: Bool
  /// pjreddie's dialect: the objectness is one more class, "nothing".
  let hasBackground: Bool
  /// AlexeyAB's dialect: classes that are known well weigh less.
  let usesFocalLoss: Bool
  let tree: ClassTree?
  let classMap: [Int]?
  /// Objectness learns the IoU instead of 1; cfg option `rescore`.
  let rescores: Bool
  /// Overlap from which on a prediction is not background; cfg option `thresh`.
  let threshold: Float
  /// AlexeyAB's dialect: -1 teaches the best IoU as objectness, 1 and 2 teach classes to every
  /// prediction that covers an object.
  let classFix: Int
  /// Objects choose their anchor by its own shape, not by the predicted one; `bias_match`.
  let matchesAnchors: Bool
  let coordinateScale: Float
  let objectScale: Float
  let noObjectScale: Float
  let classScale: Float

  init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    dialect = site.dialect
    let isOriginal = dialect == .pjreddie
    let coordinates = try options.int("coords", default: 4, loud: true)
    guard coordinates == 4 else {
      throw options.error(
        "coords", expected: "4, as x, y, width and height", found: "\(coordinates)",
        fix: "change it or drop the line")
    }
    classes = try options.size("classes", default: 20, loud: true)
    let count = try options.int("num", default: 1, loud: true, in: 1...65_536)
    var training = HeadTrainingOptions(
      maximumBoxes: try options.size("max", default: isOriginal ? 30 : 200))
    training.places = options.places("jitter", "resize")
    try options.checkHeadInput(
      at: site, channels: count * (classes + 5),
      formula: "(classes \(classes) + 5) * num \(count)")
    options.markRow()
    options.readWithoutEffect(
      "log", "sqrt", "absolute", because: "Darknet reads it but does not use it")
    hasSoftmax = try options.flag("softmax", loud: true)
    hasBackground = isOriginal ? try options.flag("background") : false
    usesFocalLoss = isOriginal ? false : try options.flag("focal_loss")
    training.jitter = try options.float("jitter", default: 0.2, loud: true)
    if !isOriginal { training.resize = try options.float("resize", default: 1) }
    rescores = try options.flag("rescore")
    threshold = try options.float("thresh", default: 0.5, loud: true)
    classFix = try options.int("classfix", default: 0)
    training.random =
      isOriginal ? try options.flag("random") ? 1 : 0 : try options.float("random", default: 0)
    coordinateScale = try options.float("coord_scale", default: 1, loud: true)
    objectScale = try options.float("object_scale", default: 1, loud: true)
    noObjectScale = try options.float("noobject_scale", default: 1, loud: true)
    // Masks came with more than four coordinates only.
    _ = try options.float("mask_scale", default: 1, loud: true)
    options.readWithoutEffect(
      "mask_scale", off: 1, because: "boxes have no more than four coordinates")
    classScale = try options.float("class_scale", default: 1, loud: true)
    matchesAnchors = try options.flag("bias_match")
    tree = try options.classTree(at: site)
    if let tree, tree.count != classes {
      throw options.error(
        "tree", expected: "a tree of \(counted(classes, "class", "classes"))",
        found: "one of \(tree.count)",
        fix: "name the right file or change classes=")
    }
    classMap = try options.classMap(classes: classes, at: site)
    anchors = try options.anchors(count: count)
    self.training = training
  }

  /// The head's class for a label's class; nil if it has none.
  func headClass(of label: Int) -> Int? {
    if let classMap { return classMap.indices.contains(label) ? classMap[label] : nil }
    return (0..<classes).contains(label) ? label : nil
  }
}
