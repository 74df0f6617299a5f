import DarknetConfig
import DarknetLayers

/// Whether the numbers of a weights file can be what the layout takes them for.
///
/// The file has no names: one of another network is read without complaint, and its biases become
/// scales. Batch norm gives it away: no variance is negative, and scales are hardly ever.
struct WeightsPlausibility {
  /// The first layer whose numbers cannot be its own.
  struct Misfit: Hashable, Sendable {
    var layer: Int
    /// `scales of layer 12 [convolutional]: 98 % are negative`
    var reason: String
  }

  /// Share of negative scales above which they are not taken for scales.
  private static let negativeScales = 0.25
  /// Trained scales lie between these, at least half of them.
  private static let scaleRange: ClosedRange<Float> = 1e-4...1e4
  /// A variance below this is no spread at all.
  private static let tinyVariance: Float = 1e-10

  /// Looks at each whole array of batch norm that the file holds; others only have to be finite.
  ///
  /// - Parameter values: reads so many floats at a byte of the file.
  static func firstMisfit(
    of layout: WeightsLayout, _ network: Network, fileCount: Int,
    values: (_ offset: Int, _ count: Int) -> [Float]
  ) -> Misfit? {
    for entry in layout.entries {
      guard entry.end <= fileCount else { return nil }
      let node = network.nodes[entry.layer]
      let parameter = node.layer.parameters[entry.parameter]
      let numbers = values(entry.offset, entry.count)
      if let fault = fault(of: numbers, parameter.role) {
        return Misfit(
          layer: entry.layer,
          reason: "the \(parameter.name) of layer \(entry.layer) [\(node.name)] are none: \(fault)")
      }
    }
    return nil
  }

  private static func fault(of values: [Float], _ role: Parameter.Role) -> String? {
    if values.contains(where: { !$0.isFinite }) { return "some are no numbers" }
    switch role {
    case .rollingVariance:
      let negative = values.count { $0 < 0 }
      if negative > 0 { return "\(percent(negative, values.count)) are negative" }
      let tiny = values.count { $0 < tinyVariance }
      // All zero is a network that was never trained.
      if tiny * 2 > values.count, values.contains(where: { $0 > 0 }) {
        return "\(percent(tiny, values.count)) are tiny"
      }
    case .scale:
      let negative = values.count { $0 < 0 }
      if Double(negative) > negativeScales * Double(values.count) {
        return "\(percent(negative, values.count)) are negative"
      }
      let median = values.map(abs).sorted()[values.count / 2]
      if !scaleRange.contains(median) { return "they are far from 1" }
    case .weight, .bias, .rollingMean: break
    }
    return nil
  }

  private static func percent(_ part: Int, _ whole: Int) -> String {
    let share = Double(part) / Double(max(whole, 1)) * 100
    return share > 0 && share < 1 ? "some" : "\(fixed(share, decimals: 0)) %"
  }
}
