import DarknetData
import DarknetGeometry
import DarknetImages
import DarknetTensors
import DarknetText
import Testing

@Suite struct CropTests {
  @Test func `jitter moves each side evenly by up to its part`() {
    var random = Random(seed: 1)
    var lefts: [Int] = []
    var bottoms: [Int] = []
    for _ in 0..<4000 {
      var crop = PictureCrop(pictureWidth: 200, pictureHeight: 100)
      crop.draw(jitter: 0.2, resize: 1, networkAspect: nil, random: &random)
      #expect((-40...40).contains(crop.left) && (-40...40).contains(crop.right))
      #expect((-20...20).contains(crop.top) && (-20...20).contains(crop.bottom))
      #expect(crop.width == 200 - crop.left - crop.right)
      lefts.append(crop.left)
      bottoms.append(crop.bottom)
    }
    // Uniform in -40...40: mean 0, deviation 23.1, so 0.37 for the mean of 4000.
    #expect(abs(Double(lefts.reduce(0, +)) / 4000) < 1.5)
    #expect(lefts.min()! <= -38 && lefts.max()! >= 38)
    #expect(abs(Double(bottoms.reduce(0, +)) / 4000) < 0.8)
    let variance = lefts.map { Double($0 * $0) }.reduce(0, +) / 4000
    // 80^2 / 12, less what cutting fractions off takes.
    #expect((490...560).contains(variance))
  }

  /// Resize 1.5: outwards by (200 / 1.5 - 200) / 2... `200 (1 - 1.5) / 2 = -50` and inwards by
  /// `200 (1 - 1 / 1.5) / 2 = 33.3`, the same share for left and top.
  @Test func `resize moves all sides together`() {
    var random = Random(seed: 2)
    var (low, high) = (0, 0)
    for _ in 0..<2000 {
      var crop = PictureCrop(pictureWidth: 200, pictureHeight: 100)
      crop.draw(jitter: 0, resize: 1.5, networkAspect: nil, random: &random)
      #expect((-50...33).contains(crop.left) && (-25...16).contains(crop.top))
      #expect(abs(crop.left - 2 * crop.top) <= 3)
      #expect(abs(crop.right - 2 * crop.bottom) <= 3)
      (low, high) = (min(low, crop.left), max(high, crop.left))
    }
    #expect(low <= -48 && high >= 31)
  }

  @Test func `resize below 1 only makes smaller`() {
    var random = Random(seed: 2)
    for _ in 0..<500 {
      var crop = PictureCrop(pictureWidth: 200, pictureHeight: 100)
      crop.draw(jitter: 0, resize: 0.5, networkAspect: nil, random: &random)
      // 200 (1 - 1 / 0.5) / 2
      #expect((-100...0).contains(crop.left) && (-50...0).contains(crop.bottom))
    }
  }

  @Test(arguments: [(200, 100, 0, 50), (100, 200, 50, 0), (100, 100, 0, 0)])
  func `letter_box adds what the proportions lack`(width: Int, height: Int, sides: Int, ends: Int) {
    var random = Random(seed: 3)
    var crop = PictureCrop(pictureWidth: width, pictureHeight: height)
    crop.draw(jitter: 0, resize: 1, networkAspect: 1, random: &random)
    #expect([crop.left, crop.right] == [-sides, -sides])
    #expect([crop.top, crop.bottom] == [-ends, -ends])
  }

  @Test func `something of the picture is seen whatever the jitter`() {
    var random = Random(seed: 4)
    for size in [1, 2, 3, 50] {
      for _ in 0..<500 {
        var crop = PictureCrop(pictureWidth: size, pictureHeight: size)
        crop.draw(jitter: 10, resize: 100, networkAspect: 3, random: &random)
        crop.resetIfEmpty()
        #expect(crop.width >= 1 && crop.height >= 1)
        #expect(max(crop.left, crop.right, crop.top, crop.bottom) < size)
      }
    }
  }

  /// Left, top, right and bottom of crops of 200x100, by AlexeyAB's rule: no width or height left,
  /// or nothing of the picture in it.
  @Test func `a crop that shows nothing becomes the whole picture`() {
    let empty = [
      [120, 0, 80, 0], [130, 0, 90, 0], [0, 60, 0, 50], [210, 0, -50, 0], [0, 100, 0, -20],
      [-50, 0, 200, 0],
    ]
    for sides in empty {
      var crop = PictureCrop(pictureWidth: 200, pictureHeight: 100)
      crop.cut(left: sides[0], top: sides[1], right: sides[2], bottom: sides[3])
      crop.flipped = true
      crop.resetIfEmpty()
      #expect([crop.left, crop.top, crop.right, crop.bottom] == [0, 0, 0, 0], "\(sides)")
      #expect(crop.flipped)
    }
    for sides in [[119, 0, 80, 0], [199, 0, -50, 0], [-50, 99, 199, -1]] {
      var crop = PictureCrop(pictureWidth: 200, pictureHeight: 100)
      crop.cut(left: sides[0], top: sides[1], right: sides[2], bottom: sides[3])
      crop.resetIfEmpty()
      #expect([crop.left, crop.top, crop.right, crop.bottom] == sides)
    }
  }

  /// A crop of 100x100 at (50, 0) of 200x100: the box of pixels 60...100 is 10...50 of it.
  @Test func `boxes in parts of the crop, by hand`() throws {
    var crop = PictureCrop(pictureWidth: 200, pictureHeight: 100)
    crop.cut(left: 50, top: 0, right: 50, bottom: 0)
    let box = Box(left: 0.3, top: 0.1, right: 0.5, bottom: 0.4)
    expectEqual(try #require(crop.map(box)), (0.1, 0.1, 0.5, 0.4))
    crop.flipped = true
    expectEqual(try #require(crop.map(box)), (0.5, 0.1, 0.9, 0.4))
    // 20...60 sticks out to the left by 30 of 40 pixels.
    let cut = Box(left: 0.1, top: 0.5, right: 0.3, bottom: 1)
    expectEqual(try #require(crop.map(cut)), (0.9, 0.5, 1, 1))
    #expect(crop.map(Box(left: 0, top: 0, right: 0.25, bottom: 1)) == nil)
    // Added: 200x200, the picture's upper half in its lower half.
    crop = PictureCrop(pictureWidth: 200, pictureHeight: 100)
    crop.cut(left: 0, top: -100, right: 0, bottom: 0)
    expectEqual(try #require(crop.map(box)), (0.3, 0.55, 0.5, 0.7))
  }

  private func expectEqual(_ box: Box, _ edges: (Float, Float, Float, Float)) {
    #expect(abs(box.left - edges.0) < 1e-6 && abs(box.top - edges.1) < 1e-6, "\(box)")
    #expect(abs(box.right - edges.2) < 1e-6 && abs(box.bottom - edges.3) < 1e-6, "\(box)")
  }

  // MARK: Mosaic

  /// An input of 100x80 cut at (40, 30), pictures of 200x160 as they are: each tile shows the
  /// part of the shrunken picture whose corner lies at the cut.
  @Test func `tiles by hand`() {
    let mosaic = Mosaic(width: 100, height: 80, cutX: 40, cutY: 30)
    let whole = PictureCrop(pictureWidth: 200, pictureHeight: 160)
    func tile(_ corner: Mosaic.Corner, _ crop: PictureCrop) -> [Int] {
      let tile = mosaic.tile(corner, crop: crop)
      return [tile.left, tile.top, tile.width, tile.height, tile.sourceLeft, tile.sourceTop]
    }
    #expect(tile(.topLeft, whole) == [0, 0, 40, 30, 60, 50])
    #expect(tile(.topRight, whole) == [40, 0, 60, 30, 0, 50])
    #expect(tile(.bottomLeft, whole) == [0, 30, 40, 50, 60, 0])
    #expect(tile(.bottomRight, whole) == [40, 30, 60, 50, 0, 0])
    // 20 of the picture's 200 pixels added at the right and 40 of its 160 below are 10 of 100 and
    // 20 of 80 of the input, though the crop is 200 high; what is cut off at the left is nothing.
    var padded = whole
    padded.cut(left: 20, top: 0, right: -20, bottom: -40)
    #expect(tile(.topLeft, padded) == [0, 0, 40, 30, 50, 30])
    #expect(tile(.bottomRight, padded) == [40, 30, 60, 50, 0, 0])
    padded.flipped = true
    #expect(tile(.topRight, padded) == [40, 0, 60, 30, 10, 30])
    // No more than the picture has.
    padded.cut(left: 0, top: 0, right: -1000, bottom: -1000)
    padded.flipped = false
    #expect(tile(.topLeft, padded) == [0, 0, 40, 30, 0, 0])
  }

  @Test func `moved boxes by hand`() throws {
    let mosaic = Mosaic(width: 100, height: 80, cutX: 40, cutY: 30)
    let tile = mosaic.tile(.topLeft, crop: PictureCrop(pictureWidth: 100, pictureHeight: 80))
    // Pixels 50...80 and 60...70: 60 to the left and 50 up.
    let object = GroundTruth(
      box: Box(left: 0.5, top: 0.75, right: 0.8, bottom: 0.875), classIndex: 3)
    let moved = try #require(mosaic.move(object, tile, bounded: false))
    #expect(moved.classIndex == 3)
    expectEqual(moved.box, (0, 0.125, 0.2, 0.25))
    // 1 pixel is left of it.
    let sliver = GroundTruth(box: Box(left: 0.5, top: 0.75, right: 0.61, bottom: 1), classIndex: 0)
    #expect(mosaic.move(sliver, tile, bounded: false) == nil)
    // Beyond the tile only if not bounded: the source's right edge is the tile's.
    let right = MosaicTile(
      left: 0, top: 0, width: 40, height: 30, sourceLeft: 30, sourceTop: 50)
    let long = GroundTruth(box: Box(left: 0.5, top: 0.75, right: 0.9, bottom: 0.9), classIndex: 0)
    expectEqual(
      try #require(mosaic.move(long, right, bounded: false)).box, (0.2, 0.125, 0.6, 0.275))
    // In whole pixels then: 20...60 and 10...22.
    expectEqual(
      try #require(mosaic.move(long, right, bounded: true)).box, (0.2, 0.125, 0.4, 0.275))
    // 15.5...18.4 becomes 15...18, and 15.9...16.95 one pixel, which is too little.
    let narrow = GroundTruth(
      box: Box(left: 0.455, top: 0.75, right: 0.484, bottom: 0.9), classIndex: 0)
    expectEqual(
      try #require(mosaic.move(narrow, right, bounded: true)).box, (0.15, 0.125, 0.18, 0.275))
    let thin = GroundTruth(
      box: Box(left: 0.459, top: 0.75, right: 0.4695, bottom: 0.9), classIndex: 0)
    #expect(mosaic.move(thin, right, bounded: false) != nil)
    #expect(mosaic.move(thin, right, bounded: true) == nil)
  }

  /// AlexeyAB's lines for the four tiles: the picture keeps its own corner at the tile's outer one.
  @Test func `every second picture of a mosaic is pushed into its corner`() {
    var augmentation = DetectionAugmentation(jitter: 0.4)
    augmentation.options.mix = .mosaic
    let picture = LabelledPicture(Bitmap(width: 100, height: 100), [])
    for corner in Mosaic.Corner.allCases {
      var random = Random(seed: 11)
      var (pushed, flipped) = (0, 0)
      for _ in 0..<400 {
        let crop = augmentation.draw(
          for: picture, width: 64, height: 64, corner: corner, &random
        ).crop
        // A draw is 0 by itself in one of 40 cases, and both hardly ever.
        let isLeft = corner == .topLeft || corner == .bottomLeft
        let isTop = corner == .topLeft || corner == .topRight
        // Mirrored, the picture's right side lies at the left.
        let outerX = isLeft != crop.flipped ? crop.left : crop.right
        let outerY = isTop ? crop.top : crop.bottom
        if outerX == 0, outerY == 0 {
          pushed += 1
          if crop.flipped { flipped += 1 }
        }
      }
      // Deviation 10 and 8.7.
      #expect((160...240).contains(pushed), "\(corner)")
      #expect((65...135).contains(flipped), "\(corner)")
    }
  }

  @Test func `pushing keeps the size of the crop`() {
    var crop = PictureCrop(pictureWidth: 100, pictureHeight: 100)
    crop.cut(left: -10, top: 4, right: -20, bottom: 6)
    crop.push(towardLeft: true, towardTop: false)
    #expect([crop.left, crop.right, crop.top, crop.bottom] == [0, -30, 10, 0])
    crop.flipped = true
    crop.push(towardLeft: true, towardTop: true)
    #expect([crop.left, crop.right, crop.top, crop.bottom] == [-30, 0, 0, 10])
  }
}

extension PictureCrop {
  fileprivate mutating func cut(left: Int, top: Int, right: Int, bottom: Int) {
    self.left = left
    self.top = top
    self.right = right
    self.bottom = bottom
  }
}
