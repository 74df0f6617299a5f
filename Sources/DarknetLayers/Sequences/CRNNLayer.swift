import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[crnn]`: a recurrent layer whose parts are convolutions, so that its state is a map.
///
///     s[t] = input(x[t]) + self(s[t-1])     (+ s[t-1] with `shortcut=1`)
///     y[t] = output(s[t])
///
/// x [T x B, C, H, W], s [B, hidden, H, W], y [T x B, output, H, W]; each part is a convolution
/// with batch norm or bias and the layer's activation. Options: `output`, `hidden` (channels),
/// `size`, `stride`, `dilation`, `pad` or `padding`, `groups`, `activation`, `batch_normalize`,
/// `xnor`, `shortcut`. In pjreddie's dialect `output_filters`, `hidden_filters`, `activation`,
/// `batch_normalize`, `shortcut`; kernels are 3x3 with padding 1.
///
/// Weights file: the convolutions `input`, `self`, `output`.
///
/// - Throws: `ConfigError` if the convolutions do not keep the map's size (Darknet stops with an
///   assertion), or if `groups` does not divide the channels.
package struct CRNNLayer: SimpleRecurrence {
  package static let sectionNames = ["crnn"]

  package let parts: LayerParts
  package let timeSteps: Int
  package let outputShape: Shape
  let hasShortcut: Bool
  let hiddenCount: Int
  private let source: Int
  private let inputShape: Shape

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let x = site.inputShape
    let kernel = try RecurrentKernel(&options, dialect: site.dialect)
    let isOriginal = site.dialect == .pjreddie
    let output = try options.size(
      isOriginal ? "output_filters" : "output", default: 1, loud: true)
    let hidden = try options.size(
      isOriginal ? "hidden_filters" : "hidden", default: 1, loud: true)
    let groups = isOriginal ? 1 : try options.size("groups", default: 1)
    let activation = try options.activation(default: .logistic, loud: true)
    let isBatchNormalized = try options.flag("batch_normalize")
    let isXnor = isOriginal ? false : try options.flag("xnor")
    hasShortcut = try options.flag("shortcut")
    var parts = LayerParts()
    for (name, channels, filters) in [
      ("input", x.channels, hidden), ("self", hidden, hidden), ("output", hidden, output),
    ] {
      let shape = Shape(channels: channels, height: x.height, width: x.width)
      let geometry = try kernel.geometry(shape, filters: filters, groups: groups, &options)
      parts.add(
        name,
        ConvolutionalLayer(
          geometry, isBatchNormalized: isBatchNormalized, activation: activation, isXnor: isXnor,
          dialect: site.dialect),
        inputShape: shape)
    }
    self.parts = parts
    timeSteps = site.timeSteps
    outputShape = Shape(channels: output, height: x.height, width: x.width)
    hiddenCount = hidden * x.area
    source = site.previousIndex
    inputShape = x
  }

  package var sources: [Int] { [source] }

  package var tableRow: TableRow {
    .recurrent(
      .init(
        kind: .crnn, input: inputShape, output: outputShape,
        parts: parts.rows([0, 1, 2])))
  }

  package var operations: Double { parts.operations }
}

/// The kernel that all convolutions of a recurrent layer share. It must keep the map's size, as
/// the state is a map of the same size at every step.
struct RecurrentKernel {
  private let size: Int
  private let stride: Int
  private let dilation: Int
  private let padding: Int

  /// Reads `size`, `stride`, `dilation`, `pad` and `padding`, which pjreddie's dialect lacks.
  init(_ options: inout OptionReader, dialect: Dialect) throws(ConfigError) {
    guard dialect == .alexeyab else {
      (size, stride, dilation, padding) = (3, 1, 1, 1)
      return
    }
    size = try options.size("size", default: 3)
    stride = try options.size("stride", default: 1)
    let spread = try options.size("dilation", default: 1)
    dilation = size == 1 ? 1 : spread
    padding = try options.padding(size: size)
  }

  /// The shapes of a convolution of `input` by this kernel.
  func geometry(
    _ input: Shape, filters: Int, groups: Int, _ options: inout OptionReader
  ) throws(ConfigError) -> ConvolutionGeometry {
    let geometry = try options.geometry(
      input, filters: filters, size: size, strideX: stride, strideY: stride, padding: padding,
      dilation: dilation, groups: groups)
    guard geometry.outWidth == input.width, geometry.outHeight == input.height else {
      throw options.error(
        "size", expected: "a convolution that keeps the map's \(input.width)x\(input.height)",
        found: "one to \(geometry.outWidth)x\(geometry.outHeight) (size \(size), stride \(stride),"
          + " padding \(padding))",
        fix: "use an odd size, stride=1 and pad=1")
    }
    return geometry
  }
}
