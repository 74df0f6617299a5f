import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[route]`: the channels of one or several earlier layers, one after another.
///
///     y[n] = [x1[n], x2[n], ...]        xi [N, Ci, H, W], y [N, C1 + C2 + ..., H, W]
///
/// With `groups=g` each source gives only the `group_id`-th of its g slices of channels. Options:
/// `layers` (required), `groups` (default 1), `group_id` (default 0). No parameters.
///
/// - Throws: `ConfigError` if a source is no earlier layer, if their heights or widths differ
///   (Darknet makes an empty output), or if the groups do not divide the channels.
package struct RouteLayer: Layer {
  package static let sectionNames = ["route"]

  package let sources: [Int]
  package let groups: Int
  package let groupIndex: Int
  package let outputShape: Shape
  /// First channel and number of channels that each source gives.
  package let slices: [Range<Int>]

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    sources = try options.layerIndices("layers", before: site)
    groups = try options.size("groups", default: 1)
    groupIndex = try options.int("group_id", default: 0, in: 0...(groups - 1))
    options.readWithoutEffect(
      "stream", "wait_stream", because: "only Darknet's GPU code uses it")
    let first = site.shape(of: sources[0])
    var slices: [Range<Int>] = []
    for index in sources {
      let shape = site.shape(of: index)
      guard shape.width == first.width, shape.height == first.height else {
        throw options.error(
          "layers", expected: "layers of one width and height",
          found: "layer \(sources[0]) of \(first.width)x\(first.height) and layer \(index) of "
            + "\(shape.width)x\(shape.height)",
          fix: site.sizeFix(otherwise: "resize one first with [upsample] or [maxpool]"))
      }
      guard shape.channels % groups == 0 else {
        throw options.error(
          "groups", expected: "a divisor of the \(shape.channels) channels of layer \(index)",
          found: "\(groups)", fix: "change it")
      }
      let count = shape.channels / groups
      slices.append(count * groupIndex..<count * (groupIndex + 1))
    }
    self.slices = slices
    outputShape = Shape(
      channels: slices.reduce(0) { $0 + $1.count }, height: first.height, width: first.width)
  }

  /// One source, all of it.
  package var isIdentityAtInference: Bool { sources.count == 1 && groups == 1 }

  package var takesPartOfChannels: Bool { true }
  package var averageOutputs: AverageOutputs { .ifOutputIsMap }
  package var readsInputsInBackward: Bool { false }
  package var readsOutputInBackward: Bool { false }
  /// Without groups every input is used as a whole.
  package var supportsOverwrite: Bool { groups == 1 }

  package func lower(into lowering: inout LayerLowering) {
    let operands = zip(lowering.inputs, slices).map { input, slice in
      Graph.Operand(input.value, channels: slice)
    }
    lowering.append(operands.count == 1 ? .slice : .concatenate, operands)
  }

  package func forward(_ pass: ForwardPass) {
    let y = pass.output
    pass.context.run(y.batch) { n in
      var channel = 0
      for (input, slice) in zip(pass.inputs, slices) {
        Vector.copy(
          input.channel(slice.lowerBound, ofImage: n), to: y.channel(channel, ofImage: n),
          count: slice.count * y.shape.area)
        channel += slice.count
      }
    }
  }

  package func backward(_ pass: BackwardPass) {
    let dy = pass.outputGradient
    pass.context.run(dy.batch) { n in
      var channel = 0
      for (index, slice) in slices.enumerated() {
        if let gradient = pass.inputGradients[index] {
          let from = dy.channel(channel, ofImage: n)
          let to = gradient.channel(slice.lowerBound, ofImage: n)
          let count = slice.count * dy.shape.area
          if pass.replaces[index] {
            Vector.copy(from, to: to, count: count)
          } else {
            Vector.add(from, to: to, count: count)
          }
        }
        channel += slice.count
      }
    }
  }

  package var channelFlow: ChannelFlow {
    var to = 0
    return .passes(
      slices.enumerated().map { source, slice in
        defer { to += slice.count }
        return .init(source: source, from: slice, to: to)
      })
  }

  package var tableRow: TableRow {
    .route(
      sources: sources, group: groups > 1 ? (groupIndex, groups) : nil, output: outputShape)
  }
}
