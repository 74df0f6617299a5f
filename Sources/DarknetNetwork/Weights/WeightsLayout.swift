import DarknetConfig

/// Which bytes of a weights file belong to which parameter: the file has no names, so order and
/// counts, worked out from the cfg, are all there is.
package struct WeightsLayout: Sendable {
  /// One array of the file.
  package struct Entry: Hashable, Sendable {
    package let layer: Int
    /// Index in the layer's `parameters`.
    package let parameter: Int
    /// Byte offset of its first float.
    package let offset: Int
    /// Floats in the file; fewer than the parameter has under `numload`.
    package let count: Int

    package var end: Int { offset + count * 4 }
  }

  package let entries: [Entry]
  package let headerCount: Int
  /// Bytes after the last entry.
  package let end: Int

  /// - Parameters:
  ///   - order: the dialect whose order of parameters the file has.
  ///   - cutoff: layers from this index on are left out.
  ///   - isReading: whether `dontload`, `dontloadscales` and `numload` leave bytes out.
  package init(
    of network: Network, headerCount: Int, order: Dialect, cutoff: Int = .max, isReading: Bool
  ) {
    var entries: [Entry] = []
    var offset = headerCount
    for node in network.nodes where node.index < cutoff && node.layer.sharesParametersOf == nil {
      if isReading ? node.common.dontLoad : node.common.dontSave { continue }
      let parameters = node.layer.parameters
      for index in node.layer.fileOrder(order) {
        let parameter = parameters[index]
        if isReading, node.common.dontLoadScales, parameter.role.isBatchNormalization { continue }
        var count = parameter.count
        if isReading, let filters = node.common.filtersToLoad {
          let all = node.outputShape.channels
          if filters < all { count = count / all * filters }
        }
        entries.append(Entry(layer: node.index, parameter: index, offset: offset, count: count))
        offset += count * 4
      }
    }
    self.entries = entries
    self.headerCount = headerCount
    end = offset
  }

  /// Layers whose bytes all lie before `byte`, if `byte` is where one of them ends (or the file's
  /// header); nil if it lies inside a layer.
  package func boundary(at byte: Int) -> Int? {
    if byte == headerCount { return entries.first?.layer ?? 0 }
    guard let last = entries.lastIndex(where: { $0.end == byte }) else { return nil }
    let isLayersEnd = last + 1 == entries.count || entries[last + 1].layer != entries[last].layer
    return isLayersEnd ? entries[last].layer + 1 : nil
  }

  /// The entry in which `byte` lies.
  package func entry(at byte: Int) -> Entry? {
    entries.first { $0.offset <= byte && byte < $0.end }
  }
}
