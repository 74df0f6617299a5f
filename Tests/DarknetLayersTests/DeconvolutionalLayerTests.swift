import DarknetConfig
import DarknetKernels
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct DeconvolutionalLayerTests {
  static let gradients = [
    GradientCase("filters=2\nsize=3\nactivation=linear", shape(3, 2, 3)),
    GradientCase("filters=3\nsize=3\nstride=2\npad=1\nactivation=leaky", shape(2, 3, 2)),
    GradientCase("filters=2\nsize=4\nstride=2\npadding=1\nactivation=mish", shape(2, 2, 3)),
    GradientCase("filters=2\nsize=2\nstride=3\nactivation=logistic", shape(2, 3, 3)),
    GradientCase(
      "filters=3\nsize=3\nbatch_normalize=1\nactivation=leaky", shape(2, 2, 2), batch: 3),
    GradientCase(
      "filters=3\nsize=2\nbatch_normalize=1\nactivation=swish", shape(2, 2, 2), batch: 3),
  ]

  @Test func `every value becomes a kernel, where they overlap a sum`() throws {
    let run = try LayerFixture<DeconvolutionalLayer>(
      "[deconvolutional]\nsize=2\nactivation=linear", inputs: [shape(1, 1, 2)])
    run.parameters = [[100], [1, 2, 3, 4]]
    // Rows [1 2 0] + 10 [0 1 2] and [3 4 0] + 10 [0 3 4].
    #expect(run.forward([1, 10]) == [101, 112, 120, 103, 134, 140])
    #expect(run.layer.outputShape == shape(1, 2, 3))
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<DeconvolutionalLayer>(one)
    let (y, g) = (run.layer.outputShape, run.layer.geometry)
    let normalize = run.layer.isBatchNormalized ? Exact.BatchNorm() : nil
    let worst = run.worstDeviation(one) { x, p in
      let weights = p[normalize == nil ? 1 : 4]
      var z = Maps(y, batch: one.batch) { _, _, _, _ in 0 }
      for n in 0..<one.batch {
        for c in 0..<x[0].shape.channels {
          for i in 0..<x[0].shape.height {
            for j in 0..<x[0].shape.width {
              for f in 0..<y.channels {
                for (ky, kx) in (0..<g.size * g.size).map({ ($0 / g.size, $0 % g.size) }) {
                  let (row, column) = (
                    i * g.strideY - g.padding + ky, j * g.strideX - g.padding + kx
                  )
                  guard z.inside(n, f, row, column) != nil else { continue }
                  z.values[column + y.width * (row + y.height * (f + y.channels * n))] +=
                    x[0][n, c, i, j] * weights[((c * y.channels + f) * g.size + ky) * g.size + kx]
                }
              }
            }
          }
        }
      }
      return Exact.activate(
        run.layer.activation, normalize?(z, scale: p[1], bias: p[0]) ?? Exact.addBias(z, p[0]))
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test(arguments: [Dialect.alexeyab, .pjreddie])
  func `weights come back`(dialect: Dialect) throws {
    let fixture = try NetworkFixture(
      "[net]\nwidth=3\nheight=3\nchannels=4\n[deconvolutional]\nfilters=5\nsize=2\n"
        + "batch_normalize=1", dialect: dialect)
    let (isEqual, byteCount) = try fixture.weightsRoundTrip()
    #expect(isEqual)
    #expect(byteCount == 20 + 4 * (4 * 5 + 4 * 5 * 4))
  }

  @Test func `shape and table`() throws {
    let layer = try LayerFixture<DeconvolutionalLayer>(
      "[deconv]\nfilters=6\nsize=4\nstride=2\npadding=1", inputs: [shape(3, 5, 7)]
    ).layer
    #expect(layer.outputShape == shape(6, 10, 14))
    #expect(
      layer.tableRow.text(.alexeyab)
        == "deconv    6  4 x 4 / 2     7 x   5 x   3   ->    14 x  10 x   6\n")
  }

  @Test(arguments: [
    (
      "size=1\npadding=2", 6,
      "padding: expected an output of at least 1x1, found 0x-1; use less padding"
    ),
    (
      "size=2\nstride=100000\nfilters=40", 6,
      "stride: expected an output of less than 2^31 values, found 300002x200002x40; use a smaller "
        + "stride or fewer filters"
    ),
  ])
  func `refuses what cannot be`(options: String, line: Int, text: String) {
    #expect(
      buildError("[net]\nwidth=4\nheight=3\nchannels=2\n[deconvolutional]\n" + options)
        == "net.cfg:\(line + 1): [deconvolutional] " + text)
  }
}
