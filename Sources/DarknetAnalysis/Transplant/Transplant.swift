import DarknetLayers
import DarknetNetwork
import DarknetTensors
import DarknetText

/// Starts a network from the weights of another one.
///
/// Layers are paired by kind, scale and order (`LayerMatching`). Where B's layer has fewer filters,
/// the best of A's stay; every input channel of B looks up the channel of A's layer that carries
/// the same filter's output, through routes, shortcuts, pools and upsampling, so that the kept part
/// computes what it computed. Channels that shortcuts add to each other are chosen together. What
/// finds nothing in A keeps Darknet's random start.
package struct Transplant {
  /// How filters are chosen where B has fewer.
  package enum Selection: String, CaseIterable, Sendable {
    /// Those with the largest sums of absolute weights (Li et al. 2017, "Pruning Filters for
    /// Efficient ConvNets"), relative to their layer's mean.
    case l1
    /// The first ones.
    case first
  }

  /// What one layer of B was given.
  package struct Entry: Hashable, Sendable {
    package var layer: Int
    /// The layer of A; nil if it starts fresh.
    package var from: Int?
    /// Filters (outputs) and input channels that came from A, of those that the layer has.
    package var filters = 0
    package var filterCount = 0
    package var inputs = 0
    package var inputCount = 0
    /// Single numbers that came from A, of those that the layer has.
    package var values = 0
    package var valueCount: Int
    /// Why it starts fresh, or what is special.
    package var note = ""
  }

  package private(set) var entries: [Entry] = []

  package var carriedCount: Int { entries.reduce(0) { $0 + $1.values } }
  package var valueCount: Int { entries.reduce(0) { $0 + $1.valueCount } }

  private let a: Network
  private let b: Network
  private let old: Parameters
  private let new: Parameters
  private let selection: Selection
  private let labelsOfA: ChannelLabels
  private var labelsOfB: ChannelLabels
  private let profiles: [Int: LayerMatching.Profile]
  private var pairs: [Int: Int]
  private var families: ChannelFamilies

  /// Fills `new`, which holds B's random start.
  ///
  /// - Parameters:
  ///   - map: layers of A for layers of B, beside or instead of what is found.
  ///   - missing: layers of A whose weights its file did not hold.
  /// - Throws: `TransplantError` for a map of layers that do not go together.
  package init(
    from a: Network, _ old: Parameters, to b: Network, _ new: Parameters,
    map: [(from: Int, to: Int)] = [], missing: Set<Int> = [], selection: Selection = .l1
  ) throws(TransplantError) {
    (self.a, self.b, self.old, self.new, self.selection) = (a, b, old, new, selection)
    labelsOfA = .all(of: a)
    labelsOfB = ChannelLabels(b)
    let ofA = LayerMatching.profiles(a, labelsOfA, without: missing)
    let ofB = LayerMatching.profiles(b, .all(of: b))
    profiles = Dictionary(uniqueKeysWithValues: ofA.map { ($0.index, $0) })
    var matching = LayerMatching(ofA, ofB)
    for (from, to) in map {
      guard let x = ofA.first(where: { $0.index == from }) else {
        throw TransplantError(pair: (from, to), "layer \(from) of \(a.file) has no weights to give")
      }
      guard let y = ofB.first(where: { $0.index == to }) else {
        throw TransplantError(pair: (from, to), "layer \(to) of \(b.file) takes no weights")
      }
      if let obstacle = LayerMatching.obstacle(x, y) {
        throw TransplantError(pair: (from, to), obstacle)
      }
      matching.set(from, for: to)
    }
    pairs = matching.pairs
    families = ChannelFamilies(a, labelsOfA)
    families.chooseOrders(
      selection, old, narrowing: pairs.map { ($1, b.nodes[$0].outputShape.channels) })
    for node in b.nodes { carry(node) }
  }

  // MARK: One layer

  private mutating func carry(_ node: Network.Node) {
    guard !node.layer.parameters.isEmpty, node.layer.sharesParametersOf == nil else {
      addLabels(node, [])
      return
    }
    var entry = Entry(
      layer: node.index, filterCount: node.outputShape.channels,
      inputCount: labelsOfB.inputs(of: node.index).count,
      valueCount: node.layer.parameters.reduce(0) { $0 + $1.count })
    var kept: [Int?] = []
    if let from = pairs[node.index] {
      kept = carry(node, from: a.nodes[from], &entry)
    } else {
      entry.note = "no such layer"
    }
    if entry.values == 0 { kept = [] } else { entry.from = pairs[node.index] }
    entry.filters = kept.filter { $0 != nil }.count
    entries.append(entry)
    addLabels(node, kept)
  }

  /// - Parameter kept: A's channel for each of the layer's own, nil or missing where it has none.
  private mutating func addLabels(_ node: Network.Node, _ kept: [Int?]) {
    let from = pairs[node.index]
    labelsOfB.add {
      (0..<node.outputShape.channels).map { channel in
        guard let from, channel < kept.count, let old = kept[channel] else { return [] }
        return [ChannelLabel(layer: from, channel: old)]
      }
    }
  }

  /// For each input channel of B's layer, that of A's layer which carries the same.
  private func inputMap(_ node: Network.Node, _ from: Network.Node) -> [Int?] {
    var first: [ChannelLabel: Int] = [:]
    var other: [ChannelLabel: Int] = [:]
    for (place, labels) in labelsOfA.inputs(of: from.index).enumerated() {
      for (number, label) in labels.enumerated() {
        if number == 0, first[label] == nil { first[label] = place }
        if number > 0, other[label] == nil { other[label] = place }
      }
    }
    return labelsOfB.inputs(of: node.index).map { labels in
      // What is added to, then what is added, and at last sums that share a term.
      labels.lazy.compactMap { first[$0] }.first ?? labels.lazy.compactMap { other[$0] }.first
    }
  }

  private mutating func carry(
    _ node: Network.Node, from: Network.Node, _ entry: inout Entry
  ) -> [Int?] {
    let inputs = inputMap(node, from)
    entry.inputs = inputs.filter { $0 != nil }.count
    if entry.inputs == 0, entry.inputCount > 0 {
      entry.note = "everything that it reads is new"
      return []
    }
    switch (from.layer.weightOrder, node.layer.weightOrder) {
    case (.filters(let taps), .filters):
      let profile = profiles[from.index]!
      if profile.isDepthwise {
        return gather(node, from, rows: inputs, columns: [0], area: taps, &entry)
      }
      if profile.isGrouped { return carryWhole(node, from, inputs, &entry) }
      let rows = headRows(node, from, &entry) ?? rows(node, from, &entry)
      return gather(node, from, rows: rows, columns: inputs, area: taps, &entry)
    case (.products, .products):
      let areas = [a.shape(of: from.layer.sources[0]), b.shape(of: node.layer.sources[0])]
      guard areas[0].width == areas[1].width, areas[0].height == areas[1].height else {
        entry.note = "reads maps of another size"
        return []
      }
      return gather(
        node, from, rows: rows(node, from, &entry), columns: inputs, area: areas[0].area, &entry)
    case (.channelwise, .channelwise):
      return gather(node, from, rows: inputs, columns: [], area: 0, &entry)
    default:
      return carryWhole(node, from, inputs, &entry)
    }
  }

  /// A's filters for those of B's layer.
  private func rows(
    _ node: Network.Node, _ from: Network.Node, _ entry: inout Entry
  ) -> [Int?] {
    let (old, new) = (from.outputShape.channels, node.outputShape.channels)
    guard profiles[from.index]!.isOutput else { return families.kept(of: from.index, count: new) }
    if old != new { entry.note = "\(new) classes instead of \(old)" }
    return (0..<new).map { old == new ? $0 : nil }
  }

  /// A layer of any other kind: all of it, if nothing changed around it.
  private func carryWhole(
    _ node: Network.Node, _ from: Network.Node, _ inputs: [Int?], _ entry: inout Entry
  ) -> [Int?] {
    guard node.layer.parameters.map(\.count) == from.layer.parameters.map(\.count),
      inputs == Array(0..<inputs.count)
    else {
      entry.note = "[\(node.name)] of this kind is transferred whole or not at all"
      return []
    }
    for (x, y) in zip(old.buffers[from.index], new.buffers[node.index]) {
      y.pointer.update(from: x.pointer, count: y.count)
      entry.values += y.count
    }
    return Array(0..<node.outputShape.channels)
  }

  /// Filters before a detection head: boxes and objectness of each anchor, and the classes if there
  /// are as many.
  private func headRows(
    _ node: Network.Node, _ from: Network.Node, _ entry: inout Entry
  ) -> [Int?]? {
    guard let x = profiles[from.index]?.head,
      let y = LayerMatching.end(behind: node.index, b) as? any DetectionHead
    else { return nil }
    let (old, new) = (from.outputShape.channels, node.outputShape.channels)
    guard let anchorsOfA = anchors(old, x), let anchorsOfB = anchors(new, y) else {
      return (0..<new).map { $0 < old ? $0 : nil }
    }
    let (stepA, stepB) = (old / anchorsOfA, new / anchorsOfB)
    let box = stepB - y.classes
    guard stepA - x.classes == box else {
      entry.note = "heads of another kind"
      return [Int?](repeating: nil, count: new)
    }
    if x.classes != y.classes {
      entry.note = "boxes and objectness; \(counted(y.classes, "class", "classes")) start fresh"
    }
    return (0..<new).map { row in
      let (anchor, place) = row.quotientAndRemainder(dividingBy: stepB)
      guard anchor < anchorsOfA, place < box || x.classes == y.classes else { return nil }
      return anchor * stepA + place
    }
  }

  /// Anchors of a head with this many channels; nil for heads of another layout.
  private func anchors(_ channels: Int, _ head: any DetectionHead) -> Int? {
    guard let box = head.boxEntries else { return nil }
    let step = box + head.classes
    return channels % step == 0 ? channels / step : nil
  }

  // MARK: Numbers

  /// Copies rows (filters) and, of the weights, columns (input channels of `area` numbers each).
  ///
  /// A filter that came from A has zeros for inputs that did not, so that it computes what it did.
  private func gather(
    _ node: Network.Node, _ from: Network.Node, rows: [Int?], columns: [Int?], area: Int,
    _ entry: inout Entry
  ) -> [Int?] {
    let source = Tensors(from, old)
    let target = Tensors(node, new)
    for (row, place) in rows.enumerated() {
      guard let place else { continue }
      for (role, buffer) in target.vectors {
        guard let values = source.vectors[role] else { continue }
        buffer.pointer[row] = values.pointer[place]
        entry.values += 1
      }
      guard let weights = target.weights, let values = source.weights, area > 0 else { continue }
      let (width, oldWidth) = (weights.count / rows.count, values.count / source.rowCount)
      for (column, oldColumn) in columns.enumerated() {
        let to = weights.pointer + row * width + column * area
        guard let oldColumn else {
          for i in 0..<area { to[i] = 0 }
          continue
        }
        let x = values.pointer + place * oldWidth + oldColumn * area
        to.update(from: x, count: area)
        entry.values += area
      }
    }
    return rows
  }

  /// A layer's parameters by what they are.
  private struct Tensors {
    var vectors: [Parameter.Role: FloatBuffer] = [:]
    var weights: FloatBuffer?
    let rowCount: Int

    init(_ node: Network.Node, _ parameters: Parameters) {
      rowCount = node.outputShape.channels
      for (parameter, buffer) in zip(node.layer.parameters, parameters.buffers[node.index]) {
        if parameter.role == .weight { weights = buffer } else { vectors[parameter.role] = buffer }
      }
    }
  }
}

/// A pair of layers that the user named and that does not go together.
package struct TransplantError: Error, Hashable, CustomStringConvertible {
  /// The layer of A.
  package let from: Int
  /// The layer of B.
  package let to: Int
  /// What was expected of the two, and what was found.
  package let reason: String

  init(pair: (from: Int, to: Int), _ found: String) {
    (from, to) = pair
    reason =
      "expected two layers with weights of one kind, kernel and stride, found \(found)"
  }

  package var description: String { "layer \(from) for layer \(to): \(reason)" }
}
