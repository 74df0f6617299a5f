import DarknetData
import DarknetGeometry
import DarknetImages
import DarknetSystem
import DarknetTestSupport
import Foundation
import Testing

/// Varied pictures against those of the reference programs: AlexeyAB's built with OpenCV 4.6
/// (`oc_…`) and pjreddie's (`pj_…`), whose loaders were called again and again for one picture.
///
/// Their random numbers are others, so it is distributions that are compared: by the two-sample test
/// of Kolmogorov and Smirnov, for each statistic of a picture and each coordinate of its objects.
/// Of the thousand comparisons one in ten thousand would fail by chance; the seeds are fixed.
@Suite(
  .enabled(
    if: sharedFolder != nil && isOptimized,
    "needs the shared reference files, and an optimised build to be done within seconds"))
struct AugmentationDistributionTests {
  static let alpha = 1e-4
  /// OpenCV rounds to bytes after each step and samples pixels by their centres, we calculate on in
  /// fractions and sample by their corners; and our mean colour, which fills what lies outside, is
  /// that of some rows. Together 1.5 of 255 levels.
  static let colorTolerance: Float = 1.5 / 255
  /// Boxes were written with six digits.
  static let boxTolerance: Float = 1e-5

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var picture = "grid"
    var size = 224
    /// Whether the picture does not move. Then a single pixel has the same place in it all the
    /// time, and only tells where exactly samples are taken: those are not compared.
    var isStill = false
    var change: @Sendable (inout DetectionAugmentation) -> Void = { _ in }
    var testDescription: String { name }
  }

  private static func plain(_ augmentation: inout DetectionAugmentation) {
    augmentation.options.hue = 0
    augmentation.options.saturation = 1
    augmentation.options.exposure = 1
  }

  static let cases: [Case] = [
    Case(name: "oc_grid", size: 416),
    Case(name: "oc_cells", picture: "cells", size: 416),
    Case(name: "oc_small"),
    Case(name: "oc_color", picture: "cells", isStill: true) { $0.options.flip = false },
    Case(name: "oc_sat", picture: "cells", isStill: true) {
      $0.options.flip = false
      $0.options.hue = 0
      $0.options.exposure = 1
    },
    Case(name: "oc_exp", picture: "cells", isStill: true) {
      $0.options.flip = false
      $0.options.hue = 0
      $0.options.saturation = 1
    },
    Case(name: "oc_noise", picture: "cells", isStill: true) {
      plain(&$0)
      $0.options.gaussianNoise = 20
    },
    Case(name: "oc_blur1", picture: "cells", isStill: true) {
      plain(&$0)
      $0.options.blur = 1
    },
    Case(name: "oc_blur9", picture: "cells", isStill: true) {
      plain(&$0)
      $0.options.blur = 9
    },
    Case(name: "oc_letter") {
      plain(&$0)
      $0.letterBox = true
    },
    Case(name: "oc_resize") {
      plain(&$0)
      $0.resize = 1.5
    },
    Case(name: "oc_resizelt") {
      plain(&$0)
      $0.resize = 0.7
    },
    Case(name: "oc_mixup") {
      plain(&$0)
      $0.options.mix = .mixup
    },
    Case(name: "oc_mosaic") {
      plain(&$0)
      $0.options.mix = .mosaic
    },
    Case(name: "oc_mosaicb") {
      plain(&$0)
      $0.options.mix = .mosaic
      $0.options.mosaicBound = true
    },
    Case(name: "oc_mosaic224", picture: "cells") { $0.options.mix = .mosaic },
    Case(name: "pj_grid") { $0.dialect = .pjreddie },
    Case(name: "pj_cells", picture: "cells") { $0.dialect = .pjreddie },
  ]

  private static func samples(_ test: Case, _ folder: String) throws -> AugmentationSamples {
    var augmentation = DetectionAugmentation(jitter: test.isStill ? 0 : 0.3)
    augmentation.options.hue = 0.1
    augmentation.options.saturation = 1.5
    augmentation.options.exposure = 1.5
    test.change(&augmentation)
    let path = "\(folder)/\(test.picture).\(test.picture == "grid" ? "png" : "jpg")"
    let picture = LabelledPicture(
      try ImageFile.loadBitmap(path), LabelFile(ofPicture: path, classes: 80).objects)
    return AugmentationSamples(
      test.size > 224 ? 250 : 500, of: picture, size: test.size, augmentation, seed: 7)
  }

  @Test(arguments: cases)
  func `samples are distributed as the reference's`(test: Case) throws {
    let folder = try #require(sharedFolder) + "/golden/augmentation"
    let expected = try AugmentationSamples(ofReference: "\(folder)/\(test.name).txt.gz")
    let found = try Self.samples(test, folder)
    #expect(Set(found.series.keys) == Set(expected.series.keys))
    for (name, wanted) in expected.series {
      if test.isStill, AugmentationSamples.pixelNames.contains(name) { continue }
      let values = found.series[name] ?? []
      let distance = KolmogorovSmirnov.distance(
        wanted, values,
        tolerance: AugmentationSamples.isColor(name) ? Self.colorTolerance : Self.boxTolerance)
      let limit = KolmogorovSmirnov.critical(wanted.count, values.count, alpha: Self.alpha)
      #expect(distance < limit, "\(name) of \(wanted.count) and \(values.count) pictures")
    }
  }
}

/// Whether the tests were built with optimisation.
private let isOptimized: Bool = {
  #if DEBUG
    false
  #else
    true
  #endif
}()
