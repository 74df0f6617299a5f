import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[conv_lstm]`: a long short-term memory whose parts are convolutions (Shi et al. 2015), as
/// `LSTMRecurrence` writes it out.
///
/// x [T x B, C, H, W]; gates, h, c and y [., output, H, W]; each part is a convolution with batch
/// norm or bias and the layer's `activation`. Options: `output` (channels), `size`, `stride`,
/// `dilation`, `pad` or `padding`, `groups`, `activation`, `batch_normalize`, `xnor`, `peephole`,
/// `bottleneck`, `shortcut` (with a bottleneck only), `state_constrain` (limit of |c|, 0: none;
/// default 32 `time_steps`), `lstm_activation` (φ, default tanh), `time_normalizer` (scales the
/// gradient through h from step to step).
///
/// Darknet has the bottleneck, φ other than tanh and the shortcut in its GPU code alone; they are
/// done here as there, but for batches: that code joins h and x of a whole batch one after the
/// other, which is right for a single stream. Its CPU code has no gradient through h; here it is
/// whole.
///
/// Weights file: with peepholes vf, vi, vo; then wf, without a bottleneck also wi, wg, wo; then uf,
/// ui, ug, uo.
///
/// - Throws: `ConfigError` if the convolutions do not keep the map's size, if `groups` does not
///   divide the channels, or if a bottleneck's input has another number of channels than `output`.
package struct ConvLSTMLayer: LSTMRecurrence {
  package static let sectionNames = ["conv_lstm"]

  package let parts: LayerParts
  package let timeSteps: Int
  package let outputShape: Shape
  let cell: LSTMCell
  private let source: Int
  private let inputShape: Shape

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let x = site.inputShape
    let kernel = try RecurrentKernel(&options, dialect: .alexeyab)
    let output = try options.size("output", default: 1, loud: true)
    let groups = try options.size("groups", default: 1)
    let activation = try options.activation(default: .linear, loud: true)
    let isBatchNormalized = try options.flag("batch_normalize")
    let isXnor = try options.flag("xnor")
    let hasPeephole = try options.flag("peephole")
    let hasBottleneck = try options.flag("bottleneck")
    if hasBottleneck, x.channels != output {
      throw options.error(
        "bottleneck", expected: "as many input channels as 'output', \(output)",
        found: "\(x.channels)", fix: "change output, or drop bottleneck")
    }
    outputShape = Shape(channels: output, height: x.height, width: x.width)
    var parts = LayerParts()
    func add(_ names: [String], channels: Int) throws(ConfigError) {
      let shape = Shape(channels: channels, height: x.height, width: x.width)
      let geometry = try kernel.geometry(shape, filters: output, groups: groups, &options)
      for name in names {
        parts.add(
          name,
          ConvolutionalLayer(
            geometry, isBatchNormalized: isBatchNormalized, activation: activation,
            isXnor: isXnor, dialect: site.dialect),
          inputShape: shape)
      }
    }
    if hasPeephole { try add(["vf", "vi", "vo"], channels: output) }
    if hasBottleneck {
      try add(["wf"], channels: 2 * output)
    } else {
      try add(["wf", "wi", "wg", "wo"], channels: output)
    }
    try add(["uf", "ui", "ug", "uo"], channels: x.channels)
    self.parts = parts

    var cell = LSTMCell(parts, count: outputShape.count, hasBottleneck: hasBottleneck)
    let limit = try options.int(
      "state_constrain", default: min(site.timeSteps, 1 << 24) * 32, in: 0...Int(Int32.max))
    cell.limit = Float(limit)
    let hasShortcut = try options.flag("shortcut")
    cell.addsBottleneck = hasShortcut && hasBottleneck
    options.markRow()
    cell.activation = try options.activation("lstm_activation", default: .tanh, loud: true)
    cell.timeNormalizer = try options.float("time_normalizer", default: 1)
    self.cell = cell
    timeSteps = site.timeSteps
    source = site.previousIndex
    inputShape = x
  }

  package var sources: [Int] { [source] }

  package var tableRow: TableRow {
    .recurrent(
      .init(
        kind: .convolutionalLSTM, input: inputShape, output: outputShape,
        parts: parts.rows(LSTMCell.tableOrder(parts))))
  }

  /// The convolutions', and what the gates' arithmetic is reckoned at.
  package var operations: Double {
    parts.operations + Double(outputShape.count) * (cell.forget.peephole == nil ? 9 : 12)
  }
}
