import DarknetGeometry
import DarknetText

/// What `detector valid` writes, by the value of `eval` in the data file.
package enum ResultsFormat: String, CaseIterable, Sendable {
  case voc, coco, imagenet, bdd, kitti

  /// The file's name without folder and extension where `-out` does not give another.
  package var defaultName: String {
    switch self {
    case .voc: "comp4_det_test_"
    case .coco: "coco_results"
    case .imagenet: "imagenet-detection"
    case .bdd: "bdd_results"
    case .kitti: "kitti_results"
    }
  }
}

/// A picture whose detections are written: the name it came under, and its size.
package struct ResultsPicture: Sendable {
  package var path: String
  package var width: Int
  package var height: Int

  package init(path: String, width: Int, height: Int) {
    self.path = path
    self.width = width
    self.height = height
  }

  /// The last part of the path.
  package var baseName: Substring { path.split(separator: "/").last ?? "" }

  /// The base name up to its first dot: how VOC and KITTI name pictures.
  package var identity: String { String(baseName.prefix { $0 != "." }) }

  /// The number that COCO knows the picture by: the digits after the last `_` of its base name,
  /// as in `COCO_val2014_000000000042.jpg`, or else those that the base name begins with; nil if
  /// there are none.
  ///
  /// (pjreddie looks for `_` in the folders too, AlexeyAB only at the beginning of the base name;
  /// both take 0 for none.)
  package var cocoIdentity: Int? {
    func number(_ text: Substring) -> Int? { Int(text.prefix { ("0"..."9").contains($0) }) }
    let name = baseName
    let tail = name.lastIndex(of: "_").flatMap { number(name[name.index(after: $0)...]) }
    return tail ?? number(name)
  }
}

/// Lines of results, byte for byte Darknet's.
///
/// All take detections in *pixels* of the picture, in the order that suppression left, and write
/// every class of a detection whose probability is not 0. Boxes with numbers that are not finite
/// are left out.
package enum ResultsWriter {
  /// COCO's categories, in the order of Darknet's names: 80 of its identities 1...90.
  package static let cocoCategories: [Int] = {
    let missing: Set = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
    return (1...90).filter { !missing.contains($0) }
  }()

  /// A class' category; classes past COCO's 80 continue after its last category.
  package static func cocoCategory(ofClass number: Int) -> Int {
    let known = cocoCategories
    return number < known.count ? known[number] : 91 + number - known.count
  }

  /// `number class score xmin ymin xmax ymax`, pictures and classes counted from 1.
  ///
  /// - Parameter number: place of the picture in the list, from 1.
  package static func imagenet(
    _ detections: DetectionSet, picture: ResultsPicture, number: Int, to text: inout TextBuffer
  ) {
    forEach(detections, in: picture) { index, probability, edges in
      text.append(number)
      text.append(" ")
      text.append(index + 1)
      text.append(" ")
      text.append(probability)
      edges.append(to: &text, separator: " ", leading: true)
      text.append("\n")
    }
  }

  /// `id score xmin ymin xmax ymax` with pixels counted from 1, a text a class.
  ///
  /// - Parameter texts: a buffer a class.
  package static func voc(
    _ detections: DetectionSet, picture: ResultsPicture, to texts: inout [TextBuffer]
  ) {
    let identity = picture.identity
    forEach(detections, in: picture, firstPixel: 1) { index, probability, edges in
      texts[index].append(identity)
      texts[index].append(" ")
      texts[index].append(probability)
      edges.append(to: &texts[index], separator: " ", leading: true)
      texts[index].append("\n")
    }
  }

  /// The three classes that AlexeyAB writes for KITTI.
  package static let kittiClasses = ["car", "pedestrian", "cyclist"]

  /// The content of a picture's file in KITTI's object format, whose unknown columns are filled
  /// with its marks for "not there".
  ///
  /// - Parameter names: for classes beyond `kittiClasses`.
  package static func kitti(
    _ detections: DetectionSet, picture: ResultsPicture, names: [String], to text: inout TextBuffer
  ) {
    forEach(detections, in: picture) { index, probability, edges in
      text.append(name(index, kittiClasses, names))
      text.append(" -1 -1 -10")
      edges.append(to: &text, separator: " ", leading: true)
      text.append(" -1 -1 -1 -1000 -1000 -1000 -10 ")
      text.append(probability)
      text.append("\n")
    }
  }

  fileprivate static func name(_ index: Int, _ known: [String], _ names: [String]) -> String {
    if known.indices.contains(index) { return known[index] }
    return names.indices.contains(index) ? names[index] : "\(index)"
  }

  /// Calls `body` for every class of every detection that has a probability.
  ///
  /// - Parameter firstPixel: the number of the first column and row, to which edges are moved and
  ///   at which they are cut; the last is the picture's width or height.
  fileprivate static func forEach(
    _ detections: DetectionSet, in picture: ResultsPicture, firstPixel: Double = 0,
    _ body: (_ class: Int, _ probability: Float, Edges) -> Void
  ) {
    for (index, box) in detections.boxes.enumerated() {
      guard let edges = Edges(box, in: picture, firstPixel: firstPixel) else { continue }
      detections.withProbabilities(index) { row in
        for number in row.indices where row[number] > 0 { body(number, row[number], edges) }
      }
    }
  }

  /// A box by its edges, cut at those of the picture. As in Darknet the halves are taken in
  /// double, and the results kept in float32.
  fileprivate struct Edges {
    var left: Float
    var top: Float
    var right: Float
    var bottom: Float

    init?(_ box: Box, in picture: ResultsPicture, firstPixel: Double) {
      let (x, y) = (Double(box.x), Double(box.y))
      let (halfWidth, halfHeight) = (Double(box.width) / 2, Double(box.height) / 2)
      guard (x + y + halfWidth + halfHeight).isFinite else { return nil }
      left = max(Float(x - halfWidth + firstPixel), Float(firstPixel))
      top = max(Float(y - halfHeight + firstPixel), Float(firstPixel))
      right = min(Float(x + halfWidth + firstPixel), Float(picture.width))
      bottom = min(Float(y + halfHeight + firstPixel), Float(picture.height))
    }

    func append(to text: inout TextBuffer, separator: StaticString, leading: Bool) {
      for (index, value) in [left, top, right, bottom].enumerated() {
        if leading || index > 0 { text.append(separator) }
        text.append(value)
      }
    }
  }
}

/// A results file that is one JSON array: COCO's or BDD100K's. Its text comes in pieces, so that
/// it need not be in memory as a whole.
package struct JSONResultsWriter: Sendable {
  /// The ten classes of BDD100K, in AlexeyAB's order.
  package static let bddClasses = [
    "bike", "bus", "car", "motor", "person", "rider", "traffic light", "traffic sign", "train",
    "truck",
  ]

  private var isFirst = true

  package init() {}

  /// Adds a picture to COCO's results.
  ///
  /// - Parameter identity: see `ResultsPicture.cocoIdentity`.
  package mutating func coco(
    _ detections: DetectionSet, picture: ResultsPicture, identity: Int, to text: inout TextBuffer
  ) {
    ResultsWriter.forEach(detections, in: picture) { index, probability, edges in
      separate(&text)
      text.append("{\"image_id\":")
      text.append(identity)
      text.append(", \"category_id\":")
      text.append(ResultsWriter.cocoCategory(ofClass: index))
      text.append(", \"bbox\":[")
      text.append(edges.left)
      text.append(", ")
      text.append(edges.top)
      text.append(", ")
      text.append(edges.right - edges.left)
      text.append(", ")
      text.append(edges.bottom - edges.top)
      text.append("], \"score\":")
      text.append(probability)
      text.append("}")
    }
  }

  /// Adds a picture to BDD100K's results, under its base name without `.jpg`.
  ///
  /// - Parameter names: for classes beyond `bddClasses`.
  package mutating func bdd(
    _ detections: DetectionSet, picture: ResultsPicture, names: [String], to text: inout TextBuffer
  ) {
    let base = picture.baseName
    let identity = String(base.hasSuffix(".jpg") ? base.dropLast(4) : base).jsonEscaped
    ResultsWriter.forEach(detections, in: picture) { index, probability, edges in
      separate(&text)
      text.append("\t{\n\t\t\"name\":\"")
      text.append(identity)
      text.append("\",\n\t\t\"category\":\"")
      text.append(ResultsWriter.name(index, Self.bddClasses, names).jsonEscaped)
      text.append("\",\n\t\t\"bbox\":[")
      edges.append(to: &text, separator: ", ", leading: false)
      text.append("],\n\t\t\"score\":")
      text.append(probability)
      text.append("\n\t}")
    }
  }

  /// Ends the file; one without detections is an empty array.
  package func finish(_ text: inout TextBuffer) {
    text.append(isFirst ? "[\n]\n" : "\n]\n")
  }

  private mutating func separate(_ text: inout TextBuffer) {
    text.append(isFirst ? "[\n" : ",\n")
    isFirst = false
  }
}
