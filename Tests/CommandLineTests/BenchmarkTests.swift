import DarknetTestSupport
import Foundation
import Testing

/// `benchmark` on a network of one convolution.
@Suite struct BenchmarkTests {
  private static let cfg =
    "[net]\nwidth=32\nheight=32\nchannels=3\n"
    + "[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\npad=1\nactivation=leaky\n"

  private func folder(_ name: String = "x.cfg") throws -> URL {
    let folder = try TemporaryFolder.make()
    try Data(Self.cfg.utf8).write(to: folder.appendingPathComponent(name))
    return folder
  }

  /// A rolling variance of 0, as untrained networks have, would multiply maps by a thousand in each
  /// layer.
  @Test(arguments: ["alexeyab", "pjreddie"])
  func `the weights that are written for other programs are sound`(dialect: String) throws {
    let folder = try folder()
    let run = try ProgramRun(
      ["benchmark", "x.cfg", "-runs", "1", "-write_weights", "x.weights", "-dialect", dialect],
      in: folder)
    #expect(run.status == 0, "\(run.errors)")
    let bytes = try Data(contentsOf: folder.appendingPathComponent("x.weights"))
    let count = 4 * (4 + 27)
    let values = bytes.suffix(4 * count).withUnsafeBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    // Biases, scales, rolling means, rolling variances, weights.
    #expect(values[..<16].elementsEqual([0, 1, 0, 1].flatMap { [Float](repeating: $0, count: 4) }))
    // He et al.: a variance of 2 / 27; uniform or normal, 108 values come within a half of it.
    let variance = values[16...].map { $0 * $0 }.reduce(0, +) / 108
    #expect((1.0 / 27...3.0 / 27).contains(variance), "\(variance)")
  }

  @Test func `a table at several batches, whatever the network is called`() throws {
    let run = try ProgramRun(
      ["benchmark", "a,\"b\".cfg", "-runs", "1", "-batches", "1,3"],
      in: try folder("a,\"b\".cfg"))
    #expect(run.status == 0, "\(run.errors)")
    let rows = run.output.split(separator: "\n")
    #expect(rows.count == 3)
    #expect(rows[0] == "network,threads,width,batch,ms,ms_per_image,plan_bytes")
    for (row, batch) in zip(rows.dropFirst(), [1, 3]) {
      #expect(row.contains(try Regex("^\"a,\"\"b\"\"\",[0-9]+,32,\(batch),")), "\(row)")
    }
  }

  @Test func `a table at several sizes, of a batch`() throws {
    let run = try ProgramRun(
      ["benchmark", "x.cfg", "-runs", "1", "-sizes", "32,64", "-batch", "2"], in: try folder())
    #expect(run.status == 0, "\(run.errors)")
    let rows = run.output.split(separator: "\n").dropFirst()
    #expect(
      rows.map { $0.split(separator: ",")[2...3].joined(separator: ",") } == ["32,2", "64,2"])
  }
}
