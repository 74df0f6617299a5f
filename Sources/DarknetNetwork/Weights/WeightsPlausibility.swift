import DarknetLayers
import DarknetTensors
import DarknetText

/// Whether the numbers of a weights file can be what the layout takes them for.
///
/// The file has no names: one of another network is read without complaint, and its weights become
/// variances. The limits are wide, for a file that is refused wrongly is as bad: half-trained,
/// pruned and never trained networks pass, and so do networks whose training went far astray.
package struct WeightsPlausibility {
  /// The first parameter whose numbers cannot be its own.
  struct Misfit: Hashable, Sendable {
    var entry: WeightsLayout.Entry
    var expected: String
    var found: String
    /// Numbers of no network at all: no other cfg will help.
    var isDamage = false
  }

  /// No weight is larger: an update with it would give infinity.
  package static let largest: Float = 1e15
  /// Share of negative scales above which they are taken for weights, of which half are.
  static let negativeScales = 0.4
  /// Layers of fewer scales say nothing about shares.
  static let fewScales = 32
  /// The largest scale of a layer that does anything lies between these: they begin at 1.
  static let scaleRange: ClosedRange<Float> = 1e-6...1e6
  /// A variance below this is no spread at all.
  static let tinyVariance: Float = 1e-12

  /// - Parameter values: the floats of an entry that the file holds as a whole.
  static func firstMisfit(
    of layout: WeightsLayout, _ network: Network, fileCount: Int,
    values: (WeightsLayout.Entry) -> FloatBuffer
  ) -> Misfit? {
    var holdsWeights = false
    var firstWeights: WeightsLayout.Entry?
    for entry in layout.entries where entry.count > 0 {
      guard entry.end <= fileCount else { break }
      let buffer = values(entry)
      defer { withExtendedLifetime(buffer) {} }
      let numbers = UnsafeBufferPointer(buffer.values)
      let role = network.nodes[entry.layer].layer.parameters[entry.parameter].role
      if let (expected, found, isDamage) = fault(of: numbers, role) {
        return Misfit(entry: entry, expected: expected, found: found, isDamage: isDamage)
      }
      if role == .weight {
        firstWeights = firstWeights ?? entry
        if !holdsWeights { holdsWeights = numbers.contains { $0 != 0 } }
      }
    }
    guard let firstWeights, !holdsWeights else { return nil }
    return Misfit(
      entry: firstWeights, expected: "weights", found: "zeros, as in all layers", isDamage: true)
  }

  private static func fault(
    of values: UnsafeBufferPointer<Float>, _ role: Parameter.Role
  ) -> (expected: String, found: String, isDamage: Bool)? {
    let magnitude = largestMagnitude(values)
    guard magnitude.isFinite else {
      return ("finite numbers", "NaN or infinity", true)
    }
    guard magnitude <= largest else {
      return (
        "numbers of at most 1e15", "one of \(general(Double(magnitude)))", true
      )
    }
    switch role {
    case .rollingVariance:
      let negative = values.count { $0 < 0 }
      if negative > 0 {
        return ("variances of at least 0", "\(percent(negative, values.count)) below", false)
      }
      let tiny = values.count { $0 < tinyVariance }
      // All zero is a network that was never trained.
      if tiny * 10 > values.count * 9, magnitude > 0, values.count >= fewScales {
        return ("variances", "\(percent(tiny, values.count)) below 1e-12", false)
      }
    case .scale:
      let negative = values.count { $0 < 0 }
      if values.count >= fewScales, Double(negative) > negativeScales * Double(values.count) {
        return ("scales, which begin at 1", "\(percent(negative, values.count)) below 0", false)
      }
      if magnitude > 0, !scaleRange.contains(magnitude) {
        return (
          "scales, which begin at 1", "none larger than \(general(Double(magnitude)))", false
        )
      }
    case .weight, .bias, .rollingMean: break
    }
    return nil
  }

  /// Largest absolute value; NaN counts as larger than infinity. Bits of absolute values are
  /// ordered as the values are.
  package static func largestMagnitude(_ values: UnsafeBufferPointer<Float>) -> Float {
    var largest: UInt32 = 0
    for i in values.indices { largest = max(largest, values[i].bitPattern & 0x7FFF_FFFF) }
    return Float(bitPattern: largest)
  }

  private static func percent(_ part: Int, _ whole: Int) -> String {
    let share = Double(part) / Double(max(whole, 1)) * 100
    return share > 0 && share < 1 ? "some" : "\(fixed(share, decimals: 0)) %"
  }
}
