import DarknetLayers

extension Network {
  /// How channels go through layer `index`, with its sources' shapes looked at: a layer that flattens
  /// its input mixes.
  package func channelFlow(of index: Int) -> ChannelFlow {
    let node = nodes[index]
    guard case .passes(let passages) = node.layer.channelFlow else { return node.layer.channelFlow }
    let fits = passages.allSatisfy { passage in
      let channels = shape(of: node.layer.sources[passage.source]).channels
      return passage.from.upperBound <= channels
        && (node.layer.takesPartOfChannels || node.outputShape.channels == channels)
    }
    return fits ? .passes(passages) : .mixes(groups: 1)
  }

  /// How many of the first channels of its source number `source` layer `index` looks at.
  package func channelsRead(by index: Int, ofSource source: Int) -> Int {
    let layer = nodes[index].layer
    return layer.channelsRead(ofSource: source, channels: shape(of: layer.sources[source]).channels)
  }
}
