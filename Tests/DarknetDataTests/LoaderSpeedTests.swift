import DarknetData
import DarknetSystem
import DarknetTestSupport
import Foundation
import Testing

/// Prints times; run with PRN_DARKNET_BENCHMARK=1.
@Suite(
  .serialized,
  .enabled(
    if: sharedFolder != nil && ProcessInfo.processInfo.environment["PRN_DARKNET_BENCHMARK"] != nil))
struct LoaderSpeedTests {
  @Test func `milliseconds a picture`() throws {
    let folder = try #require(sharedFolder) + "/datasets/bccd"
    let names = try ListFile("\(folder)/train.txt").pictures.map { "\(folder)/\($0)" }
    let list = ListFile(pictures: names, name: "bccd")
    var usual = DetectionAugmentation(jitter: 0.3)
    usual.options.hue = 0.1
    usual.options.saturation = 1.5
    usual.options.exposure = 1.5
    var mosaic = usual
    mosaic.options.mix = .mosaic
    var heavy = mosaic
    heavy.options.blur = 1
    heavy.options.gaussianNoise = 10
    let kinds: [(String, DetectionAugmentation)] = [
      ("none", .none), ("usual", usual), ("mosaic", mosaic), ("mosaic, blur, noise", heavy),
    ]
    for (name, augmentation) in kinds {
      for cache in [0, 1 << 30] {
        var configuration = BatchLoader.Configuration(
          list: list, task: .detection(augmentation, classes: 3),
          sizes: InputSizes(width: 416, height: 416), imagesPerBatch: 8, seed: 1)
        configuration.threads = 1
        configuration.cacheBytes = cache
        let loader = try BatchLoader(configuration)
        // The cache fills first.
        for _ in 0..<(cache > 0 ? 100 : 4) { _ = try loader.next() }
        let start = clock()
        let time = try ContinuousClock().measure { for _ in 0..<50 { _ = try loader.next() } }
        let cpu = Double(clock() - start) / Double(CLOCKS_PER_SEC) * 1000 / 400
        let wall =
          (Double(time.components.attoseconds) * 1e-15
            + Double(time.components.seconds) * 1e3) / 400
        print("\(name), cache \(cache >> 20) MiB: \(wall) ms, of a processor \(cpu) ms")
      }
    }
  }
}
