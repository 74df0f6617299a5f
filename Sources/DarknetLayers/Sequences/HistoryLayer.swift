import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[history]`: this time step's map and those of the steps before it, the newest first.
///
///     y[t] = [x[t], x[t - 1], ..., x[t - k + 1]]        x [N, C, H, W], y [N, k C, H, W]
///
/// N is time steps times streams, step-major; what lies before the sequence is 0. With
/// `time_steps=1` there is no history, as in Darknet: the other maps stay 0. Option:
/// `history_size`, which is k (default 4). No parameters. Gradients reach every step whose map was
/// kept; Darknet's only the newest.
package struct HistoryLayer: Layer {
  package static let sectionNames = ["history"]

  package let historySize: Int
  package let timeSteps: Int
  package let inputShape: Shape
  package let outputShape: Shape
  private let miniBatch: Int
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    historySize = try options.size("history_size", default: 4, loud: true)
    let x = site.inputShape
    let (channels, overflows) = x.channels.multipliedReportingOverflow(by: historySize)
    guard !overflows else {
      throw options.error(
        "history_size", expected: "an output of less than 2^31 values",
        found: "\(historySize) times \(x)", fix: "use a smaller one")
    }
    timeSteps = site.timeSteps
    miniBatch = site.miniBatch
    inputShape = x
    outputShape = Shape(channels: channels, height: x.height, width: x.width)
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }

  /// The last step's output of each stream.
  package func stateCount(streams: Int) -> Int { timeSteps == 1 ? 0 : streams * outputShape.count }

  package func forward(_ pass: ForwardPass) {
    let (one, all) = (inputShape.count, outputShape.count)
    let streams = pass.batch / timeSteps
    for t in 0..<timeSteps {
      for b in 0..<streams {
        let y = pass.output.image(t * streams + b)
        Vector.copy(pass.input.image(t * streams + b), to: y, count: one)
        if timeSteps == 1 {
          Vector.fill(y + one, with: 0, count: all - one)
        } else {
          let before = t == 0 ? pass.state + b * all : pass.output.image((t - 1) * streams + b)
          Vector.copy(before, to: y + one, count: all - one)
        }
      }
    }
    guard timeSteps > 1 else { return }
    Vector.copy(
      pass.output.image((timeSteps - 1) * streams), to: pass.state, count: streams * all)
  }

  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    let one = inputShape.count
    let streams = pass.batch / timeSteps
    for t in 0..<timeSteps {
      for b in 0..<streams {
        let dy = pass.outputGradient.image(t * streams + b)
        for age in 0...min(t, historySize - 1) {
          Vector.add(dy + age * one, to: dx.image((t - age) * streams + b), count: one)
        }
      }
    }
  }

  package var tableRow: TableRow {
    .history(
      batch: miniBatch, size: historySize, steps: timeSteps, input: inputShape,
      output: outputShape)
  }
}
