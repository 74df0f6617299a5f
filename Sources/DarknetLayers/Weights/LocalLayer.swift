import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[local]`: a convolution whose filters differ from place to place.
///
///     z[n, f, i, j] = sum over c, ky, kx of x[n, c, y', x'] w[i, j, f, c, ky, kx] + bias[f, i, j]
///     y             = activation(z)
///
/// x [N, C, H, W], w [OH OW, F, C, size, size], y [N, F, OH, OW]. Options: `filters`, `size`,
/// `stride` (default 1), `pad` (default 0), `activation` (default `logistic`). Without `pad`
/// OW = (W - size) / stride + 1 and taps start at j stride; with `pad=p` OW = (W - 1) / stride + 1
/// and taps start at j stride - p. (Darknet contradicts itself where `pad` is not size / 2.)
///
/// Weights file: biases [F, OH, OW], weights place by place.
///
/// - Throws: `ConfigError` if a filter is larger than the map, or the weights are too many.
package struct LocalLayer: Layer {
  package static let sectionNames = ["local"]

  package let inputShape: Shape
  package let outputShape: Shape
  package let size: Int
  package let stride: Int
  package let padding: Int
  package let activation: Activation
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let x = site.inputShape
    let filters = try options.size("filters", default: 1, loud: true)
    size = try options.size("size", default: 1, loud: true)
    stride = try options.size("stride", default: 1, loud: true)
    padding = try options.int("pad", default: 0, loud: true, in: 0...65_536)
    activation = try options.activation(default: .logistic, loud: true)
    guard padding > 0 || size <= min(x.width, x.height) else {
      throw options.error(
        "size", expected: "at most the input's \(x.width)x\(x.height)", found: "\(size)",
        fix: "use a smaller filter, a larger input or pad=1")
    }
    let extent = padding > 0 ? 1 : size
    inputShape = x
    outputShape = Shape(
      channels: filters, height: (x.height - extent) / stride + 1,
      width: (x.width - extent) / stride + 1)
    source = site.previousIndex
    var count = 1
    for factor in [x.channels, size, size, filters, outputShape.area] {
      let (product, overflows) = count.multipliedReportingOverflow(by: factor)
      guard !overflows, product <= Int(Int32.max) else {
        throw options.error(
          "filters", expected: "less than 2^31 weights",
          found: "\(filters) filters of \(size)x\(size)x\(x.channels) at each of "
            + "\(outputShape.area) places",
          fix: "use fewer or smaller filters")
      }
      count = product
    }
  }

  package var sources: [Int] { [source] }

  /// Products that each output sums up.
  private var patchCount: Int { inputShape.channels * size * size }
  private var filters: Int { outputShape.channels }

  package var parameters: [Parameter] {
    let count = filters * patchCount
    return [
      .biases(outputShape.count),
      // As in Darknet only the first place starts with random filters.
      Parameter(
        "weights", count: count * outputShape.area, role: .weight,
        initial: .uniformHead(scale: (2 / Float(patchCount)).squareRoot(), count: count)),
    ]
  }

  package func savedCount(batch: Int) -> Int { activation.savedCount(batch * outputShape.count) }

  /// For each thread the inputs that a place sees, and its outputs: [N, patch] and [N, F].
  package func workspaceCount(batch: Int, isTraining: Bool, context: ComputeContext) -> Int {
    context.threads * batch * (patchCount + filters)
  }

  private func scratch(_ pass: ForwardPass, _ worker: Int) -> (
    patches: UnsafeMutablePointer<Float>, values: UnsafeMutablePointer<Float>
  ) {
    let start = pass.workspace + worker * pass.batch * (patchCount + filters)
    return (start, start + pass.batch * patchCount)
  }

  /// Calls `body` with the place in an image, nil outside, and that in a patch, of each value that
  /// output `place` sees.
  private func forEachTap(_ place: Int, _ body: (_ image: Int?, _ patch: Int) -> Void) {
    let (row, column) = place.quotientAndRemainder(dividingBy: outputShape.width)
    let (top, left) = (row &* stride &- padding, column &* stride &- padding)
    var patch = 0
    for c in 0..<inputShape.channels {
      for y in top..<top &+ size {
        for x in left..<left &+ size {
          let isInside = y >= 0 && y < inputShape.height && x >= 0 && x < inputShape.width
          body(isInside ? (c &* inputShape.height &+ y) &* inputShape.width &+ x : nil, patch)
          patch &+= 1
        }
      }
    }
  }

  private func fillPatches(
    _ patches: UnsafeMutablePointer<Float>, place: Int, from input: TensorView
  ) {
    forEachTap(place) { image, patch in
      for n in 0..<input.batch {
        patches[n &* patchCount &+ patch] = image.map { input.image(n)[$0] } ?? 0
      }
    }
  }

  package func forward(_ pass: ForwardPass) {
    let y = pass.output
    pass.context.run(outputShape.area) { place, worker in
      let (patches, values) = scratch(pass, worker)
      fillPatches(patches, place: place, from: pass.input)
      Matrix.multiply(
        transposeB: true, m: pass.batch, n: filters, k: patchCount, a: patches, lda: patchCount,
        b: pass.parameters[1] + place * filters * patchCount, ldb: patchCount, beta: 0, c: values,
        ldc: filters, arithmetic: pass.context.arithmetic)
      for n in 0..<pass.batch {
        for f in 0..<filters {
          let at = f &* outputShape.area &+ place
          y.image(n)[at] = values[n &* filters &+ f] + pass.parameters[0][at]
        }
      }
    }
    activation.apply(
      to: y, keepingInputIn: pass.isTraining ? pass.saved : nil,
      context: pass.context)
  }

  package func backward(_ pass: BackwardPass) {
    let dz = pass.outputGradient
    activation.scaleBySlope(
      dz, output: pass.output, savedInput: pass.forward.saved, context: pass.context)
    if let biases = pass.parameterGradients[0] {
      for n in 0..<dz.batch { Vector.add(dz.image(n), to: biases, count: outputShape.count) }
    }
    if let weights = pass.parameterGradients[1] { backwardWeights(pass, to: weights) }
    if let dx = pass.inputGradient { backwardInput(pass, to: dx) }
  }

  private func backwardWeights(_ pass: BackwardPass, to weights: UnsafeMutablePointer<Float>) {
    let dz = pass.outputGradient
    pass.context.run(outputShape.area) { place, worker in
      let (patches, values) = scratch(pass.forward, worker)
      fillPatches(patches, place: place, from: pass.input)
      for n in 0..<dz.batch {
        for f in 0..<filters {
          values[n &* filters &+ f] = dz.image(n)[f &* outputShape.area &+ place]
        }
      }
      Matrix.multiply(
        transposeA: true, m: filters, n: patchCount, k: dz.batch, a: values, lda: filters,
        b: patches, ldb: patchCount, beta: 1, c: weights + place * filters * patchCount,
        ldc: patchCount, arithmetic: pass.context.arithmetic)
    }
  }

  /// An image at a time, as neighbouring places add to the same inputs.
  private func backwardInput(_ pass: BackwardPass, to dx: TensorView) {
    let weights = pass.forward.parameters[1]
    pass.context.run(dx.batch) { n, worker in
      let (patch, values) = scratch(pass.forward, worker)
      let (dz, gradient) = (pass.outputGradient.image(n), dx.image(n))
      for place in 0..<outputShape.area {
        for f in 0..<filters { values[f] = dz[f &* outputShape.area &+ place] }
        Matrix.multiply(
          m: 1, n: patchCount, k: filters, a: values, lda: filters,
          b: weights + place * filters * patchCount, ldb: patchCount, beta: 0, c: patch,
          ldc: patchCount, arithmetic: pass.context.arithmetic)
        forEachTap(place) { image, tap in
          if let image { gradient[image] += patch[tap] }
        }
      }
    }
  }

  package var tableRow: TableRow { .local(input: inputShape, output: outputShape) }
}
