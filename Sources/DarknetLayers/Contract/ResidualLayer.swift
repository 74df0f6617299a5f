import DarknetGraph
import DarknetKernels

/// A layer that adds the first channels of earlier layers to the previous one's output, without
/// weights: what an inference plan can join to the convolution before it.
package protocol ResidualLayer: Layer {
  var activation: Activation { get }

  /// What is added: whose output, and how many of its first channels; nil if the layer does more
  /// than add.
  var residuals: [(source: Int, channels: Int)]? { get }
}

extension ResidualLayer {
  package var takesPartOfChannels: Bool { true }
}

extension ShortcutLayer: ResidualLayer {
  package var residuals: [(source: Int, channels: Int)]? {
    let isPlainSum =
      weightsType == .none && alpha == 1 && beta == 1
      && sourceShapes.allSatisfy {
        $0.width == outputShape.width && $0.height == outputShape.height
      }
    guard isPlainSum else { return nil }
    return zip(sources.dropFirst(), sourceShapes).map {
      ($0, min($1.channels, outputShape.channels))
    }
  }
}

extension PartialShortcutLayer: ResidualLayer {
  package var residuals: [(source: Int, channels: Int)]? {
    zip(sources.dropFirst(), addedChannels).map { ($0, $1) }
  }
}
