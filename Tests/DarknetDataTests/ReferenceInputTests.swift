import DarknetImages
import DarknetTestSupport
import Glibc
import Testing

/// The input tensors that both reference programs made of one photograph.
///
/// They decode JPEG with a decoder of their own, whose roundings are followed to the last bit.
/// Debian's program has libjpeg: accurate integer transform and smooth upsampling were measured at
/// most 2.9 of 255 levels away, 0.10 in the mean. The limits here are what tells that setting from
/// the others (fast transform: 7.4 and 1.05; plain upsampling: 30.7 and 0.38).
@Suite(.enabled(if: sharedFolder != nil, "needs the shared reference files"))
struct ReferenceInputTests {
  @Test(arguments: [
    ("stretch", ImageFile.JPEGRounding.darknet), ("stretch", .libjpeg),
    ("letter", .darknet), ("letter", .libjpeg),
  ])
  func `dog_jpg becomes the reference input`(
    mode: String, rounding: ImageFile.JPEGRounding
  ) throws {
    let folder = try #require(sharedFolder)
    let picture = try ImageFile.loadBitmap(
      folder + "/golden/pictures/dog.jpg", limits: .init(jpeg: rounding))
    let input =
      mode == "letter"
      ? picture.letterboxed(width: 416, height: 416) : picture.resized(width: 416, height: 416)
    let expected = try floats(folder + "/golden/real/yolov3-tiny/input.\(mode).f32")
    try #require(expected.count == input.shape.count)
    let deviations = zip(expected, input.values).map { abs($0 - $1) * 255 }
    switch rounding {
    case .darknet:
      // The same bits in, the same float32 products in another order of additions.
      #expect(deviations.max()! < 1e-4)
    case .libjpeg:
      #expect(deviations.max()! < 3)
      #expect(deviations.reduce(0, +) / Float(deviations.count) < 0.11)
    }
  }

  /// The reference's tensors of its PNG training pictures are byte / 255, to the last bit.
  @Test(arguments: ["yolo-plain", "yolo-bn", "prn-batch4", "region", "classifier"])
  func `training pictures`(name: String) throws {
    let folder = try #require(sharedFolder) + "/golden/train/" + name
    let expected = try floats(folder + "/images.f32")
    var read: [Float] = []
    for number in 0... {
      let path = folder + "/img\(number).png"
      guard access(path, R_OK) == 0 else { break }
      read += try ImageFile.load(path).samples
    }
    #expect(!read.isEmpty && read == expected)
  }

  /// Floats of a file in this machine's order, which is the file's on every machine Swift runs on.
  private func floats(_ path: String) throws -> [Float] {
    let file = try #require(fopen(path, "rb"))
    defer { fclose(file) }
    var values = [Float](repeating: 0, count: 3 * 416 * 416)
    let count = fread(&values, 4, values.count, file)
    return Array(values[..<count])
  }
}
