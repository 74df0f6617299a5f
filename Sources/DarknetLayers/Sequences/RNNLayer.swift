import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[rnn]`: a plain recurrent layer (Elman 1990) of three connected ones.
///
///     s[t] = input(x[t]) + self(s[t-1])     (+ s[t-1] with `shortcut=1`)
///     y[t] = output(s[t])
///
/// x [T x B, inputs], s [B, hidden], y [T x B, output]. Options: `output`, `hidden`, `activation`
/// (of all three), `logistic` (1: the activation of `self` is logistic, 2: loggy),
/// `batch_normalize`, `shortcut`. pjreddie's dialect has neither `hidden`, which is `output`, nor
/// `logistic`.
///
/// Weights file: the connected layers input, self, output.
package struct RNNLayer: SimpleRecurrence {
  package static let sectionNames = ["rnn"]

  package let parts: LayerParts
  package let timeSteps: Int
  package let outputShape: Shape
  let hasShortcut: Bool
  let hiddenCount: Int
  private let source: Int
  private let inputCount: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let isOriginal = site.dialect == .pjreddie
    let output = try options.size("output", default: 1, loud: true)
    hiddenCount = isOriginal ? output : try options.size("hidden", default: 1, loud: true)
    let activation = try options.activation(default: .logistic, loud: true)
    let isBatchNormalized = try options.flag("batch_normalize")
    let logistic = isOriginal ? 0 : try options.int("logistic", default: 0)
    hasShortcut = try options.flag("shortcut")
    inputCount = site.inputShape.count
    let ownActivation: Activation = logistic == 1 ? .logistic : logistic == 2 ? .loggy : activation
    var parts = LayerParts()
    let hiddenKey = isOriginal ? "output" : "hidden"
    for (name, key, inputs, outputs, activation) in [
      ("input", hiddenKey, inputCount, hiddenCount, activation),
      ("self", hiddenKey, hiddenCount, hiddenCount, ownActivation),
      ("output", "output", hiddenCount, output, activation),
    ] {
      try parts.addConnected(
        name, key, inputs: inputs, outputs: outputs, activation: activation,
        isBatchNormalized: isBatchNormalized, options, dialect: site.dialect)
    }
    self.parts = parts
    timeSteps = site.timeSteps
    outputShape = Shape(vector: output)
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }

  package var tableRow: TableRow {
    .recurrent(
      .init(
        kind: .rnn, input: Shape(vector: inputCount), output: outputShape,
        parts: parts.rows([0, 1, 2])))
  }
}
