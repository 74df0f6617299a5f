import DarknetGeometry

/// What the labels of a data set hold: how many objects of each class, and of what sizes.
package struct LabelStatistics: Sendable {
  package struct ClassCounts: Hashable, Sendable {
    package var objects = 0
    /// Pictures with at least one object of the class.
    package var pictures = 0
    /// Objects by COCO's sizes, in pixels of the picture: below 32 x 32, below 96 x 96, larger.
    package var small = 0
    package var medium = 0
    package var large = 0
    /// Sums over the objects, in parts of the picture.
    package var widthSum = 0.0
    package var heightSum = 0.0

    package var averageWidth: Double { objects > 0 ? widthSum / Double(objects) : 0 }
    package var averageHeight: Double { objects > 0 ? heightSum / Double(objects) : 0 }
  }

  package private(set) var classes: [ClassCounts]
  package private(set) var pictures = 0
  package private(set) var picturesWithoutObjects = 0
  package private(set) var mostObjects = 0
  /// Objects of classes that the network does not have.
  package private(set) var unknownClasses = 0
  /// Objects by the side of the square of their area, in 1/50 of the picture's: bin i is
  /// i/50 ..< (i+1)/50, the last also takes what is larger.
  package private(set) var sideHistogram = [Int](repeating: 0, count: 50)

  package init(classCount: Int) {
    classes = Array(repeating: ClassCounts(), count: classCount)
  }

  package var objects: Int { classes.reduce(0) { $0 + $1.objects } }

  /// Counts a picture in.
  package mutating func add(_ truths: [GroundTruth], pictureWidth: Int, pictureHeight: Int) {
    pictures += 1
    if truths.isEmpty { picturesWithoutObjects += 1 }
    mostObjects = max(mostObjects, truths.count)
    var seen = Set<Int>()
    for truth in truths {
      guard classes.indices.contains(truth.classIndex) else {
        unknownClasses += 1
        continue
      }
      let part = Double(truth.box.area)
      let area = part * Double(pictureWidth) * Double(pictureHeight)
      seen.insert(truth.classIndex)
      classes[truth.classIndex].objects += 1
      classes[truth.classIndex].widthSum += Double(truth.box.width)
      classes[truth.classIndex].heightSum += Double(truth.box.height)
      switch area {
      case ..<1024: classes[truth.classIndex].small += 1
      case ..<9216: classes[truth.classIndex].medium += 1
      default: classes[truth.classIndex].large += 1
      }
      // A box from a file can have any numbers.
      let bin = (part > 0 ? part.squareRoot() : 0) * 50
      sideHistogram[bin < 49 ? Int(bin) : 49] += 1
    }
    for number in seen { classes[number].pictures += 1 }
  }

  /// What `calc_anchors` prints and writes to `counters_per_class.txt`.
  package var countersText: String {
    "counters_per_class = " + classes.map { "\($0.objects)" }.joined(separator: ", ")
  }
}
