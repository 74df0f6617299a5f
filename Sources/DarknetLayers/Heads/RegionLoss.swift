import DarknetGeometry
import DarknetKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The loss of `[region]`: squared errors.
///
/// With o the objectness, p the classes, v the box' values (x and y after the logistic σ) and t
/// their targets, the gradients by the values before σ are
///
///     background    noobject_scale (o - 0) o'      none where a box covers an object by > thresh
///     object        object_scale (o - 1) o'        rescore=1: IoU instead of 1
///     x, y          coord_scale (v - t) v'
///     w, h          coord_scale (v - t)
///     class         class_scale (p - t)
///
/// with o' = o (1 - o). An object is taught to the anchor of its cell whose predicted shape
/// (`bias_match=1`: own shape) fits best. During the first 12800 images every prediction also
/// learns, with scale 0.01, the anchor in the middle of its cell. pjreddie's dialect multiplies
/// coord_scale by 2 - w h, and leaves o' and v' to the backward pass, so the cost is without them.
struct RegionLoss {
  let options: RegionOptions
  let grid: RegionGrid

  func report(_ pass: LossPass) -> LossReport? {
    guard case .boxes(let lists) = pass.truth else { return nil }
    // Darknet counts the mini-batch before it runs.
    let isYoung = pass.progress.seen + pass.batch < 12_800
    var tallies = [RegionTally](repeating: RegionTally(), count: pass.batch)
    tallies.withUnsafeMutableBufferPointer { tallies in
      let tallies = tallies
      pass.context.run(pass.batch) { n in
        var image = RegionImageLoss(
          options: options, grid: grid, values: pass.output.image(n),
          gradient: pass.gradient.image(n))
        image.learn(n < lists.count ? lists[n] : [], isYoung: isYoung)
        tallies[n] = image.tally
      }
    }
    let tally = tallies.reduce(into: RegionTally()) { $0.add($1) }
    return LossReport(
      cost: Float(tally.squares),
      statistics: .region(tally, predictions: pass.batch * grid.anchors.count * grid.area),
      notices: tally.notices)
  }
}

/// The loss of one image.
private struct RegionImageLoss {
  let options: RegionOptions
  let grid: RegionGrid
  let values: UnsafePointer<Float>
  let gradient: UnsafeMutablePointer<Float>
  var tally = RegionTally()

  init(
    options: RegionOptions, grid: RegionGrid, values: UnsafePointer<Float>,
    gradient: UnsafeMutablePointer<Float>
  ) {
    self.options = options
    self.grid = grid
    self.values = values
    self.gradient = gradient
  }

  /// One prediction: its values, its gradient in planes, and where it is.
  private struct Place {
    var values: UnsafePointer<Float>
    var gradient: UnsafeMutablePointer<Float>
    var anchor: Int
    var cell: Int
  }

  private var isOriginal: Bool { options.dialect == .pjreddie }

  /// The slope of the logistic, where the loss multiplies it in.
  private func logisticSlope(_ y: Float) -> Float { isOriginal ? 1 : y * (1 - y) }

  private func place(anchor: Int, cell: Int) -> Place {
    Place(
      values: values + grid.base(anchor: anchor, cell: cell),
      gradient: gradient + grid.planeBase(anchor: anchor, cell: cell), anchor: anchor,
      cell: cell)
  }

  private func objectness(_ place: Place) -> Float { place.values[4 &* grid.stride] }

  private func setObjectness(_ place: Place, _ slope: Float) {
    place.gradient[4 &* grid.area] = slope
  }

  private func box(_ place: Place) -> Box {
    grid.box(place.values, anchor: place.anchor, cell: place.cell)
  }

  mutating func learn(_ labels: [GroundTruth], isYoung: Bool) {
    if let label = wholeImageLabel(labels) {
      learnWholeImage(label)
    } else {
      let objects = TargetObject.read(
        labels, maximum: maximumBoxes, classes: options.classes, notices: &tally.notices,
        headClass: options.headClass)
      for anchor in 0..<grid.anchors.count {
        for cell in 0..<grid.area {
          learnBackground(place(anchor: anchor, cell: cell), objects, isYoung: isYoung)
        }
      }
      for object in objects { learn(object) }
    }
    let count = grid.anchors.count * grid.entries * grid.area
    tally.squares = Vector.dot(gradient, gradient, count: count)
  }

  /// pjreddie's program reads 30 at most, whatever `max` says.
  private var maximumBoxes: Int {
    isOriginal ? min(options.training.maximumBoxes, 30) : options.training.maximumBoxes
  }

  // MARK: Background

  private mutating func learnBackground(_ place: Place, _ objects: [TargetObject], isYoung: Bool) {
    let predicted = box(place)
    var best: (iou: Float, object: Int) = (0, 0)
    for (number, object) in objects.enumerated() {
      let iou = Box.iou(predicted, object.box)
      if iou > best.iou { best = (iou, number) }
    }
    let o = objectness(place)
    tally.anyObjectness += Double(o)
    var slope = options.noObjectScale * (o - (options.hasBackground ? 1 : 0)) * logisticSlope(o)
    if !isOriginal, options.classFix == -1 {
      slope = options.noObjectScale * (o - best.iou) * logisticSlope(o)
    } else if best.iou > options.threshold {
      slope = 0
      if !isOriginal, options.classFix > 0 {
        let scale = options.classScale * (options.classFix == 2 ? o : 1)
        learnClass(objects[best.object].classIndex, place, scale: scale)
      }
    }
    setObjectness(place, slope)
    guard isYoung else { return }
    var middle = grid.shape(place.anchor)
    middle.x = (Float(place.cell % grid.width) + 0.5) / Float(grid.width)
    middle.y = (Float(place.cell / grid.width) + 0.5) / Float(grid.height)
    learnBox(middle, place, scale: 0.01)
  }

  // MARK: Objects

  private mutating func learn(_ object: TargetObject) {
    let column = Int(min(object.box.x * Float(grid.width), Float(grid.width - 1)))
    let row = Int(min(object.box.y * Float(grid.height), Float(grid.height - 1)))
    let cell = row * grid.width + column
    var best: (iou: Float, anchor: Int) = (0, 0)
    for anchor in 0..<grid.anchors.count {
      let shape =
        options.matchesAnchors
        ? grid.shape(anchor) : box(place(anchor: anchor, cell: cell)).atOrigin
      let iou = Box.iou(shape, object.box.atOrigin)
      if iou > best.iou { best = (iou, anchor) }
    }
    let place = place(anchor: best.anchor, cell: cell)
    let iou = Box.iou(box(place), object.box)
    let area = object.box.width * object.box.height
    learnBox(
      object.box, place,
      scale: options.coordinateScale * (isOriginal ? 2 - area : 1))
    let o = objectness(place)
    let target = options.hasBackground ? 0 : options.rescores ? iou : 1
    setObjectness(place, options.objectScale * (o - target) * logisticSlope(o))
    learnClass(object.classIndex, place, scale: options.classScale)
    tally.count += 1
    tally.iou += Double(iou)
    tally.objectness += Double(o)
    if iou > 0.5 { tally.recall += 1 }
  }

  private func learnBox(_ truth: Box, _ place: Place, scale: Float) {
    let (values, gradient) = (place.values, place.gradient)
    let (stride, area) = (grid.stride, grid.area)
    let x = grid.offset(values[0])
    let y = grid.offset(values[stride])
    let anchor = grid.anchors[place.anchor]
    let (width, height) = (Float(grid.width), Float(grid.height))
    let targetX = truth.x * width - Float(place.cell % grid.width)
    let targetY = truth.y * height - Float(place.cell / grid.width)
    gradient[0] = scale * (x - targetX) * logisticSlope(x)
    gradient[area] = scale * (y - targetY) * logisticSlope(y)
    gradient[2 &* area] =
      scale * (values[2 &* stride] - log(truth.width * width / anchor.width))
    gradient[3 &* area] =
      scale * (values[3 &* stride] - log(truth.height * height / anchor.height))
  }

  // MARK: Classes

  private mutating func learnClass(_ classIndex: Int, _ place: Place, scale: Float) {
    let (stride, area) = (grid.stride, grid.area)
    let values = place.values + 5 &* stride
    let gradient = place.gradient + 5 &* area
    tally.classCount += 1
    if let tree = options.tree {
      tally.probability += Double(tree.probability(of: classIndex, values, stride: stride))
      learnPath(to: classIndex, of: tree, values, gradient, scale: scale)
      return
    }
    let own = values[classIndex &* stride]
    if isOriginal, !options.hasSoftmax, gradient[0] != 0 {
      gradient[classIndex &* area] = scale * (own - 1)
      return
    }
    tally.probability += Double(own)
    var factor = scale
    if options.usesFocalLoss {
      let p = own + 1e-15
      factor *= -0.5 * (1 - p) * (2 * p * log(p) + p - 1)
    }
    for c in 0..<options.classes {
      gradient[c &* area] = factor * (values[c &* stride] - (c == classIndex ? 1 : 0))
    }
  }

  /// On the way from a class to its root each node is distinguished from its siblings.
  private func learnPath(
    to classIndex: Int, of tree: ClassTree, _ values: UnsafePointer<Float>,
    _ gradient: UnsafeMutablePointer<Float>, scale: Float
  ) {
    var node = classIndex
    while node >= 0 {
      for sibling in tree.siblings(of: node) {
        let target: Float = sibling == node ? 1 : 0
        gradient[sibling &* grid.area] = scale * (values[sibling &* grid.stride] - target)
      }
      node = tree.parents[node]
    }
  }

  // MARK: Labels without a place

  /// The class of a picture of which nothing but the class is known: labels so marked have their
  /// centre far outside. Only trees can learn from them.
  private func wholeImageLabel(_ labels: [GroundTruth]) -> Int? {
    guard options.tree != nil else { return nil }
    let known = labels.prefix(maximumBoxes).prefix { $0.box.x != 0 }
    guard let label = known.first(where: { $0.box.x > 100_000 && $0.box.y > 100_000 }) else {
      return nil
    }
    return options.headClass(of: label.classIndex)
  }

  /// Teaches the class to the prediction that is surest of it.
  private mutating func learnWholeImage(_ classIndex: Int) {
    guard let tree = options.tree else { return }
    var best = place(anchor: 0, cell: 0)
    var highest: Float = 0
    for cell in 0..<grid.area {
      for anchor in 0..<grid.anchors.count {
        let place = place(anchor: anchor, cell: cell)
        let p =
          objectness(place)
          * tree.probability(
            of: classIndex, place.values + 5 &* grid.stride, stride: grid.stride)
        if p > highest { (highest, best) = (p, place) }
      }
    }
    learnClass(classIndex, best, scale: options.classScale)
  }
}

extension ClassTree {
  /// The group that `node` belongs to; groups follow one another without gaps.
  fileprivate func siblings(of node: Int) -> Range<Int> {
    var (low, high) = (0, groups.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if groups[middle].upperBound <= node { low = middle + 1 } else { high = middle }
    }
    return groups[low]
  }
}
