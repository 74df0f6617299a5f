import DarknetGeometry

/// Sizes of objects, in pixels of the network's input, against its anchors.
package struct BoxStatistics: Sendable {
  /// Objects whose size, the root of their area, lies in a range of pixels.
  package struct SizeBin: Hashable, Sendable {
    package let from: Int
    /// nil for the last, which is open.
    package let to: Int?
    package internal(set) var count = 0
  }

  package struct AnchorUse: Hashable, Sendable {
    package let width: Float
    package let height: Float
    /// Objects that this anchor fits best.
    package internal(set) var count = 0
    /// Their mean overlap with it.
    package internal(set) var meanIoU: Float = 0
  }

  package private(set) var sizes: [SizeBin]
  /// Less than a pixel wide or high: training leaves them out.
  package private(set) var tooSmall = 0
  package private(set) var anchors: [AnchorUse]
  /// Mean over all objects of the overlap with the best anchor; nil without anchors or objects.
  package private(set) var meanBestIoU: Float?
  /// Objects that overlap no anchor by half: they are learned badly.
  package private(set) var unfitting = 0

  /// Boxes of which more than a tenth lies outside of the picture, and the first picture with one.
  package private(set) var reachingOut: (count: Int, picture: String) = (0, "")
  /// Anchors wider or higher than the network's input.
  package private(set) var largerThanInput: [AnchorUse] = []

  init(_ records: [PictureRecord], _ options: DataSetCheck.Options) {
    let limits = [0, 8, 16, 32, 64, 128, 256]
    sizes = limits.indices.map { index in
      SizeBin(from: limits[index], to: limits.indices.contains(index + 1) ? limits[index + 1] : nil)
    }
    anchors = options.anchors.map { AnchorUse(width: $0.width, height: $0.height) }
    let shapes = anchors.map { Box(x: 0, y: 0, width: $0.width, height: $0.height) }
    var (sum, count) = (0.0, 0)
    for record in records {
      guard let picture = record.size else { continue }
      let frame = LetterboxTransform(
        pictureWidth: picture.width, pictureHeight: picture.height,
        networkWidth: options.inputWidth, networkHeight: options.inputHeight,
        letterbox: options.letterBox)
      for object in record.objects {
        if object.box.partInside < 0.9 {
          if reachingOut.count == 0 { reachingOut.picture = record.path }
          reachingOut.count += 1
        }
        let box = object.box.atOrigin.scaled(
          Float(frame.contentWidth), Float(frame.contentHeight))
        if box.width < 1 || box.height < 1 { tooSmall += 1 }
        let size = box.area.squareRoot()
        let bin = limits.lastIndex { Float($0) <= size } ?? 0
        sizes[bin].count += 1
        guard !shapes.isEmpty else { continue }
        let overlaps = shapes.map { Box.iou($0, box) }
        let best = overlaps.indices.max { overlaps[$0] < overlaps[$1] }!
        anchors[best].count += 1
        anchors[best].meanIoU += overlaps[best]
        if overlaps[best] < 0.5 { unfitting += 1 }
        sum += Double(overlaps[best])
        count += 1
      }
    }
    for index in anchors.indices where anchors[index].count > 0 {
      anchors[index].meanIoU /= Float(anchors[index].count)
    }
    largerThanInput = anchors.filter {
      $0.width > Float(options.inputWidth) || $0.height > Float(options.inputHeight)
    }
    meanBestIoU = count > 0 ? Float(sum / Double(count)) : nil
  }
}

extension Box {
  /// The part of its area that lies in the picture, 0...1.
  fileprivate var partInside: Float {
    func overlap(_ centre: Float, _ side: Float) -> Float {
      max(0, min(centre + side / 2, 1) - max(centre - side / 2, 0)) / side
    }
    return overlap(x, width) * overlap(y, height)
  }
}
