/// How a picture lies in a network's input: stretched over all of it, or letterboxed, which keeps
/// the aspect ratio and leaves bars.
package struct LetterboxTransform: Hashable, Sendable {
  package let pictureWidth: Int
  package let pictureHeight: Int
  package let networkWidth: Int
  package let networkHeight: Int
  /// Size of the resized picture inside the network's input, at least 1 x 1.
  package let contentWidth: Int
  package let contentHeight: Int

  /// Letterboxed, the side whose ratio network / picture is smaller fills the input, and the other
  /// is scaled alike, rounded down. (Darknet lets it become 0 for extreme pictures and divides by
  /// it; here it stays 1.)
  ///
  /// - Precondition: all sizes are positive and below 2^31.
  package init(
    pictureWidth: Int, pictureHeight: Int, networkWidth: Int, networkHeight: Int, letterbox: Bool
  ) {
    let sizes = [pictureWidth, pictureHeight, networkWidth, networkHeight]
    precondition(
      sizes.allSatisfy { (1...0x7FFF_FFFF).contains($0) }, "sizes out of range: \(sizes)")
    self.pictureWidth = pictureWidth
    self.pictureHeight = pictureHeight
    self.networkWidth = networkWidth
    self.networkHeight = networkHeight
    let (ratioX, ratioY) = (
      Float(networkWidth) / Float(pictureWidth), Float(networkHeight) / Float(pictureHeight)
    )
    if !letterbox {
      (contentWidth, contentHeight) = (networkWidth, networkHeight)
    } else if ratioX < ratioY {
      contentWidth = networkWidth
      contentHeight = max(1, pictureHeight * networkWidth / pictureWidth)
    } else {
      // The ratios can be equal as float32 and yet differ, so look at the limit again.
      let width = min(pictureWidth * networkHeight / pictureHeight, networkWidth)
      contentWidth = max(1, width)
      contentHeight = networkHeight
    }
  }

  /// Where the resized picture begins in the network's input, in pixels (rounded down).
  package var contentLeft: Int { (networkWidth - contentWidth) / 2 }
  package var contentTop: Int { (networkHeight - contentHeight) / 2 }

  /// From parts of the network's input to parts of the picture:
  /// `x' = (x - bar / network) / (content / network)`, the bar being half of what the picture
  /// leaves free (not rounded, unlike `contentLeft`: as Darknet).
  package func toPicture(_ box: Box) -> Box {
    if contentWidth == networkWidth, contentHeight == networkHeight { return box }
    let ratioX = Float(contentWidth) / Float(networkWidth)
    let ratioY = Float(contentHeight) / Float(networkHeight)
    let barX = Double(networkWidth - contentWidth) / 2 / Double(networkWidth)
    let barY = Double(networkHeight - contentHeight) / 2 / Double(networkHeight)
    return Box(
      x: Float((Double(box.x) - barX) / Double(ratioX)),
      y: Float((Double(box.y) - barY) / Double(ratioY)),
      width: box.width * (1 / ratioX), height: box.height * (1 / ratioY))
  }

  /// The same in pixels of the picture.
  package func toPicturePixels(_ box: Box) -> Box {
    toPicture(box).scaled(Float(pictureWidth), Float(pictureHeight))
  }
}

extension DetectionSet {
  /// Takes every box from parts of the network's input to parts of the picture, or to its pixels.
  package mutating func undo(_ frame: LetterboxTransform, inPixels: Bool = false) {
    mapBoxes { inPixels ? frame.toPicturePixels($0) : frame.toPicture($0) }
  }
}
