import DarknetConfig
import DarknetData
import DarknetGeometry
import DarknetImages
import DarknetTensors
import DarknetTestSupport
import Testing

/// The expectations are what OpenCV 4.6's `imread` made of the same files (`IMREAD_COLOR`), unless
/// a test says otherwise.
@Suite struct OrientationTests {
  /// Which quarter of the stored picture is seen at the upper left, upper right, lower left and
  /// lower right, by the orientation; those that no camera writes leave the picture as it is.
  static let quarters: [Int: [Int]] = [
    0: [0, 1, 2, 3], 1: [0, 1, 2, 3], 2: [1, 0, 3, 2], 3: [3, 2, 1, 0], 4: [2, 3, 0, 1],
    5: [0, 2, 1, 3], 6: [2, 0, 3, 1], 7: [3, 1, 2, 0], 8: [1, 3, 0, 2], 9: [0, 1, 2, 3],
  ]

  private func expect(
    _ file: [UInt8], _ wanted: [Int], _ limits: ImageFile.Limits = .init(),
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let bitmap = try decode(file, limits: limits)
    let stored = try decode(JPEGFixture.baseline.bytes)
    let places = [(8, 8), (24, 8), (8, 24), (24, 24)]
    for (place, quarter) in zip(places, wanted) {
      // Pixels in the middle of a quarter are of one colour.
      let expected = stored[places[quarter].0, places[quarter].1]
      #expect(bitmap[place.0, place.1] == expected, sourceLocation: location)
    }
  }

  @Test(arguments: quarters.keys.sorted(), [false, true])
  func `every orientation of both byte orders`(orientation: Int, bigEndian: Bool) throws {
    let file = ExifMaker(orientation: orientation, bigEndian: bigEndian)
      .jpeg(JPEGFixture.baseline.bytes)
    try expect(file, Self.quarters[orientation]!)
    let noted = file.withUnsafeBytes { ImageFile.orientation(of: $0).rawValue }
    #expect(noted == ((1...8).contains(orientation) ? orientation : 1))
  }

  @Test(arguments: quarters.keys.sorted())
  func `pjreddie's dialect reads pictures as they are stored`(orientation: Int) throws {
    let file = ExifMaker(orientation: orientation).jpeg(JPEGFixture.baseline.bytes)
    let limits = ImageFile.Limits(dialect: .pjreddie)
    try expect(file, [0, 1, 2, 3], limits)
    let stored = try decode(JPEGFixture.baseline.bytes, limits: limits)
    #expect(try decode(file, limits: limits).array == stored.array)
  }

  @Test func `the pixels of an upright picture are those of the file without the note`() throws {
    let plain = try decode(JPEGFixture.baseline.bytes)
    let noted = try decode(ExifMaker(orientation: 1).jpeg(JPEGFixture.baseline.bytes))
    #expect(noted.array == plain.array)
  }

  @Test(arguments: [1, 3, 4]) func `numbers of other types`(type: Int) throws {
    var maker = ExifMaker(orientation: 6, type: type)
    try expect(maker.jpeg(JPEGFixture.baseline.bytes), Self.quarters[6]!)
    maker.tagsBefore = 0
    try expect(maker.jpeg(JPEGFixture.baseline.bytes), Self.quarters[6]!)
  }

  @Test func `where the segment lies`() throws {
    let file = JPEGFixture.baseline.bytes
    let six = ExifMaker(orientation: 6)
    let place = file.indices.dropLast().first { file[$0] == 0xFF && file[$0 + 1] == 0xC0 }!
    try expect(Array(file[..<place]) + six.segment + file[place...], Self.quarters[6]!)
    // The first of several counts.
    try expect(ExifMaker(orientation: 3).jpeg(six.jpeg(file)), Self.quarters[3]!)
    let other = ExifMaker.segment(Array("http://ns.adobe.com/xap/1.0/\0<x/>".utf8))
    try expect(Array(file[..<2]) + six.segment + other + file[2...], Self.quarters[6]!)
    // OpenCV looks into the very first segment of this kind only, whatever it is, and leaves this
    // picture lying; the standard does not.
    try expect(Array(file[..<2]) + other + six.segment + file[2...], Self.quarters[6]!)
    let fill: [UInt8] = [0xFF, 0xFF, 0x00, 0x17]
    try expect(Array(file[..<2]) + fill + six.segment + file[2...], Self.quarters[6]!)
  }

  /// 5x3 pixels of (40 x, 60 y, 10).
  @Test(arguments: [false, true], [false, true])
  func `a PNG's note`(bigEndian: Bool, atEnd: Bool) throws {
    let maker = PNGMaker(colorType: 2, depth: 8, width: 5, height: 3) { x, y, c in
      [40 * x, 60 * y, 10][c]
    }
    let file = ExifMaker(orientation: 6, bigEndian: bigEndian).png(maker.bytes, atEnd: atEnd)
    let bitmap = try decode(file)
    #expect(bitmap.width == 3 && bitmap.height == 5)
    #expect(bitmap[0, 0] == [0, 120, 10] && bitmap[2, 0] == [0, 0, 10])
    #expect(bitmap[0, 4] == [160, 120, 10] && bitmap[2, 4] == [160, 0, 10])
    #expect(try decode(file, limits: .init(dialect: .pjreddie)).width == 5)
  }

  /// The pixel at (x, y) of an upright picture, by what the standard says of the stored row 0 and
  /// column 0. Sides beyond the squares in which pixels are moved.
  @Test(arguments: Orientation.allCases, [1, 3])
  func `every pixel of odd sizes`(orientation: Orientation, channels: Int) throws {
    let (width, height) = (67, 35)
    let maker = PNGMaker(
      colorType: channels == 3 ? 2 : 0, depth: 8, width: width, height: height
    ) { x, y, c in (x * 3 + y * 7 + c * 50) % 256 }
    let stored = try decode(maker.bytes, channels: channels)
    let upright = try decode(
      ExifMaker(orientation: orientation.rawValue).png(maker.bytes), channels: channels)
    #expect(upright.width == (orientation.swapsSides ? height : width))
    #expect(upright.height == (orientation.swapsSides ? width : height))
    for y in 0..<height {
      for x in 0..<width {
        let (right, below) = (width - 1 - x, height - 1 - y)
        let place =
          switch orientation {
          case .upright: (x, y)
          // Row 0 is the top and column 0 the right side; and so on.
          case .mirrored: (right, y)
          case .halfTurn: (right, below)
          case .flipped: (x, below)
          // Row 0 is the left side, and column 0 the top.
          case .transposed: (y, x)
          case .quarterClockwise: (below, x)
          case .transposedHalfTurn: (below, right)
          case .quarterCounterclockwise: (y, right)
          }
        #expect(upright[place.0, place.1] == stored[x, y])
      }
    }
  }

  /// Whatever the bytes are: no crash, and the picture is read.
  @Test func `damaged notes`() throws {
    let maker = ExifMaker(orientation: 6, bigEndian: true)
    let tiff = maker.tiff
    for count in 0..<tiff.count {
      let segment = ExifMaker.segment(Array("Exif\0\0".utf8) + tiff[..<count])
      let file = JPEGFixture.baseline.bytes
      // The value lies before the end of its entry and of the directory.
      try expect(
        Array(file[..<2]) + segment + file[2...], Self.quarters[count < 8 + 2 + 22 ? 1 : 6]!)
    }
    var random = Random(seed: 3)
    let header = 12
    for _ in 0..<20_000 {
      var file = maker.jpeg(JPEGFixture.baseline.bytes)
      for _ in 0...random.below(4) {
        file[2 + random.below(header + tiff.count)] = UInt8(truncatingIfNeeded: random.next())
      }
      let cut = random.below(file.count)
      file[..<cut].withUnsafeBytes { _ = ImageFile.orientation(of: $0) }
      _ = file.withUnsafeBytes { ImageFile.orientation(of: $0) }
      var png = maker.png(Self.smallPNG)
      png[8 + random.below(png.count - 8)] = UInt8(truncatingIfNeeded: random.next())
      _ = png.withUnsafeBytes { ImageFile.orientation(of: $0) }
    }
  }

  private static let smallPNG = PNGMaker(colorType: 0, depth: 8, width: 3, height: 2) { _, _, _ in
    7
  }.bytes

  /// Labels are those of the upright picture: the object of the upper left quarter is found there.
  @Test(arguments: [Dialect.alexeyab, .pjreddie])
  func `training and evaluation see the upright picture`(dialect: Dialect) throws {
    let folder = TestFolder()
    let file = ExifMaker(orientation: 6).png(
      PNGMaker(colorType: 2, depth: 8, width: 8, height: 4) { x, y, c in
        [20 * x, 60 * y, 10][c]
      }.bytes)
    let path = folder.write(file, to: "a.png")
    _ = folder.write(Array("0 0.5 0.5 0.5 0.5\n".utf8), to: "a.txt")
    let turned = dialect == .alexeyab

    let preparation = PicturePreparation(
      shape: Shape(channels: 3, height: 8, width: 8), dialect: dialect)
    let item = PictureFeed([path], options: .init(preparation)).next()
    let picture = try #require(item).picture.get()
    #expect(picture.width == (turned ? 4 : 8) && picture.height == (turned ? 8 : 4))

    var augmentation = DetectionAugmentation.none
    augmentation.dialect = dialect
    var loading = BatchLoader.Configuration(
      list: ListFile(pictures: [path], name: "l"), task: .detection(augmentation, classes: 1),
      sizes: InputSizes(width: 4, height: 8), imagesPerBatch: 1, seed: 1)
    (loading.dialect, loading.lastIteration) = (dialect, 1)
    let batch = try #require(try BatchLoader(loading).next())
    // The upper left pixel: the lower left one of the stored picture, or, in pjreddie's dialect,
    // the grey around it.
    let corner = (batch.input.pointer[0] * 255, batch.input.pointer[32] * 255)
    if turned {
      #expect(abs(corner.0 - 0) < 0.01 && abs(corner.1 - 180) < 0.01)
    } else {
      #expect(abs(corner.0 - 127.5) < 0.01)
    }
    _ = folder
  }
}
