import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct CropLayerTests {
  static let gradients = ["", "flip=1", "noadjust=1"].flatMap { option in
    [shape(2, 5, 6), shape(1, 3, 4)].map {
      GradientCase("crop_height=3\ncrop_width=4\n" + option, $0, range: 0...1)
    }
  }

  @Test func `the middle at inference, brought to -1...1`() throws {
    let run = try LayerFixture<CropLayer>(
      "[crop]\ncrop_height=1\ncrop_width=2", inputs: [shape(1, 3, 4)])
    let x: [Float] = [0, 0, 0, 0, 0, 0.25, 1, 0, 0, 0, 0, 0]
    #expect(run.forward(x) == [-0.5, 1])
    let raw = try LayerFixture<CropLayer>(
      "[crop]\ncrop_height=1\ncrop_width=2\nnoadjust=1", inputs: [shape(1, 3, 4)])
    #expect(raw.forward(x) == [0.25, 1])
  }

  /// Each value is its place, so that an output tells where it comes from.
  @Test(arguments: ["", "flip=1"])
  func `every part comes up in training, mirrored where flip says so`(option: String) throws {
    let run = try LayerFixture<CropLayer>(
      "[crop]\ncrop_height=2\ncrop_width=2\nnoadjust=1\n" + option, inputs: [shape(1, 3, 4)])
    var seen: Set<[Float]> = []
    for seed in 0..<200 {
      run.drawSeed = UInt64(seed)
      seen.insert(run.forward(Values.count(12, from: 0), isTraining: true))
    }
    var expected: Set<[Float]> = []
    for row in 0..<2 {
      for column in 0..<3 {
        let first = Float(4 * row + column)
        expected.insert([first, first + 1, first + 4, first + 5])
        if !option.isEmpty { expected.insert([first + 1, first, first + 5, first + 4]) }
      }
    }
    #expect(seen == expected)
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<CropLayer>(one)
    // Where each value comes from: the same draw on a map of places.
    let (x, scale) = (one.inputs[0], run.layer.isAdjusting ? 2.0 : 1)
    let places = run.forward(
      Values.count(2 * x.count, from: 0), batch: 2, isTraining: true
    ).map { Int((run.layer.isAdjusting ? ($0 + 1) / 2 : $0).rounded()) }
    let worst = run.worstDeviation(one) { inputs, _ in
      Maps(
        run.layer.outputShape, batch: 2,
        values: places.map { scale * inputs[0].values[$0] - (scale - 1) })
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `shape, announced defaults and table`() throws {
    let run = try LayerFixture<CropLayer>("[crop]\ncrop_width=3", inputs: [shape(3, 8, 9)])
    #expect(run.layer.outputShape == shape(3, 1, 3))
    #expect(
      run.messages.map(\.text) == [
        "crop_height: Using default '1'\n", "flip: Using default '0'\n",
        "angle: Using default '0.000000'\n", "saturation: Using default '1.000000'\n",
        "exposure: Using default '1.000000'\n",
      ])
    #expect(
      run.layer.tableRow.text(.alexeyab)
        == "Crop Layer: 8 x 9 -> 1 x 3 x 3 image\nshift: Using default '0.000000'\n")
  }

  @Test(arguments: [
    ("crop_height=4", "crop_height: expected at most the input's 3, found 4; change it"),
    ("crop_width=5", "crop_width: expected at most the input's 4, found 5; change it"),
    (
      "crop_width=0",
      "crop_width: expected a whole number of at least 1, found '0'; change it or "
        + "drop the line"
    ),
  ])
  func `refuses parts that are larger than the map`(option: String, text: String) {
    #expect(
      buildError("[net]\nwidth=4\nheight=3\nchannels=2\n[crop]\n" + option)
        == "net.cfg:6: [crop] " + text)
  }
}
