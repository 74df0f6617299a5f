import DarknetConfig
import DarknetGeometry
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[region]`: the head of YOLOv2 and YOLO9000 (Redmon and Farhadi 2017).
///
/// The input [N, A (classes + 5), H, W] has for each of the A anchors the planes x, y, w, h,
/// objectness and one a class. A box, in parts of the network's input, with σ the logistic and the
/// anchor a in cells of the grid:
///
///     ((column + σ(x)) / W, (row + σ(y)) / H, e^w aw / W, e^h ah / H)
///
/// Classes are one softmax with `softmax=1`, one softmax a group of siblings with `tree=`.
/// The dialects' outputs differ, their boxes do not:
///
/// | | alexeyab | pjreddie |
/// |---|---|---|
/// | order | [N, H, W, A, classes + 5] | [N, A (classes + 5), H, W] |
/// | σ applied to | objectness | x, y, objectness, and classes without softmax or tree |
/// | order of boxes | cell by cell | anchor by anchor |
/// | objectness of a box | 1 | its own |
///
/// The loss is in `RegionLoss`. No parameters. Options: see `docs/cfg-options.md`.
///
/// - Throws: `ConfigError` if the input's channels are not A (classes + 5), or at an option that is
///   wrong.
package struct RegionLayer: LossLayer, DetectionHead {
  package static let sectionNames = ["region"]

  let options: RegionOptions
  package let sources: [Int]
  package let outputShape: Shape
  let grid: RegionGrid

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    self.options = try RegionOptions(&options, at: site)
    sources = [site.previousIndex]
    outputShape = site.inputShape
    grid = RegionGrid(
      width: outputShape.width, height: outputShape.height, anchors: self.options.anchors,
      entries: self.options.classes + 5, isPlanes: site.dialect == .pjreddie)
  }

  package var classes: Int { options.classes }
  package var boxesPerCell: Int? { options.anchors.count }
  package var boxEntries: Int? { 5 }
  package var kindNumber: Int { 27 }
  package var training: HeadTrainingOptions { options.training }

  package func anchors(networkWidth: Int, networkHeight: Int) -> [Anchor] {
    let (x, y) = (
      Float(networkWidth) / Float(grid.width), Float(networkHeight) / Float(grid.height)
    )
    return options.anchors.map { Anchor(width: $0.width * x, height: $0.height * y) }
  }

  package func suppression(threshold: Float) -> NonMaximumSuppression {
    NonMaximumSuppression(threshold: threshold)
  }

  // MARK: Forward and backward

  package func forward(_ pass: ForwardPass) {
    pass.context.run(pass.batch) { n in
      let (x, y) = (pass.input.image(n), pass.output.image(n))
      if grid.isPlanes {
        Vector.copy(x, to: y, count: outputShape.count)
        activatePlanes(y, pass.context.arithmetic)
      } else {
        for channel in 0..<outputShape.channels {
          let plane = x + channel &* grid.area
          for cell in 0..<grid.area {
            y[cell &* outputShape.channels &+ channel] = plane[cell]
          }
        }
      }
      activatePredictions(y, pass.context.arithmetic)
    }
  }

  private func activatePlanes(_ y: UnsafeMutablePointer<Float>, _ arithmetic: Arithmetic) {
    for anchor in 0..<grid.anchors.count {
      let planes = y + grid.base(anchor: anchor, cell: 0)
      Activation.logistic.apply(planes, 2 * grid.area, arithmetic)
      if !options.hasBackground {
        Activation.logistic.apply(planes + 4 * grid.area, grid.area, arithmetic)
      }
      if !options.hasSoftmax, options.tree == nil {
        Activation.logistic.apply(
          planes + 5 * grid.area, classes * grid.area, arithmetic)
      }
    }
  }

  private func activatePredictions(
    _ y: UnsafeMutablePointer<Float>, _ arithmetic: Arithmetic
  ) {
    let stride = grid.stride
    for anchor in 0..<grid.anchors.count {
      for cell in 0..<grid.area {
        let values = y + grid.base(anchor: anchor, cell: cell)
        let classValues = values + 5 &* stride
        if !grid.isPlanes { Activation.logistic.apply(values + 4, 1, arithmetic) }
        if let tree = options.tree {
          tree.softmax(classValues, to: classValues, stride: stride)
        } else if options.hasSoftmax {
          let first = options.hasBackground ? values + 4 &* stride : classValues
          Softmax.apply(
            first, to: first, count: classes + (options.hasBackground ? 1 : 0), stride: stride)
        }
      }
    }
  }

  /// dx += dy. In pjreddie's dialect the loss leaves the slope of the logistic of x, y and the
  /// objectness to this pass. (On CPUs the reference lacks it; its GPU code has it.)
  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    let dy = pass.outputGradient
    if grid.isPlanes {
      for n in 0..<pass.batch {
        for anchor in 0..<grid.anchors.count {
          let base = grid.base(anchor: anchor, cell: 0)
          let (slopes, values) = (dy.image(n) + base, pass.output.image(n) + base)
          Activation.logistic.scaleBySlope(
            slopes, output: values, savedInput: nil, 2 * grid.area)
          guard !options.hasBackground else { continue }
          Activation.logistic.scaleBySlope(
            slopes + 4 * grid.area, output: values + 4 * grid.area, savedInput: nil,
            grid.area)
        }
      }
    }
    Vector.add(dy.pointer, to: dx.pointer, count: dx.count)
  }

  package func loss(_ pass: LossPass) -> LossReport? {
    RegionLoss(options: options, grid: grid).report(pass)
  }

  package var tableRow: TableRow { .region }
}

// MARK: - Boxes

extension RegionLayer {
  package func decode(
    _ output: UnsafePointer<Float>, networkWidth: Int, networkHeight: Int, threshold: Float,
    hierarchyThreshold: Float, into detections: inout DetectionSet
  ) {
    var row = [Float](repeating: 0, count: classes)
    func append(anchor: Int, cell: Int) {
      let values = output + grid.base(anchor: anchor, cell: cell)
      let objectness = readScores(
        values, threshold: threshold, hierarchyThreshold: hierarchyThreshold, into: &row)
      detections.append(
        grid.box(values, anchor: anchor, cell: cell), objectness: objectness
      ) { scores in
        for c in 0..<min(classes, scores.count) { scores[c] = row[c] }
      }
    }
    if grid.isPlanes {
      for anchor in 0..<grid.anchors.count {
        for cell in 0..<grid.area { append(anchor: anchor, cell: cell) }
      }
    } else {
      for cell in 0..<grid.area {
        for anchor in 0..<grid.anchors.count { append(anchor: anchor, cell: cell) }
      }
    }
  }

  /// Fills `scores` with the probability of each class, and returns the objectness.
  private func readScores(
    _ values: UnsafePointer<Float>, threshold: Float, hierarchyThreshold: Float,
    into scores: inout [Float]
  ) -> Float {
    let stride = grid.stride
    var certainty = options.hasBackground ? 1 : values[4 &* stride]
    if !grid.isPlanes, options.classFix == -1, certainty < 0.5 { certainty = 0 }
    for c in 0..<classes { scores[c] = values[(5 &+ c) &* stride] }
    if let tree = options.tree {
      scores.withUnsafeMutableBufferPointer { scores in
        guard let p = scores.baseAddress else { return }
        tree.multiplyAlongPaths(p, onlyLeaves: false)
        chooseNode(
          of: tree, p, certainty: certainty, threshold: threshold,
          hierarchyThreshold: hierarchyThreshold)
      }
    } else {
      for c in 0..<classes {
        let probability = certainty * scores[c]
        scores[c] = probability > threshold ? probability : 0
      }
    }
    guard grid.isPlanes else { return 1 }
    return certainty > threshold ? certainty : 0
  }

  /// Leaves one class of the tree, given the absolute probabilities of all: the last in the file's
  /// order whose probability is above 0.5, with that, in AlexeyAB's dialect; the one at the end of
  /// the likeliest path, with the objectness, in pjreddie's.
  private func chooseNode(
    of tree: ClassTree, _ p: UnsafeMutablePointer<Float>, certainty: Float, threshold: Float,
    hierarchyThreshold: Float
  ) {
    let chosen: Int?
    let score: Float
    if grid.isPlanes {
      // The path multiplies what has been multiplied already: so does the reference.
      chosen = tree.best(p, threshold: hierarchyThreshold)
      score = certainty
    } else {
      chosen = (0..<classes).last { p[$0] > 0.5 }
      score = chosen.map { p[$0] } ?? 0
    }
    p.update(repeating: 0, count: classes)
    if let chosen, certainty > threshold { p[chosen] = score }
  }
}
