import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[lstm]`: long short-term memory (Hochreiter and Schmidhuber 1997). For the steps t of a
/// sequence, with h' = h[t-1] and `*` element by element:
///
///     f = σ(wf(h') + uf(x))     i = σ(wi(h') + ui(x))     x [T x B, inputs]
///     o = σ(wo(h') + uo(x))     g = tanh(wg(h') + ug(x))  the others [., output]
///     c = f * c[t-1] + i * g,   h = o * tanh(c),   y = h
///
/// Each part is a connected layer with a bias of its own. Options: `output`, `batch_normalize`.
///
/// Weights file: wf, wi, wg, wo, uf, ui, ug, uo; pjreddie's program writes wi, wf, wo, wg, ui, uf,
/// uo, ug, and nothing in a file tells which it is.
package struct LSTMLayer: LSTMRecurrence {
  package static let sectionNames = ["lstm"]

  package let parts: LayerParts
  package let timeSteps: Int
  package let outputShape: Shape
  let cell: LSTMCell
  private let source: Int
  private let inputCount: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let output = try options.size("output", default: 1, loud: true)
    let isBatchNormalized = try options.flag("batch_normalize")
    inputCount = site.inputShape.count
    outputShape = Shape(vector: output)
    var parts = LayerParts()
    for (kind, inputs) in [("w", output), ("u", inputCount)] {
      for gate in ["f", "i", "g", "o"] {
        try parts.addConnected(
          kind + gate, "output", inputs: inputs, outputs: output,
          isBatchNormalized: isBatchNormalized, options, dialect: site.dialect)
      }
    }
    self.parts = parts
    cell = LSTMCell(parts, count: output)
    timeSteps = site.timeSteps
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }

  package func partOrder(_ dialect: Dialect) -> [Int] {
    dialect == .pjreddie ? [1, 0, 3, 2, 5, 4, 7, 6] : [0, 1, 2, 3, 4, 5, 6, 7]
  }

  package var tableRow: TableRow {
    .recurrent(
      .init(
        kind: .lstm, input: Shape(vector: inputCount), output: outputShape,
        parts: parts.rows(LSTMCell.tableOrder(parts))))
  }
}
