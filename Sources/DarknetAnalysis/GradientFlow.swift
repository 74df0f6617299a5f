import DarknetLayers
import DarknetNetwork
import DarknetText

/// Which gradients reach which channels of each layer: the analysis of Wang et al. 2019 (sections 3
/// and 4.2), channel by channel and for any cfg.
///
/// *Layers* are here those whose weights mix channels: convolutions, connected and recurrent layers.
/// Shortcuts, routes, pools and the like only hand gradients on, which costs no time. A gradient G
/// has two marks:
///
/// - its *timestamp* t: 1 where it leaves the loss, one more after each layer that it went through;
/// - its *source*: who emitted it, the loss or the layer whose input's gradient it is, and which
///   slice of the emitted channels. Channels of an emission form a slice if they reach the same
///   layers: a residual network hands the same slice to all of them, a concatenation another to
///   each, a partial shortcut splits off what it does not add.
///
/// A channel of a layer's output learns from the sum of the gradients that reach it. Two channels
/// have different timestamp combinations if the sums differ in emitters or timestamps, and different
/// source combinations if they differ in emitters or slices.
package struct GradientFlow: Sendable {
  package enum Emitter: Hashable, Comparable, Sendable {
    /// The gradient of a layer's input.
    case layer(Int)
    /// A loss layer, or the network's output if it has none.
    case loss(Int)
  }

  /// Gradients of one source at some channels.
  package struct Arrival: Hashable, Sendable {
    package var emitter: Emitter
    /// Channels of the emitter's input that go the same way.
    package var slice: Range<Int>
    /// Ascending.
    package var timestamps: [Int]
  }

  /// Channels of a layer's output at which the same gradients arrive.
  package struct Group: Hashable, Sendable {
    package var channels: Range<Int>
    /// From the latest emitter to the earliest.
    package var arrivals: [Arrival]

    /// Of all arrivals together, ascending.
    package var timestamps: [Int] { Set(arrivals.flatMap(\.timestamps)).sorted() }
  }

  /// One layer.
  package struct Row: Hashable, Sendable {
    package var layer: Int
    package var groups: [Group]

    /// How many of its groups' sums differ in emitters or timestamps.
    package var timestampCombinations: Int {
      Set(
        groups.filter { !$0.arrivals.isEmpty }.map { group in
          Dictionary(grouping: group.arrivals, by: \.emitter).mapValues {
            Set($0.flatMap(\.timestamps))
          }
        }
      ).count
    }

    /// How many of its groups' sums differ in emitters or slices.
    package var sourceCombinations: Int {
      struct Source: Hashable {
        var emitter: Emitter
        var slice: Range<Int>
      }
      return Set(
        groups.filter { !$0.arrivals.isEmpty }.map { group in
          Set(group.arrivals.map { Source(emitter: $0.emitter, slice: $0.slice) })
        }
      ).count
    }
  }

  /// The layers in cfg order; none that training never reaches.
  package let rows: [Row]
  /// The loss layers that were counted from.
  package let losses: [Int]

  package var timestampCombinations: Int { rows.reduce(0) { $0 + $1.timestampCombinations } }
  package var sourceCombinations: Int { rows.reduce(0) { $0 + $1.sourceCombinations } }

  /// The different sums of timestamps, as figure 5 of the paper lists them: {G1}, {G1 + G3}, ...
  package var timestampSums: [[Int]] {
    Set(rows.flatMap { $0.groups.map(\.timestamps) }.filter { !$0.isEmpty })
      .sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// - Throws: `ConfigError` if gradients reach a layer in more ways than can be followed: routes
  ///   that double their channels do so in a few layers.
  package init(_ network: Network) throws(ConfigError) {
    var tracer = Tracer(network)
    try tracer.run()
    losses = tracer.losses
    rows = tracer.rows()
  }
}

// MARK: - Tracing

/// Follows every emission back to the layers at which it arrives.
private struct Tracer {
  typealias Emitter = GradientFlow.Emitter

  struct Emission {
    var emitter: Emitter
    var timestamps: Set<Int>
  }

  /// Channels of an emission on some channels of a map.
  struct Segment: Hashable {
    var emission: Int
    /// Of the emitter's input.
    var origin: Range<Int>
    /// Of the map.
    var channels: Range<Int>
    /// Channel by channel, from the first of `origin` on; else all of it reaches each channel.
    var isParallel = true
  }

  let network: Network
  let losses: [Int]
  private let flows: [ChannelFlow]
  /// Layers before this one get no gradients: `stopbackward`.
  private let first: Int
  private var emissions: [Emission] = []
  /// What arrives at each layer's output.
  private var arriving: [Set<Segment>]

  init(_ network: Network) {
    self.network = network
    flows = network.nodes.indices.map { network.channelFlow(of: $0) }
    first = network.nodes.last { $0.common.stopBackward != 0 }?.index ?? 0
    let ends = network.nodes.filter {
      $0.layer is any LossLayer && network.readers(of: $0.index).isEmpty
    }
    losses = ends.isEmpty ? [network.outputIndex] : ends.map(\.index)
    arriving = Array(repeating: [], count: network.nodes.count)
  }

  /// Whether a layer's weights mix channels.
  private func isLayer(_ index: Int) -> Bool {
    guard case .mixes = flows[index] else { return false }
    return network.nodes[index].layer.parameters.contains { $0.role.isTrained }
  }

  /// Ways from one emission to one layer that are followed; published networks have hundreds.
  private static let mostSegments = 4_000

  mutating func run() throws(ConfigError) {
    for index in network.nodes.indices.reversed() where index >= first {
      let node = network.nodes[index]
      guard arriving[index].count <= Self.mostSegments else {
        throw ConfigError(
          file: network.file, line: node.line, section: node.name,
          expected: "gradients that arrive in at most \(Self.mostSegments) ways",
          found: "\(arriving[index].count)", fix: "use fewer routes that repeat a layer")
      }
      if losses.contains(index) {
        if node.layer is any LossLayer {
          for source in node.layer.sources {
            emit(.loss(index), [1], into: source, 0..<network.shape(of: source).channels)
          }
        } else {
          emit(.loss(index), [1], into: index, 0..<node.outputShape.channels)
        }
      }
      if node.common.onlyForward { continue }
      if isLayer(index) {
        emitInputs(index)
      } else {
        handOn(index)
      }
    }
  }

  private mutating func emit(
    _ emitter: Emitter, _ timestamps: Set<Int>, into map: Int, _ channels: Range<Int>
  ) {
    guard map >= first else { return }
    emissions.append(Emission(emitter: emitter, timestamps: timestamps))
    arriving[map].insert(
      Segment(emission: emissions.count - 1, origin: channels, channels: channels))
  }

  /// The gradients of a layer's inputs: all timestamps of the outputs that they go into, and one
  /// more layer passed.
  private mutating func emitInputs(_ index: Int) {
    guard case .mixes(let groups) = flows[index] else { return }
    let outputs = network.nodes[index].outputShape.channels / groups
    for source in network.nodes[index].layer.sources {
      let inputs = network.shape(of: source).channels / groups
      var run: (timestamps: Set<Int>, channels: Range<Int>)?
      for group in 0..<groups {
        let range = outputs * group..<outputs * (group + 1)
        var timestamps: Set<Int> = []
        for segment in arriving[index] where segment.channels.overlaps(range) {
          timestamps.formUnion(emissions[segment.emission].timestamps)
        }
        let channels = inputs * group..<inputs * (group + 1)
        // Neighbouring groups that learn at the same times are one emission.
        if let open = run, open.timestamps == timestamps {
          run!.channels = open.channels.lowerBound..<channels.upperBound
        } else {
          if let open = run { emitLater(index, open.timestamps, into: source, open.channels) }
          run = (timestamps, channels)
        }
      }
      if let open = run { emitLater(index, open.timestamps, into: source, open.channels) }
    }
  }

  private mutating func emitLater(
    _ index: Int, _ timestamps: Set<Int>, into source: Int, _ channels: Range<Int>
  ) {
    if timestamps.isEmpty { return }
    emit(.layer(index), Set(timestamps.map { $0 + 1 }), into: source, channels)
  }

  /// A layer without mixing weights: what arrives is passed on to its inputs.
  private mutating func handOn(_ index: Int) {
    let sources = network.nodes[index].layer.sources
    switch flows[index] {
    case .passes(let passages):
      for passage in passages where sources[passage.source] >= first {
        let source = sources[passage.source]
        let window = passage.to..<passage.to + passage.from.count
        for segment in arriving[index] {
          let common = segment.channels.clamped(to: window)
          if common.isEmpty { continue }
          var moved = segment
          let shift = passage.from.lowerBound - passage.to
          moved.channels = common.lowerBound + shift..<common.upperBound + shift
          if segment.isParallel {
            let back = segment.origin.lowerBound - segment.channels.lowerBound
            moved.origin = common.lowerBound + back..<common.upperBound + back
          }
          arriving[source].insert(moved)
        }
      }
    case .mixes:
      for source in sources where source >= first {
        let channels = 0..<network.shape(of: source).channels
        for segment in arriving[index] {
          var spread = segment
          spread.channels = channels
          spread.isParallel = false
          arriving[source].insert(spread)
        }
      }
    }
  }

  // MARK: Slices and groups

  /// What a channel of an emission reaches.
  private struct Fate: Hashable {
    var layer: Int
    /// From its place in the emission to that in the layer's output; nil if it reaches all.
    var shift: Int?
  }

  func rows() -> [GradientFlow.Row] {
    let layers = network.nodes.indices.filter { $0 >= first && isLayer($0) }
    var deliveries: [[(layer: Int, segment: Segment)]] = Array(
      repeating: [], count: emissions.count)
    for layer in layers {
      for segment in arriving[layer] { deliveries[segment.emission].append((layer, segment)) }
    }
    let cuts = deliveries.map { slices(of: $0) }
    return layers.map { layer in
      GradientFlow.Row(layer: layer, groups: groups(of: layer, cuts))
    }
  }

  /// Ranges of an emission's channels that reach the same channels of the same layers.
  private func slices(of deliveries: [(layer: Int, segment: Segment)]) -> [Range<Int>] {
    let bounds = Self.bounds(deliveries.map(\.segment.origin))
    var slices: [(range: Range<Int>, fate: Set<Fate>)] = []
    for (low, high) in zip(bounds, bounds.dropFirst()) {
      let reached = deliveries.filter { $0.segment.origin.contains(low) }
      if reached.isEmpty { continue }
      let fate = Set(
        reached.map { layer, segment in
          Fate(
            layer: layer,
            shift: segment.isParallel
              ? segment.channels.lowerBound - segment.origin.lowerBound : nil)
        })
      if let last = slices.last, last.range.upperBound == low, last.fate == fate {
        slices[slices.count - 1].range = last.range.lowerBound..<high
      } else {
        slices.append((low..<high, fate))
      }
    }
    return slices.map(\.range)
  }

  private func groups(of layer: Int, _ slices: [[Range<Int>]]) -> [GradientFlow.Group] {
    struct Piece {
      var channels: Range<Int>
      var arrival: GradientFlow.Arrival
    }
    var pieces: [Piece] = []
    for segment in arriving[layer] {
      let emission = emissions[segment.emission]
      for slice in slices[segment.emission] where slice.overlaps(segment.origin) {
        let shift = segment.channels.lowerBound - segment.origin.lowerBound
        pieces.append(
          Piece(
            channels: segment.isParallel
              ? slice.lowerBound + shift..<slice.upperBound + shift : segment.channels,
            arrival: .init(
              emitter: emission.emitter, slice: slice, timestamps: emission.timestamps.sorted())))
      }
    }
    let all = 0..<network.nodes[layer].outputShape.channels
    let bounds = Self.bounds(pieces.map(\.channels) + [all])
    var groups: [GradientFlow.Group] = []
    for (low, high) in zip(bounds, bounds.dropFirst()) {
      let arrivals = Set(pieces.filter { $0.channels.contains(low) }.map(\.arrival)).sorted {
        ($1.emitter, $0.slice.lowerBound, $0.timestamps.count)
          < ($0.emitter, $1.slice.lowerBound, $1.timestamps.count)
      }
      if let last = groups.last, last.arrivals == arrivals {
        groups[groups.count - 1].channels = last.channels.lowerBound..<high
      } else {
        groups.append(.init(channels: low..<high, arrivals: arrivals))
      }
    }
    return groups
  }

  private static func bounds(_ ranges: [Range<Int>]) -> [Int] {
    Set(ranges.flatMap { [$0.lowerBound, $0.upperBound] }).sorted()
  }
}
