import DarknetConfig
import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct ReorgLayerTests {
  static let gradients = [
    GradientCase("stride=2", shape(4, 4, 2)), GradientCase("stride=2\nreverse=1", shape(8, 2, 3)),
    GradientCase("stride=3", shape(9, 3, 6)), GradientCase("stride=1", shape(2, 3, 2)),
    GradientCase("stride=2\nflatten=1", shape(4, 2, 4), dialect: .pjreddie),
    GradientCase("stride=2\nflatten=1\nreverse=1", shape(4, 2, 2), dialect: .pjreddie),
    GradientCase("extra=3", shape(2, 2, 3), dialect: .pjreddie),
  ]

  private func forward(
    _ options: String, _ x: [Float], _ channels: Int, _ side: Int, _ dialect: Dialect = .alexeyab
  ) throws -> [Float] {
    try LayerFixture<ReorgLayer>(
      "[reorg]\n" + options, inputs: [shape(channels, side, side)], dialect: dialect
    ).forward(x)
  }

  /// The values' places read as a map of 4x4, of which every second cell of every second row.
  @Test func `the order of YOLO v2, and back`() throws {
    let order: [Float] = [0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15]
    #expect(try forward("stride=2", Values.count(16, from: 0), 4, 2) == order)
    #expect(try forward("stride=2\nreverse=1", order, 4, 2) == Values.count(16, from: 0))
  }

  @Test func `flatten and extra of the original`() throws {
    #expect(
      try forward("stride=1\nflatten=1", [1, 2, 3, 4, 10, 20, 30, 40], 2, 2, .pjreddie)
        == [1, 10, 2, 20, 3, 30, 4, 40])
    #expect(
      try forward("stride=1\nflatten=1\nreverse=1", [1, 10, 2, 20, 3, 30, 4, 40], 2, 2, .pjreddie)
        == [1, 2, 3, 4, 10, 20, 30, 40])
    #expect(try forward("extra=2", [1, 2, 3, 4], 1, 2, .pjreddie) == [1, 2, 3, 4, 0, 0])
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<ReorgLayer>(one)
    let (x, y, s) = (one.inputs[0], run.layer.outputShape, run.layer.stride)
    let parts = x.channels / (s * s)
    let worst = run.worstDeviation(one) { inputs, _ in
      var values = [Double](repeating: 0, count: one.batch * y.count)
      for n in 0..<one.batch {
        for at in 0..<x.count {
          let (k, j, i) = (at / x.area, at / x.width % x.height, at % x.width)
          var (to, from) = (at, at)
          if one.options.contains("flatten") {
            to = (j * x.width + i) * x.channels + k
          } else if !one.options.contains("extra") {
            let (part, offset) = (k % parts, k / parts)
            from = i * s + offset % s + x.width * s * (j * s + offset / s + x.height * s * part)
          }
          if run.layer.isReversed { (to, from) = (from, to) }
          values[n * y.count + to] = inputs[0].values[n * x.count + from]
        }
      }
      return Maps(y, batch: one.batch, values: values)
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `shapes and tables`() throws {
    let run = try LayerFixture<ReorgLayer>("[reorg]\nstride=2", inputs: [shape(4, 6, 8)])
    #expect(run.layer.outputShape == shape(16, 3, 4))
    #expect(run.messages.map(\.text) == ["\n reorg_old \n"])
    #expect(
      run.layer.tableRow.text(.alexeyab)
        == "reorg_old              / 2     8 x   6 x   4   ->     4 x   3 x  16\n")
    let original = try LayerFixture<ReorgLayer>(
      "[reorg]\nstride=2\nreverse=1", inputs: [shape(4, 6, 8)], dialect: .pjreddie)
    #expect(original.layer.outputShape == shape(1, 12, 16))
    #expect(
      original.layer.tableRow.text(.pjreddie)
        == "reorg              / 2     8 x   6 x   4   ->    16 x  12 x   1\n")
    let extra = try LayerFixture<ReorgLayer>(
      "[reorg]\nextra=2", inputs: [shape(4, 6, 8)], dialect: .pjreddie)
    #expect(extra.layer.tableRow.text(.pjreddie) == "reorg               192   ->   194\n")
  }

  @Test(arguments: [
    ("stride=3", "a number that divides 4 and 4 and whose square divides 4, found 3"),
    ("stride=4", "a number that divides 4 and 4 and whose square divides 4, found 4"),
    ("reverse=1\nstride=3", "a number whose square divides 4, found 3"),
  ])
  func `refuses blocks that do not fit`(options: String, text: String) {
    let line = options.hasPrefix("reverse") ? 7 : 6
    #expect(
      buildError("[net]\nwidth=4\nheight=4\nchannels=4\n[reorg]\n" + options)
        == "net.cfg:\(line): [reorg] stride: expected \(text); change it or the layer before")
  }
}
