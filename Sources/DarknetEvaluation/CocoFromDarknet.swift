import DarknetGeometry

extension CocoDataset.Object {
  /// From an object of a Darknet label file, whose box is in parts of the picture.
  ///
  /// Labels have no outlines, so the area is the box's; COCO's own instances have smaller areas,
  /// and a few objects fall into another size class there.
  package init(_ truth: GroundTruth, image: Int, pictureWidth: Int, pictureHeight: Int) {
    let box = CocoBox(truth.box, pictureWidth: pictureWidth, pictureHeight: pictureHeight)
    self.init(image: image, category: truth.classIndex, box: box, area: box.area)
  }
}

extension CocoDetection {
  /// Every class of every detection that has a probability, boxes in parts of the picture and cut
  /// at its edges; the category is the class index.
  package static func list(
    _ detections: DetectionSet, image: Int, pictureWidth: Int, pictureHeight: Int
  ) -> [CocoDetection] {
    var result: [CocoDetection] = []
    for (index, box) in detections.boxes.enumerated() {
      let cut = Box(
        left: max(box.left, 0), top: max(box.top, 0), right: min(box.right, 1),
        bottom: min(box.bottom, 1))
      let rectangle = CocoBox(cut, pictureWidth: pictureWidth, pictureHeight: pictureHeight)
      detections.withProbabilities(index) { row in
        for number in row.indices where row[number] > 0 {
          result.append(
            CocoDetection(
              image: image, category: number, box: rectangle, score: Double(row[number])))
        }
      }
    }
    return result
  }
}

extension CocoBox {
  /// From a box in parts of the picture.
  package init(_ box: Box, pictureWidth: Int, pictureHeight: Int) {
    let (width, height) = (Double(pictureWidth), Double(pictureHeight))
    self.init(
      x: (Double(box.x) - Double(box.width) / 2) * width,
      y: (Double(box.y) - Double(box.height) / 2) * height, width: Double(box.width) * width,
      height: Double(box.height) * height)
  }
}
