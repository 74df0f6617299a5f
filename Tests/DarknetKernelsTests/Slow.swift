import DarknetGraph
import DarknetKernels
import DarknetTensors

/// Plain references in double, written for reading: what every fast path is compared with.
enum Slow {
  static func random(_ count: Int, seed: UInt64, in range: ClosedRange<Double> = -1...1) -> [Float]
  {
    var random = Random(seed: seed)
    return (0..<count).map { _ in random.uniform(range.lowerBound, range.upperBound) }
  }

  /// The pairs (output index, input index, weight index) of every product of a convolution.
  static func forEachTap(
    _ g: ConvolutionGeometry, batch: Int,
    _ body: (_ output: Int, _ input: Int, _ weight: Int) -> Void
  ) {
    let (fg, cg) = (g.filtersPerGroup, g.channelsPerGroup)
    for n in 0..<batch {
      for f in 0..<g.filters {
        for oy in 0..<g.outHeight {
          for ox in 0..<g.outWidth {
            let output = ((n * g.filters + f) * g.outHeight + oy) * g.outWidth + ox
            for c in 0..<cg {
              for ky in 0..<g.size {
                for kx in 0..<g.size {
                  let y = oy * g.strideY - g.padding * g.dilation + ky * g.dilation
                  let x = ox * g.strideX - g.padding * g.dilation + kx * g.dilation
                  guard y >= 0, y < g.height, x >= 0, x < g.width else { continue }
                  let channel = f / fg * cg + c
                  let input = ((n * g.channels + channel) * g.height + y) * g.width + x
                  body(output, input, ((f * cg + c) * g.size + ky) * g.size + kx)
                }
              }
            }
          }
        }
      }
    }
  }

  static func convolution(
    _ g: ConvolutionGeometry, batch: Int, input: [Float], weights: [Float]
  ) -> [Double] {
    var output = [Double](repeating: 0, count: batch * g.outputCount)
    forEachTap(g, batch: batch) { output[$0] += Double(input[$1]) * Double(weights[$2]) }
    return output
  }

  /// The largest |a - b| / (1 + |b|).
  static func deviation(_ a: [Float], _ b: [Double]) -> Double {
    precondition(a.count == b.count)
    var worst = 0.0
    for (x, y) in zip(a, b) {
      let error = abs(Double(x) - y) / (1 + abs(y))
      // A NaN must not slip through a comparison.
      if !(error <= worst) { worst = error.isNaN ? .infinity : error }
    }
    return worst
  }
}

/// Geometries with everything odd that a cfg can ask for.
let oddGeometries: [ConvolutionGeometry] = [
  .init(channels: 1, height: 1, width: 1, filters: 1, size: 1),
  .init(channels: 3, height: 5, width: 13, filters: 5, size: 3, padding: 1),
  .init(
    channels: 5, height: 13, width: 5, filters: 16, size: 3, strideX: 2, strideY: 2, padding: 1),
  .init(channels: 4, height: 16, width: 24, filters: 6, size: 3, padding: 1, groups: 2),
  .init(channels: 8, height: 13, width: 13, filters: 8, size: 3, padding: 1, groups: 8),
  .init(channels: 2, height: 31, width: 16, filters: 3, size: 3, padding: 1, dilation: 2),
  .init(
    channels: 3, height: 24, width: 31, filters: 4, size: 5, strideX: 3, strideY: 1, padding: 2),
  .init(channels: 16, height: 13, width: 13, filters: 31, size: 1),
  .init(channels: 5, height: 16, width: 13, filters: 7, size: 1, strideX: 2, strideY: 2),
  .init(
    channels: 3, height: 31, width: 31, filters: 13, size: 7, strideX: 2, strideY: 2, padding: 3),
  .init(channels: 2, height: 5, width: 5, filters: 2, size: 2),
  .init(channels: 2, height: 4, width: 1, filters: 3, size: 3, padding: 1),
  .init(channels: 2, height: 3, width: 3, filters: 2, size: 3, padding: 3, dilation: 3),
  .init(channels: 13, height: 31, width: 31, filters: 24, size: 3, padding: 1),
]
