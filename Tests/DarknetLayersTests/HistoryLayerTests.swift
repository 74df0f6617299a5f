import DarknetLayers
import DarknetTestSupport
import DarknetTranscript
import Testing

@Suite struct HistoryLayerTests {
  static let gradients = [
    GradientCase("", shape(2, 2, 3), batch: 3),
    GradientCase("history_size=3", shape(2, 1, 2), batch: 4, timeSteps: 2),
    GradientCase("history_size=2", shape(1, 2, 2), batch: 10, timeSteps: 5),
    GradientCase("history_size=1", shape(2, 1, 2), batch: 4, timeSteps: 2),
  ]

  @Test func `the newest map first, zeros before the sequence`() throws {
    let run = try LayerFixture<HistoryLayer>(
      "[history]\nhistory_size=3", inputs: [shape(1, 1, 1)], timeSteps: 4)
    #expect(
      run.forward([1, 2, 3, 4], batch: 4) == [1, 0, 0, 2, 1, 0, 3, 2, 1, 4, 3, 2])
  }

  @Test func `streams keep apart, and a sequence goes on in the next call`() throws {
    let run = try LayerFixture<HistoryLayer>(
      "[history]\nhistory_size=2", inputs: [shape(1, 1, 1)], timeSteps: 2)
    // Step-major: both streams' first values, then both second ones.
    #expect(run.forward([1, 10, 2, 20], batch: 4) == [1, 0, 10, 0, 2, 1, 20, 10])
    #expect(
      run.forwardSequence([[1, 10, 2, 20], [3, 30, 4, 40]], batch: 4)[1]
        == [3, 2, 30, 20, 4, 3, 40, 30])
  }

  @Test func `a single step has no history`() throws {
    let run = try LayerFixture<HistoryLayer>("[history]\nhistory_size=2", inputs: [shape(1, 1, 2)])
    #expect(run.forwardSequence([[1, 2], [3, 4]]) == [[1, 2, 0, 0], [3, 4, 0, 0]])
  }

  @Test(arguments: gradients)
  func `output and gradients equal the formula's`(_ one: GradientCase) throws {
    let run = try LayerFixture<HistoryLayer>(one)
    let (streams, channels) = (one.batch / one.timeSteps, one.inputs[0].channels)
    let worst = run.worstDeviation(one) { x, _ in
      Maps(run.layer.outputShape, batch: one.batch) { n, c, i, j in
        let age = c / channels
        guard one.timeSteps > 1 || age == 0, n / streams >= age else { return 0 }
        return x[0][n - age * streams, c % channels, i, j]
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  @Test func `shape, default and table`() throws {
    let run = try LayerFixture<HistoryLayer>("[history]", inputs: [shape(3, 4, 5)], timeSteps: 2)
    #expect(run.layer.outputShape == shape(12, 4, 5))
    #expect(run.messages.map(\.text) == ["history_size: Using default '4'\n"])
    #expect(
      run.layer.tableRow.text(.alexeyab)
        == "HISTORY b = 1, s =  4, steps =  2      5 x   4 x   3 ->    5 x   4 x  12 \n")
  }

  @Test func `refuses sizes that are none`() {
    #expect(
      buildError("[net]\ninputs=4\n[history]\nhistory_size=0")
        == "net.cfg:4: [history] history_size: expected a whole number of at least 1, found '0'; "
        + "change it or drop the line")
  }
}
