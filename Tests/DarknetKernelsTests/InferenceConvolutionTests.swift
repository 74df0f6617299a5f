import DarknetGraph
import DarknetKernels
import DarknetTensors
import Testing

/// A shape and an algorithm that must be able to run it.
struct PackedCase: Sendable, CustomStringConvertible {
  let geometry: ConvolutionGeometry
  let algorithm: InferenceConvolution.Algorithm
  var description: String {
    let g = geometry
    return "\(algorithm.rawValue) \(g.channels)->\(g.filters)@\(g.width)x\(g.height) size \(g.size)"
      + " stride \(g.strideX),\(g.strideY) pad \(g.padding) dilation \(g.dilation)"
      + " groups \(g.groups)"
  }

  /// Every algorithm that can run a shape.
  static func able(_ g: ConvolutionGeometry) -> [InferenceConvolution.Algorithm] {
    var algorithms: [InferenceConvolution.Algorithm] = [.im2col]
    if g.groups == 1 { algorithms += [.direct, .planar] }
    if g.isPointwise, g.groups == 1 { algorithms.append(.pointwise) }
    if g.groups == g.channels, g.groups == g.filters { algorithms.append(.depthwise) }
    if g.size == 3, g.strideX == 1, g.strideY == 1, g.dilation == 1, g.groups == 1,
      g.outHeight > 1, g.outWidth > 1
    {
      algorithms += [.winogradStrips, .winogradFilters]
    }
    return algorithms
  }

  /// Larger shapes, for the loops over blocks of channels and filters.
  private static let large: [ConvolutionGeometry] = [
    .init(channels: 48, height: 13, width: 13, filters: 80, size: 3, padding: 1),
    .init(channels: 37, height: 26, width: 31, filters: 40, size: 3, padding: 1),
    .init(channels: 37, height: 9, width: 10, filters: 33, size: 3, padding: 0),
    .init(
      channels: 70, height: 7, width: 9, filters: 49, size: 3, strideX: 2, strideY: 2, padding: 1),
    .init(channels: 100, height: 13, width: 13, filters: 255, size: 1),
    .init(
      channels: 3, height: 64, width: 70, filters: 32, size: 3, strideX: 2, strideY: 2, padding: 1),
    .init(
      channels: 40, height: 13, width: 14, filters: 40, size: 5, strideX: 2, strideY: 2,
      padding: 2, groups: 40),
    .init(
      channels: 130, height: 20, width: 20, filters: 140, size: 3, strideX: 2, strideY: 2,
      padding: 1),
  ]

  static let all: [PackedCase] = (oddGeometries + large).flatMap { g in
    able(g).map { PackedCase(geometry: g, algorithm: $0) }
  }
  static let pooling: [PackedCase] = all.filter {
    [.planar, .winogradStrips, .winogradFilters].contains($0.algorithm)
  }
}

/// Winograd's transforms cost about a digit: 4e-5 of 1 + |value| for sums of up to 1200 products.
private let tolerance = 4e-5

@Suite struct InferenceConvolutionTests {
  @Test(arguments: PackedCase.all, [1, 2])
  func `equals the plain sums`(test: PackedCase, batch: Int) {
    let g = test.geometry
    let input = Slow.random(batch * g.inputCount, seed: 1)
    let weights = Slow.random(g.weightCount, seed: 2)
    let bias = Slow.random(g.filters, seed: 3)
    let sums = Slow.convolution(g, batch: batch, input: input, weights: weights)
    let biased = sums.indices.map { sums[$0] + Double(bias[$0 / g.outArea % g.filters]) }
    for table in KernelVariant.runnable {
      let packed = InferenceConvolution(
        g, weights: weights, bias: bias, finish: .init(), algorithm: test.algorithm,
        context: .shared, table: table)
      var output = [Float](repeating: .nan, count: batch * g.outputCount)
      packed.runPlanar(input: input, output: &output, batch: batch, context: .shared)
      #expect(Slow.deviation(output, biased) < tolerance, "\(String(cString: table.pointee.name))")
    }
  }

  @Test(arguments: PackedCase.all, [Activation.leaky, .mish])
  func `adds part of a residual between two activations`(test: PackedCase, activation: Activation) {
    let (g, batch) = (test.geometry, 2)
    let input = Slow.random(batch * g.inputCount, seed: 1)
    let weights = Slow.random(g.weightCount, seed: 2)
    let sums = Slow.convolution(g, batch: batch, input: input, weights: weights)
    let added = (g.filters + 1) / 2
    let residual = Slow.random(batch * added * g.outArea, seed: 4)
    var values = sums.map { Float($0) }
    activation.apply(&values, values.count, .fast)
    for n in 0..<batch {
      for i in 0..<added * g.outArea {
        values[n * g.outputCount + i] += residual[n * added * g.outArea + i]
      }
    }
    Activation.leaky.apply(&values, values.count, .fast)
    let finish = InferenceConvolution.Finish(
      activation, residualChannels: added, secondActivation: .leaky)
    for table in KernelVariant.runnable {
      let packed = InferenceConvolution(
        g, weights: weights, bias: nil, finish: finish, algorithm: test.algorithm, context: .shared,
        table: table)
      var output = [Float](repeating: .nan, count: batch * g.outputCount)
      packed.runPlanar(
        input: input, residual: residual, output: &output, batch: batch, context: .shared)
      #expect(Slow.deviation(output, values.map { Double($0) }) < tolerance)
    }
  }

  @Test(arguments: PackedCase.pooling, [Activation.leaky, .mish])
  func `pools while writing`(test: PackedCase, activation: Activation) {
    let (g, batch) = (test.geometry, 2)
    let input = Slow.random(batch * g.inputCount, seed: 1)
    let weights = Slow.random(g.weightCount, seed: 2)
    var values = Slow.convolution(g, batch: batch, input: input, weights: weights).map { Float($0) }
    activation.apply(&values, values.count, .fast)
    let shape = MaxPool(
      height: g.outHeight, width: g.outWidth, size: 2, strideX: 2, strideY: 2, padding: 1)
    let count = shape.outHeight * shape.outWidth
    var expected = [Float](repeating: 0, count: batch * g.filters * count)
    shape.forward(values, planes: batch * g.filters, output: &expected, context: .shared)
    for table in KernelVariant.runnable {
      let packed = InferenceConvolution(
        g, weights: weights, bias: nil, finish: .init(activation, pools: true),
        algorithm: test.algorithm, context: .shared, table: table)
      var output = [Float](repeating: .nan, count: expected.count)
      packed.runPlanar(input: input, output: &output, batch: batch, context: .shared)
      #expect(Slow.deviation(output, expected.map { Double($0) }) < tolerance)
    }
  }

  /// The averages are sums of up to 200 values: well below Winograd's error.
  @Test(arguments: PackedCase.all.filter { $0.algorithm == .depthwise })
  func `averages while writing`(test: PackedCase) {
    let (g, batch) = (test.geometry, 2)
    let input = Slow.random(batch * g.inputCount, seed: 1)
    let weights = Slow.random(g.weightCount, seed: 2)
    let sums = Slow.convolution(g, batch: batch, input: input, weights: weights)
    let expected = (0..<batch * g.filters).map { plane in
      sums[plane * g.outArea..<(plane + 1) * g.outArea].reduce(0, +) / Double(g.outArea)
    }
    let blocks = FloatBuffer(
      count: batch * ChannelBlocks.floats(channels: g.channels, area: g.area))
    ChannelBlocks.pack(
      input, batch: batch, channels: g.channels, area: g.area, into: blocks.pointer,
      context: .shared)
    for table in KernelVariant.runnable {
      let packed = InferenceConvolution(
        g, weights: weights, bias: nil, finish: .init(), algorithm: .depthwise, context: .shared,
        table: table)
      let output = FloatBuffer(count: batch * packed.outputCount)
      let stride = ChannelBlocks.count(g.filters) * 16
      let averages = FloatBuffer(count: batch * stride)
      let workspace = FloatBuffer(
        count: packed.workspaceCount(batch: batch, threads: 2, joins: true))
      packed.run(
        input: blocks.pointer, output: .init(output.pointer, imageStride: packed.outputCount),
        averages: .init(averages.pointer, imageStride: stride), batch: batch,
        workspace: workspace.pointer, context: .shared)
      let found = (0..<batch).flatMap { n in
        Array(averages.values[n * stride..<n * stride + g.filters])
      }
      #expect(Slow.deviation(found, expected) < tolerance)
    }
  }

  @Test(arguments: PackedCase.all.filter { $0.algorithm == .pointwise })
  func `scales the channels of its input`(test: PackedCase) {
    let (g, batch) = (test.geometry, 2)
    let input = Slow.random(batch * g.inputCount, seed: 1)
    let weights = Slow.random(g.weightCount, seed: 2)
    let stride = ChannelBlocks.count(g.channels) * 16
    let factors = Slow.random(batch * stride, seed: 3)
    let scaled = input.indices.map { at in
      let (image, rest) = at.quotientAndRemainder(dividingBy: g.inputCount)
      return input[at] * factors[image * stride + rest / g.area]
    }
    let expected = Slow.convolution(g, batch: batch, input: scaled, weights: weights)
    let blocks = FloatBuffer(
      count: batch * ChannelBlocks.floats(channels: g.channels, area: g.area))
    ChannelBlocks.pack(
      input, batch: batch, channels: g.channels, area: g.area, into: blocks.pointer,
      context: .shared)
    let shared = FloatBuffer(factors)
    for table in KernelVariant.runnable {
      let packed = InferenceConvolution(
        g, weights: weights, bias: nil, finish: .init(), algorithm: .pointwise, context: .shared,
        table: table)
      let output = FloatBuffer(count: batch * packed.outputCount)
      let workspace = FloatBuffer(
        count: packed.workspaceCount(batch: batch, threads: 2, joins: true))
      packed.run(
        input: blocks.pointer, output: .init(output.pointer, imageStride: packed.outputCount),
        factors: .init(shared.pointer, imageStride: stride), batch: batch,
        workspace: workspace.pointer, context: .shared)
      let planes = FloatBuffer(count: batch * g.outputCount)
      ChannelBlocks.unpack(
        output.pointer, batch: batch, channels: g.filters, area: g.outArea, into: planes.pointer,
        context: .shared)
      #expect(Slow.deviation(planes.array, expected) < tolerance)
    }
  }
}
