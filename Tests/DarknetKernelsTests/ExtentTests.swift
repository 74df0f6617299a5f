import DarknetGraph
import DarknetKernels
import DarknetSystem
import DarknetTestSupport
import Testing

/// Shapes at and beyond every size that a kernel counts in: blocks of 16 channels, panels of 32
/// filters, 64 blocks of offsets (1,024 channels), squares of 4 outputs, tiles of pixels. All are
/// narrow in every other direction, so that the plain sums stay short.
private let extents: [ConvolutionGeometry] =
  [1, 15, 16, 17, 1023, 1024, 1025, 1040, 1100, 2100].flatMap { channels in
    [
      .init(channels: channels, height: 2, width: 3, filters: 2, size: 3, padding: 1),
      .init(channels: channels, height: 1, width: 5, filters: 3, size: 1),
    ]
  }
  + [1, 15, 17, 32, 33, 1025].map {
    .init(channels: 5, height: 2, width: 2, filters: $0, size: 3, padding: 1)
  }
  + [(1, 1), (1, 200), (200, 1), (2, 200), (200, 2), (4, 4), (5, 8), (9, 7), (64, 66)].map {
    .init(channels: 5, height: $0.0, width: $0.1, filters: 2, size: 3, padding: 1)
  }
  + [.init(channels: 1, height: 200, width: 200, filters: 1, size: 3, padding: 1)]
  // Maps smaller than the filter, and outputs that see nothing but padding.
  + [0, 1, 2].map {
    .init(channels: 6, height: 3, width: 4, filters: 5, size: 3, padding: $0)
  }
  + [
    .init(channels: 6, height: 1, width: 1, filters: 4, size: 3, padding: 2),
    .init(channels: 6, height: 1, width: 2, filters: 4, size: 5, padding: 7),
    .init(channels: 6, height: 2, width: 1, filters: 6, size: 3, padding: 4, groups: 6),
    .init(channels: 17, height: 9, width: 8, filters: 17, size: 3, padding: 1, groups: 17),
    .init(
      channels: 33, height: 9, width: 8, filters: 33, size: 5, strideX: 3, strideY: 2, padding: 2,
      dilation: 2, groups: 33),
    .init(
      channels: 1040, height: 2, width: 2, filters: 1040, size: 3, padding: 1, groups: 1040),
    .init(channels: 1040, height: 2, width: 2, filters: 4, size: 3, padding: 1, groups: 2),
  ]
  + [1, 2, 3, 5].flatMap { stride in
    [1, 2, 3].map { dilation in
      .init(
        channels: 6, height: 9, width: 12, filters: 4, size: 3, strideX: stride,
        strideY: 4 - min(stride, 3), padding: 2, dilation: dilation)
    }
  }
  + [1, 2, 4, 7, 11].map {
    .init(channels: 5, height: 11, width: 13, filters: 3, size: $0, strideX: 2, strideY: 1)
  }

/// What a convolution computes from guarded memory only: nothing may be written beyond its output
/// and workspace, and nothing read from them before it was written.
private func guardedRun(
  _ packed: InferenceConvolution, _ input: [Float], batch: Int, context: ComputeContext
) -> [Float] {
  let g = packed.geometry
  let source = GuardedBuffer(count: batch * packed.inputCount)
  if packed.inputLayout == .blocked {
    ChannelBlocks.pack(
      input, batch: batch, channels: g.channels, area: g.area, into: source.pointer,
      context: context)
  } else {
    source.array = input
  }
  let output = GuardedBuffer(count: batch * packed.outputCount)
  let workspace = GuardedBuffer(
    count: packed.workspaceCount(batch: batch, threads: context.threads))
  packed.run(
    input: source.pointer, output: .init(output.pointer, imageStride: packed.outputCount),
    batch: batch, workspace: workspace.pointer, context: context)
  #expect(output.isIntact && workspace.isIntact, "wrote outside")
  guard packed.outputLayout == .blocked else { return output.array }
  var planes = [Float](repeating: .nan, count: batch * g.outputCount)
  ChannelBlocks.unpack(
    output.pointer, batch: batch, channels: g.filters, area: g.outArea, into: &planes,
    context: context)
  return planes
}

@Suite struct ExtentTests {
  /// Winograd's transforms cost about a digit of the square root of the number of products.
  private static func tolerance(_ products: Int) -> Double {
    4e-6 * max(Double(products).squareRoot(), 10)
  }

  @Test(arguments: extents)
  func `inference of any extent, by every algorithm and variant`(g: ConvolutionGeometry) {
    let batch = 1
    let input = Slow.random(batch * g.inputCount, seed: 1)
    let weights = Slow.random(g.weightCount, seed: 2)
    let bias = Slow.random(g.filters, seed: 3)
    let sums = Slow.convolution(g, batch: batch, input: input, weights: weights)
    let expected = sums.indices.map { sums[$0] + Double(bias[$0 / g.outArea % g.filters]) }
    #expect(InferenceConvolution.can(InferenceConvolution.choice(g), g))
    for algorithm in InferenceConvolution.Algorithm.allCases
    where InferenceConvolution.can(algorithm, g) {
      for (table, threads) in zip(KernelVariant.runnable, [1, 2, 3]) {
        let packed = InferenceConvolution(
          g, weights: weights, bias: bias, finish: .init(), algorithm: algorithm, context: .shared,
          table: table)
        let found = guardedRun(
          packed, input, batch: batch, context: ComputeContext(threads: threads))
        #expect(
          Slow.deviation(found, expected) < Self.tolerance(g.columnHeight),
          "\(algorithm) \(String(cString: table.pointee.name))")
      }
    }
  }

  /// Threads share out images, squares and bands alike: 1 to 9 images meet every remainder.
  @Test(arguments: 1...9)
  func `any batch`(batch: Int) {
    let shapes: [ConvolutionGeometry] = [
      .init(channels: 17, height: 5, width: 4, filters: 3, size: 3, padding: 1),
      .init(channels: 5, height: 3, width: 5, filters: 18, size: 1),
      .init(channels: 3, height: 7, width: 6, filters: 5, size: 3, strideX: 2, strideY: 2),
      .init(channels: 18, height: 5, width: 4, filters: 18, size: 3, padding: 1, groups: 18),
    ]
    for g in shapes {
      let input = Slow.random(batch * g.inputCount, seed: 1)
      let weights = Slow.random(g.weightCount, seed: 2)
      let expected = Slow.convolution(g, batch: batch, input: input, weights: weights)
      for algorithm in InferenceConvolution.Algorithm.allCases
      where InferenceConvolution.can(algorithm, g) {
        for table in KernelVariant.runnable {
          let packed = InferenceConvolution(
            g, weights: weights, bias: nil, finish: .init(), algorithm: algorithm, context: .shared,
            table: table)
          let found = guardedRun(packed, input, batch: batch, context: ComputeContext(threads: 3))
          #expect(Slow.deviation(found, expected) < Self.tolerance(g.columnHeight), "\(algorithm)")
        }
      }
    }
  }

  /// The limits that there are: what `can` refuses is what an algorithm's contract excludes.
  @Test func `what an algorithm cannot run`() {
    typealias G = ConvolutionGeometry
    func able(_ g: G) -> [InferenceConvolution.Algorithm] {
      InferenceConvolution.Algorithm.allCases.filter { InferenceConvolution.can($0, g) }
    }
    let plain = G(channels: 8, height: 5, width: 5, filters: 8, size: 3, padding: 1)
    #expect(able(plain) == [.winogradStrips, .winogradFilters, .planar, .direct, .im2col])
    for change: (inout G) -> Void in [
      { $0.strideX = 2 }, { $0.strideY = 2 }, { $0.dilation = 2 }, { $0.size = 4 },
      { $0.padding = 3 }, { ($0.height, $0.padding) = (3, 0) }, { ($0.width, $0.padding) = (3, 0) },
    ] {
      var g = plain
      change(&g)
      #expect(able(g) == [.planar, .direct, .im2col], "\(g)")
    }
    #expect(able(G(channels: 8, height: 5, width: 5, filters: 8, size: 3, groups: 2)) == [.im2col])
    #expect(
      able(G(channels: 8, height: 5, width: 5, filters: 8, size: 3, groups: 8))
        == [.depthwise, .im2col])
    #expect(
      able(G(channels: 8, height: 5, width: 5, filters: 8, size: 1))
        == [.pointwise, .planar, .direct, .im2col])
  }
}
