import DarknetGraph

/// The three products of a convolution in training, by the same kernels as inference.
///
/// The same contract as `Convolution`: planar maps, weights that change from call to call (so they
/// are packed each time), gradients added, results that do not depend on the number of threads.
/// Shapes without a fast way go to `Convolution`. Sums are as accurate as plain ones, but not bit
/// for bit the same.
///
/// Inside, windows of planes become blocks of 16 channels, and go back, while they are in the
/// cache: 0.4 cycles a value, against more than ten for the products.
package enum TrainingConvolution {
  /// Floats of `workspace` for `forward`.
  package static func forwardWorkspace(
    _ g: ConvolutionGeometry, batch: Int, context: ComputeContext
  ) -> Int {
    ConvolutionProducts(g, batch: batch, context: context).forwardWorkspace
  }

  /// output = input * weights for `batch` images.
  package static func forward(
    _ g: ConvolutionGeometry, batch: Int, input: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    ConvolutionProducts(g, batch: batch, context: context).forward(
      input: input, weights: weights, output: output, workspace: workspace)
  }

  /// Floats of `workspace` for `backwardInput`.
  package static func backwardInputWorkspace(
    _ g: ConvolutionGeometry, batch: Int, context: ComputeContext
  ) -> Int {
    ConvolutionProducts(g, batch: batch, context: context).backwardInputWorkspace
  }

  /// dInput += (or =, unless `adds`) the transposed weights times dOutput.
  package static func backwardInput(
    _ g: ConvolutionGeometry, batch: Int, outputGradient: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, inputGradient: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, adds: Bool = true, context: ComputeContext
  ) {
    ConvolutionProducts(g, batch: batch, context: context).backwardInput(
      outputGradient: outputGradient, weights: weights, inputGradient: inputGradient,
      workspace: workspace, adds: adds)
  }

  /// Floats of `workspace` for `backwardWeights`.
  package static func backwardWeightsWorkspace(
    _ g: ConvolutionGeometry, batch: Int, context: ComputeContext
  ) -> Int {
    ConvolutionProducts(g, batch: batch, context: context).backwardWeightsWorkspace
  }

  /// dWeights += the sum over the batch and the pixels of dOutput times the inputs it saw.
  package static func backwardWeights(
    _ g: ConvolutionGeometry, batch: Int, input: UnsafePointer<Float>,
    outputGradient: UnsafePointer<Float>, weightGradient: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    ConvolutionProducts(g, batch: batch, context: context).backwardWeights(
      input: input, outputGradient: outputGradient, weightGradient: weightGradient,
      workspace: workspace)
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
