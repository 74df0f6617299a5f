import DarknetConfig
import DarknetNetwork
import DarknetTestSupport
import Testing

/// What a training without weights begins with.
@Suite struct InitialValuesTests {
  /// With 3x3 kernels over 8 channels He's deviation is sqrt(2 / 72) = 1/6. AlexeyAB's program
  /// draws uniformly from plus or minus that, which has a third of the variance.
  @Test(arguments: [(Dialect.alexeyab, 1.0 / 108), (.pjreddie, 1.0 / 36)])
  func `weights of a convolution`(dialect: Dialect, variance: Double) throws {
    let network = try NetworkFixture(
      "[net]\nwidth=4\nheight=4\nchannels=8\n[conv]\nfilters=512\nsize=3\npad=1\nactivation=linear",
      dialect: dialect
    ).network
    let weights = Parameters(of: network, seed: 5).buffers[0][1].array.map(Double.init)
    #expect(weights.count == 36_864)
    let mean = weights.reduce(0, +) / 36_864
    #expect(abs(mean) < 4 * (variance / 36_864).squareRoot())
    let spread = weights.reduce(0) { $0 + $1 * $1 } / 36_864
    #expect(abs(spread / variance - 1) < 0.03)
    // Beyond 6 deviations nothing is to be expected, and beyond the limits nothing is uniform.
    let largest = weights.map(abs).max()!
    #expect(dialect == .alexeyab ? largest <= 1.0 / 6 : (0.5...1).contains(largest))
  }
}
