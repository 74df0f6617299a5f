import DarknetGeometry
import DarknetKernels
import DarknetTensors

/// The loss of `[detection]`: squared errors.
///
/// Every box learns that there is nothing (`noobject_scale`). In a cell with an object the classes
/// learn its class (`class_scale`), and one box learns the object: that of the best IoU, or of the
/// smallest distance of the four numbers while none overlaps.
///
///     objectness    object_scale (o - 1)           rescore=1: IoU instead of 1
///     x, y, w, h    coord_scale (v - t)            sqrt=1: w and h of the target by their roots
///
/// The truth of a cell is 1 if it has an object, a number for each class, x and y in the cell, w
/// and h in the picture: `Truth.values`. From `Truth.boxes` each cell takes the first object whose
/// centre it holds, as Darknet's loader does.
struct DetectionLoss {
  let options: DetectionOptions

  /// Values of the truth of a cell.
  private var cellCount: Int { 5 + options.classes }

  /// Values of the truth of an image.
  var truthCount: Int { options.cells * cellCount }

  func report(_ pass: LossPass) -> LossReport? {
    let truth: [Float]
    switch pass.truth {
    case .none: return nil
    case .boxes(let lists): truth = lists.prefix(pass.batch).flatMap { cellTruth($0) }
    case .values(let values, let perImage):
      guard perImage == truthCount else { return nil }
      truth = values
    }
    var tally = DetectionTally()
    let isYoung = options.isRandom && pass.progress.seen + pass.batch < 64_000
    var random = isYoung ? Random(seed: pass.forward.seed) : nil
    truth.withUnsafeBufferPointer { truth in
      guard let start = truth.baseAddress else { return }
      for n in 0..<min(pass.batch, truth.count / truthCount) {
        learn(
          pass.output.image(n), pass.gradient.image(n), truth: start + n * truthCount, &random,
          &tally)
      }
    }
    let squares = Vector.dot(
      pass.gradient.pointer, pass.gradient.pointer, count: pass.gradient.count)
    return LossReport(
      cost: Float(squares),
      statistics: .detection(
        tally, classes: options.classes,
        predictions: pass.batch * options.cells * options.boxes))
  }

  // MARK: One image

  private func learn(
    _ output: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
    truth: UnsafePointer<Float>, _ random: inout Random?, _ tally: inout DetectionTally
  ) {
    for cell in 0..<options.cells {
      for number in 0..<options.boxes {
        let index = options.objectnessIndex(cell, number)
        gradient[index] = options.noObjectScale * output[index]
        tally.anyObjectness += Double(output[index])
      }
      let truth = truth + cell * cellCount
      guard truth[0] != 0 else { continue }
      learnClasses(cell, output, gradient, truth: truth + 1, &tally)
      learnBox(cell, output, gradient, truth: truth + 1 + options.classes, &random, &tally)
    }
  }

  private func learnClasses(
    _ cell: Int, _ output: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
    truth: UnsafePointer<Float>, _ tally: inout DetectionTally
  ) {
    let start = cell * options.classes
    for c in 0..<options.classes {
      let score = output[start + c]
      gradient[start + c] = options.classScale * (score - truth[c])
      if truth[c] != 0 { tally.probability += Double(score) }
      tally.allProbabilities += Double(score)
    }
  }

  private func learnBox(
    _ cell: Int, _ output: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
    truth: UnsafePointer<Float>, _ random: inout Random?, _ tally: inout DetectionTally
  ) {
    let box = inPicture(Box(x: truth[0], y: truth[1], width: truth[2], height: truth[3]))
    var number = responsibleBox(cell, output, box)
    if options.isForced {
      number = box.area < 0.1 ? min(1, options.boxes - 1) : 0
    }
    if random != nil { number = random?.below(options.boxes) ?? number }

    let iou = Box.iou(inPicture(options.box(output, cell, number)), box)
    let index = options.objectnessIndex(cell, number)
    let target = options.rescores ? iou : 1
    gradient[index] = options.objectScale * (output[index] - target)
    let start = options.boxIndex(cell, number)
    for entry in 0..<4 {
      let isRoot = options.hasRoots && entry >= 2
      let target = isRoot ? truth[entry].squareRoot() : truth[entry]
      gradient[start + entry] = options.coordinateScale * (output[start + entry] - target)
    }
    tally.count += 1
    tally.iou += Double(iou)
    tally.objectness += Double(output[index])
  }

  /// With the centre's offset in the cell measured in the picture; the cell itself cancels out.
  private func inPicture(_ box: Box) -> Box {
    Box(
      x: box.x / Float(options.side), y: box.y / Float(options.side), width: box.width,
      height: box.height)
  }

  /// The box of the cell that is nearest to the truth.
  private func responsibleBox(
    _ cell: Int, _ output: UnsafePointer<Float>, _ truth: Box
  ) -> Int {
    var best = 0
    var highest: Float = 0
    var nearest: Float = 20
    for number in 0..<options.boxes {
      let predicted = inPicture(options.box(output, cell, number))
      let iou = Box.iou(predicted, truth)
      if highest > 0 || iou > 0 {
        if iou > highest { (highest, best) = (iou, number) }
      } else {
        let distance = Box.rmse(predicted, truth)
        if distance < nearest { (nearest, best) = (distance, number) }
      }
    }
    return best
  }

  /// The truth of every cell from a list of objects.
  private func cellTruth(_ labels: [GroundTruth]) -> [Float] {
    var truth = [Float](repeating: 0, count: options.cells * cellCount)
    let side = Float(options.side)
    for label in labels {
      let box = label.box
      guard (0...1).contains(box.x), (0...1).contains(box.y), box.width >= 0.005,
        box.height >= 0.005, box.width.isFinite, box.height.isFinite
      else { continue }
      let column = Int(min(box.x * side, side - 1))
      let row = Int(min(box.y * side, side - 1))
      let start = (row * options.side + column) * cellCount
      guard truth[start] == 0 else { continue }
      truth[start] = 1
      if (0..<options.classes).contains(label.classIndex) {
        truth[start + 1 + label.classIndex] = 1
      }
      let place = start + 1 + options.classes
      truth[place] = box.x * side - Float(column)
      truth[place + 1] = box.y * side - Float(row)
      truth[place + 2] = box.width
      truth[place + 3] = box.height
    }
    return truth
  }
}

/// What the loss of `[detection]` found: sums over objects, over all classes of their cells, and over
/// all boxes.
package struct DetectionTally: Sendable {
  package internal(set) var count = 0
  package internal(set) var iou = 0.0
  package internal(set) var probability = 0.0
  package internal(set) var allProbabilities = 0.0
  package internal(set) var objectness = 0.0
  package internal(set) var anyObjectness = 0.0
}
