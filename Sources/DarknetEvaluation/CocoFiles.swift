import DarknetText

/// A rectangle as COCO writes it: top left corner and size, in pixels.
package struct CocoBox: Hashable, Sendable {
  package var x: Double
  package var y: Double
  package var width: Double
  package var height: Double

  package init(x: Double, y: Double, width: Double, height: Double) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// What a box of pixels cannot reach. Beyond it areas and their sums would be infinite.
  fileprivate static let limit = 1e100

  /// Reads `[x, y, width, height]`.
  init(_ reader: inout JSONReader) throws(ConfigError) {
    let numbers = try reader.numbers(4)
    try Self.check(numbers, in: reader)
    self.init(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
  }

  fileprivate static func check(
    _ numbers: [Double], in reader: JSONReader
  ) throws(ConfigError) {
    guard numbers.allSatisfy({ abs($0) < limit }) else {
      throw reader.error("numbers of -1e100...1e100", found: "a larger one")
    }
  }

  package var area: Double { width * height }

  /// Intersection over union; over the box's own area if `truth` is a crowd, in which any number
  /// of objects may be.
  static func iou(_ box: CocoBox, _ truth: CocoBox, isCrowd: Bool) -> Double {
    let width = min(box.x + box.width, truth.x + truth.width) - max(box.x, truth.x)
    guard width > 0 else { return 0 }
    let height = min(box.y + box.height, truth.y + truth.height) - max(box.y, truth.y)
    guard height > 0 else { return 0 }
    let common = width * height
    return common / (isCrowd ? box.area : box.area + truth.area - common)
  }
}

/// Objects marked in pictures: the part of a COCO instances file that figures on boxes need.
package struct CocoDataset: Sendable {
  package struct Object: Hashable, Sendable {
    package var image: Int
    package var category: Int
    package var box: CocoBox
    /// Pixels of the object's outline, which decides whether it is small, medium or large.
    package var area: Double
    package var isCrowd: Bool

    package init(image: Int, category: Int, box: CocoBox, area: Double, isCrowd: Bool = false) {
      self.image = image
      self.category = category
      self.box = box
      self.area = area
      self.isCrowd = isCrowd
    }
  }

  /// Identities of the pictures, also of those without objects.
  package var images: [Int]
  package var categories: [Int]
  package var objects: [Object]

  package init(images: [Int], categories: [Int], objects: [Object]) {
    self.images = images
    self.categories = categories
    self.objects = objects
  }

  /// Reads an instances file.
  ///
  /// - Parameter file: its name, for messages.
  /// - Throws: if it is not JSON, or an image, a category or an annotation lacks its identity, or
  ///   an annotation its box. An annotation without `area` has its box's; without `iscrowd` it is
  ///   no crowd.
  package init(json bytes: UnsafeRawBufferPointer, file: String) throws(ConfigError) {
    var images: [Int] = []
    var categories: [Int] = []
    var objects: [Object] = []
    var reader = JSONReader(bytes, file: file)
    try reader.object { reader, key throws(ConfigError) in
      switch key {
      case "images": images = try Self.identities(&reader)
      case "categories": categories = try Self.identities(&reader)
      case "annotations":
        try reader.array { reader, _ throws(ConfigError) in
          objects.append(try Self.object(&reader))
        }
      default: try reader.skip()
      }
    }
    try reader.end()
    self.init(images: images, categories: categories, objects: objects)
  }

  private static func identities(_ reader: inout JSONReader) throws(ConfigError) -> [Int] {
    var result: [Int] = []
    try reader.array { reader, _ throws(ConfigError) in
      var identity: Int?
      try reader.object { reader, key throws(ConfigError) in
        if key == "id" { identity = try reader.integer() } else { try reader.skip() }
      }
      guard let identity else { throw reader.error("an 'id'", found: "none") }
      result.append(identity)
    }
    return result
  }

  private static func object(_ reader: inout JSONReader) throws(ConfigError) -> Object {
    var image: Int?
    var category: Int?
    var box: CocoBox?
    var area: Double?
    var isCrowd = false
    try reader.object { reader, key throws(ConfigError) in
      switch key {
      case "image_id": image = try reader.integer()
      case "category_id": category = try reader.integer()
      case "bbox": box = try CocoBox(&reader)
      case "area":
        let number = try reader.number()
        try CocoBox.check([number], in: reader)
        area = number
      case "iscrowd": isCrowd = try reader.flag()
      default: try reader.skip()
      }
    }
    guard let image, let category, let box else {
      throw reader.error("'image_id', 'category_id' and 'bbox'", found: "not all of them")
    }
    return Object(
      image: image, category: category, box: box, area: area ?? box.area, isCrowd: isCrowd)
  }
}

/// A box that a detector proposes: an entry of a COCO results file.
package struct CocoDetection: Hashable, Sendable {
  package var image: Int
  package var category: Int
  package var box: CocoBox
  package var score: Double

  package init(image: Int, category: Int, box: CocoBox, score: Double) {
    self.image = image
    self.category = category
    self.box = box
    self.score = score
  }

  /// Reads a results file: an array of objects with `image_id`, `category_id`, `bbox`, `score`.
  package static func list(
    json bytes: UnsafeRawBufferPointer, file: String
  ) throws(ConfigError) -> [CocoDetection] {
    var result: [CocoDetection] = []
    var reader = JSONReader(bytes, file: file)
    try reader.array { reader, _ throws(ConfigError) in
      var image: Int?
      var category: Int?
      var box: CocoBox?
      var score: Double?
      try reader.object { reader, key throws(ConfigError) in
        switch key {
        case "image_id": image = try reader.integer()
        case "category_id": category = try reader.integer()
        case "bbox": box = try CocoBox(&reader)
        case "score": score = try reader.number()
        default: try reader.skip()
        }
      }
      guard let image, let category, let box, let score else {
        throw reader.error(
          "'image_id', 'category_id', 'bbox' and 'score'", found: "not all of them")
      }
      result.append(
        CocoDetection(image: image, category: category, box: box, score: score))
    }
    try reader.end()
    return result
  }
}
