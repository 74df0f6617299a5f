import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct RouteLayerTests {
  static let gradients = [
    GradientCase("layers=-1", shape(3, 2, 2)),
    GradientCase("layers=-1,-3", shape(2, 2, 3), shape(5, 1, 1), shape(3, 2, 3)),
    GradientCase("layers=-2,-1,-2", shape(2, 2, 2), shape(3, 2, 2)),
    GradientCase("layers=-1\ngroups=2\ngroup_id=1", shape(4, 2, 2)),
    GradientCase("layers=-1,-2\ngroups=3\ngroup_id=2", shape(6, 1, 2), shape(3, 1, 2)),
  ]

  private func layer(_ options: String, _ channels: [Int]) throws -> LayerFixture<RouteLayer> {
    try LayerFixture<RouteLayer>(
      "[route]\n" + options, inputs: channels.map { shape($0, 1, 1) })
  }

  @Test func `one after another, in the order of layers`() throws {
    let run = try layer("layers=-2,-1", [2, 1])
    #expect(run.forward([1, 2], [3]) == [3, 1, 2])
    #expect(run.layer.outputShape == shape(3, 1, 1))
    #expect(run.backward([1, 2], [3], outputGradient: [10, 20, 30]).inputs == [[20, 30], [10]])
  }

  @Test func `groups give a slice of each`() throws {
    #expect(try layer("layers=-1\ngroups=2\ngroup_id=1", [4]).forward([1, 2, 3, 4]) == [3, 4])
    #expect(
      try layer("layers=-1,-2\ngroups=2", [4, 2]).forward([1, 2, 3, 4], [5, 6]) == [1, 2, 5])
    #expect(try layer("layers=-1", [4]).layer.isIdentityAtInference)
    #expect(try !layer("layers=-1\ngroups=2", [4]).layer.isIdentityAtInference)
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<RouteLayer>(one)
    let layer = run.layer
    let worst = run.worstDeviation(one) { inputs, _ in
      // Absolute indices: the last input of the case is layer 0.
      let parts = layer.sources.flatMap { source -> [(Maps, Int)] in
        let map = inputs[inputs.count - 1 - source]
        let count = map.shape.channels / layer.groups
        return (0..<count).map { (map, layer.groupIndex * count + $0) }
      }
      return Maps(layer.outputShape, batch: one.batch) { n, c, i, j in
        parts[c].0[n, parts[c].1, i, j]
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `tables`() throws {
    let run = try layer("layers=-1,-2", [4, 2])
    #expect(
      run.layer.tableRow.text(.alexeyab)
        == "route  1 0 \t                           ->    1 x   1 x   6 \n")
    #expect(run.layer.tableRow.text(.pjreddie) == "route  1 0\n")
  }

  @Test(arguments: [
    (
      "layers=-1,-2",
      "layers: expected layers of one width and height, found layer 1 of 2x2 and layer 0 of 4x4; "
    ),
    ("layers=-1\ngroups=2", "groups: expected a divisor of the 3 channels of layer 1, found 2; "),
    (
      "layers=2", "layers: expected a layer before this one, layer 2, found 2; use -2...-1 or 0...1"
    ),
    (
      "layers=-3",
      "layers: expected a layer before this one, layer 2, found -3 (layer -1); use "
        + "-2...-1 or 0...1"
    ),
    (
      "layers=-1\ngroups=3\ngroup_id=3",
      "group_id: expected a whole number in 0...2, found '3'; change it or drop the line"
    ),
    (
      "groups=1",
      "layers: expected 'layers=' with the index of an earlier layer, found no such "
        + "option; add it; -1 is the layer before this one"
    ),
  ])
  func `refuses what cannot be`(options: String, text: String) {
    let error = buildError(
      "[net]\nwidth=4\nheight=4\nchannels=3\n[maxpool]\n[maxpool]\nstride=2\n[route]\n" + options)
    #expect(error?.contains("[route] " + text) == true, "\(error ?? "no error")")
  }
}
