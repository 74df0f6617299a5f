import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite struct LocalResponseNormalizationLayerTests {
  static let gradients = [
    GradientCase("", shape(8, 2, 2)),
    GradientCase("alpha=0.5\nbeta=0.5\nkappa=2\nsize=3", shape(7, 2, 3)),
    GradientCase("alpha=1\nbeta=0.75\nkappa=0.5\nsize=4", shape(6, 2, 2)),
    GradientCase("alpha=1\nbeta=2\nkappa=1\nsize=1", shape(3, 2, 2)),
    GradientCase("alpha=1\nsize=9", shape(5, 1, 2)),
    GradientCase("alpha=1\nsize=2", shape(4, 1, 2)),
  ]

  /// s = 1 + the squares of the channel and its two neighbours: 1 + 1 + 4, 1 + 1 + 4 + 9, 1 + 4 + 9.
  @Test func `divides by the channels around`() throws {
    let run = try LayerFixture<LocalResponseNormalizationLayer>(
      "[normalization]\nalpha=1\nbeta=1\nkappa=1\nsize=3", inputs: [shape(3, 1, 1)])
    #expect(deviation(run.forward([1, 2, 3]), from: [1.0 / 6, 2.0 / 15, 3.0 / 14]) < 1e-6)
  }

  /// Darknet takes channel size / 2 = 2 away without having added it: 1 + 0.5 (1 - 81) at channel 5,
  /// to the power of -0.75 no number.
  @Test func `a large channel size / 2 leaves numbers`() throws {
    let run = try LayerFixture<LocalResponseNormalizationLayer>(
      "[lrn]\nalpha=0.5\nbeta=.75\nkappa=1\nsize=5", inputs: [shape(12, 1, 1)])
    var x = [Float](repeating: 1, count: 12)
    x[2] = 9
    func damped(_ x: Double, _ squares: Double) -> Float { Float(x * pow(1 + squares / 2, -0.75)) }
    let expected =
      [damped(1, 83), damped(1, 84), damped(9, 85), damped(1, 85), damped(1, 85)]
      + [Float](repeating: damped(1, 5), count: 5) + [damped(1, 4), damped(1, 3)]
    #expect(deviation(run.forward(x), from: expected) < 1e-6)
  }

  @Test func `what leaves the window leaves nothing behind`() throws {
    let run = try LayerFixture<LocalResponseNormalizationLayer>(
      "[lrn]\nalpha=1\nbeta=1\nkappa=0\nsize=3", inputs: [shape(5, 1, 1)])
    #expect(deviation(run.forward([10_000, 0, 0, 0, 0.5]), from: [1e-4, 0, 0, 0, 2]) < 1e-6)
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<LocalResponseNormalizationLayer>(one)
    let layer = run.layer
    let worst = run.worstDeviation(one) { x, _ in
      Maps(x[0].shape, batch: one.batch) { n, c, i, j in
        let window = (c - (layer.size - 1) / 2)...(c + layer.size / 2)
        let squares = window.filter { (0..<x[0].shape.channels).contains($0) }
          .reduce(0) { $0 + x[0][n, $1, i, j] * x[0][n, $1, i, j] }
        return x[0][n, c, i, j]
          * pow(Double(layer.kappa) + Double(layer.alpha) * squares, -Double(layer.beta))
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `shape, defaults and table`() throws {
    let run = try LayerFixture<LocalResponseNormalizationLayer>("[lrn]", inputs: [shape(2, 3, 4)])
    #expect(run.layer.outputShape == shape(2, 3, 4))
    #expect(
      run.messages.map(\.text) == [
        "alpha: Using default '0.000100'\n", "beta: Using default '0.750000'\n",
        "kappa: Using default '1.000000'\n", "size: Using default '5'\n",
      ])
    #expect(
      run.layer.tableRow.text(.alexeyab)
        == "Local Response Normalization Layer: 4 x 3 x 2 image, 5 size\n")
  }

  @Test(arguments: ["alpha", "kappa"])
  func `refuses sums below zero`(key: String) {
    #expect(
      buildError("[net]\ninputs=4\n[normalization]\n\(key)=-1")
        == "net.cfg:4: [normalization] \(key): expected a number of at least 0, found '-1'; change "
        + "it or drop the line")
  }
}
