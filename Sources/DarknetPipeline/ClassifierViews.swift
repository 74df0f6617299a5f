import DarknetConfig
import DarknetImages
import DarknetNetwork
import DarknetText

/// Which images of a picture a classifier sees, where their probabilities are added up.
package enum ClassifierViews: Hashable, Sendable {
  /// Five windows of the input's size and their mirror images: of the picture stretched to 32
  /// pixels more than the input, those that begin at (±32, ±32) and at its corner. What lies left of
  /// it or above it repeats the border, as in Darknet.
  case tenCrops
  /// All of the picture, its shorter side as long as the input is wide.
  case whole
  /// All of the picture in each of these sizes, and its mirror images.
  case sizes([Int], ofLongerSide: Bool)

  /// The sizes that `classifier validmulti` tries.
  package static func severalSizes(_ dialect: Dialect) -> ClassifierViews {
    dialect == .pjreddie
      ? .sizes([224, 256, 288, 320], ofLongerSide: true)
      : .sizes([224, 288, 320, 352, 384], ofLongerSide: false)
  }

  /// Images of one size, made when they are asked for.
  struct Group {
    let width: Int
    let height: Int
    let count: Int
    let images: () -> [Image]
  }

  /// - Parameter input: the network's as its cfg says.
  func groups(of picture: Bitmap, input: (width: Int, height: Int)) -> [Group] {
    switch self {
    case .tenCrops:
      let shift = 32
      return [
        Group(width: input.width, height: input.height, count: 10) {
          let image = picture.resized(width: input.width + shift, height: input.height + shift)
          return [image, image.mirrored()].flatMap { image in
            [(-shift, -shift), (shift, -shift), (0, 0), (-shift, shift), (shift, shift)].map {
              image.cropped(x: $0.0, y: $0.1, width: input.width, height: input.height)
            }
          }
        }
      ]
    case .whole:
      let (width, height) = picture.size(shorterSide: input.width)
      return [
        Group(width: width, height: height, count: 1) {
          [picture.resized(width: width, height: height)]
        }
      ]
    case .sizes(let sizes, let isOfLongerSide):
      return sizes.map { side in
        let (width, height) =
          isOfLongerSide ? picture.size(longerSide: side) : picture.size(shorterSide: side)
        return Group(width: width, height: height, count: 2) {
          let image = picture.resized(width: width, height: height)
          return [image, image.mirrored()]
        }
      }
    }
  }
}

extension Image {
  fileprivate func mirrored() -> Image {
    let result = copy()
    result.flipHorizontally()
    return result
  }
}

/// A classifier that looks at several images of a picture, resized as they need it.
package final class ViewingClassifier {
  /// At the size of its cfg.
  package let network: Network
  /// Which images of a picture it sees.
  package let views: ClassifierViews
  private let makeClassifier: (Network, _ batch: Int) throws -> ClassDecoder
  /// Plans of the sizes that came last: lists often repeat few sizes.
  private var classifiers: [(key: Key, classifier: ClassDecoder)] = []
  private static let keptClassifiers = 8

  private struct Key: Hashable {
    let width: Int
    let height: Int
    let batch: Int
  }

  /// - Parameter makeClassifier: packs the network at an input size, for that many images at once.
  package init(
    _ network: Network, views: ClassifierViews,
    makeClassifier: @escaping (Network, _ batch: Int) throws -> ClassDecoder
  ) {
    self.network = network
    self.views = views
    self.makeClassifier = makeClassifier
  }

  /// The probabilities of all images of a picture, added up; in a class tree those of its leaves.
  ///
  /// - Parameter path: the picture's name, for the error.
  /// - Throws: `ImageError` if the picture is far too long; `ConfigError` if the network does not
  ///   work at a size that it needs.
  package func probabilities(of picture: Bitmap, path: String) throws -> [Float] {
    if views != .tenCrops, picture.isFarTooLong {
      throw ImageError(path, .tooLong(width: picture.width, height: picture.height))
    }
    var sum: [Float] = []
    let input = (network.inputShape.width, network.inputShape.height)
    for group in views.groups(of: picture, input: input) {
      // The network goes first, as it refuses sizes for which there is no memory.
      let classifier = try classifier(
        Key(width: group.width, height: group.height, batch: group.count))
      for (index, image) in group.images().enumerated() {
        classifier.plan.inputView.image(index).update(
          from: image.pointer, count: image.shape.count)
      }
      classifier.plan.run()
      for index in 0..<group.count {
        let values = classifier.probabilities(image: index, onlyLeaves: true)
        sum = sum.isEmpty ? values : zip(sum, values).map { $0 + $1 }
      }
    }
    return sum
  }

  private func classifier(_ key: Key) throws -> ClassDecoder {
    if let index = classifiers.firstIndex(where: { $0.key == key }) {
      let found = classifiers.remove(at: index)
      classifiers.append(found)
      return found.classifier
    }
    let classifier = try makeClassifier(resized(width: key.width, height: key.height), key.batch)
    if classifiers.count == Self.keptClassifiers { classifiers.removeFirst() }
    classifiers.append((key, classifier))
    return classifier
  }

  private func resized(width: Int, height: Int) throws(ConfigError) -> Network {
    guard (width, height) != (network.inputShape.width, network.inputShape.height) else {
      return network
    }
    let fix = "use 'classifier valid', which keeps the size, or end the cfg with [avgpool]"
    let result: Network
    do {
      result = try network.resized(width: width, height: height)
    } catch {
      var error = error
      error.fix = fix
      throw error
    }
    let (old, new) = (
      network.shape(of: network.outputIndex).count, result.shape(of: result.outputIndex).count
    )
    guard old == new else {
      throw ConfigError(
        file: network.file, expected: "\(old) outputs at any input size",
        found: "\(new) at \(width)x\(height)", fix: fix)
    }
    return result
  }
}
