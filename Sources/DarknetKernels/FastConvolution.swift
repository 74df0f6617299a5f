/// The three products of a convolution in training, by the same kernels as inference.
///
/// The same contract as `Convolution`: planar maps, weights that change from call to call (so they
/// are packed each time), gradients added, results that do not depend on the number of threads.
/// Shapes without a fast way go to `Convolution`. Sums are as accurate as plain ones, but not bit
/// for bit the same.
///
/// Inside, windows of planes become blocks of 16 channels, and go back, while they are in the
/// cache: 0.4 cycles a value, against more than ten for the products.
public enum FastConvolution {
  /// How a shape is computed.
  enum Way {
    case winograd, pointwise, planar, plain
  }

  static func way(_ g: ConvolutionGeometry) -> Way {
    guard g.groups == 1, !Arithmetic.isInOrder else { return .plain }
    // Below this there is more packing than computing.
    if g.operations < 100_000 { return .plain }
    if g.isPointwise { return .pointwise }
    if g.channels <= 4, g.columnHeight <= 256 { return .planar }
    return WinogradConvolution.can(g) ? .winograd : .plain
  }

  /// The convolution that takes output gradients to input gradients.
  static func reversed(_ g: ConvolutionGeometry) -> ConvolutionGeometry {
    ConvolutionGeometry(
      channels: g.filters, height: g.outHeight, width: g.outWidth, filters: g.channels,
      size: g.size, padding: g.size - 1 - g.padding)
  }

  // MARK: Forward

  /// Floats of `workspace` for `forward`.
  public static func forwardWorkspace(
    _ g: ConvolutionGeometry, batch: Int, threads: Int
  ) -> Int {
    switch way(g) {
    case .winograd: BlockedWinograd(g, batch: batch, threads: threads).workspaceCount
    case .pointwise: BlockedPointwise(g, batch: batch, threads: threads).workspaceCount
    case .planar: BlockedPlanar(g, batch: batch, threads: threads).forwardWorkspace
    case .plain: Convolution.forwardWorkspace(g, threads: threads)
    }
  }

  /// output = input * weights for `batch` images.
  public static func forward(
    _ g: ConvolutionGeometry, batch: Int, input: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, pool: ThreadPool = .shared
  ) {
    switch way(g) {
    case .winograd:
      BlockedWinograd(g, batch: batch, threads: pool.threads).run(
        input: input, weights: weights, mirrored: false, output: output, adds: false,
        workspace: workspace, pool: pool)
    case .pointwise:
      BlockedPointwise(g, batch: batch, threads: pool.threads).run(
        input: input, weights: weights, mirrored: false, output: output, adds: false,
        workspace: workspace, pool: pool)
    case .planar:
      BlockedPlanar(g, batch: batch, threads: pool.threads).forward(
        input: input, weights: weights, output: output, workspace: workspace, pool: pool)
    case .plain:
      Convolution.forward(
        g, batch: batch, input: input, weights: weights, output: output, workspace: workspace,
        pool: pool)
    }
  }

  // MARK: Backward to the input

  /// Floats of `workspace` for `backwardInput`.
  public static func backwardInputWorkspace(
    _ g: ConvolutionGeometry, batch: Int, threads: Int
  ) -> Int {
    switch way(g) {
    case .winograd: BlockedWinograd(reversed(g), batch: batch, threads: threads).workspaceCount
    case .pointwise: BlockedPointwise(reversed(g), batch: batch, threads: threads).workspaceCount
    case .planar, .plain: Convolution.backwardInputWorkspace(g, threads: threads)
    }
  }

  /// dInput += (or =, unless `adds`) the transposed weights times dOutput.
  public static func backwardInput(
    _ g: ConvolutionGeometry, batch: Int, outputGradient: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, inputGradient: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, adds: Bool = true, pool: ThreadPool = .shared
  ) {
    switch way(g) {
    case .winograd:
      BlockedWinograd(reversed(g), batch: batch, threads: pool.threads).run(
        input: outputGradient, weights: weights, mirrored: true, output: inputGradient,
        adds: adds, workspace: workspace, pool: pool)
    case .pointwise:
      BlockedPointwise(reversed(g), batch: batch, threads: pool.threads).run(
        input: outputGradient, weights: weights, mirrored: true, output: inputGradient,
        adds: adds, workspace: workspace, pool: pool)
    case .planar, .plain:
      if !adds { Vector.fill(inputGradient, with: 0, count: batch * g.inputCount) }
      Convolution.backwardInput(
        g, batch: batch, outputGradient: outputGradient, weights: weights,
        inputGradient: inputGradient, workspace: workspace, pool: pool)
    }
  }

  // MARK: Backward to the weights

  /// Floats of `workspace` for `backwardWeights`.
  public static func backwardWeightsWorkspace(
    _ g: ConvolutionGeometry, batch: Int, threads: Int
  ) -> Int {
    switch way(g) {
    case .winograd, .pointwise:
      WeightGradient(g, batch: batch, threads: threads).workspaceCount
    case .planar: BlockedPlanar(g, batch: batch, threads: threads).gradientWorkspace
    case .plain: Convolution.backwardWeightsWorkspace(g, threads: threads)
    }
  }

  /// dWeights += the sum over the batch and the pixels of dOutput times the inputs it saw.
  public static func backwardWeights(
    _ g: ConvolutionGeometry, batch: Int, input: UnsafePointer<Float>,
    outputGradient: UnsafePointer<Float>, weightGradient: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, pool: ThreadPool = .shared
  ) {
    switch way(g) {
    case .winograd, .pointwise:
      WeightGradient(g, batch: batch, threads: pool.threads).run(
        input: input, outputGradient: outputGradient, weightGradient: weightGradient,
        workspace: workspace, pool: pool)
    case .planar:
      BlockedPlanar(g, batch: batch, threads: pool.threads).gradient(
        input: input, outputGradient: outputGradient, weightGradient: weightGradient,
        workspace: workspace, pool: pool)
    case .plain:
      Convolution.backwardWeights(
        g, batch: batch, input: input, outputGradient: outputGradient,
        weightGradient: weightGradient, workspace: workspace, pool: pool)
    }
  }
}

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
