import DarknetData
import DarknetGeometry
import DarknetImages
import DarknetTestSupport
import Foundation
import Testing

@Suite struct SyntheticShapesTests {
  /// The samples, copied while the picture is there.
  private func bytes(_ bitmap: Bitmap) -> [UInt8] {
    withExtendedLifetime(bitmap) { Array(bitmap.samples) }
  }

  @Test func `the same seed gives the same pictures, another one others`() {
    let shapes = BatchLoaderTests.shapes
    let (first, again) = (shapes.picture(3), shapes.picture(3))
    #expect(bytes(first.bitmap) == bytes(again.bitmap))
    #expect(first.objects == again.objects)
    var other = shapes
    other.seed = 2
    #expect(bytes(other.picture(3).bitmap) != bytes(first.bitmap))
    #expect(bytes(shapes.picture(4).bitmap) != bytes(first.bitmap))
  }

  @Test func `all classes come, and all boxes lie inside`() {
    var counts = [0, 0, 0, 0]
    for number in 0..<60 {
      let objects = SyntheticShapes().picture(number).objects
      #expect((1...6).contains(objects.count))
      for object in objects {
        counts[object.classIndex] += 1
        #expect(object.box.left >= 0 && object.box.right <= 1)
        #expect(object.box.top >= 0 && object.box.bottom <= 1)
        #expect(object.box.width > 0.03 && object.box.height > 0.04)
      }
    }
    #expect(counts.allSatisfy { $0 > 25 })
  }

  @Test func `the files are a data set`() throws {
    try withFolder { folder in
      let files = try BatchLoaderTests.shapes.write(to: "\(folder)/a set")
      let data = try DataFile(files.data)
      #expect(try data.classCount() == 4)
      #expect(try data.names().names == SyntheticShapes.classNames)
      let train = try data.list("train", default: "")
      let valid = try data.list("valid", default: "")
      #expect(train.count == 12 && valid.count == 4)
      #expect(train.pictures.contains { $0.hasSuffix(".png") })
      #expect(FileManager.default.fileExists(atPath: data.backupFolder))
      for (number, path) in (train.pictures + valid.pictures).enumerated() {
        let labels = LabelFile(ofPicture: path, classes: 4)
        #expect(labels.problems.isEmpty)
        let expected = BatchLoaderTests.shapes.picture(number)
        #expect(labels.objects.count == expected.objects.count)
        for (label, object) in zip(labels.objects, expected.objects) {
          #expect(label.classIndex == object.classIndex)
          #expect(abs(label.box.x - object.box.x) < 1e-6)
          #expect(abs(label.box.height - object.box.height) < 1e-6)
        }
        let picture = try ImageFile.loadBitmap(path)
        #expect(picture.width == 96 && picture.height == 72)
      }
    }
  }

  @Test func `pictures of one shape, whose class their paths tell`() throws {
    var shapes = SyntheticShapes.single
    (shapes.trainCount, shapes.validCount) = (24, 8)
    try withFolder { folder in
      // The folder's own name has a class in it.
      let files = try shapes.writeClasses(to: "\(folder)/circles and stars")
      let data = try DataFile(files.data)
      let labels = ClassLabels(try data.names("labels").names)
      let train = try data.list("train", default: "")
      let valid = try data.list("valid", default: "")
      #expect(train.count == 24 && valid.count == 8)
      for (number, path) in (train.pictures + valid.pictures).enumerated() {
        let object = shapes.picture(number).objects
        #expect(object.count == 1)
        #expect(labels.classes(ofPicture: path) == [object[0].classIndex])
        #expect(object[0].box.width > 0.25)
        let picture = try ImageFile.loadBitmap(path)
        #expect(picture.width == 96 && picture.height == 96)
      }
    }
  }

  @Test func `a folder that cannot be made is told`() {
    #expect {
      try BatchLoaderTests.shapes.write(to: "/dev/null/set")
    } throws: {
      "\($0)".hasPrefix("/dev/null: cannot make the folder: ")
    }
  }
}
