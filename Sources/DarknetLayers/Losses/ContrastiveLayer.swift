import DarknetConfig
import DarknetGeometry
import DarknetKernels
import DarknetTensors
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `[contrastive]`: teaches descriptions of objects to agree for the same object and to differ for
/// others (supervised contrastive learning, Khosla et al. 2020).
///
/// The input [N, A E, H, W] describes the predictions of a `[yolo]` layer with A anchors: the
/// prediction of anchor a in a cell has the E values of the planes a E..<(a + 1) E there. Those
/// that an object of the mini-batch belongs to, in `yolo_layer`'s eyes, are compared with those of
/// the same class and time step. For the description z_i of an object with track number t_i, with
/// s_ij the cosine of z_i and z_j and T the temperature:
///
///     p_ij = e^(s_ij / T) / sum over k, not i or j, of e^(s_kj / T), 0.9999 where above 1
///     m    = cls_normalizer / ((n_i - 1) T |z_i|)       n_i: descriptions with the track t_i
///     dz_i = m (sum over positives j of (s_ij z_i - z_j) (1 - p_ij)
///               + sum over negatives k of (z_k - s_ik z_i) p_ik)
///
/// Positives have the same track; the negatives are counted once for each positive, and only the
/// first `contrastive_neg_max` of them. dz stays within ±`max_delta`. The cost is the sum of its
/// squares. The output is zeros: there is only the loss.
///
/// Options: `yolo_layer` (required), `temperature`, `cls_normalizer`, `max_delta`,
/// `contrastive_neg_max` (default 3), `classes` (the `[yolo]` layer's count instead). Darknet's
/// variant for classifiers, which lacks `yolo_layer`, cannot be built there either: it crashes.
///
/// - Throws: `ConfigError` if `yolo_layer` is no `[yolo]` layer, or one without an
///   `embedding_layer` of this input's size.
package struct ContrastiveLayer: LossLayer {
  package static let sectionNames = ["contrastive"]

  package let outputShape: Shape
  package let sources: [Int]
  private let head: YoloLayer
  /// E
  private let embeddingCount: Int
  private let temperature: Float
  private let normalizer: Float
  private let maximumGradient: Float
  private let maximumNegatives: Int
  private let timeSteps: Int
  private let batch: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    _ = try options.int("classes", default: 1000, loud: true)
    head = try Self.readHead(&options, at: site)
    let x = site.inputShape
    let anchors = head.options.mask.count
    guard x.width == head.outputShape.width, x.height == head.outputShape.height,
      x.channels % anchors == 0
    else {
      throw options.error(
        "yolo_layer",
        expected: "a [yolo] layer of \(x.width)x\(x.height) whose anchors divide the "
          + "\(x.channels) channels",
        found: "\(head.outputShape.width)x\(head.outputShape.height) with \(anchors) anchors",
        fix: "route the layer here that the [yolo] layer names as its embedding_layer")
    }
    embeddingCount = x.channels / anchors
    try Self.check(embeddingCount, of: head, options, at: site)
    temperature = try options.float("temperature", default: 1)
    guard temperature > 0 else {
      throw options.error(
        "temperature", expected: "a number above 0", found: "\(general(Double(temperature)))",
        fix: "change it or drop the line")
    }
    normalizer = try options.float("cls_normalizer", default: 1)
    maximumGradient = try options.float("max_delta", default: .greatestFiniteMagnitude)
    maximumNegatives = max(try options.int("contrastive_neg_max", default: 3), 1)
    timeSteps = site.timeSteps
    batch = site.miniBatch * site.timeSteps
    outputShape = x
    sources = [site.previousIndex]
  }

  private static func readHead(
    _ options: inout OptionReader, at site: LayerSite
  ) throws(ConfigError) -> YoloLayer {
    guard options.has("yolo_layer") else {
      throw options.error(
        "yolo_layer", expected: "'yolo_layer=' with the index of a [yolo] layer",
        found: "no such option", fix: "add it; without one there are no objects to compare")
    }
    let index = try options.layerIndex("yolo_layer", before: site)
    guard let head = site.previous[index] as? YoloLayer else {
      throw options.error(
        "yolo_layer", expected: "a [yolo] layer",
        found: "layer \(index) [\(type(of: site.previous[index]).name)]", fix: "name another")
    }
    return head
  }

  /// The head's descriptions must be the ones that are taught here.
  private static func check(
    _ embeddingCount: Int, of head: YoloLayer, _ options: OptionReader, at site: LayerSite
  ) throws(ConfigError) {
    let anchors = head.options.mask.count
    var found = "none"
    if let given = head.options.embeddingLayer {
      let index = given < 0 ? head.index + given : given
      if site.previous.indices.contains(index) {
        let size = site.previous[index].outputShape.channels / anchors
        if size == embeddingCount { return }
        found = "layer \(index) with \(size)"
      } else {
        found = "no layer \(index)"
      }
    }
    throw options.error(
      "yolo_layer",
      expected: "a [yolo] layer whose embedding_layer has \(embeddingCount) values a prediction",
      found: found, fix: "set embedding_layer= there to the layer that this one reads")
  }

  package func forward(_ pass: ForwardPass) {
    Vector.fill(pass.output.pointer, with: 0, count: pass.output.count)
  }

  /// dx += dy: the loss' gradient is that of the input already.
  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    Vector.add(pass.outputGradient.pointer, to: dx.pointer, count: dx.count)
  }

  package var tableRow: TableRow {
    .contrastive(
      shape: outputShape, anchors: head.options.mask.count, values: embeddingCount, batch: batch,
      classes: head.classes)
  }
}

// MARK: - Loss

extension ContrastiveLayer {
  /// The description of one object.
  private struct Description {
    var classIndex: Int
    var track: Int
    var timeStep: Int
    /// Its first value in the input and in the gradient; the others are an area apart each.
    var offset: Int
    var z: [Float]
    var length: Float = 0
    /// Sum of e^(s / T) over all others of its class and time step, and how many they are.
    var similarity = 0.0
    var rivals = 0
  }

  package func loss(_ pass: LossPass) -> LossReport? {
    guard case .boxes(let labels) = pass.truth else { return nil }
    var objects = describe(labels, pass)
    let accuracy = compare(&objects)
    let tracks = Dictionary(objects.map { ($0.track, 1) }, uniquingKeysWith: +)
    for i in objects.indices {
      let same = tracks[objects[i].track] ?? 0
      guard same > 1, objects[i].length > 0 else { continue }
      let scale = normalizer / (Float(same - 1) * temperature * objects[i].length)
      teach(i, objects, scale: scale, pass.gradient.pointer)
    }
    var cost = 0.0
    for value in pass.gradient.values { cost += Double(value) * Double(value) }
    return LossReport(
      cost: Float(cost),
      statistics: .contrastive(compared: accuracy.compared, good: accuracy.good, cost: cost))
  }

  /// The objects of one image by the prediction that each of them teaches first in `yolo_layer`:
  /// anchor * area + cell. If two share one, the later label has it.
  private func owners(of labels: [GroundTruth]) -> [Int: TargetObject] {
    let options = head.options
    var unused: [String] = []
    let objects = TargetObject.read(
      labels, maximum: options.training.maximumBoxes, classes: options.classes,
      notices: &unused, headClass: options.headClass)
    let rule = AnchorLoss(coding: head.coding, dialect: head.dialect)
    var owners: [Int: TargetObject] = [:]
    for object in objects {
      let place = rule.place(of: object)
      guard let number = options.mask.firstIndex(of: place.anchor) else { continue }
      let cell = place.row * outputShape.width + place.column
      owners[number * outputShape.area + cell] = object
    }
    return owners
  }

  /// The objects' descriptions in the order of the input: image, anchor, cell.
  private func describe(_ labels: [[GroundTruth]], _ pass: LossPass) -> [Description] {
    let x = pass.forward.input
    let streams = max(pass.batch / timeSteps, 1)
    let area = outputShape.area
    var objects: [Description] = []
    for n in 0..<min(pass.batch, labels.count) {
      let owners = owners(of: labels[n]).sorted { $0.key < $1.key }
      for (prediction, object) in owners where object.trackID >= 0 {
        let (anchor, cell) = prediction.quotientAndRemainder(dividingBy: area)
        let offset = n * outputShape.count + anchor * embeddingCount * area + cell
        let z = (0..<embeddingCount).map { x.pointer[offset + $0 * area] }
        let length = z.reduce(0) { $0 + $1 * $1 }.squareRoot()
        objects.append(
          Description(
            classIndex: object.classIndex, track: object.trackID, timeStep: n / streams,
            offset: offset, z: z, length: length))
      }
    }
    return objects
  }

  /// Whether two descriptions are compared.
  private func areRivals(_ a: Description, _ b: Description) -> Bool {
    a.classIndex == b.classIndex && a.timeStep == b.timeStep
  }

  private func cosine(_ a: Description, _ b: Description) -> Float {
    let product = a.length * b.length
    guard product > 0 else { return 0 }
    return Float(Vector.dot(a.z, b.z, count: embeddingCount)) / product
  }

  /// How often an object's nearest neighbour is itself in another picture.
  private struct Accuracy {
    var compared = 0
    var good = 0
  }

  /// Fills in what each object's comparisons sum up to.
  private func compare(_ objects: inout [Description]) -> Accuracy {
    var accuracy = Accuracy()
    for i in objects.indices {
      var (nearestSame, nearestOther): (Float?, Float?)
      for j in objects.indices where i != j && areRivals(objects[i], objects[j]) {
        let s = cosine(objects[i], objects[j])
        objects[i].similarity += exp(Double(s / temperature))
        objects[i].rivals += 1
        if objects[i].track == objects[j].track {
          nearestSame = max(nearestSame ?? s, s)
        } else {
          nearestOther = max(nearestOther ?? s, s)
        }
      }
      if let nearestSame, let nearestOther {
        accuracy.compared += 1
        if nearestOther < nearestSame { accuracy.good += 1 }
      }
    }
    return accuracy
  }

  /// p_ij, with the s_ij that it is made of.
  private func probability(_ s: Float, _ j: Description) -> Float {
    let almostOne: Float = 0.9999
    let own = exp(Double(s / temperature))
    // Nobody but i has been compared with j.
    guard j.rivals > 1 else { return almostOne }
    let p = own / (j.similarity - own)
    return p <= 1 ? Float(p) : almostOne
  }

  /// Writes dz_i.
  private func teach(
    _ i: Int, _ objects: [Description], scale: Float, _ gradient: UnsafeMutablePointer<Float>
  ) {
    let own = objects[i]
    var slope = [Float](repeating: 0, count: embeddingCount)
    /// slope += a z_i + b z
    func add(_ a: Float, _ b: Float, _ z: [Float]) {
      for e in slope.indices { slope[e] += a * own.z[e] + b * z[e] }
    }
    var negatives = 0
    for j in objects.indices where j != i && objects[j].track == own.track {
      let positive = objects[j]
      if areRivals(own, positive) {
        let s = cosine(own, positive)
        let rest = scale * (1 - probability(s, positive))
        add(s * rest, -rest, positive.z)
      }
      for k in objects.indices where negatives < maximumNegatives {
        let negative = objects[k]
        guard negative.track != own.track, negative.classIndex == positive.classIndex,
          areRivals(own, negative)
        else { continue }
        let s = cosine(own, negative)
        let p = scale * probability(s, negative)
        add(-s * p, p, negative.z)
        negatives += 1
      }
    }
    let limit = abs(maximumGradient)
    for e in slope.indices where slope[e].isFinite {
      gradient[own.offset + e * outputShape.area] = min(max(slope[e], -limit), limit)
    }
  }
}
