import DarknetGeometry

/// An object that a `Detector` found in a picture.
public struct DetectedObject: Hashable, Sendable, CustomStringConvertible {
  /// Where it is, in pixels of the upright picture. It may extend beyond the picture.
  public var box: PixelRect
  /// The number of its class, from 0.
  public var classIndex: Int
  /// The name of its class, or the number if the detector has no names.
  public var name: String
  /// The probability that such an object is there, 0...1.
  public var confidence: Float

  /// For those who have boxes from elsewhere.
  public init(box: PixelRect, classIndex: Int, name: String, confidence: Float) {
    self.box = box
    self.classIndex = classIndex
    self.name = name
    self.confidence = confidence
  }

  /// `dog 81% at 124,220 258x298`.
  public var description: String {
    "\(name) \(Int((confidence * 100).rounded()))% at \(box)"
  }
}

/// A rectangle in pixels, (0, 0) being the upper left corner of the picture.
public struct PixelRect: Hashable, Sendable, CustomStringConvertible {
  /// Left edge.
  public var x: Float
  /// Upper edge.
  public var y: Float
  /// Right edge minus left edge.
  public var width: Float
  /// Lower edge minus upper edge.
  public var height: Float

  /// From the upper left corner and the size.
  public init(x: Float, y: Float, width: Float, height: Float) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// A box in parts of a picture, in its pixels.
  init(_ box: Box, width: Int, height: Int) {
    let (w, h) = (Float(width), Float(height))
    self.init(x: box.left * w, y: box.top * h, width: box.width * w, height: box.height * h)
  }

  /// What of it lies in a picture of this size; of width or height 0 if nothing does.
  public func clipped(width: Int, height: Int) -> PixelRect {
    func inside(_ value: Float, _ limit: Int) -> Float { min(max(value, 0), Float(limit)) }
    let (left, top) = (inside(x, width), inside(y, height))
    return PixelRect(
      x: left, y: top, width: inside(x + self.width, width) - left,
      height: inside(y + self.height, height) - top)
  }

  /// `124,220 258x298`, rounded to pixels.
  public var description: String {
    func whole(_ value: Float) -> String {
      Int(exactly: value.rounded()).map(String.init) ?? "\(value)"
    }
    return "\(whole(x)),\(whole(y)) \(whole(width))x\(whole(height))"
  }
}

extension DetectionSet {
  /// One object for each box and class above a threshold, the most probable first; of equals the
  /// one that the heads gave first.
  ///
  /// - Parameters:
  ///   - names: one a class.
  ///   - width: of the picture, in pixels; boxes are in parts of it.
  ///   - height: of the picture, in pixels.
  func objects(
    above threshold: Float, names: [String], width: Int, height: Int
  ) -> [DetectedObject] {
    var found: [DetectedObject] = []
    for index in boxes.indices {
      withProbabilities(index) { row in
        for (number, probability) in row.enumerated() where probability > threshold {
          found.append(
            DetectedObject(
              box: PixelRect(boxes[index], width: width, height: height), classIndex: number,
              name: names[number], confidence: probability))
        }
      }
    }
    return found.enumerated().sorted {
      ($1.element.confidence, $0.offset) < ($0.element.confidence, $1.offset)
    }.map(\.element)
  }
}
