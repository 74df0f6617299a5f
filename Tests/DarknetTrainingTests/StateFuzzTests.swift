import DarknetNetwork
import DarknetSystem
import DarknetTensors
import DarknetTestSupport
import DarknetTraining
import Foundation
import Testing

/// Broken `.state` files and `results.csv`: `make fuzz`.
@Suite struct StateFuzzTests {
  private struct Case {
    let parameters: Parameters
    let checkpoint: Checkpoint
    let momentum: [FloatBuffer]

    init(_ network: Network) {
      parameters = Parameters(of: network, seed: 1)
      let gradients = Gradients(of: network)
      let optimizer = Optimizer(network, parameters: parameters, gradients: gradients)
      momentum = network.nodes.flatMap { optimizer.memory(ofLayer: $0.index) }
      checkpoint = Checkpoint(
        network, parameters: parameters, optimizer: optimizer, average: WeightAverage(network))
    }
  }

  @Test func `broken states`() throws {
    let folder = try TemporaryFolder.make()
    let path = folder.path + "/small_last.weights"
    let state = folder.appendingPathComponent("small_last.state")
    let cases = try ["", "adam=1", "ema_alpha=0.9"].map { Case(try smallNetwork($0)) }
    var files: [[UInt8]] = []
    for one in cases {
      var written = TrainingState(seed: 3)
      written.iteration = 40
      written.averageLoss = 1.5
      try one.checkpoint.write(written, to: path)
      files.append(Array(try Data(contentsOf: state)))
    }
    let mutator = Mutator(seeds: files, words: ["PRNSTATE"], isText: false)
    let run = Fuzzing("state", count: Fuzzing.asked ?? 2000)
    let outcome = run.run(mutator) { bytes, random in
      try Data(bytes).write(to: state)
      let one = cases[random.below(cases.count)]
      let marks = one.momentum.map { buffer in
        buffer.values.update(repeating: 7)
        return buffer.array
      }
      do {
        let (read, _) = try one.checkpoint.restore(beside: path, iteration: 40)
        // Checksums let nothing through but what was written.
        guard files.contains(bytes) else { return "a damaged state was taken" }
        return read.iteration == 40 && read.seed == 3 && read.averageLoss == 1.5
          ? nil : "the state \(read)"
      } catch {
        guard one.momentum.map(\.array) == marks else {
          return "a part of a refused state was taken"
        }
        throw error
      }
    }
    #expect(outcome.failures == [])
    #expect(outcome.accepted > run.count / 50 && outcome.refused > run.count / 20)
  }

  @Test func `broken rows`() throws {
    let path = try TemporaryFolder.make().appendingPathComponent("results.csv")
    let text = """
      iteration,loss,avg_loss,rate,seconds,wait,images,width,height,map
      1,12.5,12.5,0.001,0.5000,0.0100,8,32,32,
      2,11.25,12.375,0.001,0.5000,0.0100,16,32,32,0.500000

      """
    let run = Fuzzing("csv", count: Fuzzing.asked ?? 3000)
    let mutator = Mutator(seeds: [Array(text.utf8)], words: [",", "\n", "\r\n", "\u{0}", "-", "e"])
    let outcome = run.run(mutator) { bytes, _ in
      try Data(bytes).write(to: path)
      let rows = TrainingRecords.rows(of: path.path)
      return rows.count <= bytes.count / 18 ? nil : "\(rows.count) rows of \(bytes.count) bytes"
    }
    #expect(outcome.failures == [])
    #expect(outcome.accepted == run.count)
  }
}
