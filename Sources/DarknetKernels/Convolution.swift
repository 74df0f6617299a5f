import DarknetGraph

/// Convolution by im2col and matrix products: for any geometry, forward and backward.
///
/// `workspace` is scratch memory of the caller, as many floats as the function of the same name
/// says for the context in use; its contents do not matter before and after. Results do not depend on
/// the number of threads. Bias and activation are the caller's.
package enum Convolution {
  /// Floats of one strip of the im2col matrix: it stays in the second-level cache while all
  /// filters pass over it.
  private static let stripCount = 96 * 1024

  // MARK: Forward

  /// Floats of `workspace` for `forward`.
  package static func forwardWorkspace(_ g: ConvolutionGeometry, threads: Int) -> Int {
    g.isPointwise ? 0 : threads * g.columnHeight * stripWidth(g)
  }

  /// output = input * weights for `batch` images.
  package static func forward(
    _ g: ConvolutionGeometry, batch: Int, input: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    let area = g.outArea
    let width = stripWidth(g)
    let strips = (area + width - 1) / width
    let (m, k) = (g.filtersPerGroup, g.columnHeight)
    context.run(batch * g.groups * strips) { index, worker in
      let (imageGroup, strip) = index.quotientAndRemainder(dividingBy: strips)
      let (image, group) = imageGroup.quotientAndRemainder(dividingBy: g.groups)
      let first = strip * width
      let count = min(width, area - first)
      let planes = input + image * g.inputCount + group * g.channelsPerGroup * g.area
      let result = output + image * g.outputCount + group * m * area + first
      let groupWeights = weights + group * m * k
      if g.isPointwise {
        Matrix.multiply(
          m: m, n: count, k: k, a: groupWeights, lda: k, b: planes + first, ldb: area, beta: 0,
          c: result, ldc: area, arithmetic: context.arithmetic)
      } else {
        let columns = workspace + worker * k * width
        Im2col.fill(
          columns, rowStride: count, from: planes, channels: g.channelsPerGroup,
          pixels: first..<first + count, g)
        Matrix.multiply(
          m: m, n: count, k: k, a: groupWeights, lda: k, b: columns, ldb: count, beta: 0,
          c: result, ldc: area, arithmetic: context.arithmetic)
      }
    }
  }

  private static func stripWidth(_ g: ConvolutionGeometry) -> Int {
    // At least 64 columns, or the product reads the weights too often; at least 4 strips of a big
    // map, so that threads find work.
    let fitting = max(64, stripCount / g.columnHeight / 16 * 16)
    return min(g.outArea, min(fitting, max(64, (g.outArea + 3) / 4)))
  }

  // MARK: Backward to the weights

  /// Floats of `workspace` for `backwardWeights`.
  package static func backwardWeightsWorkspace(_ g: ConvolutionGeometry, threads: Int) -> Int {
    g.isPointwise ? 0 : g.columnHeight * g.outArea
  }

  /// dWeights += the sum over the batch of dOutput times the transposed im2col matrix.
  package static func backwardWeights(
    _ g: ConvolutionGeometry, batch: Int, input: UnsafePointer<Float>,
    outputGradient: UnsafePointer<Float>, weightGradient: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    let area = g.outArea
    let (m, k) = (g.filtersPerGroup, g.columnHeight)
    for image in 0..<batch {
      for group in 0..<g.groups {
        let planes = input + image * g.inputCount + group * g.channelsPerGroup * g.area
        var columns = planes
        if !g.isPointwise {
          context.run(g.channelsPerGroup) { channel in
            Im2col.fill(
              workspace + channel * g.size * g.size * area, from: planes + channel * g.area,
              channels: 1, g)
          }
          columns = UnsafePointer(workspace)
        }
        Matrix.multiplyParallel(
          transposeB: true, m: m, n: k, k: area,
          a: outputGradient + image * g.outputCount + group * m * area, lda: area, b: columns,
          ldb: area, beta: 1, c: weightGradient + group * m * k, ldc: k, context: context)
      }
    }
  }

  // MARK: Backward to the input

  /// Floats of `workspace` for `backwardInput`.
  package static func backwardInputWorkspace(_ g: ConvolutionGeometry, threads: Int) -> Int {
    g.isPointwise ? 0 : threads * channelBlock(g) * g.size * g.size * g.outArea
  }

  /// dInput += the transposed weights times dOutput, scattered back.
  package static func backwardInput(
    _ g: ConvolutionGeometry, batch: Int, outputGradient: UnsafePointer<Float>,
    weights: UnsafePointer<Float>, inputGradient: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    let area = g.outArea
    let (m, k) = (g.filtersPerGroup, g.columnHeight)
    let block = channelBlock(g)
    let blocks = (g.channelsPerGroup + block - 1) / block
    context.run(batch * g.groups * blocks) { index, worker in
      let (imageGroup, blockIndex) = index.quotientAndRemainder(dividingBy: blocks)
      let (image, group) = imageGroup.quotientAndRemainder(dividingBy: g.groups)
      let first = blockIndex * block
      let channels = min(block, g.channelsPerGroup - first)
      let gradient = outputGradient + image * g.outputCount + group * m * area
      let planes =
        inputGradient + image * g.inputCount + (group * g.channelsPerGroup + first) * g.area
      let taps = g.size * g.size
      let blockWeights = weights + group * m * k + first * taps
      if g.isPointwise {
        Matrix.multiply(
          transposeA: true, m: channels, n: area, k: m, a: blockWeights, lda: k, b: gradient,
          ldb: area, beta: 1, c: planes, ldc: area, arithmetic: context.arithmetic)
      } else {
        let columns = workspace + worker * block * taps * area
        Matrix.multiply(
          transposeA: true, m: channels * taps, n: area, k: m, a: blockWeights, lda: k, b: gradient,
          ldb: area, beta: 0, c: columns, ldc: area, arithmetic: context.arithmetic)
        Im2col.scatter(
          columns, rowStride: area, to: planes, channels: channels, pixels: 0..<area, g)
      }
    }
  }

  /// Input channels that one task of `backwardInput` computes: each input plane is written by one
  /// task only, so nothing needs a lock.
  private static func channelBlock(_ g: ConvolutionGeometry) -> Int {
    let rows = max(g.size * g.size, stripCount * 2 / max(g.outArea, 1))
    return min(g.channelsPerGroup, max(1, rows / (g.size * g.size)))
  }
}
