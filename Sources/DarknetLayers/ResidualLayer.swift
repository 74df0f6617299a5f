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
  /// The only term that is added.
  package var singleResidual: (source: Int, channels: Int)? {
    residuals?.count == 1 ? residuals![0] : nil
  }
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

extension MaxPoolLayer {
  /// Whether it is the maximum over windows and nothing else.
  package var isPlain: Bool { depthChannels == nil && blur == nil }

  /// Whether it is the maximum over 2x2 squares, the last ones cut off at odd edges.
  package var isHalving: Bool {
    let pool = window.pool
    return isPlain && pool.size == 2 && pool.strideX == 2 && pool.strideY == 2
      && pool.padding == 1
  }
}
