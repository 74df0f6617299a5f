import DarknetConfig
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct DropoutLayerTests {
  static let gradients = [
    GradientCase("", shape(3, 2, 4)), GradientCase("probability=0.5", shape(3, 2, 4), batch: 3),
    GradientCase("probability=0", shape(4, 1, 1)), GradientCase("probability=1", shape(4, 1, 1)),
  ]

  @Test func `at inference nothing happens`() throws {
    let run = try LayerFixture<DropoutLayer>("[dropout]", inputs: [shape(1, 1, 3)])
    #expect(run.forward([1, 2, 3]) == [1, 2, 3])
    #expect(run.layer.isIdentityAtInference)
  }

  /// Of 10,000 values a quarter is dropped, within four deviations of sqrt(10,000 * 3/16) = 43.
  @Test func `drops the share that it says, and keeps the mean`() throws {
    let run = try LayerFixture<DropoutLayer>(
      "[dropout]\nprobability=0.25", inputs: [shape(10_000, 1, 1)])
    let y = run.forward([Float](repeating: 3, count: 10_000), isTraining: true)
    #expect(Set(y) == [0, 4])
    #expect(abs(y.filter { $0 == 0 }.count - 2500) < 172)
    run.drawSeed = 2
    #expect(run.forward([Float](repeating: 3, count: 10_000), isTraining: true) != y)
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<DropoutLayer>(one)
    // The same draw on ones gives the factors; with probability 1 every value is dropped.
    let factors = run.forward(
      [Float](repeating: 1, count: one.batch * one.inputs[0].count), batch: one.batch,
      isTraining: true)
    let worst = run.worstDeviation(one) { x, _ in
      Maps(
        x[0].shape, batch: one.batch, values: zip(x[0].values, factors).map { $0 * Double($1) })
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `defaults of the dialects, and their tables`() throws {
    func text(_ options: String, _ dialect: Dialect) throws -> String {
      try LayerFixture<DropoutLayer>(
        "[dropout]\n" + options, inputs: [shape(4, 5, 6)], dialect: dialect
      ).layer.tableRow.text(dialect)
    }
    #expect(try text("", .alexeyab) == "dropout    p = 0.200         120  ->    120\n")
    #expect(
      try text("", .pjreddie) == "dropout       p = 0.50                120  ->   120\n")
    // Blocks of 7 do not fit into a map of 6x5.
    #expect(
      try text("dropblock=1", .alexeyab)
        == "dropblock    p = 0.200   l.dropblock_size_abs = 5     120  ->    120\n")
    #expect(
      try text("dropblock=1\ndropblock_size_rel=0.5", .alexeyab)
        == "dropblock    p = 0.200   l.dropblock_size_rel = 0.50     120  ->    120\n")
    #expect(
      try text("dropblock=1\ndropblock_size_rel=0.5\ndropblock_size_abs=3", .alexeyab)
        == "dropblock    p = 0.200   l.dropblock_size_abs = 3     120  ->    120\n")
  }

  @Test func `refuses a probability that is none`() {
    #expect(
      buildError("[net]\ninputs=4\n[dropout]\nprobability=1.5")
        == "net.cfg:4: [dropout] probability: expected a number in 0...1, found '1.5'; change it "
        + "or drop the line")
  }
}
