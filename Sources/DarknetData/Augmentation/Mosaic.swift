import DarknetGeometry
import DarknetImages
import DarknetTensors

/// A rectangle of the input, and which part of a picture as large as the input it shows.
package struct MosaicTile: Hashable {
  package let left: Int
  package let top: Int
  package let width: Int
  package let height: Int
  /// The part of the varied picture, which has the input's size, that is shown.
  package let sourceLeft: Int
  package let sourceTop: Int

  package init(left: Int, top: Int, width: Int, height: Int, sourceLeft: Int, sourceTop: Int) {
    self.left = left
    self.top = top
    self.width = width
    self.height = height
    self.sourceLeft = sourceLeft
    self.sourceTop = sourceTop
  }

  /// All of the input, and all of the picture.
  init(covering target: PlaneTarget) {
    self.init(
      left: 0, top: 0, width: target.width, height: target.height, sourceLeft: 0, sourceTop: 0)
  }

  var sourceColumns: Range<Int> { sourceLeft..<sourceLeft + width }
  var sourceRows: Range<Int> { sourceTop..<sourceTop + height }

  /// A box in parts of the varied picture, in parts of the tile.
  func inTile(_ box: Box, width inputWidth: Int, height inputHeight: Int) -> Box {
    Box(
      x: (box.x * Float(inputWidth) - Float(sourceLeft)) / Float(width),
      y: (box.y * Float(inputHeight) - Float(sourceTop)) / Float(height),
      width: box.width * Float(inputWidth) / Float(width),
      height: box.height * Float(inputHeight) / Float(height))
  }
}

/// Four pictures in one input, which meet at a random place of its inner part (Bochkovskiy et al.
/// 2020).
///
/// Each picture is varied as if it filled the whole input; its tile shows the part whose corner
/// lies at the cut, moved inwards by what the crop added at that corner, in parts of the picture.
/// That is AlexeyAB's measure: in parts of the crop all of what was added would be left out. So a
/// tile may show some of it, or cut into the picture, whose boxes then reach into the next tile
/// unless `mosaic_bound` cuts them.
package struct Mosaic {
  package enum Corner: CaseIterable, Sendable {
    case topLeft, topRight, bottomLeft, bottomRight

    var isLeft: Bool { self == .topLeft || self == .bottomLeft }
    var isTop: Bool { self == .topLeft || self == .topRight }
  }

  let width: Int
  let height: Int
  let cutX: Int
  let cutY: Int

  init(width: Int, height: Int, random: inout Random) {
    self.width = width
    self.height = height
    cutX = random.int(width / 5, width - width / 5)
    cutY = random.int(height / 5, height - height / 5)
  }

  package init(width: Int, height: Int, cutX: Int, cutY: Int) {
    self.width = width
    self.height = height
    self.cutX = cutX
    self.cutY = cutY
  }

  /// Varies the picture, paints its tile and returns its objects in parts of the input.
  ///
  /// - Parameter limit: objects that are looked at, whether or not they are in the tile.
  func paint(
    _ picture: LabelledPicture, at corner: Corner, of target: PlaneTarget, limit: Int,
    with augmentation: DetectionAugmentation, random: inout Random
  ) -> [GroundTruth] {
    let variation = augmentation.draw(
      for: picture, width: width, height: height, corner: corner, &random)
    let tile = tile(corner, crop: variation.crop)
    let objects = augmentation.paint(picture, variation, tile, of: target, random: &random)
    return objects.prefix(limit).compactMap {
      move($0, tile, bounded: augmentation.options.mosaicBound)
    }
  }

  package func tile(_ corner: Corner, crop: PictureCrop) -> MosaicTile {
    let tileWidth = corner.isLeft ? cutX : width - cutX
    let tileHeight = corner.isTop ? cutY : height - cutY
    // Pixels of the input that show nothing of the picture, at the side of the cut.
    let leftPad = crop.flipped ? crop.right : crop.left
    let rightPad = crop.flipped ? crop.left : crop.right
    let padX = max(0, -(corner.isLeft ? rightPad : leftPad) * width / crop.pictureWidth)
    let padY = max(0, -(corner.isTop ? crop.bottom : crop.top) * height / crop.pictureHeight)
    let shiftX = min(padX, width - tileWidth)
    let shiftY = min(padY, height - tileHeight)
    return MosaicTile(
      left: corner.isLeft ? 0 : cutX, top: corner.isTop ? 0 : cutY,
      width: tileWidth, height: tileHeight,
      sourceLeft: corner.isLeft ? width - tileWidth - shiftX : shiftX,
      sourceTop: corner.isTop ? height - tileHeight - shiftY : shiftY)
  }

  /// The object's box in the input, cut to the input or, `bounded`, to the tile, in whole pixels
  /// then; nil if no more than a pixel is left of it.
  package func move(_ object: GroundTruth, _ tile: MosaicTile, bounded: Bool) -> GroundTruth? {
    let (w, h) = (Float(width), Float(height))
    let (shiftX, shiftY) = (Float(tile.left - tile.sourceLeft), Float(tile.top - tile.sourceTop))
    let columns = bounded ? tile.left...tile.left + tile.width : 0...width
    let rows = bounded ? tile.top...tile.top + tile.height : 0...height
    func cut(_ value: Float, _ range: ClosedRange<Int>) -> Float {
      let value = bounded ? value.rounded(.towardZero) : value
      return min(Float(range.upperBound), max(Float(range.lowerBound), value))
    }
    let left = cut(object.box.left * w + shiftX, columns)
    let right = cut(object.box.right * w + shiftX, columns)
    let top = cut(object.box.top * h + shiftY, rows)
    let bottom = cut(object.box.bottom * h + shiftY, rows)
    guard right - left > 1, bottom - top > 1 else { return nil }
    return GroundTruth(
      box: Box(left: left / w, top: top / h, right: right / w, bottom: bottom / h),
      classIndex: object.classIndex, trackID: object.trackID)
  }
}
