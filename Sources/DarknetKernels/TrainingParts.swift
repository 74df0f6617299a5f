import DarknetGraph

/// Parts of one workspace, each on a cache line of its own.
struct WorkspaceParts {
  private(set) var count = 0

  /// Reserves `floats` and gives their offset.
  mutating func take(_ floats: Int) -> Int {
    let offset = count
    count += (floats + 15) / 16 * 16
    return offset
  }
}

/// Weights [filter][channel][tap] as panels of 32 filters, for products over channels.
struct WeightPanels {
  static let width = 32
  /// Of the convolution that is computed: for the way back channels and filters are exchanged.
  let g: ConvolutionGeometry

  var filters: Int { ChannelBlocks.count(g.filters) * ChannelBlocks.lanes }
  var count: Int { (filters + WeightPanels.width - 1) / WeightPanels.width }
  /// Channels of a panel, a multiple of 4.
  var rows: Int { (g.channels + 3) / 4 * 4 }
  var taps: Int { g.size * g.size }
  /// Filters of panel `index`.
  func width(_ index: Int) -> Int { min(WeightPanels.width, filters - index * WeightPanels.width) }
  /// Floats before panel `index`, if a channel has `points` rows.
  func offset(_ index: Int, points: Int) -> Int { index * WeightPanels.width * rows * points }

  /// Packs panel `index` of weights as they are, or mirrored for the way back.
  func pack(
    _ index: Int, of weights: UnsafePointer<Float>, mirrored: Bool,
    to panel: UnsafeMutablePointer<Float>, _ table: KernelTable
  ) {
    let first = index * WeightPanels.width
    if mirrored {
      // The weights' own filters are this convolution's channels.
      table.pointee.pack_panel_mirrored(
        weights, g.channels, g.filters, taps, first, width(index), panel)
    } else {
      table.pointee.pack_panel(weights, g.filters, g.channels, taps, first, width(index), panel)
    }
  }
}
