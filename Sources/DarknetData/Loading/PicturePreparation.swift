import DarknetConfig
import DarknetImages
import DarknetTensors

/// How a picture becomes a network's input.
public enum PictureFit: Hashable, Sendable {
  /// Stretched to all of it.
  case stretch
  /// Proportions kept, in the middle of grey.
  case letterbox
  /// Resized so that the shorter side fills it, the middle cut out: how classifiers are tested.
  case centerCrop
  /// The largest square in the middle, stretched to all of it: pjreddie's way.
  case middleSquare
}

/// Makes pictures a network's input: the one place for single pictures, batches and lists.
package struct PicturePreparation: Sendable {
  /// The network's input, [C, H, W]; 1 channel is grey, 3 are red, green, blue.
  package var shape: Shape
  /// Where the picture goes in it.
  package var fit: PictureFit
  /// What files may ask for, and whose pixels are wanted.
  package var limits: ImageFile.Limits

  /// - Parameter dialect: the program whose pixels and orientation are wanted.
  package init(shape: Shape, fit: PictureFit = .stretch, dialect: Dialect = .alexeyab) {
    self.shape = shape
    self.fit = fit
    limits = ImageFile.Limits(dialect: dialect)
  }

  /// The picture in a file, upright and with the channels that the network takes.
  ///
  /// - Throws: `ImageError` if it cannot be read or is no picture.
  package func load(_ path: String) throws(ImageError) -> Bitmap {
    try ImageFile.loadBitmap(path, channels: shape.channels, limits: limits)
  }

  /// Resizes a picture into one image of a network's input.
  ///
  /// - Parameters:
  ///   - picture: with the channels of `shape`.
  ///   - input: `shape.count` floats, [C, H, W], which become 0...1.
  package func write(_ picture: Bitmap, into input: UnsafeMutablePointer<Float>) {
    let target = PlaneTarget(input, width: shape.width, height: shape.height)
    switch fit {
    case .stretch: picture.resize(into: target)
    case .letterbox: picture.letterbox(into: target)
    case .centerCrop:
      let image = picture.withoutFarEnds.resized(shorterSide: max(target.width, target.height))
      image.centerCropped(width: target.width, height: target.height).resize(into: target)
    case .middleSquare:
      let side = min(picture.width, picture.height)
      picture.middle(width: side, height: side).resize(into: target)
    }
  }
}

extension Bitmap {
  /// Whether it is more than 64 times as long as it is wide, or the other way round.
  public var isFarTooLong: Bool { max(width, height) > 64 * min(width, height) }

  /// The middle of a picture that is more than 64 times as long as it is wide: resized by its
  /// shorter side the whole might take gigabytes, of which the middle square is used.
  public var withoutFarEnds: Bitmap {
    guard isFarTooLong else { return self }
    let limit = 64 * min(width, height)
    return middle(width: min(width, limit), height: min(height, limit))
  }
}
