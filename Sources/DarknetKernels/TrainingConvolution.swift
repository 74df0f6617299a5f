import DarknetGraph

/// The three products of a convolution in training, by the same kernels as inference.
///
/// The same contract as `Convolution`: planar maps, weights that change from call to call (so they
/// are packed each time), gradients added, results that do not depend on the number of threads.
/// Shapes without a fast way go to `Convolution`. Sums are as accurate as plain ones, but not bit
/// for bit the same.
///
/// Inside, windows of planes become blocks of 16 channels, and go back, while they are in the
/// cache: 0.4 cycles a value, against more than ten for the products. Workspaces have a part for
/// each thread of the context.
package struct TrainingConvolution {
  /// How a shape is computed.
  package enum Way {
    case winograd, pointwise, planar, plain
  }

  package let way: Way
  private let g: ConvolutionGeometry
  private let batch: Int
  private let context: ComputeContext
  private let table: KernelTable

  package init(
    _ g: ConvolutionGeometry, batch: Int, context: ComputeContext, table: KernelTable = kernels
  ) {
    self.g = g
    self.batch = batch
    self.context = context
    self.table = table
    way = context.arithmetic == .reference ? .plain : Self.way(g)
  }

  /// Every way can run every shape that it is chosen for, whatever its number of channels,
  /// filters and pixels.
  private static func way(_ g: ConvolutionGeometry) -> Way {
    guard g.groups == 1 else { return .plain }
    // Below this there is more packing than computing.
    if g.operations < 100_000 { return .plain }
    if g.isPointwise { return .pointwise }
    if g.channels <= 4, g.columnHeight <= 256 { return .planar }
    return WinogradConvolution.can(g) ? .winograd : .plain
  }

  /// The convolution that takes output gradients to input gradients.
  private var reversed: ConvolutionGeometry {
    ConvolutionGeometry(
      channels: g.filters, height: g.outHeight, width: g.outWidth, filters: g.channels,
      size: g.size, padding: g.size - 1 - g.padding)
  }

  private func winograd(_ g: ConvolutionGeometry) -> TrainingWinograd {
    TrainingWinograd(g, batch: batch, threads: context.threads, table: table)
  }
  private func pointwise(_ g: ConvolutionGeometry) -> TrainingPointwise {
    TrainingPointwise(g, batch: batch, threads: context.threads, table: table)
  }
  private var planar: TrainingPlanar {
    TrainingPlanar(g, batch: batch, threads: context.threads, table: table)
  }
  private var weightGradient: WeightGradient {
    WeightGradient(g, batch: batch, threads: context.threads, table: table)
  }

  // MARK: Forward

  /// Floats of `workspace` for `forward`.
  package var forwardWorkspace: Int {
    switch way {
    case .winograd: winograd(g).workspaceCount
    case .pointwise: pointwise(g).workspaceCount
    case .planar: planar.forwardWorkspace
    case .plain: Convolution.forwardWorkspace(g, threads: context.threads)
    }
  }

  /// output = input * weights.
  package func forward(
    input: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
  ) {
    switch way {
    case .winograd:
      winograd(g).run(
        input: input, weights: weights, mirrored: false, output: output, adds: false,
        workspace: workspace, pool: context.pool)
    case .pointwise:
      pointwise(g).run(
        input: input, weights: weights, mirrored: false, output: output, adds: false,
        workspace: workspace, pool: context.pool)
    case .planar:
      planar.forward(
        input: input, weights: weights, output: output, workspace: workspace, pool: context.pool)
    case .plain:
      Convolution.forward(
        g, batch: batch, input: input, weights: weights, output: output, workspace: workspace,
        context: context)
    }
  }

  // MARK: Backward to the input

  /// Floats of `workspace` for `backwardInput`.
  package var backwardInputWorkspace: Int {
    switch way {
    case .winograd: winograd(reversed).workspaceCount
    case .pointwise: pointwise(reversed).workspaceCount
    case .planar, .plain: Convolution.backwardInputWorkspace(g, threads: context.threads)
    }
  }

  /// dInput += (or =, unless `adds`) the transposed weights times dOutput.
  package func backwardInput(
    outputGradient: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    inputGradient: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>,
    adds: Bool
  ) {
    switch way {
    case .winograd:
      winograd(reversed).run(
        input: outputGradient, weights: weights, mirrored: true, output: inputGradient,
        adds: adds, workspace: workspace, pool: context.pool)
    case .pointwise:
      pointwise(reversed).run(
        input: outputGradient, weights: weights, mirrored: true, output: inputGradient,
        adds: adds, workspace: workspace, pool: context.pool)
    case .planar, .plain:
      if !adds { Vector.fill(inputGradient, with: 0, count: batch * g.inputCount) }
      Convolution.backwardInput(
        g, batch: batch, outputGradient: outputGradient, weights: weights,
        inputGradient: inputGradient, workspace: workspace, context: context)
    }
  }

  // MARK: Backward to the weights

  /// Floats of `workspace` for `backwardWeights`.
  package var backwardWeightsWorkspace: Int {
    switch way {
    case .winograd, .pointwise: weightGradient.workspaceCount
    case .planar: planar.gradientWorkspace
    case .plain: Convolution.backwardWeightsWorkspace(g, threads: context.threads)
    }
  }

  /// dWeights += the sum over the batch and the pixels of dOutput times the inputs it saw.
  package func backwardWeights(
    input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    weightGradient sums: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>
  ) {
    switch way {
    case .winograd, .pointwise:
      weightGradient.run(
        input: input, outputGradient: outputGradient, weightGradient: sums,
        workspace: workspace, pool: context.pool)
    case .planar:
      planar.gradient(
        input: input, outputGradient: outputGradient, weightGradient: sums,
        workspace: workspace, pool: context.pool)
    case .plain:
      Convolution.backwardWeights(
        g, batch: batch, input: input, outputGradient: outputGradient, weightGradient: sums,
        workspace: workspace, context: context)
    }
  }
}
