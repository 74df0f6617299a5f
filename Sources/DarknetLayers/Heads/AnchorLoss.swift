import DarknetConfig
import DarknetGeometry
import DarknetKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The loss of `[yolo]` and `[Gaussian_yolo]`.
///
/// Each prediction first learns that it is background (objectness 0), unless it covers an object
/// better than `ignore_thresh`; AlexeyAB's dialect asks besides that one of its classes is above
/// 0.25. Then each object teaches the anchor that fits its shape best, among all anchors of the
/// cfg, in the cell of its centre, if that anchor is in this head's `mask`; with `iou_thresh`
/// below 1 also the mask's other anchors that fit better than that:
///
///     objectness   m obj_normalizer (o - 1)
///     class        p - t             t = 1 for the object's class, 0 for the others
///     box          m iou_normalizer (2 - w h) (value - target)        iou_loss=mse
///                  m iou_normalizer slope of (1 - overlap)            iou, giou, diou, ciou
///
/// m is the class' weight (`counters_per_class`) or 1. Gradients are sums over the mini-batch,
/// taken by the activated values: no slope of the logistic is multiplied in. A second object on
/// the same prediction adds its box gradient in AlexeyAB's dialect and replaces the first one's in
/// pjreddie's.
struct AnchorLoss<Coding: AnchorBoxCoding> {
  let coding: Coding
  let dialect: Dialect

  private var options: YoloOptions { coding.options }
  private var grid: AnchorGrid { coding.grid }

  /// Fills the gradient; `statistics` says what was found.
  func report(
    _ pass: LossPass, statistics: (AnchorTally) -> LossStatistics
  ) -> LossReport? {
    guard case .boxes(let lists) = pass.truth else { return nil }
    var tallies = [AnchorTally](repeating: AnchorTally(), count: pass.batch)
    tallies.withUnsafeMutableBufferPointer { tallies in
      let tallies = tallies
      pass.context.run(pass.batch) { n in
        tallies[n] = learn(
          values: pass.output.image(n), gradient: pass.gradient.image(n),
          labels: n < lists.count ? lists[n] : [])
      }
    }
    var tally = tallies.reduce(into: AnchorTally()) { $0.add($1) }
    tally.batch = pass.batch
    tally.predictions = pass.batch * options.mask.count * grid.area
    var report = LossReport(
      cost: Float(tally.cost(options)), statistics: statistics(tally), notices: tally.notices)
    report.boxes = tally.boxes
    report.rewrittenBoxes = tally.rewrittenBoxes
    return report
  }

  /// One image.
  private func learn(
    values: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>, labels: [GroundTruth]
  ) -> AnchorTally {
    var tally = AnchorTally()
    let objects = TargetObject.read(
      labels, maximum: options.training.maximumBoxes, classes: options.classes,
      notices: &tally.notices, headClass: options.headClass)
    for (number, anchor) in options.mask.enumerated() {
      for row in 0..<grid.height {
        for column in 0..<grid.width {
          let base = grid.base(anchor: number, cell: row &* grid.width &+ column)
          let place = AnchorCell(column: column, row: row, anchor: options.anchors[anchor])
          learnBackground(values + base, gradient + base, place, objects, &tally)
        }
      }
    }
    for object in objects { learn(object, values, gradient, &tally) }
    if options.iouThreshold < 1 { averageSharedBoxes(gradient) }
    tally.addSquares(of: gradient, grid, anchors: options.mask.count)
    return tally
  }

  /// Weight of the object's class.
  private func weight(of object: TargetObject) -> Float {
    options.classWeights?[object.classIndex] ?? 1
  }

  // MARK: Background

  private func learnBackground(
    _ values: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
    _ place: AnchorCell, _ objects: [TargetObject], _ tally: inout AnchorTally
  ) {
    let plane = grid.objectness &* grid.area
    let objectness = values[plane]
    tally.anyObjectness += Double(objectness)
    var slope = options.objectnessNormalizer * objectness
    defer { gradient[plane] = slope }
    guard !objects.isEmpty else { return }

    let predicted = coding.box(values, at: place)
    var best: (iou: Float, object: Int) = (0, 0)
    for (number, object) in objects.enumerated() {
      let iou = Box.iou(predicted, object.box)
      if iou > best.iou { best = (iou, number) }
    }
    if best.iou > options.ignoreThreshold, mayIgnore(values) {
      slope =
        options.smoothsObjectness
        ? min(slope, options.objectnessNormalizer * (objectness - best.iou)) : 0
    }
    guard best.iou > options.truthThreshold else { return }
    let object = objects[best.object]
    let target = options.smoothsObjectness ? best.iou * best.iou : 1
    slope = options.objectnessNormalizer * (objectness - target)
    learnClass(object, values, gradient)
    if options.smoothsObjectness {
      let plane = grid.classPlane(object.classIndex) &* grid.area
      gradient[plane] = weight(of: object) * (values[plane] - target)
    }
    tally.boxes += 1
    learnBox(object, values, gradient, place, &tally)
  }

  /// Whether a prediction that covers an object need not be background.
  private func mayIgnore(_ values: UnsafePointer<Float>) -> Bool {
    if dialect == .pjreddie { return true }
    return (0..<options.classes).contains { values[grid.classPlane($0) &* grid.area] > 0.25 }
  }

  // MARK: Objects

  private func learn(
    _ object: TargetObject, _ values: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
    _ tally: inout AnchorTally
  ) {
    let (best, column, row) = place(of: object)
    learn(object, anchor: best, column: column, row: row, values, gradient, &tally)
    guard options.iouThreshold < 1 else { return }
    let shape = object.box.atOrigin
    for anchor in options.anchors.indices where anchor != best {
      let overlap = options.iouThresholdKind(anchorShape(options.anchors[anchor]), shape)
      if overlap > options.iouThreshold {
        learn(object, anchor: anchor, column: column, row: row, values, gradient, &tally)
      }
    }
  }

  /// The anchor, of all in the cfg, that fits the object's shape best, and the cell of its centre.
  func place(of object: TargetObject) -> (anchor: Int, column: Int, row: Int) {
    let point = coding.referencePoint(of: object.box)
    let shape = object.box.atOrigin
    var best: (iou: Float, anchor: Int) = (0, 0)
    for (number, anchor) in options.anchors.enumerated() {
      let iou = Box.iou(anchorShape(anchor), shape)
      if iou > best.iou { best = (iou, number) }
    }
    return (best.anchor, cellIndex(point.x, grid.width), cellIndex(point.y, grid.height))
  }

  private func cellIndex(_ position: Float, _ count: Int) -> Int {
    Int(max(0, min(position * Float(count), Float(count - 1))))
  }

  private func anchorShape(_ anchor: Anchor) -> Box {
    Box(
      x: 0, y: 0, width: anchor.width / coding.inputWidth,
      height: anchor.height / coding.inputHeight)
  }

  /// Teaches `anchor` in that cell, if it is this head's.
  private func learn(
    _ object: TargetObject, anchor: Int, column: Int, row: Int, _ values: UnsafePointer<Float>,
    _ gradient: UnsafeMutablePointer<Float>, _ tally: inout AnchorTally
  ) {
    guard let number = options.mask.firstIndex(of: anchor) else { return }
    let base = grid.base(anchor: number, cell: row * grid.width + column)
    let (values, gradient) = (values + base, gradient + base)
    let place = AnchorCell(column: column, row: row, anchor: options.anchors[anchor])
    let predicted = learnBox(object, values, gradient, place, &tally)

    let plane = grid.objectness * grid.area
    if !options.smoothsObjectness || gradient[plane] == 0 {
      gradient[plane] = weight(of: object) * options.objectnessNormalizer * (values[plane] - 1)
    }
    learnClass(object, values, gradient)
    tally.addObject(
      iou: Box.iou(predicted, object.box), giou: Box.giou(predicted, object.box),
      objectness: values[plane],
      probability: values[grid.classPlane(object.classIndex) * grid.area])
  }

  @discardableResult
  private func learnBox(
    _ object: TargetObject, _ values: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
    _ place: AnchorCell, _ tally: inout AnchorTally
  ) -> Box {
    if coding.isBoxTaken(gradient) {
      tally.rewrittenBoxes += 1
      if dialect == .pjreddie {
        for entry in 0..<4 { gradient[entry * grid.boxStride * grid.area] = 0 }
      }
    }
    return coding.addBoxGradient(
      values, at: place, truth: object.box, weight: options.iouNormalizer * weight(of: object),
      to: gradient)
  }

  /// Classes learn independently of each other, so that one prediction can have several.
  private func learnClass(
    _ object: TargetObject, _ values: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>
  ) {
    let area = grid.area
    let first = grid.classPlane(0) &* area
    let own = first &+ object.classIndex &* area
    let smoothing = options.labelSmoothing
    // Another object has taught this prediction before: only add the own class.
    let isTaken = dialect == .pjreddie ? gradient[first] != 0 : gradient[own] != 0
    if isTaken {
      let slope = values[own] - (1 - smoothing / 2)
      if slope.isFinite { gradient[own] = slope * weight(of: object) }
      return
    }
    if options.usesFocalLoss {
      let p = values[own] + 1e-15
      let factor = -0.5 * (1 - p) * (2 * p * log(p) + p - 1)
      for plane in stride(from: first, to: first &+ options.classes &* area, by: area) {
        gradient[plane] = (values[plane] - (plane == own ? 1 : 0)) * factor
      }
      return
    }
    for plane in stride(from: first, to: first &+ options.classes &* area, by: area) {
      let target = plane == own ? 1 - smoothing / 2 : smoothing / 2
      let slope = values[plane] - target
      if slope.isFinite { gradient[plane] = slope }
    }
    if options.classWeights != nil {
      gradient[own] *= weight(of: object) * options.classNormalizer
    }
  }

  /// A prediction that several objects have taught the same classes gets a mean of their boxes.
  private func averageSharedBoxes(_ gradient: UnsafeMutablePointer<Float>) {
    let area = grid.area
    for anchor in options.mask.indices {
      for cell in 0..<area {
        let own = gradient + grid.base(anchor: anchor, cell: cell)
        guard own[grid.objectness &* area] != 0 else { continue }
        let classes = (0..<options.classes).count { own[grid.classPlane($0) &* area] < 0 }
        guard classes > 1 else { continue }
        for entry in 0..<4 { own[entry &* grid.boxStride &* area] /= Float(classes) }
      }
    }
  }
}
