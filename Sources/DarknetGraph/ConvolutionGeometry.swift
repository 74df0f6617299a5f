/// The shapes of a convolution.
///
///     input   [N, C, H, W]                   weights [F, C / groups, size, size]
///     output  [N, F, outHeight, outWidth]    outWidth = (W + 2 padding - size) / strideX + 1
///
/// Output (y, x) sees the input at `y * strideY - padding * dilation + ky * dilation`, likewise
/// for x, and zero outside. As in Darknet the dilation is not part of the size formula.
package struct ConvolutionGeometry: Hashable, Sendable {
  package var channels: Int
  package var height: Int
  package var width: Int
  package var filters: Int
  package var size: Int
  package var strideX: Int
  package var strideY: Int
  package var padding: Int
  package var dilation: Int
  package var groups: Int

  /// - Precondition: `groups` divides channels and filters. Layers check this at the cfg's line.
  package init(
    channels: Int, height: Int, width: Int, filters: Int, size: Int, strideX: Int = 1,
    strideY: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1
  ) {
    precondition(
      groups > 0 && channels % groups == 0 && filters % groups == 0,
      "\(groups) groups do not divide \(channels) channels and \(filters) filters")
    self.channels = channels
    self.height = height
    self.width = width
    self.filters = filters
    self.size = size
    self.strideX = strideX
    self.strideY = strideY
    self.padding = padding
    self.dilation = dilation
    self.groups = groups
  }

  package var outHeight: Int { (height + 2 * padding - size) / strideY + 1 }
  package var outWidth: Int { (width + 2 * padding - size) / strideX + 1 }
  package var area: Int { height * width }
  package var outArea: Int { outHeight * outWidth }

  /// Floats of one image.
  package var inputCount: Int { channels * area }
  package var outputCount: Int { filters * outArea }
  package var weightCount: Int { filters * columnHeight }

  package var channelsPerGroup: Int { channels / groups }
  package var filtersPerGroup: Int { filters / groups }
  /// Products that each output sums up; the height of the im2col matrix of a group.
  package var columnHeight: Int { channelsPerGroup * size * size }

  /// Multiplications and additions for one image.
  package var operations: Int { 2 * columnHeight * outputCount }

  /// Whether the im2col matrix is the input itself.
  package var isPointwise: Bool {
    size == 1 && strideX == 1 && strideY == 1 && padding == 0
  }
}
