import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[partial_shortcut]`: adds the first `c` channels of earlier layers to the previous layer's
/// output.
///
/// Partial residual connection, Wang et al. 2019 (ICCV Workshops), eq. 1. With `x` the previous
/// layer's output and `from` an earlier one's, for each of the `N` images of a batch:
///
///     z[k] = x[k] + from[k]    k in 0..<c         x, z, y  [N, C,  H, W]
///     z[k] = x[k]              k in c..<C         from     [N, C', H, W]
///     y    = activation(z)                        c <= min(C, C')
///
/// `c = 0` is no shortcut; `c = C = C'` is the full residual of ResNet. Options: `from`, one or
/// several layer indices, negative to count back (required); at most one of `channels`, which is
/// `c`, and `sparsity`, the share of `min(C, C')` left out, in 0...1: c = round((1 - sparsity)
/// min(C, C')); one value for all sources or one each (default: add all that both sides have, as
/// Darknet's `[shortcut]` does); `activation` (default `linear`). No parameters, so no bytes in a
/// weights file.
///
/// - Throws: `ConfigError` at the option's line if `from` is no earlier layer or differs in height
///   or width (Darknet's forks disagree there), if `c` does not fit, or if both options are given.
package struct PartialShortcutLayer: Layer {
  package static let sectionNames = ["partial_shortcut"]

  package let sources: [Int]
  /// c of each source after the first, which is the previous layer.
  package let addedChannels: [Int]
  package let activation: Activation
  package let outputShape: Shape

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let from = try options.layerIndices("from", before: site)
    let x = site.inputShape
    var limits: [Int] = []
    for index in from {
      let other = site.shape(of: index)
      guard other.height == x.height, other.width == x.width else {
        throw options.error(
          "from", expected: "a layer of \(x.width)x\(x.height)",
          found: "layer \(index) of \(other.width)x\(other.height)",
          fix: site.sizeFix(
            otherwise: "name a layer of that size, or resize it first with [upsample] or [maxpool]"
          ))
      }
      limits.append(min(x.channels, other.channels))
    }
    addedChannels = try Self.readChannels(&options, limits: limits)
    activation = try options.activation(default: .linear)
    sources = [site.previousIndex] + from
    outputShape = x
  }

  /// c of each source, from `channels`, `sparsity` or the `limits` min(C, C') alone.
  private static func readChannels(
    _ options: inout OptionReader, limits: [Int]
  ) throws(ConfigError) -> [Int] {
    let channels = try options.ints("channels")
    let sparsity = try options.floats("sparsity")
    if channels != nil, sparsity != nil {
      throw options.error(
        "sparsity", expected: "one of 'channels' and 'sparsity'", found: "both", fix: "drop one")
    }
    for (key, count) in [("channels", channels?.count), ("sparsity", sparsity?.count)] {
      if let count, count != 1, count != limits.count {
        throw options.error(
          key, expected: "one value, or one for each of the \(limits.count) layers of 'from'",
          found: "\(count)", fix: "fix the list")
      }
    }
    var added: [Int] = []
    for (i, limit) in limits.enumerated() {
      if let channels {
        let c = channels[channels.count == 1 ? 0 : i]
        guard (0...limit).contains(c) else {
          throw options.error(
            "channels", expected: "a whole number in 0...\(limit)", found: "'\(c)'",
            fix: "change it or drop the line")
        }
        added.append(c)
      } else if let sparsity {
        let r = sparsity[sparsity.count == 1 ? 0 : i]
        guard (0...1).contains(r) else {
          throw options.error(
            "sparsity", expected: "a number in 0...1", found: "'\(general(Double(r)))'",
            fix: "change it or drop the line")
        }
        added.append(Int((Double(limit) * (1 - Double(r))).rounded()))
      } else {
        added.append(limit)
      }
    }
    return added
  }

  package func savedCount(batch: Int) -> Int { activation.savedCount(batch * outputShape.count) }

  package var readsInputsInBackward: Bool { false }
  package var readsOutputInBackward: Bool { activation != .linear && !activation.needsInput }
  package var supportsOverwrite: Bool { true }

  package func lower(into lowering: inout LayerLowering) {
    if !activation.mixesChannels { lowering.append(.add(activation), lowering.inputs) }
  }

  package func forward(_ pass: ForwardPass) {
    let y = pass.output
    pass.context.run(y.batch) { n in
      Vector.copy(pass.input.image(n), to: y.image(n), count: y.shape.count)
      for (other, added) in zip(pass.inputs.dropFirst(), addedChannels) {
        Vector.add(other.image(n), to: y.image(n), count: added * y.shape.area)
      }
    }
    activation.apply(
      to: y, keepingInputIn: pass.isTraining ? pass.saved : nil,
      context: pass.context)
  }

  /// dz = dy * activation'(z);  dx += dz;  dfrom[0..<c] += dz[0..<c].
  package func backward(_ pass: BackwardPass) {
    activation.scaleBySlope(
      pass.outputGradient, output: pass.output, savedInput: pass.forward.saved,
      context: pass.context)
    pass.passOn(to: 0, channels: outputShape.channels)
    for (index, added) in addedChannels.enumerated() {
      pass.passOn(to: index + 1, channels: added)
    }
  }

  package var channelFlow: ChannelFlow {
    guard !activation.mixesChannels else { return .mixes(groups: 1) }
    return .passes(
      [.init(source: 0, from: 0..<outputShape.channels)]
        + addedChannels.enumerated().map { .init(source: $0 + 1, from: 0..<$1) })
  }

  package var tableRow: TableRow {
    let from = zip(sources.dropFirst(), addedChannels).map { "\($0) (\($1) ch)" }
    return .layer(
      title: "Partial Shortcut", reads: from.joined(separator: ", "), output: outputShape,
      operations: operations)
  }

  /// An addition for each channel that is added.
  package var operations: Double {
    Double(addedChannels.reduce(0, +)) * Double(outputShape.area)
  }
}
