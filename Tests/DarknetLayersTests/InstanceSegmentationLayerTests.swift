import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct InstanceSegmentationLayerTests {
  private func layer() throws -> LayerFixture<InstanceSegmentationLayer> {
    try LayerFixture<InstanceSegmentationLayer>(
      "[iseg]\nclasses=2\nids=1", inputs: [shape(3, 1, 1)])
  }

  @Test func `classes become probabilities, ids stay`() throws {
    let output = try layer().forward([1.0986123, 0, 7])
    #expect(deviation(output, from: [0.75, 0.5, 7]) < 1e-6)
  }

  /// There is no loss to take a slope of: gradients are those before the function.
  @Test func `gradients pass, and the missing loss is reported`() throws {
    let run = try layer()
    #expect(run.backward([1, 2, 3], outputGradient: [4, 5, 6]).inputs == [[4, 5, 6]])
    let found = try #require(run.loss([1, 2, 3], truth: .none))
    #expect(found.report.cost == 0)
    #expect(found.gradient == [0, 0, 0])
    #expect(
      found.report.notices == ["[iseg] has no loss here: training changes nothing before it"])
  }

  @Test func `shape, defaults and table`() throws {
    let run = try LayerFixture<InstanceSegmentationLayer>("[iseg]", inputs: [shape(52, 2, 3)])
    #expect(run.layer.outputShape == shape(52, 2, 3))
    #expect(
      run.messages.map(\.text) == [
        "classes: Using default '20'\n", "ids: Using default '32'\n",
      ])
    #expect(run.layer.tableRow.text(.pjreddie) == "iseg\n")
  }

  @Test func `refuses another number of channels`() {
    #expect(
      buildError("[net]\nwidth=4\nheight=3\nchannels=3\n[iseg]\nclasses=2\nids=2")
        == "net.cfg:6: [iseg] classes: expected an input of classes + ids = 4 channels, found 3; "
        + "write filters=4 in the section before, or fix classes and ids")
  }
}
