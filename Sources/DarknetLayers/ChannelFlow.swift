import DarknetTensors

/// Which channels of a layer's inputs its output's channels are made from: what is known without
/// any numbers.
///
/// Three things are read off it: which channels of an output somebody still needs (memory), which
/// channels a gradient reaches (`GradientFlow`), and which input channels follow a filter that is
/// left out (`Transplant`).
package enum ChannelFlow: Hashable, Sendable {
  /// Channels `from` of source `source` (an index into `Layer.sources`) go into the output's
  /// channels from `to` on, one into one.
  package struct Passage: Hashable, Sendable {
    package var source: Int
    package var from: Range<Int>
    package var to: Int

    package init(source: Int, from: Range<Int>, to: Int = 0) {
      self.source = source
      self.from = from
      self.to = to
    }
  }

  /// Channel by channel: values of the named channels only. Passages that overlap in the output
  /// are added (or multiplied).
  case passes([Passage])
  /// Each of `groups` equal parts of the output's channels depends on all channels of the same
  /// part of every input.
  case mixes(groups: Int)
}

extension Layer {
  /// How channels go through this layer; layers that nobody looked at mix all.
  package var channelFlow: ChannelFlow {
    let all = 0..<outputShape.channels
    switch self {
    case let layer as ConvolutionalLayer:
      return .mixes(groups: layer.activation.mixesChannels ? 1 : layer.geometry.groups)
    case let layer as RouteLayer:
      var to = 0
      return .passes(
        layer.slices.enumerated().map { source, slice in
          defer { to += slice.count }
          return .init(source: source, from: slice, to: to)
        })
    case let layer as ShortcutLayer where !layer.activation.mixesChannels:
      return .passes(
        [.init(source: 0, from: all)]
          + layer.sourceShapes.enumerated().map {
            .init(source: $0 + 1, from: 0..<min($1.channels, all.count))
          })
    case let layer as PartialShortcutLayer where !layer.activation.mixesChannels:
      return .passes(
        [.init(source: 0, from: all)]
          + layer.addedChannels.enumerated().map { .init(source: $0 + 1, from: 0..<$1) })
    case let layer as ScaleChannelsLayer
    where !layer.isPerPixel && !layer.activation.mixesChannels:
      return .passes([.init(source: 0, from: all), .init(source: 1, from: all)])
    case let layer as SpatialAttentionLayer where !layer.activation.mixesChannels:
      return .passes([.init(source: 0, from: all), .init(source: 1, from: all)])
    case let layer as ActivationLayer where !layer.activation.mixesChannels:
      return .passes([.init(source: 0, from: all)])
    case let layer as MaxPoolLayer where layer.depthChannels == nil:
      return .passes([.init(source: 0, from: all)])
    case is AveragePoolLayer, is BatchNormalizationLayer, is CostLayer, is CropLayer,
      is DropoutLayer, is EmptyLayer, is LocalAveragePoolLayer, is LogisticLayer, is UpsampleLayer,
      is YoloLayer, is GaussianYoloLayer:
      return .passes([.init(source: 0, from: all)])
    default:
      return .mixes(groups: 1)
    }
  }

  /// How many of the first channels of its source number `source`, which has so many, the layer
  /// looks at.
  package func channelsRead(ofSource source: Int, channels: Int) -> Int {
    guard case .passes(let passages) = channelFlow else { return channels }
    return min(
      passages.filter { $0.source == source }.map(\.from.upperBound).max() ?? 0, channels)
  }
}
