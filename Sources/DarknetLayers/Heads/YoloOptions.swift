import DarknetConfig
import DarknetGeometry
import DarknetText

/// What a head compares boxes by; cfg option `iou_loss`.
package enum BoxLoss: String, CaseIterable, Sendable {
  /// Squared distance of centre and logarithmic size.
  case mse
  case iou, giou, diou, ciou

  /// The number that AlexeyAB's table shows.
  package var code: Int {
    switch self {
    case .iou: 0
    case .giou: 1
    case .mse: 2
    case .diou: 3
    case .ciou: 4
    }
  }
}

/// What `[yolo]` and `[Gaussian_yolo]` read alike.
///
/// Only AlexeyAB's dialect knows the options after `truth_thresh`; in pjreddie's the loss has
/// their neutral values.
package struct YoloOptions: Sendable {
  package let classes: Int
  /// All `num` anchors, in pixels of the network's input; several heads share them.
  package private(set) var anchors: [Anchor] = []
  /// The anchors that this head predicts.
  package let mask: [Int]
  package private(set) var training: HeadTrainingOptions

  /// Best IoU from which on a prediction of background is not punished.
  package private(set) var ignoreThreshold: Float = 0.5
  /// Best IoU from which on a prediction counts as an object; 1 is never.
  package private(set) var truthThreshold: Float = 1
  /// Overlap of shapes from which on further anchors learn an object; 1 is never.
  package private(set) var iouThreshold: Float = 1
  package private(set) var iouThresholdKind = OverlapMeasure.iou
  package private(set) var boxLoss = BoxLoss.mse
  package private(set) var iouNormalizer: Float = 1
  package private(set) var objectnessNormalizer: Float = 1
  package private(set) var classNormalizer: Float = 1
  /// Shown in the table; only the reference's GPU code uses it.
  package private(set) var deltaNormalizer: Float = 1
  /// Of the uncertainties of `[Gaussian_yolo]`.
  package private(set) var uncertaintyNormalizer: Float = 1
  /// Stretches the offset in the cell around its middle, so that borders can be reached.
  package private(set) var scaleXY: Float = 1
  /// Sizes are (2 t)^2 a instead of e^t a, and the convolution before has the logistic.
  package private(set) var usesNewCoordinates = false
  package private(set) var smoothsObjectness = false
  package private(set) var usesFocalLoss = false
  package private(set) var labelSmoothing: Float = 0
  /// Limit of each component of an IoU loss' box gradient.
  package private(set) var maximumGradient = Float.greatestFiniteMagnitude
  /// Weight of each class, from `counters_per_class`.
  package private(set) var classWeights: [Float]?
  package private(set) var classMap: [Int]?
  package private(set) var showsDetails = true
  package private(set) var suppressionKind = NonMaximumSuppression.Kind.standard
  /// Exponent of `nms_kind=diounms`.
  package private(set) var suppressionBeta: Float = 0.6
  /// Layer whose output describes objects, for `[contrastive]`; nil for none.
  package private(set) var embeddingLayer: Int?
  /// Which point of a box the offsets of `[Gaussian_yolo]` mean.
  package private(set) var reference = ReferencePoint.center

  package enum ReferencePoint: String, CaseIterable, Sendable {
    case center
    case leftTop = "left_top"
    case rightBottom = "right_bottom"

    package var code: Int {
      switch self {
      case .center: 1
      case .leftTop: 2
      case .rightBottom: 4
      }
    }
  }

  /// - Parameter boxEntries: values of a prediction beside the classes: 5, or 9 with
  ///   uncertainties.
  /// - Throws: `ConfigError` at the option that is wrong.
  init(
    _ options: inout OptionReader, at site: LayerSite, boxEntries: Int
  ) throws(ConfigError) {
    let isOriginal = site.dialect == .pjreddie
    let isGaussian = boxEntries == 9
    classes = try options.size("classes", default: 20, loud: true)
    let count = try options.int("num", default: 1, loud: true, in: 1...65_536)
    mask = try options.anchorMask(count: count)
    try options.checkHeadInput(
      at: site, channels: mask.count * (classes + boxEntries),
      formula: "(classes \(classes) + \(boxEntries)) * anchors \(mask.count)")
    training = HeadTrainingOptions(
      maximumBoxes: try options.size("max", default: isOriginal ? 90 : 200))
    training.places = options.places("jitter", "resize")
    if isOriginal {
      options.markRow()
    } else {
      try readLoss(&options, isGaussian: isGaussian)
    }
    training.jitter = try options.float("jitter", default: 0.2, loud: true)
    ignoreThreshold = try options.float("ignore_thresh", default: 0.5, loud: true)
    truthThreshold = try options.float("truth_thresh", default: 1, loud: true)
    if isOriginal {
      training.random = try options.flag("random") ? 1 : 0
    } else {
      try readRest(&options, isGaussian: isGaussian)
    }
    classMap = try options.classMap(classes: classes, at: site)
    anchors = try options.anchors(count: count)
  }

  /// What AlexeyAB's dialect reads before it prints the second row of the table, and the row.
  private mutating func readLoss(
    _ options: inout OptionReader, isGaussian: Bool
  ) throws(ConfigError) {
    if !isGaussian { showsDetails = try options.flag("show_details", default: true) }
    maximumGradient = try options.float("max_delta", default: .greatestFiniteMagnitude)
    classWeights = try Self.readClassWeights(&options, classes: classes, limit: maximumGradient)
    labelSmoothing = try options.float("label_smooth_eps", default: 0)
    scaleXY = try options.float("scale_x_y", default: 1)
    smoothsObjectness = try options.flag("objectness_smooth")
    if isGaussian {
      uncertaintyNormalizer = try options.float("uc_normalizer", default: 1)
      reference = try options.choice("yolo_point", default: .center)
    } else {
      usesNewCoordinates = try options.flag("new_coords")
      usesFocalLoss = try options.flag("focal_loss")
    }
    iouNormalizer = try options.float("iou_normalizer", default: 0.75)
    objectnessNormalizer = try options.float("obj_normalizer", default: 1)
    classNormalizer = try options.float("cls_normalizer", default: 1)
    deltaNormalizer = try options.float("delta_normalizer", default: 1)
    options.readWithoutEffect(
      "delta_normalizer", off: 1, because: "only Darknet's GPU code uses it")
    boxLoss = try options.choice("iou_loss", default: .mse)
    options.markRow()
    iouThresholdKind = try options.choice("iou_thresh_kind", default: .iou)
    suppressionBeta = try options.float("beta_nms", default: 0.6)
    suppressionKind = try options.choice("nms_kind", default: .standard)
    // Only [Gaussian_yolo] knows corners; in [yolo] they are announced as the default's number.
    let code = NonMaximumSuppression.Kind.allCases.firstIndex(of: suppressionKind) ?? 0
    if suppressionKind != .standard {
      options.note(
        .suppression(
          name: suppressionKind.rawValue,
          number: suppressionKind == .corners && !isGaussian ? 0 : code, beta: suppressionBeta))
    }
  }

  private mutating func readRest(
    _ options: inout OptionReader, isGaussian: Bool
  ) throws(ConfigError) {
    training.resize = try options.float("resize", default: 1)
    iouThreshold = try options.float("iou_thresh", default: 1)
    training.random = try options.float("random", default: 0)
    guard !isGaussian else { return }
    let none = 999_999
    let embedding = try options.int("embedding_layer", default: none)
    embeddingLayer = embedding == none ? nil : embedding
    let reason = "objects are not tracked from frame to frame"
    options.readWithoutEffect("track_history_size", off: 5, because: reason)
    options.readWithoutEffect("sim_thresh", off: 0.8, because: reason)
    options.readWithoutEffect("dets_for_track", "dets_for_show", off: 1, because: reason)
    options.readWithoutEffect("track_ciou_norm", off: 0.01, because: reason)
  }

  /// Rare classes weigh more: weight = the largest counter / the class' counter.
  private static func readClassWeights(
    _ options: inout OptionReader, classes: Int, limit: Float
  ) throws(ConfigError) -> [Float]? {
    guard let counters = try options.ints("counters_per_class") else { return nil }
    guard counters.count == classes else {
      throw options.error(
        "counters_per_class", expected: "\(classes) whole numbers, one per class",
        found: "\(counters.count)", fix: "fix the list or change classes=")
    }
    let largest = Float(max(counters.max() ?? 1, 1))
    let weights = counters.map { min(largest / Float(max($0, 1)), limit) }
    options.note(.classWeights(weights))
    return weights
  }

  /// The head's class for a label's class; nil if it has none.
  func headClass(of label: Int) -> Int? {
    guard (0..<classes).contains(label) else { return nil }
    guard let classMap else { return label }
    return classMap.indices.contains(label) ? classMap[label] : nil
  }

  func suppression(threshold: Float) -> NonMaximumSuppression {
    NonMaximumSuppression(threshold: threshold, kind: suppressionKind, beta: suppressionBeta)
  }
}
