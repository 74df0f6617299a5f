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

  /// Each channel of the output depends on the same one of each input.
  static func channelwise(_ output: Shape, sources: Int = 1) -> ChannelFlow {
    .passes((0..<sources).map { .init(source: $0, from: 0..<output.channels) })
  }
}

extension Layer {
  /// How many of the first channels of its source number `source`, which has that many, the layer
  /// looks at.
  package func channelsRead(ofSource source: Int, channels: Int) -> Int {
    guard case .passes(let passages) = channelFlow else { return channels }
    return min(
      passages.filter { $0.source == source }.map(\.from.upperBound).max() ?? 0, channels)
  }
}
