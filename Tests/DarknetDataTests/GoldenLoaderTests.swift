import DarknetData
import DarknetGeometry
import DarknetImages
import DarknetTestSupport
import Foundation
import Testing

/// The reference programs' training inputs: pictures of the network's size, nothing varied.
@Suite(.enabled(if: sharedFolder != nil, "needs the shared reference files"))
struct GoldenLoaderTests {
  static let cases: [String] = {
    guard let sharedFolder else { return [] }
    let root = "\(sharedFolder)/golden/train"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    return names.filter { FileManager.default.fileExists(atPath: "\(root)/\($0)/images.f32") }
      .sorted()
  }()

  @Test(arguments: cases)
  func `inputs are those of the reference programs`(name: String) throws {
    let folder = "\(try #require(sharedFolder))/golden/train/\(name)"
    let data = try #require(FileManager.default.contents(atPath: "\(folder)/images.f32"))
    let expected = data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    var pictures: [String] = []
    while FileManager.default.fileExists(atPath: "\(folder)/img\(pictures.count).png") {
      pictures.append("\(folder)/img\(pictures.count).png")
    }
    let first = try ImageFile.loadBitmap(pictures[0])
    let count = first.width * first.height * 3
    #expect(expected.count == count * pictures.count)

    var configuration = BatchLoader.Configuration(
      list: ListFile(pictures: pictures, name: "l"), task: .detection(.none, classes: 1000),
      sizes: InputSizes(width: first.width, height: first.height), imagesPerBatch: 4, seed: 1)
    configuration.lastIteration = 8
    let loader = try BatchLoader(configuration)
    var seen: Set<Int> = []
    while let batch = try loader.next() {
      for (n, picture) in batch.pictures.enumerated() {
        seen.insert(picture)
        let pixels = batch.input.values[n * count..<(n + 1) * count]
        let wanted = expected[picture * count..<(picture + 1) * count]
        #expect(zip(pixels, wanted).allSatisfy { abs($0 - $1) <= 2e-7 })
        // The same boxes in any order; they lose 1e-7 on the way through their edges, which are
        // cut to the picture: six decimals may end just outside.
        let labels = LabelFile(ofPicture: pictures[picture], classes: 1000).objects
        func sorted(_ objects: [GroundTruth]) -> [[Float]] {
          objects.map { object in
            let edges = [object.box.left, object.box.top, object.box.right, object.box.bottom]
            return [Float(object.classIndex)] + edges.map { min(1, max(0, $0)) }
          }.sorted { ($0[0], $0[1], $0[2]) < ($1[0], $1[1], $1[2]) }
        }
        let (got, want) = (sorted(batch.truth[n]), sorted(labels))
        #expect(got.count == want.count)
        let worst = zip(got.joined(), want.joined()).map { abs($0 - $1) }.max() ?? 0
        #expect(worst < 3e-7)
      }
    }
    #expect(seen.count == pictures.count)
  }
}
