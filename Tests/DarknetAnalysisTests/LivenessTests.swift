import DarknetAnalysis
import DarknetConfig
import DarknetNetwork
import Testing

@Suite struct LivenessTests {
  private func liveness(_ name: String, full: Bool = false) throws -> Liveness {
    let member = try #require(Zoo.member(named: name))
    let config = try ConfigFile(text: try member.text().utf8, name: name + ".cfg")
    return Liveness(try NetworkBuilder(batch: 1).build(config), hasFullShortcuts: full)
  }

  /// Sizes in MiB of float32 by hand: 4x4 maps of 2, 4, 4, 4 channels and a sum of which 1 of
  /// the 4 channels waits while layer 2 runs.
  @Test func `a small network by hand`() throws {
    let cfg = """
      [net]
      width=4
      height=4
      channels=2
      [convolutional]
      filters=4
      [convolutional]
      filters=8
      [convolutional]
      filters=4
      [partial_shortcut]
      from=-3
      channels=1
      """
    let network = try NetworkBuilder(batch: 1).build(
      ConfigFile(text: cfg.utf8, name: "net.cfg"))
    let plane = 4 * 16
    let rows = Liveness(network).rows
    #expect(rows.map(\.outputBytes) == [4, 8, 4, 4].map { $0 * plane })
    #expect(rows.map(\.liveBytes) == [2 + 4, 4 + 8, 8 + 4 + 1, 4 + 4 + 1].map { $0 * plane })
    #expect(rows.map(\.waitingBytes) == [0, 0, 1, 0].map { $0 * plane })
    let full = Liveness(network, hasFullShortcuts: true).rows
    #expect(full.map(\.liveBytes) == [6, 12, 16, 12].map { $0 * plane })
  }

  /// The paper's claim of section 2, layer by layer.
  @Test func `shortcuts of yolov3-fprn wait with half of yolov3's memory`() throws {
    let (whole, half) = (try liveness("yolov3"), try liveness("yolov3-fprn"))
    #expect(whole.rows.count == half.rows.count)
    #expect(whole.rows.map(\.waitingBytes) == half.rows.map { 2 * $0.waitingBytes })
    #expect(half.largestWaitingBytes > 0)
    #expect(half.totalWaitingBytes * 2 == whole.totalWaitingBytes)
  }

  @Test func `with whole shortcuts yolov3-fprn is yolov3`() throws {
    #expect(try liveness("yolov3-fprn", full: true).rows == liveness("yolov3").rows)
  }
}
