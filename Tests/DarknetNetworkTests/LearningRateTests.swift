import DarknetConfig
import DarknetNetwork
import DarknetTestSupport
import DarknetText
import Foundation
import Testing

@Suite struct LearningRateTests {
  private static func schedule(_ options: String) throws -> LearningRateSchedule {
    try NetworkFixture(
      "[net]\nwidth=1\nheight=1\nchannels=1\n\(options)\n"
        + "[convolutional]\nfilters=1\nsize=1\nactivation=linear\n"
    ).network.net.schedule
  }

  @Test func `random is the rate times a power of the draw`() throws {
    let schedule = try Self.schedule("policy=random\nlearning_rate=2\npower=3")
    #expect(schedule.rate(iteration: 1, draw: 0.5) == 0.25)
  }

  @Test func `sig is sigmoid`() throws {
    let schedule = try Self.schedule("policy=sig\nlearning_rate=1\nstep=10\ngamma=0")
    #expect(schedule.rate(iteration: 3) == 0.5)
  }

  @Test func `an unknown policy is refused with the nearest name`() {
    let error = #expect(throws: ConfigError.self) { try Self.schedule("policy=stepz") }
    #expect(
      error?.description
        == "net.cfg:5: [net] policy: expected one of constant, step, steps, exp, poly, random, "
        + "sigmoid, sgdr, found 'stepz'; did you mean 'step'?")
  }

  @Test func `steps without scales are refused`() {
    let error = #expect(throws: ConfigError.self) {
      try Self.schedule("policy=steps\nsteps=10,20\nscales=.1")
    }
    #expect(
      error?.description
        == "net.cfg:7: [net] scales: expected steps and as many scales (STEPS policy must have "
        + "steps and scales in cfg file), found 2 steps and 1 scales; give each step its scale")
  }
}

/// The rate of updates 1 to 60, as AlexeyAB's program printed them.
@Suite(.enabled(if: sharedFolder != nil, "needs the reference outputs")) struct GoldenRateTests {
  static let names: [String] = {
    guard let sharedFolder else { return [] }
    let files = try? FileManager.default.contentsOfDirectory(atPath: "\(sharedFolder)/golden/lr")
    return (files ?? []).filter { $0.hasSuffix(".cfg") }.map { String($0.dropLast(4)) }.sorted()
  }()

  /// A few units in the last place: powf and cosf differ between libraries.
  @Test(arguments: names) func `rates`(name: String) throws {
    let folder = try #require(sharedFolder) + "/golden/lr"
    let text = try String(contentsOfFile: "\(folder)/\(name).cfg", encoding: .utf8)
    let config = try ConfigFile(text: Array(text.utf8), name: "\(name).cfg")
    let schedule = try NetworkBuilder().build(config).net.schedule
    let rows = try String(contentsOfFile: "\(folder)/\(name).csv", encoding: .utf8)
      .split(whereSeparator: \.isNewline).dropFirst()
    #expect(rows.count == 60)
    for row in rows {
      let fields = row.split(separator: ",")
      let (update, expected) = (try #require(Int(fields[0])), try #require(Float(fields[1])))
      let rate = schedule.rate(iteration: update)
      #expect(abs(rate - expected) <= 1e-6 * abs(expected), "update \(update)")
    }
  }
}
